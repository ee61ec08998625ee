"""A file that says itself whether it is as it was written, and under which name.

The seal is a digest of the file's name and of all its bytes but the seal's own, and stands where
its format leaves room for words of the writer's: the metadata at the end of a Parquet file or at
the beginning of a safetensors one, the last entry of a JSON object. So one bit that differs, or a
file that was put in another's place, is found by reading the file once, and nothing has to be kept
beside it. It protects against accidents, not against somebody who wants to deceive.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from mmap import mmap
from typing import Final

from al_ray.errors import Damaged
from al_ray.language import tr

_MARK: Final = b"al_ray-seal:"
_LENGTH: Final = 32

EMPTY: Final = (_MARK + b"0" * _LENGTH).decode()
"""What the writer puts in the seal's place before the file is sealed."""


def seal(data: bytearray | mmap, name: str, first: bool = False) -> str:
    """Put the seal in its place.

    Args:
        data: the whole file, with EMPTY in it once where its format has it; changed.
        name: of the file within its results folder, with slashes.
        first: EMPTY is before what else might look like it, and not after.

    Returns:
        The seal: 32 hexadecimal digits.
    """
    place = _place(data, first)
    if place is None:
        raise ValueError(f"{name}: has no place for a seal")
    digest = _digest(memoryview(data), name, place)
    data[place : place + _LENGTH] = digest.encode()
    return digest


def seal_of(data: bytes, name: str, first: bool = False) -> str | None:
    """The seal that a file bears; None where it bears none, as files of earlier versions do.

    Raises:
        ValueError: the file is not as it was written, or not under this name.
    """
    place = _place(data, first)
    if place is None:
        return None
    found = bytes(data[place : place + _LENGTH])
    if found != _digest(memoryview(data), name, place).encode():
        raise ValueError(tr("is not as it was written"))
    return found.decode()


def damaged(where: str) -> Damaged:
    """What is said of a file that cannot be believed."""
    return Damaged(
        "{path}: is damaged or was cut short; the study's command, given again, sets it "
        "aside and does anew what was in it",
        path=where,
    )


def _place(data: bytes | bytearray | mmap, first: bool) -> int | None:
    look: Callable[[bytes], int] = data.find if first else data.rfind
    place = look(_MARK)
    return None if place < 0 else place + len(_MARK)


def _digest(data: memoryview, name: str, place: int) -> str:
    total = hashlib.blake2b(name.encode(), digest_size=_LENGTH // 2, person=b"al_ray")
    total.update(data[:place])
    total.update(data[place + _LENGTH :])
    return total.hexdigest()
