"""Whose a results folder is: ours, or not to be touched; and that nothing leads out of it.

A folder of ours has one that is named as nobody else's is, or the description of a study that an
earlier version has left there.
Any other that is not empty is refused, so that no file of somebody else's is ever read as a table,
written over or removed.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from al_ray.errors import StorageError, StudyConflict, UserError
from al_ray.io.files import sweep
from al_ray.io.storage import Storage
from al_ray.language import tr
from al_ray.results.schema import SCHEMAS

PRIVATE: Final = ".al_ray"
"""The folder in a results folder for what is of no interest to a reader: marker, lock, copies."""

MARKER: Final = f"{PRIVATE}/README"

COPY: Final = f"{PRIVATE}/study.json"
"""What is read where the description is damaged or gone."""

SEARCH: Final = "search"
"""The folder of a search: a study of its own, which has no test."""

ASIDE: Final = "set-aside"
"""The folder for damaged files, each under its name."""

OURS: Final = (
    *SCHEMAS,
    *(
        "study.json",
        "study.toml",
        "optuna.journal",
        SEARCH,
        PRIVATE,
        ASIDE,
        "cache",
        "checkpoints",
        "claims",
        "report",
        "tensorboard",
    ),
)
"""All that al_ray writes at the top of a results folder."""

_SAYS = (
    "al_ray writes to this folder. What it finds damaged it moves to set-aside/; it removes only "
    "what it has written.\n"
)


PAGES: Final = ("report", "tensorboard")
"""What earlier versions, which had no marker, have written beside a study that is elsewhere."""


def own_pages(folder: Path) -> None:
    """Take the folder here for the page of a study on an object store; see `own`."""
    own(Storage(folder), option="", known=PAGES)
    refuse_links(folder)


def own_apart(folder: Path, option: str) -> None:
    """Take a folder for a page that is of no one study; what stands there, or above, stays.

    Raises:
        StudyConflict: it is in a study's results folder, or holds files that are not ours.
        StorageError: its page is a link, or it cannot be written to.
    """
    if re.match(r"~|[A-Za-z][\w+.-]*:/", str(folder)):
        raise UserError(
            "{option}{folder}: give a folder of this machine", option=option, folder=folder
        )
    for above in (folder.resolve(), *folder.resolve().parents):
        if os.path.exists(above / "study.json"):  # Path's may raise
            raise StudyConflict(
                "{option}{folder}: is in the results folder of a study, {study}; give another",
                option=option,
                folder=folder,
                study=above,
            )
    if os.path.islink(folder / "index.html"):
        raise StorageError(
            "{option}{folder}: its index.html is a link; remove it, or give another",
            option=option,
            folder=folder,
        )
    own(Storage(folder, option.strip()), option)


def own(storage: Storage, option: str = "--out ", known: Collection[str] = ()) -> None:
    """Take a folder as ours, if it is empty or has been ours; made if need be.

    Args:
        storage: the folder.
        option: that named it, for the message.
        known: names that may be there without a marker.

    Raises:
        StudyConflict: it holds files that are not ours.
        StorageError: it cannot be read or written to.
    """
    if storage.local is not None:
        try:
            storage.local.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                "{option}{folder}: cannot be made or written to ({reason}); give another folder",
                option=option,
                folder=storage.local,
                reason=error.strerror,
            ) from None
    if storage.exists(MARKER):
        return
    there = set(storage.entries())
    others = sorted(there - {*known, PRIVATE})
    if others and "study.json" not in there and not storage.exists(COPY):
        rest = len(others) - 1
        raise StudyConflict(
            "{option}{address}: holds files that are not al_ray's ({first}{more}); give "
            "a new or empty folder",
            option=option,
            address=storage.address,
            first=others[0],
            more=tr(" and {n:,} more", n=rest) if rest else "",
        )
    storage.write(MARKER, _SAYS.encode())


def refuse_gone(storage: Storage) -> None:
    """End a run whose folder was removed: what it wrote now would be no study.

    Raises:
        StorageError: it has no marker any more.
    """
    if not storage.exists(MARKER):
        raise StorageError(
            "{address}: was removed meanwhile; the same command begins it anew",
            address=storage.address,
        )


def sweep_ours(folder: Path) -> None:
    """Remove what a process that was killed has left half-written; nobody else may write."""
    for name in ("", *OURS, "report/figures"):
        if (folder / name).is_dir():
            sweep(folder / name)


def refuse_links(folder: Path) -> None:
    """Refuse a results folder in which anything of ours is a link, a pipe or a device.

    Following it would read, write or remove what lies elsewhere, or wait for ever.

    Raises:
        StorageError: naming the first.
        StudyConflict: the folder is not ours.
    """
    for name in OURS:
        for entry in _inside(folder / name):
            if not any(os.path.lexists(folder / mark) for mark in (MARKER, "study.json")):
                raise StudyConflict(
                    "{folder}: holds files that are not al_ray's ({first}); give a new or empty "
                    "folder",
                    folder=folder,
                    first=entry,
                )
            raise StorageError(
                "{path}: is a link, a pipe or a device, which no results folder has; "
                "remove it, and give the same command again",
                path=entry,
            )


def _inside(path: Path) -> Iterator[str]:
    """What is neither file nor folder, at a path and below."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:  # not there, or not to be looked at; whoever opens it says so
        return
    if not stat.S_ISDIR(mode):
        if not stat.S_ISREG(mode):
            yield str(path)
        return
    folders = [str(path)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif not entry.is_file(follow_symlinks=False):
                    yield entry.path
