"""SIGTERM and Ctrl-C: one line and one exit code, whatever a command is doing, and soon.

Nothing is loaded here that takes time: a command listens before it loads what does.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from al_ray.errors import Stopped
from al_ray.language import mark

SIGNALS = (signal.SIGINT, signal.SIGTERM)

STOPPED = mark("stopped")
RESUMES = mark("stopped; the same command goes on from here")
"""What is said where a signal ends a command."""

LAST: set[Callable[[], None]] = set()
"""What is done right before a process is ended by a signal, and only then."""

PATIENCE = 10.0
"""Seconds that a step which cannot be dropped at once is given, such as a request to a store."""


class _Listener:
    """The handler: drops what is under way, or ends the process at once where nothing is.

    Args:
        line: to say, once.
        ends: whether the process is a command's own, which it may end.
    """

    def __init__(self, line: str, ends: bool) -> None:
        self.ends = ends
        self.under_way = False
        self.heard: int | None = None
        self._line = f"{line}\n".encode()
        self._leaving, self._begun = threading.RLock(), False
        self._stderr = os.dup(2)  # Ray's start may not write there (`cluster.connect`)

    def __call__(self, number: int, _: FrameType | None) -> None:
        again, self.heard = self.heard is not None, number
        if not again and self.under_way:
            raise Stopped(number)
        self.leave()

    def leave(self) -> None:
        """Say it, and be gone; not by way of `sys.stderr`, amidst which a signal may have come.

        It returns where a signal has come in its midst, to go on; another thread waits for the end.
        """
        assert self.heard is not None
        if self._leaving.acquire(timeout=PATIENCE):
            if self._begun:
                return
            self._begun = True
            for act in LAST:
                with suppress(Exception):
                    act()
            with suppress(OSError):
                os.write(self._stderr, self._line)
        os._exit(128 + self.heard)

    def insist(self, reader: int) -> None:
        """End a process whose main thread is where Python hears nothing."""
        number = 0
        while number not in SIGNALS:
            (number,) = os.read(reader, 1)
        select.select([reader], [], [], PATIENCE)  # until a second one at most
        self.heard = number
        self.leave()


def listen(line: str) -> None:
    """From now on one of these signals says this line and ends the process at once.

    For a program's first moments, in which there is nothing yet that could be left behind.
    """
    listener = _Listener(line, ends=True)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    for number in SIGNALS:
        signal.signal(number, listener)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=listener.insist, args=(reader,), daemon=True).start()


@contextmanager
def stoppable(line: str) -> Iterator[None]:
    """Within it the first of these signals raises `Stopped`, and a second ends the process at once.

    A process that ends at once takes a cluster of its own with it, as one that is killed does.
    Whatever becomes of the first, an error on the way out or a library that swallows it, there is
    no other end. Outside the main thread signals are others' business.

    Args:
        line: to say at the end, unless `listen` was given one.

    Raises:
        Stopped: where nobody listens, who could end the process here.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    listener = _listener() or _Listener(line, ends=False)
    for number in SIGNALS:
        signal.signal(number, listener)
    listener.under_way = True
    try:
        yield
    finally:
        listener.under_way = False
        if listener.heard is None:
            for number, handler in before.items():
                signal.signal(number, handler)
        else:  # after a first one they stay, so that leaving can be cut short
            with suppress(Exception):
                sys.stdout.flush()
            if listener.ends:
                listener.leave()
            raise Stopped(listener.heard) from None


def _listener() -> _Listener | None:
    found = signal.getsignal(signal.SIGTERM)
    return found if isinstance(found, _Listener) else None


def are_heard() -> bool:
    """Whether a command listens, in this process."""
    return _listener() is not None


def heard() -> bool:
    """Whether a signal has come, and a command is about to end."""
    listener = _listener()
    return listener is not None and listener.heard is not None


def take_back() -> None:
    """Once more: libraries put handlers in place in C, where Python does not see them."""
    for number in SIGNALS:
        signal.signal(number, signal.getsignal(number))


@contextmanager
def deaf_children() -> Iterator[None]:
    """Processes that are started within it hear none of these: their parent ends them.

    A terminal sends them to all that it has started, and each would write a traceback.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
