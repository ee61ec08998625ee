"""A full disk, and a folder that may not be written to, in one line, whoever meets them."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from al_ray.errors import StorageError
from al_ray.io.files import is_temporary
from al_ray.io.storage import is_remote, reason
from al_ray.language import tr

LEAST = 2**20
"""Bytes without which a folder is taken for full."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NUMBERS = "|".join(map(str, _FULL))
_SAID = re.compile(rf"err(?:or|no) (?:{_NUMBERS})\b|{'|'.join(map(os.strerror, _FULL))}")
"""As Rust's and Arrow's libraries say it, whose errors are of kinds of their own."""


def no_room(error: BaseException, folders: Iterable[Path]) -> StorageError | None:
    """What to say of an error where a disk is full; None where that is not so.

    Some libraries lose what the system told them: of a file that was cut short nothing but that it
    cannot be read is left. So whatever goes wrong beside a full disk is put down to it.

    Args:
        error: which nobody expected.
        folders: that are written to.
    """
    causes = list(_chain(error))
    said = next((each for each in causes if _says(each)), None)
    room = {folder: _free(folder) for folder in folders}
    where = min(room, key=lambda folder: room[folder], default=None)
    if said is None and (where is None or room[where] >= LEAST):
        return None
    name = getattr(said, "filename", None)
    if isinstance(name, str | bytes):
        where = Path(os.fsdecode(name)).parent
    why = reason(said) if said else f"{type(error).__name__}: {reason(error)}"
    return StorageError(
        "{where}: no room ({why}); make room there; the same command goes on from here",
        where=where or tr("a folder"),
        why=why,
    )


def not_let(error: BaseException, folders: Iterable[Path]) -> StorageError | None:
    """What to say where the system does not let a file in one of these folders be read or written.

    Args:
        error: which nobody expected; None is said of one that names no file there.
        folders: of results.
    """
    if not isinstance(error, OSError) or not isinstance(error.filename, str):
        return None
    path = Path(error.filename)
    if not any(path.is_relative_to(folder.absolute()) for folder in folders):
        return None
    where = path.parent if is_temporary(path) else path
    return StorageError(
        "{where}: cannot be read or written ({error}); see who may, and that it is what "
        "al_ray has put there, and give the same command again",
        where=where,
        error=reason(error),
    )


def here(*outs: str) -> list[Path]:
    """The results folders that are on this machine."""
    paths = [out.removeprefix("file://") for out in outs if not is_remote(out)]
    return [Path(path).expanduser() for path in paths]


def written_to(*outs: str) -> list[Path]:
    """The folders that a command with these results writes to, as far as they are on this machine.

    Not by way of `tempfile`, which passes over a full one and says that there is none.
    """
    temporary = [os.environ.get(name) for name in ("TMPDIR", "RAY_TMPDIR")]
    return [*here(*outs), *map(Path, filter(None, temporary)), Path("/tmp")]


def _says(error: BaseException) -> bool:
    return getattr(error, "errno", None) in _FULL or _SAID.search(str(error)) is not None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """It, and what it came of."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _free(folder: Path) -> int:
    """Bytes that may be written there, or where it would be made."""
    for there in (folder, *folder.parents):
        try:
            return shutil.disk_usage(there).free
        except OSError:
            continue
    return LEAST
