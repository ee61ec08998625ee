"""A folder of small files, here or on an object store; each is there whole or not at all.

Remote folders are what `pyarrow.fs.FileSystem.from_uri` knows: `s3://`, `gs://`, `abfss://` and
others. Its own settings hold for time-outs, retries and credentials.
"""

from __future__ import annotations

import errno
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import pyarrow as pa
from pyarrow import fs

from al_ray.errors import StorageError, UserError
from al_ray.io.files import atomic
from al_ray.language import mark, tr

_REMOTE = re.compile(r"(?!file:)[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_ADDRESS = re.compile(
    r"(?P<scheme>\b[a-z][a-z0-9+.-]+://)(?:[^\s?'\"]*@)?(?P<path>[^\s?'\"]*)(?P<query>\?[^\s'\"]*)?",
    re.IGNORECASE,
)
_HARMLESS = ("endpoint_override", "region", "scheme")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def is_remote(where: str | Path) -> bool:
    """Whether this is an address of an object store and no path."""
    return _REMOTE.match(str(where)) is not None


def within(where: str, name: str) -> str:
    """A folder in a folder, here or at an address, which may have a query."""
    path, mark_, query = where.partition("?") if is_remote(where) else (where, "", "")
    return f"{path.rstrip('/')}/{name}{mark_}{query}"


def said(text: str) -> str:
    """A text as it may be printed and kept: its addresses without user, password and secrets."""

    def clean(found: re.Match[str]) -> str:
        query = [
            (name, value)
            for name, value in parse_qsl((found["query"] or "")[1:])
            if name in _HARMLESS and "@" not in value
        ]
        tail = "?" + urlencode(query, safe=":/") if query else ""
        return f"{found['scheme']}{found['path']}{tail}"

    return _ADDRESS.sub(clean, text)


def reason(error: BaseException) -> str:
    """What an error says, in one line without secrets, and without what Arrow says around it."""
    text = getattr(error, "strerror", None) or str(error).strip() or type(error).__name__
    line = str(text).splitlines()[0]
    return said(re.sub(r".*Detail: \[errno \d+\] ", "", line))


