"""A cluster of several hosts on this machine whose processes can be killed and frozen.

Pids are those of the cluster's own raylets, of these raylets' children, and what the cluster itself
says of its actors. Ray is asked, never joined: this process is no driver.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ray.cluster_utils import Cluster

HEALTH = {"initial_delay_ms": 1000, "period_ms": 1000, "timeout_ms": 2000, "failure_threshold": 4}
"""A host that does not answer is given up after some 6 seconds, and not after 50."""

ROLES = {"ImplicitFunc": "loop", "MemberActor": "member", "ShardActor": "shard"}
"""What an actor is, by its class; Tune's trial is the loop."""

JOINING = 180.0
"""Seconds in which a host or process that was started is waited for; Ray gives up sooner, which is
too soon on a machine with other work."""

LOOK = 0.5
"""Seconds between two looks at the hosts."""

ATTEMPTS = 10
"""How often a host is started: a raylet ends by itself if what it starts takes 15 seconds."""

STORE = 80 * 2**20
"""Bytes of each host's object store, about the least that Ray takes."""


def isolate(folder: Path) -> None:
    """Set the environment of a cluster that has nothing to do with any other; before it is made.

    Args:
        folder: for Ray's files; short, since it becomes a part of socket names.
    """
    os.environ["RAY_TMPDIR"] = str(folder)
    os.environ["RAY_AUTH_MODE"] = "disabled"
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.pop("RAY_ADDRESS", None)
    settings = {f"health_check_{name}": value for name, value in HEALTH.items()}
    settings["worker_register_timeout_seconds"] = int(JOINING)
    settings["worker_niceness"] = 0  # or all is last in turn on a machine with other work
    for name, number in settings.items():
        os.environ[f"RAY_{name}"] = str(number)


@dataclass(frozen=True)
class Actor:
    """A living actor of a study."""

    role: str
    name: str
    pid: int
    host: str


@dataclass(eq=False)
class Host:
    """A raylet and its children; `frozen` are those that are stopped, until `thaw`."""

    node: Any
    began: float
    seen: bool = False
    frozen: list[int] = field(default_factory=list)
    thaw: float = 0.0

    @property
    def id(self) -> str:
        """As the cluster calls it."""
        name: str = self.node.node_id
        return name

    @property
    def raylet(self) -> int:
        """Its pid."""
        pid: int = self.node.all_processes["raylet"][0].process.pid
        return pid

    def processes(self) -> list[int]:
        """The raylet and its children."""
        return [self.raylet, *(pid for pid in _all_pids() if _parent(pid) == self.raylet)]


