"""Files that are there whole or not at all, and that can be known again."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_TEMPORARY: Final = (".al_ray-", ".tmp")
"""How names of temporary files begin and end; nobody else's do."""


_DIGEST: Final = ".digest"

_LENGTH: Final = 33
"""Bytes of such a file: 32 hexadecimal digits and the line's end."""

_REPLACED: Final = ".replaced"


@contextmanager
def atomic(path: Path, check: Callable[[], object] | None = None) -> Iterator[str]:
    """A temporary file beside `path` that takes its place when all has gone well.

    Its name begins with a dot, so that readers of the folder pass over it; the folder must be
    there. Who may read it is what the process's umask leaves. `check` is called right before; if it
    raises, `path` stays as it is.
    """
    temp = path.parent / uuid.uuid4().hex.join(_TEMPORARY)
    handle = os.open(temp, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    try:
        mode = os.fstat(handle).st_mode
        os.close(handle)
        yield str(temp)
        os.chmod(temp, mode)  # some writers make a file of their own in its place
        if check is not None:
            check()
        os.replace(temp, path)
    except BaseException:
        temp.unlink(missing_ok=True)
        raise


def is_temporary(path: Path) -> bool:
    """Whether a name is one that `atomic` gives."""
    return path.name.startswith(_TEMPORARY[0]) and path.name.endswith(_TEMPORARY[1])


def sweep(folder: Path) -> None:
    """Remove what `atomic` left behind in a process that was killed; nobody else may write."""
    for path in folder.glob("*".join(_TEMPORARY)):
        path.unlink(missing_ok=True)


# Large files that are memory-mapped, whose digest lies beside them


@contextmanager
def atomic_with_digest(path: Path) -> Iterator[str]:
    """As `atomic`, and `is_as_written` will know the file again."""
    with atomic(path) as temp:
        yield temp
        note_digest(path, Path(temp))


def note_digest(path: Path, content: Path | None = None) -> None:
    """Write down what is in a file that is right; `content` is to take its place in a moment.

    The digest comes first: were the file there without it, it could not be told from a damaged one.
    Where a damaged one is replaced, that stays known until `forget_replaced`.
    """
    digest = digest_of(content or path)
    if content is not None and path.exists() and is_as_written(path) is False:
        path.with_name(path.name + _REPLACED).touch()
    with atomic(_beside(path)) as temp:
        Path(temp).write_text(f"{digest}\n", encoding="ascii")


def is_as_written(path: Path) -> bool | None:
    """Whether a file is what its digest says; None where it has none, which earlier versions wrote.

    A folder is what it holds, each file by its name. What is not there is not as it was written.
    """
    if not path.exists():
        return False
    beside = _beside(path)
    if not beside.is_file():
        return None
    with beside.open("rb") as file:
        said = file.read(_LENGTH + 1)  # of one that is right it is all
    return len(said) == _LENGTH and said == f"{digest_of(path)}\n".encode()


def damaged_in(folder: Path) -> list[Path]:
    """What in a folder is there and not what its digest says, or was so and has been replaced."""
    named = (path.with_suffix("") for path in sorted(folder.glob(f"*{_DIGEST}")))
    found = [path for path in named if path.exists() and not is_as_written(path)]
    replaced = (path.with_suffix("") for path in sorted(folder.glob(f"*{_REPLACED}")))
    return [*found, *(path for path in replaced if path not in found)]


def forget_replaced(folder: Path) -> None:
    """What was done with damaged files has been done again."""
    for path in folder.glob(f"*{_REPLACED}"):
        path.unlink(missing_ok=True)


def digest_of(path: Path) -> str:
    """Of all bytes of a file or of the files of a folder: 32 hexadecimal digits."""
    if path.is_dir():
        total = hashlib.blake2b(digest_size=16)
        for each in sorted(path.iterdir()):
            total.update(f"{each.name}\x00{digest_of(each)}\x00".encode())
        return total.hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _beside(path: Path) -> Path:
    return path.with_name(path.name + _DIGEST)
