"""An S3-compatible server: `localbucket`, a process that speaks S3's HTTP and keeps plain files.

Also a program: `python s3_server.py FOLDER PORTFILE`, so that a test can stop and start it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from http import HTTPStatus
from http.server import ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import localbucket

KEY, SECRET = "tester", "pass/word+1"
BUCKET = "studies"


class Handler(localbucket.S3Handler):
    """As S3 does it, and localbucket does not: names that end with a slash, which pyarrow writes to
    keep a folder, and a key that must be known. Signatures are not checked."""

    def log_message(self, format, *args):
        pass

    def _dispatch(self, action):
        def checked(bucket, key):
            if f"Credential={KEY}/" not in self.headers.get("Authorization", ""):
                raise localbucket.S3Error(HTTPStatus.FORBIDDEN, "InvalidAccessKeyId", "Unknown key")
            action(bucket, key)

        super()._dispatch(checked)

    def _put(self, bucket, key):
        if key.endswith("/"):
            self._read_body()
            self._send(HTTPStatus.OK)
        else:
            super()._put(bucket, key)

    def _delete_object(self, bucket, key):
        if not key.endswith("/"):
            self._object_path(bucket, key).unlink(missing_ok=True)
        self._send(HTTPStatus.NO_CONTENT)


class S3Server:
    """The server in a process of its own; `stop` kills it, `start` brings it back at its port."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, 0
        (folder / "data" / BUCKET).mkdir(parents=True)
        self.start()

    def start(self) -> None:
        file = self.folder / "port"
        file.unlink(missing_ok=True)
        command = [sys.executable, __file__, str(self.folder / "data"), str(file), str(self.port)]
        self._process = subprocess.Popen(command)
        until = time.monotonic() + 120
        while not file.exists():
            assert time.monotonic() < until, "the server never came"
            assert self._process.poll() is None, "the server ended"
            time.sleep(0.02)
        self.port = int(file.read_text())

    def stop(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def uri(self, path: str, secret: str = SECRET, key: str = KEY) -> str:
        """With the credentials in it."""
        user = f"{quote(key, safe='')}:{quote(secret, safe='')}@"
        return (
            f"s3://{user}{BUCKET}/{path}?scheme=http&region=us-east-1"
            f"&endpoint_override=127.0.0.1:{self.port}"
        )

    def path(self, path: str) -> Path:
        """Where the server keeps it."""
        return self.folder / "data" / BUCKET / path


def end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


def main() -> None:
    folder, file, port = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    Handler.data_root = folder.resolve()
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    temp = file.with_suffix(".new")
    temp.write_text(str(server.server_address[1]))
    os.replace(temp, file)
    server.serve_forever()


if __name__ == "__main__":
    main()
