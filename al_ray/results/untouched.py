"""What a refusal leaves in a study's folder: nothing, where it was new."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from al_ray.errors import UserError
from al_ray.language import tr
from al_ray.results.folder import PRIVATE, SEARCH, own
from al_ray.results.lease import LOCK
from al_ray.results.store import Store


@contextmanager
def untouched(store: Store) -> Iterator[None]:
    """Make a results folder and take it as ours; where what is done in it is refused, it is again
    as it was.

    Only what comes before the description of a study or a search is taken back (marker, lock, new
    entries of the cache, the search's folder), and only if nobody else is at it. Once one is
    written something has begun, which the same command goes on with.

    Raises:
        StudyConflict: it holds files that are not ours.
        UserError: the folder cannot be made or written to.
    """
    folder = store.storage.local
    if folder is None:  # there, nothing is written before the study's description
        yield
        return
    made = [path for path in (folder, *folder.parents) if not os.path.lexists(path)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(None, tr("no permission to write"))
    except OSError as error:
        raise UserError(
            "--out {folder}: cannot be made or written to ({reason}); give another folder",
            folder=folder,
            reason=error.strerror,
        ) from None
    before, descriptions = set(_inside(folder)), _descriptions(folder)
    own(store.storage)
    try:
        yield
    except UserError:
        if _descriptions(folder) == descriptions:
            _take_back(folder, before, made)
        raise


def _inside(folder: Path) -> list[Path]:
    names = (PRIVATE, "cache", "cache/*", SEARCH, f"{SEARCH}/*")
    return [path for name in names for path in folder.glob(name)]


def _descriptions(folder: Path) -> list[tuple[int, int]]:
    """What tells whether one was written since."""
    paths = (at / "study.json" for at in (folder, folder / SEARCH))
    facts = [os.lstat(path) for path in paths if os.path.lexists(path)]
    return [(fact.st_ino, fact.st_mtime_ns) for fact in facts]


def _take_back(folder: Path, before: set[Path], made: list[Path]) -> None:
    with suppress(Timeout, OSError), FileLock(folder / LOCK).acquire(timeout=0):
        for path in {*_inside(folder)} - before:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)  # of several within each other
            else:
                path.unlink(missing_ok=True)
        for path in made:
            path.rmdir()
