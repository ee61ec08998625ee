"""Files of a remote study that every machine keeps a copy of: tokens, rows, vectors, the encoder.

They are memory-mapped, so they must lie on the machine that reads them. The driver puts them into
the study's `cache`; whoever needs one looks into the machine's own cache and, where it is not,
fetches it once, under a lock, and keeps it when its digest is right.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock

from al_ray.errors import StorageError
from al_ray.io.files import digest_of, note_digest
from al_ray.io.storage import Storage, node_cache


@dataclass(frozen=True)
class NodeFiles:
    """What a machine needs to know to have its own copies.

    Attributes:
        where: the study's address; may hold secrets.
        digests: of every file, by name; files of a folder are `folder/file`.
    """

    where: str = field(repr=False)
    digests: Mapping[str, str]

    def here(self, name: str) -> Path:
        """This machine's copy of a file or folder.

        Raises:
            StorageError: it cannot be had, or differs from what the driver has written.
        """
        cache = node_cache()
        target = cache / name
        if self._is_right(target):
            return target
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / f".{name}.lock"):
            if self._is_right(target):  # another process of this machine was first
                return target
            storage = Storage(self.where)
            with tempfile.TemporaryDirectory(dir=cache, prefix=".fetch-") as folder:
                temp = Path(folder, name)
                if name in self.digests:
                    _fetch(storage, name, temp, self.digests[name])
                else:
                    temp.mkdir()
                    for each in self.digests:
                        if each.startswith(f"{name}/"):
                            _fetch(storage, each, Path(folder, each), self.digests[each])
                if target.is_dir():  # damaged; others may have it open
                    target.rename(Path(folder, "damaged"))
                temp.replace(target)
        return target

    def _is_right(self, target: Path) -> bool:
        """Whether a copy is what the driver has written."""
        name = target.name
        inside = [each for each in self.digests if each == name or each.startswith(f"{name}/")]
        files = {each: target.parent / each for each in inside}
        return bool(files) and all(
            path.is_file() and digest_of(path) == self.digests[each] for each, path in files.items()
        )


def share(where: str, found: NodeFiles | None, paths: Mapping[str, Path]) -> NodeFiles:
    """Put files and folders of this machine where others fetch them, unless they are there.

    A name stands for a content. Where the study has one already that differs, as vectors computed
    on another machine may in their last bits, that one counts, here too.

    Args:
        where: the study's address.
        found: what has been shared before.
        paths: by name.
    """
    storage = Storage(where)
    digests = {} if found is None else dict(found.digests)
    for name, path in paths.items():
        members = {name: path}
        if path.is_dir():
            members = {f"{name}/{p.name}": p for p in sorted(path.iterdir()) if p.is_file()}
        for each, file in members.items():
            digest, known = digest_of(file), storage.read(f"cache/{each}.digest")
            if known is None:
                with storage.replace(f"cache/{each}") as temp:
                    shutil.copyfile(file, temp)
                storage.write(f"cache/{each}.digest", digest.encode())
            elif known.decode() != digest:
                digest = known.decode()
                if file.parent == node_cache():
                    with tempfile.TemporaryDirectory(dir=node_cache(), prefix=".fetch-") as folder:
                        fetched = Path(folder, file.name)
                        _fetch(storage, each, fetched, digest)
                        note_digest(file, fetched)
                        os.replace(fetched, file)
            digests[each] = digest
    return NodeFiles(where, digests)


def _fetch(storage: Storage, name: str, path: Path, digest: str) -> None:
    source = storage.of(f"cache/{name}")
    try:
        storage.fetch(f"cache/{name}", path)
    except FileNotFoundError:
        raise StorageError(
            "{path}: is gone; the same command puts it there again, once "
            "{path}.digest is removed too",
            path=source,
        ) from None
    if digest_of(path) != digest:
        raise StorageError(
            "{path}: is not what was written there; remove it and {path}.digest, and "
            "the same command puts it there again",
            path=source,
        )
