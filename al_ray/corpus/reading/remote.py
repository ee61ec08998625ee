"""A corpus on an object store: its files are copied here, and read as any others."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from al_ray.corpus.reading.sources import find
from al_ray.errors import CorpusError, UserError
from al_ray.io.storage import Storage, said


@contextmanager
def fetched(where: str) -> Iterator[Path]:
    """A file or folder here that reads as the remote one does; errors name that.

    Only the files of splits are copied; the others are there by name, so that they are said to be
    not read.

    Raises:
        CorpusError: nothing there, or not reachable; and what is raised in the context.
    """
    with tempfile.TemporaryDirectory(prefix="al_ray-") as folder:
        path = Path(folder, PurePosixPath(said(where).partition("?")[0]).name or "corpus")
        try:
            _copy(Storage(where, "--data"), path)
            yield path
        except UserError as error:
            address = said(where).partition("?")[0].rstrip("/")
            raise CorpusError(str(error).replace(str(path), address)) from None


def _copy(storage: Storage, path: Path) -> None:
    names = storage.tree(2)
    if names is None:
        storage.fetch("", path)
        return
    if not names:
        raise CorpusError("{path}: no such file or folder; check its path", path=path)
    for name in names:
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    for files in find(path)[0].values():
        for file in files:
            storage.fetch(file.relative_to(path).as_posix(), file)
