"""A real `ray start --head` of the test's own, on ports of its own, that ends with its own pids."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

TOKEN = "0123456789abcdef0123456789abcdef"
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Head:
    """A cluster of one machine, that demands TOKEN.

    Attributes:
        folder: its RAY_TMPDIR.
        port: of its head.
        dashboard: http address.
    """

    folder: Path
    port: int
    dashboard: str

    def environment(self, **changes: str) -> dict[str, str]:
        """Of a user of this machine who has no token, but for these changes."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        python = os.pathsep.join([str(ROOT), kept.get("PYTHONPATH", "")])
        return {
            **kept,
            "HOME": str(home),
            "RAY_TMPDIR": str(self.folder),
            "RAY_USAGE_STATS_ENABLED": "0",
            "PYTHONPATH": python,
            **changes,
        }


@contextmanager
def head(folder: Path) -> Iterator[Head]:
    """Start one; `folder` must be short, since sockets lie in it."""
    free = _free_ports(4)
    made = Head(folder, free[0], f"http://127.0.0.1:{free[1]}")
    environment = made.environment(
        RAY_AUTH_MODE="token",
        RAY_AUTH_TOKEN=TOKEN,
        RAY_raylet_start_wait_time_s="240",
        RAY_worker_niceness="0",  # on a busy machine, 15 is never
        # What a job's `python` is.
        PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    )
    options = {
        "port": free[0],
        "dashboard-host": "127.0.0.1",
        "dashboard-port": free[1],
        "ray-client-server-port": free[2],
        "dashboard-agent-listen-port": free[3],
        "num-cpus": 2,
        "num-gpus": 0,
        "object-store-memory": 256 * 2**20,
    }
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head"]
    try:
        started = subprocess.run(
            [*command, *(f"--{name}={value}" for name, value in options.items())],
            env=environment,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
            start_new_session=True,
        )
        assert started.returncode == 0, started.stdout + started.stderr
        yield made
    finally:
        until = time.monotonic() + 60
        while pids := _pids_of(folder):
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            assert time.monotonic() < until, pids
            time.sleep(0.1)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _pids_of(folder: Path) -> list[int]:
    """Processes whose environment names this folder: the head's, and what they have started."""
    mark = f"RAY_TMPDIR={folder}".encode()
    found = []
    for path in Path("/proc").iterdir():
        if not path.name.isdigit() or int(path.name) == os.getpid():
            continue
        try:
            variables = (path / "environ").read_bytes().split(b"\0")
            dead = b"\nState:\tZ" in (path / "status").read_bytes()
        except OSError:
            continue
        if mark in variables and not dead:
            found.append(int(path.name))
    return found
