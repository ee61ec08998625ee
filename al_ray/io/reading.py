"""Files that somebody else wrote: whatever they are, reading them ends, and takes no more room
than it may."""

from __future__ import annotations

import io
import json
import os
import stat
from pathlib import Path
from typing import Any

from al_ray.language import tr

SMALL = 16 * 2**20
"""Bytes of a configuration or the like: a hundred times what real ones have."""

DEEPEST = 64
"""Arrays and objects within each other; real files have a handful."""


def open_regular(path: Path) -> io.BufferedReader:
    """Open a file for reading, which a pipe, a socket, a device or a folder is not.

    Raises:
        FileNotFoundError, OSError: as `open` does.
        ValueError: 'is no regular file'.
    """
    # To open a device may set it going, and a pipe without a writer waits for one. What is opened
    # is looked at once more, since another file may have come to stand there.
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ValueError(tr("is no regular file"))
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise ValueError(tr("is no regular file"))
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_small(path: Path, most: int = SMALL) -> bytes:
    """The content of a file that is small by nature.

    Raises:
        FileNotFoundError, OSError: as `open` does.
        ValueError: 'is no regular file', or 'has more than ... bytes'.
    """
    with open_regular(path) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ValueError(tr("has more than {n:,} bytes", n=most))
    return data


def parse_json(data: bytes | str, deepest: int = DEEPEST) -> Any:
    """What a JSON text says.

    Raises:
        ValueError: no JSON, not UTF-8, or nested too deep.
    """
    text = data.decode() if isinstance(data, bytes) else data
    try:
        value = json.loads(text)
    except RecursionError:
        raise _too_deep(deepest) from None
    # What has no more brackets than that cannot be deeper; so most texts are not walked through.
    if text.count("[") + text.count("{") > deepest:
        level = [value]
        for _ in range(deepest):
            level = [inner for outer in level for inner in _within(outer)]
        if level:
            raise _too_deep(deepest)
    return value


def _too_deep(deepest: int) -> ValueError:
    return ValueError(tr("is nested more than {n} deep", n=deepest))


def _within(value: Any) -> list[Any]:
    """The arrays and objects right in an array or object."""
    values = value.values() if isinstance(value, dict) else value
    return [inner for inner in values if isinstance(inner, dict | list)]
