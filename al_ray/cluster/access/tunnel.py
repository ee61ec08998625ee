"""A way by ssh to the dashboard of a cluster of a YAML file."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests

from al_ray.errors import UserError
from al_ray.language import tr


@contextmanager
def tunnel(cluster: str, seconds: float = 180.0) -> Iterator[str]:
    """The http address of a cluster's dashboard, which Ray forwards to a free port here.

    Raises:
        UserError: the cluster cannot be reached.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "ray.scripts.scripts", "dashboard", cluster, "--port"]
    with tempfile.TemporaryFile("w+") as said:
        # A session of its own, to end ssh with it; and Ctrl-C is for us.
        forward = subprocess.Popen(
            [*command, str(port)],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        try:
            until = time.monotonic() + seconds
            while not _answers(port):
                if forward.poll() is not None or time.monotonic() > until:
                    said.seek(0)
                    words = said.read().strip().splitlines()
                    raise UserError(
                        "--cluster {cluster}: its head cannot be reached ({reason}); "
                        "start it with `ray up {cluster}`",
                        cluster=cluster,
                        reason=words[-1] if words else tr("ssh did not answer"),
                    )
                time.sleep(0.5)
            yield f"http://127.0.0.1:{port}"
        finally:
            _end(forward)


def _answers(port: int) -> bool:
    """Whether a server speaks through the tunnel: ssh listens before its other end does."""
    try:
        requests.get(f"http://127.0.0.1:{port}/api/version", timeout=5)
    except requests.RequestException:
        return False
    return True


def _end(process: subprocess.Popen[Any]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
            process.wait(timeout=10)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
        return
