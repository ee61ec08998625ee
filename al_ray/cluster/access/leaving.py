"""Signals where Ray would have them too, and the end of a study's processes."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import ray

from al_ray.cluster import private
from al_ray.io import interrupts


@contextmanager
def our_signals() -> Iterator[None]:
    """Ray puts handlers of its own in SIGTERM's place, with words and codes of their own.

    One is Python's. One is C's, writes a stack to stderr before ours has its turn, and is there
    from the middle of `ray.init` on.
    """
    if not interrupts.are_heard():
        yield
        return
    stderr = os.dup(2)
    sys.stderr.flush()
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        with private.without_handlers():
            yield
    finally:
        interrupts.take_back()
        os.dup2(stderr, 2)
        os.close(stderr)


@contextmanager
def leaving(own: bool) -> Iterator[None]:
    """Leave a cluster at the end, however that comes; one of our own ends with it."""
    if own:
        interrupts.LAST.add(_end_all)
    try:
        yield
    finally:
        if not (own and interrupts.heard()):
            _shut_down()


def _end_all() -> None:
    """All that this process has begun, and at once.

    Ray's own way takes seconds, and aborts where a signal went to all of Ray, too.
    """
    import psutil  # Ray brings it, and has it found

    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _shut_down() -> None:
    """Ray's own way, in the middle of which it takes ours from the signals."""
    thread = threading.Thread(target=ray.shutdown, daemon=True)
    thread.start()
    while thread.is_alive():
        if interrupts.are_heard():
            interrupts.take_back()
        thread.join(0.05)
