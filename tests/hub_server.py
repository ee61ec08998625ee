"""A small hub on this machine: as much of one as huggingface_hub's client asks of it."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

# The commit and paths as public pages and programs name them, not as al_ray does.
KLUE = ("klue/klue", "349481ec73fff722f88e0453ca05c77a447d967c")
TOPICS = ["IT과학", "경제", "사회", "생활문화", "세계", "스포츠", "정치"]

ERRORS = {
    "RepoNotFound": HTTPStatus.UNAUTHORIZED,  # as the real one answers who is not logged in
    "GatedRepo": HTTPStatus.FORBIDDEN,
    "RevisionNotFound": HTTPStatus.NOT_FOUND,
    "EntryNotFound": HTTPStatus.NOT_FOUND,
}


@dataclass
class Repository:
    """Files of one commit."""

    folder: Path
    commit: str
    branches: tuple[str, ...] = ("main",)
    gated: bool = False

    def files(self) -> list[str]:
        paths = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return [path.relative_to(self.folder).as_posix() for path in paths]


@dataclass
class Hub:
    """What is served, what was asked for, and how the server fails.

    Attributes:
        repositories: by 'models/owner/name' or 'datasets/owner/name'.
        requests: (method, path, range) of every request.
        sent: names of the files whose content was sent, whole or in part.
        cut: a file's name to numbers of bytes after which its connection breaks, one each time.
        status: answered to everything, where it is set.
        silent: requests are taken and never answered.
    """

    repositories: dict[str, Repository] = field(default_factory=dict)
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    cut: dict[str, list[int]] = field(default_factory=dict)
    status: int | None = None
    silent: bool = False
    url: str = ""
    _stop: threading.Event = field(default_factory=threading.Event)

    def add(self, kind: str, name: str, folder: Path, commit: str, **facts: object) -> None:
        """Serve a folder as a repository; `kind` is models or datasets."""
        self.repositories[f"{kind}/{name}"] = Repository(folder, commit, **facts)  # type: ignore[arg-type]

    def start(self) -> ThreadingHTTPServer:
        """Begin, on a free port."""
        hub = self

        class Handler(_Handler):
            pass

        Handler.hub = hub
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}"
        return server

    def stop(self, server: ThreadingHTTPServer) -> None:
        """End it; after that, the address refuses."""
        self._stop.set()
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append((self.command, path, self.headers.get("Range")))
        if self.hub.silent:
            self.hub._stop.wait()
            self.close_connection = True
            return
        if self.hub.status is not None:
            self._head(self.hub.status, {"Content-Length": "0"})
            return
        if path.startswith("/api/"):
            name, _, revision = path.removeprefix("/api/").partition("/revision/")
            file = None
        else:
            name, _, rest = path.removeprefix("/").partition("/resolve/")
            name = name if name.startswith("datasets/") else f"models/{name}"
            # A branch may have slashes in its name.
            of = self.hub.repositories.get(name)
            known = [] if of is None else [of.commit, *of.branches]
            revision = next((each for each in known if rest.startswith(f"{each}/")), rest[:40])
            file = rest[len(revision) + 1 :]
        repository = self.hub.repositories.get(name)
        if repository is None:
            self._fail("RepoNotFound")
        elif revision and revision not in (repository.commit, *repository.branches):
            self._fail("RevisionNotFound")
        elif file is None:
            self._information(name, repository)
        elif repository.gated:
            self._fail("GatedRepo")
        elif not (repository.folder / file).is_file():
            self._fail("EntryNotFound")
        else:
            self._file(repository, file)

    def _information(self, name: str, repository: Repository) -> None:
        if repository.gated:
            self._fail("GatedRepo")
            return
        facts = {
            "id": name.partition("/")[2],
            "sha": repository.commit,
            "siblings": [{"rfilename": file} for file in repository.files()],
        }
        body = json.dumps(facts).encode()
        self._head(200, {"Content-Type": "application/json", "Content-Length": str(len(body))})
        self.wfile.write(body)

    def _file(self, repository: Repository, name: str) -> None:
        content = (repository.folder / name).read_bytes()
        headers = {
            "ETag": f'"{hashlib.sha256(content).hexdigest()}"',
            "X-Repo-Commit": repository.commit,
            "Accept-Ranges": "bytes",
        }
        start = 0
        if asked := self.headers.get("Range"):
            start = int(asked.removeprefix("bytes=").partition("-")[0])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        headers["Content-Length"] = str(len(content) - start)
        self._head(206 if asked else 200, headers)
        if self.command == "HEAD":
            return
        self.hub.sent.append(name)
        if limits := self.hub.cut.get(name):
            self.wfile.write(content[start : start + limits.pop(0)])
            self.close_connection = True
        else:
            self.wfile.write(content[start:])

    def _fail(self, code: str) -> None:
        self._head(ERRORS[code], {"X-Error-Code": code, "Content-Length": "0"})

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


def environment(url: str, home: Path) -> dict[str, str]:
    """What a program in a process of its own needs to use that hub, and nothing of this user's."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HF_", "HUGGING", "TRANSFORMERS_")) and "proxy" not in name.lower()
    }
    return {**kept, "HF_ENDPOINT": url, "HF_HOME": str(home)}


def use(monkeypatch: pytest.MonkeyPatch, url: str, home: Path) -> None:
    """The same for this process, in which the client may have been imported already."""
    from huggingface_hub import constants, file_download
    from huggingface_hub.utils import reset_sessions

    template = url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(file_download, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home / "token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    reset_sessions()


def write_ynat(folder: Path, split: str, rows: list[tuple[str, str, int]]) -> None:
    """As `datasets` writes it: the label as int64, its names in the schema's metadata."""
    path = folder / "ynat" / f"{split}-00000-of-00001.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    guid, title, label = zip(*rows, strict=True)
    url = ["https://news.example/1"] * len(rows)
    date = ["2020.01.01. 오전 1:00"] * len(rows)
    table = pa.table(
        {"guid": guid, "title": title, "label": pa.array(label, pa.int64()), "url": url}
    ).append_column("date", pa.array(date))
    info = {"info": {"features": {"label": {"names": TOPICS, "_type": "ClassLabel"}}}}
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(info)}), path)
