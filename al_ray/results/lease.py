"""One process at a time writes to a study.

In a folder that is a file lock, which the system takes from a process that died. An object store
has none: there it is a lease, an object that its owner writes again every few seconds. Who finds
one watches whether it changes, by a clock that only counts seconds, so that neither two clocks that
differ nor one that jumps can steal it. Two who take over a dead owner's lease in the same instant
both write it, and the one whose name is not in it after a while gives way. An owner that was cut
off finds another name in it and ends; what its trials still write, `claims` refuse.
"""

from __future__ import annotations

import _thread
import json
import os
import re
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from filelock import FileLock, Timeout

from al_ray.errors import StorageError, StudyConflict
from al_ray.io.reading import parse_json
from al_ray.io.terminal import one_line
from al_ray.language import tr
from al_ray.results.folder import PRIVATE, own, sweep_ours
from al_ray.results.store import Store

RENEWED = 5.0
"""Seconds between two writings of a lease."""

PATIENCE = 30.0
"""Seconds without a change after which its owner is taken for dead."""

SETTLED = 2.0
"""Seconds after which of two that took a lease at once both see whose it is."""

LOCK = f"{PRIVATE}/lock"
"""Held by the driver while a study runs; the system lets go of it when that process ends."""

_PROCESS = re.compile(r"process (?P<pid>[0-9]+) on (?P<host>.+)")

_NAME = ".lease"
_MOST_BYTES = 2**16


@contextmanager
def held(store: Store, say: Callable[[str], None], remedy: str) -> Iterator[None]:
    """Hold a study while its tables are written; leftovers of who held it before are removed.

    Args:
        store: of the study.
        say: is told that there is something to wait for.
        remedy: what to do where another process holds it.

    Raises:
        StudyConflict: another process is at it, or the folder holds files that are not ours.
    """
    own(store.storage)
    if store.storage.local is None:
        lease = _Lease(store, say, remedy)
        try:
            yield
        finally:
            lease.release()
        return
    try:
        lock = FileLock(store.folder / LOCK).acquire(timeout=1)  # `show` may be looking
    except Timeout:
        raise StudyConflict(
            "{address}: another process is running this study; {remedy}",
            address=store.address,
            remedy=remedy,
        ) from None
    with lock:
        sweep_ours(store.folder)
        yield


def somebody_is_at(store: Store) -> bool:
    """Whether a driver runs this study now; a lock that a dead one left behind says nothing.

    A lease that a dead one left behind does: who runs the study next finds that out.
    """
    if store.storage.local is None:
        return store.storage.exists(_NAME)
    path = store.folder / LOCK
    if not path.exists():
        return False
    try:
        with FileLock(path).acquire(timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # a folder that may only be read: nobody of this machine can be at it
        return False


class _Lease:
    def __init__(self, store: Store, say: Callable[[str], None], remedy: str) -> None:
        self._store, self._say = store, say
        self._owner = uuid.uuid4().hex
        self._who = f"process {os.getpid()} on {socket.gethostname()}"
        self._beat = 0
        self._end = threading.Event()
        self._wait_for_another(remedy)
        self._write()
        time.sleep(SETTLED)
        if (found := self._read()) is None or found["owner"] != self._owner:
            raise self._conflict(found, remedy)
        self._thread = threading.Thread(target=self._renew, daemon=True)
        self._thread.start()

    def release(self) -> None:
        """Let go of it, if it is ours still."""
        self._end.set()
        self._thread.join()
        try:
            found = self._read()
            if found is not None and found["owner"] == self._owner:
                self._store.storage.remove(_NAME)
        except StorageError:  # it will be found stale
            return

    def _wait_for_another(self, remedy: str) -> None:
        seen = self._read()
        if seen is None:
            return
        line = tr(
            "{address}: {who} was at this study; looking for {seconds:.0f} s whether it still is.",
            address=self._store.address,
            who=_who(seen),
            seconds=PATIENCE,
        )
        self._say(line)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            time.sleep(min(1.0, RENEWED))
            found = self._read()
            if found is None:
                return
            if found != seen:
                raise self._conflict(found, remedy)
        line = tr(
            "{address}: {who} is gone; its study goes on here.",
            address=self._store.address,
            who=_who(seen),
        )
        self._say(line)

    def _conflict(self, found: dict[str, Any] | None, remedy: str) -> StudyConflict:
        return StudyConflict(
            "{address}: {who} is running this study; {remedy}",
            address=self._store.address,
            who=_who(found),
            remedy=remedy,
        )

    def _renew(self) -> None:
        while not self._end.wait(RENEWED):
            try:
                found = self._read()
                if found is not None and found["owner"] != self._owner:
                    line = tr(
                        "{address}: {who} has taken this study over; this process ends.",
                        address=self._store.address,
                        who=_who(found),
                    )
                    self._say(line)
                    _thread.interrupt_main()
                    return
                self._write()
            except StorageError:  # away for a while; the next turn may reach it
                continue

    def _read(self) -> dict[str, Any] | None:
        data = self._store.storage.read(_NAME, _MOST_BYTES)
        if data is None:
            return None
        try:
            found = parse_json(data)
        except ValueError:
            found = None
        return found if isinstance(found, dict) and "owner" in found else {"owner": None}

    def _write(self) -> None:
        self._beat += 1
        lease = {"owner": self._owner, "who": self._who, "beat": self._beat}
        self._store.storage.write(_NAME, json.dumps(lease).encode())


def _who(found: dict[str, Any] | None) -> str:
    """As it may be printed: whoever can write there may have written it."""
    if found is None or "who" not in found:
        return tr("another process")
    who = one_line(str(found["who"]))[:200]
    if process := _PROCESS.fullmatch(who):
        return tr("process {pid} on {host}", pid=process["pid"], host=process["host"])
    return who
