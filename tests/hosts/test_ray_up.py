"""A real `ray up` of deploy/local.yaml, a study, a host cut off in the middle of it, `ray down`.

    python -m pytest -s -m hosts

prints its log; a few minutes.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny_study
import yaml
from helpers import assert_equal_studies, tables
from hosts import ROOT, SSH, Hosts, missing, wait_for
from spread_study import STUDY

WHY_NOT = missing()
pytestmark = [
    pytest.mark.hosts,
    pytest.mark.ray,
    pytest.mark.faults,
    pytest.mark.timeout(3000),
    pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT),
]
HERE = Path(__file__).parent
TOKEN = secrets.token_hex(32)
WORKERS = ("worker-1", "worker-2", "worker-3")
UP = {"RAY_UP_enable_autoscaler_v2": "0", "RAY_AUTH_MODE": "token"}
# A lost host is noticed in seconds; by default it takes a minute.
CHECKS = (
    "RAY_health_check_period_ms=1000 RAY_health_check_timeout_ms=4000 "
    "RAY_health_check_failure_threshold=5"
)


class Log:
    """Lines with the seconds since the beginning."""

    def __init__(self) -> None:
        self._begin = time.monotonic()

    def __call__(self, line: str) -> None:
        print(f"{time.monotonic() - self._begin:6.1f} s  {line}", flush=True)


def configuration(addresses: dict[str, str]) -> dict[str, Any]:
    """deploy/local.yaml for the pretend hosts, whose environment is there already."""
    config: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "local.yaml").read_text())
    config["provider"]["head_ip"] = addresses["head"]
    config["provider"]["worker_ips"] = [addresses[name] for name in WORKERS]
    config["auth"] = {"ssh_user": "root", "ssh_private_key": "/mnt/shared/key"}
    config["setup_commands"] = []
    config["head_start_ray_commands"] = [
        command.replace("ray start", f"{CHECKS} ray start") if "ray start" in command else command
        for command in config["head_start_ray_commands"]
    ]
    config["file_mounts"] = {
        there: here if here.startswith("~") else str(ROOT / here)
        for there, here in config["file_mounts"].items()
    }
    return config


@pytest.fixture
def bystander(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process on the machine itself that `ray stop` would take for a raylet."""
    shutil.copy(shutil.which("sleep") or "", tmp_path / "raylet")
    process = subprocess.Popen([tmp_path / "raylet", "1000"])
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    folder = tmp_path / "shared"
    folder.mkdir()
    return folder


def raylets(hosts: Hosts, name: str) -> int:
    return sum("/raylet" in line.split()[0] for line in hosts.processes(name))


def ask(hosts: Hosts, what: str, token: str = TOKEN) -> list[dict[str, Any]]:
    """What the dashboard's interface lists; a command of Ray's own would load Ray each time.

    Raises:
        RuntimeError: refused.
    """
    program = (
        "import sys, urllib.request as u; print(u.urlopen(u.Request(sys.argv[1], "
        "headers={'Authorization': 'Bearer ' + sys.argv[2]}), timeout=60).read().decode())"
    )
    url = f"http://127.0.0.1:8265/api/v0/{what}?detail=1"
    answer = hosts.run("head", f"python -I -S -c {shlex.quote(program)} {shlex.quote(url)} {token}")
    found: list[dict[str, Any]] = json.loads(answer)["data"]["result"]["result"]
    return found


def living(hosts: Hosts) -> int:
    """Nodes of the cluster that are alive, the head too."""
    return sum(node["state"] == "ALIVE" for node in ask(hosts, "nodes"))