class Hosts:
    """Keeps so many hosts alive, whatever is done to them.

    Everything here is for the main thread, as Ray's own handlers of signals are.
    """

    def __init__(self, count: int, cpus: int) -> None:
        self._count, self._cpus = count, cpus
        self._looked = 0.0
        self._cluster = _stubborn(self._head)
        self.hosts: list[Host] = []
        self.gone: list[Host] = []
        until = time.monotonic() + JOINING
        while len(self.alive()) < count:
            assert time.monotonic() < until, "the hosts never joined"
            self.mend()
            time.sleep(0.1)

    @property
    def address(self) -> str:
        """Of the head."""
        address: str = self._cluster.address
        return address

    def mend(self) -> None:
        """Thaw what is due, and start a host in the place of each that the cluster has lost."""
        now = time.monotonic()
        if now < self._looked + LOOK:
            return
        self._looked = now
        alive, known = self._said_alive()
        for host in list(self.hosts):
            host.seen |= host.id in alive
            if host.frozen and now >= host.thaw:
                self.thaw(host)
            late = not host.seen and now - host.began > JOINING
            if late or (host.seen and host.id in known and host.id not in alive):
                self.hosts.remove(host)
                self.gone.append(host)
        for host in self.gone:
            if host.frozen and now >= host.thaw:
                self.thaw(host)
        while len(self.hosts) < self._count:
            self.hosts.append(Host(_stubborn(self._worker), time.monotonic()))

    def alive(self) -> list[Host]:
        """Hosts that the cluster counts on and that run."""
        said = self._said_alive()[0]
        return [host for host in self.hosts if host.id in said and not host.frozen]

    def actors(self, drivers: Iterable[int], living: bool = True) -> list[Actor]:
        """Actors of the studies with these drivers; else also those that have died."""
        state, wanted = self._cluster.global_state, set(drivers)
        jobs = {job["JobID"] for job in state.job_table() if job["DriverPid"] in wanted}
        return sorted(
            (
                Actor(
                    ROLES[actor["ActorClassName"]],
                    actor["Name"],
                    actor["Pid"],
                    actor["Address"]["NodeID"],
                )
                for actor in state.actor_table(None).values()
                if actor["JobID"] in jobs
                and actor["ActorClassName"] in ROLES
                and actor["Pid"]
                and (actor["State"] == "ALIVE" or not living)
            ),
            key=lambda actor: (actor.role, actor.name),
        )

    @staticmethod
    def ours(pid: int) -> Process | None:
        """The process with this pid, if it is one of such a cluster; None: it is not any more."""
        process = Process.of(pid)
        mark = f"RAY_TMPDIR={os.environ['RAY_TMPDIR']}".encode()
        try:
            ours = mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            return None
        return process if ours and process.runs() else None

    def kill(self, actor: Actor) -> bool:
        """SIGKILL; False where the process had gone already."""
        if _parent(actor.pid) not in {host.raylet for host in self.hosts}:
            return False
        os.kill(actor.pid, signal.SIGKILL)
        return True

    def lose(self, host: Host) -> None:
        """Kill a raylet; its children end when they notice."""
        self.hosts.remove(host)
        self._cluster.remove_node(host.node, allow_graceful=False)

    def freeze(self, host: Host, pids: list[int], seconds: float) -> None:
        """Stop processes of a host for some time."""
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        host.frozen, host.thaw = pids, time.monotonic() + seconds

    @staticmethod
    def thaw(host: Host) -> None:
        """Let them go on."""
        pids, host.frozen = host.frozen, []
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def settle(self) -> None:
        """Thaw everything, and end what is left of hosts that the cluster has given up."""
        for host in [*self.hosts, *self.gone]:
            self.thaw(host)
        while self.gone:
            self._cluster.remove_node(self.gone.pop().node, allow_graceful=False)

    def close(self) -> None:
        """End all of it."""
        self.settle()
        self._cluster.shutdown()

    @staticmethod
    def _head() -> Cluster:
        """A cluster with a head that has no cores, and a dashboard's ports but no dashboard."""
        cluster = Cluster()
        cluster.add_node(
            num_cpus=0,
            include_dashboard=False,
            dashboard_port=_free_port(),
            dashboard_agent_listen_port=_free_port(),
        )
        return cluster

    def _worker(self) -> Any:
        return self._cluster.add_node(
            wait=False, num_cpus=self._cpus, object_store_memory=STORE, include_dashboard=False
        )

    def _said_alive(self) -> tuple[set[str], set[str]]:
        nodes = self._cluster.global_state.node_table()
        return {n["NodeID"] for n in nodes if n["Alive"]}, {n["NodeID"] for n in nodes}


def _stubborn(start: Callable[[], Any]) -> Any:
    for attempt in range(ATTEMPTS):
        try:
            return start()
        except Exception:  # Ray's own kind
            if attempt == ATTEMPTS - 1:
                raise
    return None


@dataclass(frozen=True)
class Process:
    """A pid and when it began, since pids are given again."""

    pid: int
    began: int

    @staticmethod
    def of(pid: int) -> Process:
        """The one that has this pid now."""
        return Process(pid, _stat(pid)[2])

    def runs(self) -> bool:
        """Whether it is there, and not merely waiting to be buried."""
        state, _, began = _stat(self.pid)
        return state not in ("", "Z", "X") and began == self.began


def descendants(pid: int) -> list[Process]:
    """Children of a process, their children, and so on."""
    parents = {other: _parent(other) for other in _all_pids()}
    found = [pid]
    for one in found:  # which grows
        found += [other for other, parent in parents.items() if parent == one]
    return [Process.of(one) for one in found[1:]]


def _parent(pid: int) -> int:
    return _stat(pid)[1]


def _stat(pid: int) -> tuple[str, int, int]:
    """State, parent and begin; ('', 0, 0) where there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "", 0, 0
    return fields[0], int(fields[1]), int(fields[19])


def _all_pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port
