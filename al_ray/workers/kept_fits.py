"""Fits that several trajectories need are made by the first that comes, and kept for the others.

Files of a folder that the driver empties; they are believed only as they were written.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from al_ray.io.files import atomic_with_digest, is_as_written
from al_ray.workers.messages import Fitted

if TYPE_CHECKING:
    from al_ray.learners.encoder.load import Weights

_OURS = re.compile(r"[0-9a-f]{32}\.safetensors(\.lock|\.digest|\.replaced)?")

LOOK = 0.2
"""Seconds between two looks whether the one who makes it is done."""


def kept(
    path: Path,
    make: Callable[[], tuple[Weights, Fitted]],
    waits: Callable[[], None],
) -> tuple[Weights, Fitted]:
    """A fit that is there, or that is made now and kept.

    Whoever makes it holds a lock, which the system takes from a process that dies.

    Args:
        path: of its file.
        make: makes it.
        waits: called while another makes it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{path}.lock")
    while not _taken(lock):
        waits()
    try:
        if (found := _read(path)) is not None:
            return found
        began = time.perf_counter()
        weights, report = make()
        report = replace(report, seconds=time.perf_counter() - began)
        _write(path, weights, report)
        return weights, report
    finally:
        lock.release()


def _taken(lock: FileLock) -> bool:
    try:
        lock.acquire(timeout=LOOK)
    except Timeout:
        return False
    return True


def _read(path: Path) -> tuple[Weights, Fitted] | None:
    if not is_as_written(path):
        return None
    from safetensors import safe_open

    with safe_open(path, "np") as file:
        facts = json.loads(file.metadata()["report"])
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    return weights, Fitted(weights=None, **facts, shared=True)


def _write(path: Path, weights: Weights, report: Fitted) -> None:
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    facts = {n: v for n, v in asdict(report).items() if n not in ("weights", "shared")}
    try:
        with atomic_with_digest(path) as temp:
            save_file(dict(weights), temp, {"report": json.dumps(facts)})
    except (OSError, SafetensorError):  # no room: it is made again by whoever needs it
        path.unlink(missing_ok=True)


def forget(folder: Path, name: str = "*") -> None:
    """Remove the files of a fit, or of all; no others of the folder."""
    for path in folder.glob(f"{name}.safetensors*"):
        if _OURS.fullmatch(path.name):
            path.unlink(missing_ok=True)


def path_of(folder: Path, name: str) -> Path:
    """The file of a fit."""
    return folder / f"{name}.safetensors"