def test_a_host_is_cut_off(cluster: None, shared: Path, bystander: subprocess.Popen[bytes]) -> None:
    log = Log()
    names = ("head", *WORKERS)
    with contextlib.ExitStack() as stack:
        hosts = stack.enter_context(Hosts(shared, names))
        log(f"hosts: {', '.join(hosts.hosts)}; each sees its own processes alone")
        for name in names:
            assert len(hosts.processes(name)) == 2, hosts.processes(name)  # the first, and sshd
        # `ray stop` does kill what looks like a raylet, where it can see it.
        hosts.run("head", "cp $(which sleep) /tmp/raylet; (/tmp/raylet 1000 &>/dev/null &)")
        assert raylets(hosts, "head") == 1
        hosts.run("head", "ray stop")
        assert raylets(hosts, "head") == 0
        assert bystander.poll() is None
        log("`ray stop` on a host kills a raylet there and none of the machine's")

        (shared / "cluster.yaml").write_text(yaml.safe_dump(configuration(hosts.addresses)))
        hosts.run("laptop", f"mkdir -m 700 ~/.ray; umask 077; echo {TOKEN} > ~/.ray/auth_token")
        hosts.run("laptop", "ray up -y --no-config-cache cluster.yaml", 600, **UP)
        log("`ray up` has returned")
        wait_for("the workers join", lambda: living(hosts) == 4, 600)
        log("head and three workers are alive")

        # What is promised: the token is asked for, and the dashboard is the head's alone.
        with pytest.raises(RuntimeError, match=r"HTTP Error 40[13]"):
            ask(hosts, "nodes", token="0" * 64)
        assert "127.0.0.1:8265" in hosts.run("head", "ss -ltnH")
        assert not re.search(r"(0\.0\.0\.0|\*|\[::\]):8265", hosts.run("head", "ss -ltnH"))
        mode = hosts.run("worker-1", "stat -c %a ~/.ray/auth_token").strip()
        assert mode == "600"
        log("a wrong token is refused; the dashboard listens on 127.0.0.1 only")

        line = shlex.quote(
            f"RAY_AUTH_MODE=token python {HERE}/spread_study.py /mnt/shared/out auto"
        )
        study = subprocess.Popen(
            hosts.command("laptop", f"ray exec --no-config-cache cluster.yaml {line}", **UP),
            stdin=subprocess.DEVNULL,
            stdout=(shared / "study.log").open("wb"),
            stderr=subprocess.STDOUT,
        )
        stack.callback(study.kill)
        stack.callback(lambda: print((shared / "study.log").read_text()))
        wait_for("a step of the committee", lambda: steps(shared, "qbc") >= 1, 900)
        placed = committee(hosts)
        log(f"the committee's step 0 is written; its actors: {placed}")
        assert len({address for role, address in placed.items() if "member" in role}) >= 2
        lost = next(n for n in WORKERS if hosts.hosts[n].address == placed["loop"])
        done = steps(shared, "qbc")
        hosts.cut(lost)
        log(f"{lost}, with the committee's loop, is cut off after {done} of {STUDY.steps} steps")
        assert done < STUDY.steps, "too late: the study was done before the cut"
        wait_for("the head misses it", lambda: living(hosts) == 3, 240)
        left = sum("ray::" in line for line in hosts.processes(lost))
        log(f"the head counts {lost} as dead; {left} Ray workers there live on, and do not know")
        assert study.wait(900) == 0
        log("the study has ended, with every trajectory complete")

        hosts.mend(lost)
        wait_for("the lost host comes back", lambda: living(hosts) == 4, 600)
        log(f"{lost} is reached again, and is back in the cluster")

        said = hosts.run(
            "laptop",
            f"python {ROOT}/experiments/news7.py --cluster cluster.yaml --strategies random "
            "--seeds 0 --step-size 20 --steps 2 --updates 2 --pool-limit 200 --test-limit 100 "
            "--out /mnt/shared/job",
            600,
            **UP,
        )
        assert "is submitted" in said
        assert "step 2/2" in said
        assert "Its tables are here" in said
        assert set(tables(shared / "job")["steps"].step) == {0, 1}
        log("`--cluster` has run a study as a job, through ssh, and followed it to its end")

        hosts.run("laptop", "ray down -y cluster.yaml", 300, **UP)
        assert raylets(hosts, "head") == 0
        for name in WORKERS:  # as deploy/README.md says
            hosts.run("laptop", f"{SSH} {name} 'bash -lc \"ray stop\"'")
            assert raylets(hosts, name) == 0
        log("`ray down`, and `ray stop` by ssh on the workers: no raylet is left")
        assert bystander.poll() is None

    assert not tiny_study.run(shared / "undisturbed", STUDY).unfinished
    log("an undisturbed run of the same study, on this machine alone, has ended")
    assert_equal_studies(shared / "out", shared / "undisturbed")
    counted = {name: len(rows) for name, rows in tables(shared / "undisturbed").items()}
    log(f"tables equal an undisturbed run's, to the last bit; rows: {counted}")


def steps(shared: Path, strategy: str) -> int:
    """Of the strategy's trajectory, those that are written."""
    return len(list((shared / "out" / "steps").glob(f"{strategy}-*.parquet")))


def committee(hosts: Hosts) -> dict[str, str]:
    """The address of each actor of the committee's trial, by role; `loop` is the trial itself."""
    addresses = {node["node_id"]: node["node_ip"] for node in ask(hosts, "nodes")}
    alive = [actor for actor in ask(hosts, "actors") if actor["state"] == "ALIVE"]
    # Only a committee has a third member; names tell the role, not whose it is.
    (group,) = {a["placement_group_id"] for a in alive if (a["name"] or "").endswith("/member-2")}
    return {
        a["name"].split("/")[-1] if a["name"] else "loop": addresses[a["node_id"]]
        for a in alive
        if a["placement_group_id"] == group
    }