def node_cache() -> Path:
    """Where this machine keeps content-addressed files of remote studies."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser() / "al_ray"


class Storage:
    """Reads and writes files of one folder; names are relative and have slashes.

    Attributes:
        address: as it may be printed.
        local: the folder, where it is one of this machine; None: remote.

    Raises:
        UserError: no such kind of address, its bucket cannot be found, or a path is not in UTF-8.
    """

    def __init__(self, where: str | Path, option: str = "--out") -> None:
        self.local: Path | None = None
        self._seen = False
        if is_remote(where):
            self.address = said(str(where)).partition("?")[0].rstrip("/")
            before = str(where).partition("://")[2].partition("?")[0].rpartition("@")[0]
            if set("@/") & set(before):
                raise UserError(
                    "{option} {address}: write @ as %40, and / in a key as %2F",
                    option=option,
                    address=self.address,
                )
            try:
                self.fs, base = fs.FileSystem.from_uri(str(where))
            except (OSError, ValueError) as error:  # Arrow's are among these
                raise UserError(
                    "{option} {address}: cannot be opened ({error}); check the address, "
                    "its region or endpoint, and the credentials",
                    option=option,
                    address=self.address,
                    error=reason(error),
                ) from None
            self._base = base.strip("/")
            if not self._base:
                raise UserError(
                    "{option} {address}: names no bucket; give s3://bucket/path",
                    option=option,
                    address=self.address,
                )
        else:
            text = str(where).removeprefix("file://")
            self.local = Path(os.path.expanduser(text)).absolute()
            self.address, self.fs, self._base = str(self.local), fs.LocalFileSystem(), ""
            try:
                self.address.encode()
            except UnicodeEncodeError:
                raise UserError(
                    "{option} {address}: its name is not in UTF-8; rename the folder",
                    option=option,
                    address=self.address,
                ) from None

    def of(self, name: str) -> str:
        """A file's place, as it may be printed."""
        return f"{self.address}/{name}"

    def path(self, name: str) -> str:
        """A file's place, as `fs` calls it."""
        if self.local is None:
            return f"{self._base}/{name}".rstrip("/")
        return str(self.local / name)

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""
        return self.size(name) is not None

    def size(self, name: str) -> int | None:
        """Its bytes, or None where there is no such file."""
        with self._saying(name, mark("cannot be looked for")):
            info = self.fs.get_file_info(self.path(name))
        return int(info.size) if info.type == fs.FileType.File else None

    def names(self, folder: str, ending: str = "") -> list[str]:
        """Names of the files in a sub-folder, sorted, without hidden ones; none where it is not."""
        with self._saying(folder, mark("cannot be listed")):
            found = self.fs.get_file_info(
                fs.FileSelector(self.path(folder), allow_not_found=True, recursive=False)
            )
        return sorted(
            info.base_name
            for info in found
            if info.type == fs.FileType.File
            and info.base_name.endswith(ending)
            and info.base_name[0] not in "._"
        )

    def entries(self) -> list[str]:
        """Names of all that is right in the folder, folders and hidden ones too; [] without it."""
        with self._saying("", mark("cannot be listed")):
            found = self.fs.get_file_info(fs.FileSelector(self.path(""), allow_not_found=True))
        return [info.base_name for info in found]

    def tree(self, depth: int) -> list[str] | None:
        """Names of all files up to so many folders deep; None where the folder is a file itself."""
        with self._saying("", mark("cannot be listed")):
            if self.fs.get_file_info(self.path("")).type == fs.FileType.File:
                return None
            found = self.fs.get_file_info(
                fs.FileSelector(self.path(""), allow_not_found=True, recursive=True)
            )
        names = [
            info.path.removeprefix(f"{self.path('')}/")
            for info in found
            if info.type == fs.FileType.File
        ]
        return sorted(name for name in names if name.count("/") < depth)

    def read(self, name: str, most: int | None = None) -> bytes | None:
        """What is in a file, or None where there is none.

        Args:
            name: of the file.
            most: bytes that it may have.

        Raises:
            StorageError: it cannot be read, or has more, or more than there is memory for.
        """
        try:
            with (
                self._saying(name, mark("cannot be read")),
                self.fs.open_input_file(self.path(name)) as file,
            ):
                data: bytes = file.read(None if most is None else most + 1)
        except FileNotFoundError:
            return None
        except MemoryError:
            raise StorageError(
                "{path}: is larger than there is memory for; remove it, and the study's "
                "command, given again, does anew what was in it",
                path=self.of(name),
            ) from None
        if most is not None and len(data) > most:
            raise StorageError(
                "{path}: is larger than any that al_ray writes; remove it", path=self.of(name)
            )
        return data

    @contextmanager
    def replace(self, name: str, check: Callable[[], None] | None = None) -> Iterator[str]:
        """A temporary file of this machine that takes the named one's place when all went well.

        Here by rename, on an object store by one upload, which is seen only when it is whole.

        Args:
            name: of the file.
            check: called right before; if it raises, nothing is replaced.

        Raises:
            StorageError: no room, or not reachable.
        """
        with self._saying(name, mark("cannot be written")):
            if self.local is not None:
                self._make_folder(self.local / name)
                try:
                    with atomic(self.local / name, check) as temp:
                        yield temp
                except FileNotFoundError:
                    self._make_folder(self.local / name)  # says so if the whole folder is gone
                    raise
                return
            with tempfile.TemporaryDirectory(prefix="al_ray-") as folder:
                path = Path(folder, "file")
                yield str(path)
                if check is not None:
                    check()
                self._upload(path, name)

    def write(
        self, name: str, data: bytes | bytearray, check: Callable[[], None] | None = None
    ) -> None:
        """Write a small file."""
        with self.replace(name, check) as temp:
            Path(temp).write_bytes(data)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with self._saying(name, mark("cannot be removed")):
            try:
                self.fs.delete_file(self.path(name))
            except FileNotFoundError:
                return

    def move(self, name: str, target: str) -> None:
        """Give a file another name, in place of any there; nothing where it is gone."""
        with self._saying(name, mark("cannot be moved")):
            if self.local is not None:
                self._make_folder(self.local / target)
            with suppress(FileNotFoundError):
                self.fs.move(self.path(name), self.path(target))

    def _make_folder(self, path: Path) -> None:
        """Of a file that is to be written.

        Raises:
            StorageError: the whole folder was there and is not any more: what is written now would
                be no study.
        """
        assert self.local is not None
        if self.local.is_dir():
            self._seen = True
        elif self._seen:
            raise StorageError(
                "{address}: was removed meanwhile; the same command begins it anew",
                address=self.local,
            )
        path.parent.mkdir(parents=True, exist_ok=True)

    def fetch(self, name: str, path: Path) -> None:
        """Copy a file to a path of this machine, which is not written atomically.

        Raises:
            FileNotFoundError: there is no such file.
        """
        with (
            self._saying(name, mark("cannot be read")),
            self.fs.open_input_file(self.path(name)) as source,
            path.open("wb") as target,
        ):
            while block := source.read(2**23):
                target.write(block)

    def _upload(self, path: Path, name: str) -> None:
        with pa.OSFile(str(path)) as source:
            data = source.read_buffer()
        # No `with`: its end would complete an upload that had failed in the middle.
        stream = self.fs.open_output_stream(self.path(name))
        stream.write(data)
        stream.close()

    @contextmanager
    def _saying(self, name: str, what: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            if error.errno in _FULL:
                remedy = tr("make room there; the same command goes on from here")
            elif self.local is None:
                remedy = tr(
                    "check the network, the address and the credentials; the same command goes on "
                    "from here"
                )
            else:
                remedy = tr("check the folder; the same command goes on from here")
            raise StorageError(
                "{path}: {what} ({error}); {remedy}",
                path=self.of(name),
                what=tr(what),
                error=reason(error),
                remedy=remedy,
            ) from error
