"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic(path: Path, check: Callable[[], None] | None = None) -> Iterator[str]:
    """A temporary file beside `path` that takes its place when all has gone well.

    Its name begins with a dot, so that readers of the folder pass over it. `check` is called right
    before; if it raises, `path` stays as it is.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temp = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    os.close(handle)
    try:
        yield temp
        os.chmod(temp, 0o644)
        if check is not None:
            check()
        os.replace(temp, path)
    except BaseException:
        Path(temp).unlink(missing_ok=True)
        raise


def sweep(folder: Path) -> None:
    """Remove what `atomic` left behind in a process that was killed; nobody else may write."""
    for pattern in (".*.*-*", "*/.*.*-*"):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)
