"""Who is at a study's folder, and what a refusal leaves there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from al_ray.errors import UserError

LOCK = ".lock"
"""Held by the driver while a study runs; the system lets go of it when that process ends."""


def somebody_is_at(folder: Path) -> bool:
    """Whether a driver runs this study now; a file that a dead one left behind says nothing."""
    path = folder / LOCK
    if not path.exists():
        return False
    try:
        with FileLock(path).acquire(timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # a folder that may only be read: nobody of this machine can be at it
        return False


@contextmanager
def untouched(folder: Path) -> Iterator[None]:
    """Make a results folder; where what is done in it is refused, it is again as it was.

    Only what comes before a study's description is taken back (the lock and new entries of the
    cache), and only if nobody else is at it.

    Raises:
        UserError: the folder cannot be made or written to.
    """
    made = [path for path in (folder, *folder.parents) if not os.path.lexists(path)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(None, "no permission to write")
    except OSError as error:
        raise UserError(
            f"--out {folder}: cannot be made or written to ({error.strerror}); give another folder"
        ) from None
    before = set(_inside(folder))
    try:
        yield
    except UserError:
        _take_back(folder, before, made)
        raise


def _inside(folder: Path) -> list[Path]:
    return [*folder.glob(".lock"), *folder.glob("cache"), *folder.glob("cache/*")]


def _take_back(folder: Path, before: set[Path], made: list[Path]) -> None:
    with suppress(Timeout, OSError), FileLock(folder / LOCK).acquire(timeout=0):
        for path in {*_inside(folder)} - before:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        for path in made:
            path.rmdir()
