"""Pretend hosts on one machine, for a real `ray up`.

Each host has network, process, mount, name and IPC namespaces of its own: its own `/tmp`,
`/dev/shm`, `/run` and home, its own sshd, and no sight of any process but its own. That last
matters most: the commands of `ray up` run `ray stop`, which kills every Ray process it can see.

The hosts live in the process namespace of one of them, the laptop, which sees them all: they end
with it, and it ends with the process that made it. Nothing of them is in the machine's own network.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOME = "/root"
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
SSH = "ssh -i /mnt/shared/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
NAMESPACES = ("--mount", "--pid", "--net", "--uts", "--ipc")
PROGRAMS = {
    "ip": "iproute2",
    "sshd": "openssh-server",
    "ssh": "openssh-client",
    "rsync": "rsync",
    "ps": "procps",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
}


def missing() -> str:
    """Why there can be no hosts here; '' if there can."""
    if sys.platform != "linux":
        return "namespaces are Linux's"
    if os.geteuid() != 0:
        return "making network namespaces needs root"
    lacking = sorted({p for name, p in PROGRAMS.items() if shutil.which(name, path=PATH) is None})
    if lacking:
        return f"Debian packages are missing: {' '.join(lacking)}"
    tried = subprocess.run(
        ["unshare", *NAMESPACES, "--fork", "--kill-child", "--mount-proc", "sh", "-c",
         "ip link add bridge type bridge && ip link add host-0 type veth peer name eth0"],
        capture_output=True, text=True, check=False, env={"PATH": PATH},
    )  # fmt: skip
    if tried.returncode:
        return f"the kernel refuses namespaces: {tried.stderr.strip()}"
    return ""


def wait_for(what: str, condition: Callable[[], bool], seconds: float) -> float:
    """Seconds until `condition` holds.

    Raises:
        TimeoutError: it did not in time.
    """
    begin = time.monotonic()
    while not condition():
        if time.monotonic() - begin > seconds:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.2)
    return time.monotonic() - begin


@dataclass(frozen=True)
class Host:
    """One of them: its name, address and the process that is its first, as the machine counts."""

    name: str
    address: str
    init: int


class Hosts:
    """A laptop and the hosts that it can reach.

    Args:
        shared: a folder that all of them have, at `/mnt/shared`.
        names: of the hosts beside the laptop.

    Attributes:
        hosts: by name; `laptop` is the operator's.
        addresses: theirs.
    """

    SHARED = Path("/mnt/shared")

    def __init__(self, shared: Path, names: Sequence[str]) -> None:
        self._shared = shared
        self.addresses = {name: f"10.99.0.{i}" for i, name in enumerate(["laptop", *names], 1)}
        self._processes: list[subprocess.Popen[bytes]] = []
        self.hosts: dict[str, Host] = {}

    def __enter__(self) -> Hosts:
        try:
            _run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self._shared / "key")])
            for name in self.addresses:
                self._start(name)
            for name in self.addresses:
                wait_for(f"{name} answers by ssh", lambda name=name: self._answers(name), 30)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._processes):
            process.kill()
            process.wait()

    def command(self, host: str, line: str, **environment: str) -> list[str]:
        """The argument vector that runs a line of shell on a host."""
        variables = {"HOME": HOME, "PATH": PATH, "TERM": "dumb"} | environment
        return [
            "nsenter", f"--target={self.hosts[host].init}", *NAMESPACES,
            "env", "-i", *(f"{key}={value}" for key, value in variables.items()),
            "bash", "-c", f". ~/.bashrc; cd {shlex.quote(str(self.SHARED))}; {line}",
        ]  # fmt: skip

    def run(self, host: str, line: str, seconds: float = 300, **environment: str) -> str:
        """What a line of shell prints on a host.

        Raises:
            RuntimeError: it failed.
        """
        return _run(self.command(host, line, **environment), seconds)

    def processes(self, host: str) -> list[str]:
        """The command lines that a host sees, but for the asking one's own."""
        lines = self.run(host, "ps -ww -eo args=").splitlines()
        return [line for line in lines if "ps -ww -eo" not in line]

    def cut(self, host: str) -> None:
        """Pull its cable: it goes on running, and nobody reaches it."""
        self._network(f"ip link set {host} down")

    def mend(self, host: str) -> None:
        """Put the cable back."""
        self._network(f"ip link set {host} up")

    def _start(self, name: str) -> None:
        keep = "\n".join(_outermost([ROOT, Path(sys.prefix), Path(sys.base_prefix)]))
        environment = {
            "NAME": name,
            "HOME": HOME,
            "PATH": PATH,
            "SHARED": str(self._shared),
            "KEEP": keep,
            "ENVIRONMENT": sys.prefix,
            "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}:{ROOT / 'tests' / 'ray'}",
            "NETWORK": "\n".join(f"{address} {host}" for host, address in self.addresses.items()),
        }
        inside = [] if name == "laptop" else [
            "nsenter", f"--target={self.hosts['laptop'].init}", "--pid"
        ]  # fmt: skip
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig=KILL", *inside, "unshare", *NAMESPACES, "--fork",
             "--kill-child", "--mount-proc", "bash", str(Path(__file__).with_name("host.sh"))],
            env=environment,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        self._processes.append(process)
        init = process.pid
        for _ in range(2 if inside else 1):  # nsenter, unshare, then the first of the host
            init = _child(init, process)
        host = Host(name, self.addresses[name], init)
        self.hosts[name] = host
        wait_for(f"{name} is up", lambda: Path(f"/proc/{init}/root/run/ready").exists(), 30)
        if name == "laptop":
            self._network("ip link set lo up")
            self._network("ip link add bridge type bridge")
            self._network(f"ip address add {host.address}/24 dev bridge")
            self._network("ip link set bridge up")
        else:
            self._network(f"ip link add {name} type veth peer name eth0 netns {init}")
            self._network(f"ip link set {name} master bridge up")
            inner = f"nsenter --target={init} --net"
            for line in (
                "ip link set lo up",
                f"ip address add {host.address}/24 dev eth0",
                "ip link set eth0 up",
            ):
                _run([*inner.split(), *line.split()])

    def _network(self, line: str) -> None:
        _run(["nsenter", f"--target={self.hosts['laptop'].init}", "--net", *line.split()])

    def _answers(self, name: str) -> bool:
        try:
            return self.run("laptop", f"{SSH} {name} hostname 2>/dev/null").strip() == name
        except RuntimeError:
            return False


def _run(command: Sequence[str], seconds: float = 300) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=seconds, check=False,
        stdin=subprocess.DEVNULL, env={"PATH": PATH},
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{shlex.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def _child(pid: int, process: subprocess.Popen[bytes]) -> int:
    """The only child of a process, once it has one."""
    path = Path(f"/proc/{pid}/task/{pid}/children")

    def has_one() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"a host ended at once, with code {process.returncode}")
        return bool(path.read_text().split())

    wait_for(f"the child of {pid}", has_one, 30)
    return int(path.read_text().split()[0])


def _outermost(paths: Sequence[Path]) -> list[str]:
    """Without those that lie in another."""
    resolved = {path.resolve() for path in paths}
    return sorted(
        str(path) for path in resolved if not any(other in path.parents for other in resolved)
    )
