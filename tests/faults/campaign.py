"""The long fault campaign: studies are disturbed at random, and must end with equal tables.

    python tests/faults/campaign.py --faults 100

Each study runs once undisturbed and then, in new folders, under several faults each, which
`fault_plan` draws from `--seed`. Every finished study is a line of `studies.jsonl`, with its faults
and whom they really hit; the same command again goes on after the last one. Ends with a table of
kinds and counts, and with exit code 1 where anything differed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [
    str(ROOT),
    str(ROOT / "tests"),
    str(ROOT / "tests" / "ray"),
    str(ROOT / "tests/faults"),
]

import frail_hosts  # noqa: E402
import tiny_study  # noqa: E402
from fault_plan import KINDS, Fault, Shape, plan, short_plan  # noqa: E402
from frail_hosts import Hosts  # noqa: E402
from helpers import assert_equal_studies  # noqa: E402

HOSTS, CPUS = 3, 2
"""Two cores each, so that a committee has to lie on two hosts."""

SILENCE = 900.0
"""Seconds without a new step after which a study counts as hung."""

AGAIN = 3
"""How often a study that ends by itself, incomplete, is given its command again."""

LEAVING = 90.0
"""Seconds in which the actors of a study that has ended must be gone."""


@dataclass
class Run:
    """A study in a process of its own, and what has been done to it."""

    shape: Shape
    out: Path
    address: str
    process: subprocess.Popen[bytes] = field(init=False)
    drivers: list[int] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """The same command, for the first time or again."""
        self.out.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, tiny_study.__file__, str(self.out), "--address", self.address]
        with (self.out / "driver.log").open("ab") as log:
            self.process = subprocess.Popen([*command, *self.shape.options], stdout=log, stderr=log)
        self.drivers.append(self.process.pid)

    def steps(self) -> dict[str, int]:
        """Steps on disk, by trajectory."""
        found: dict[str, int] = {}
        for path in (self.out / "steps").glob("[!.]*.parquet"):
            name = path.stem.rpartition("-")[0]
            found[name] = found.get(name, 0) + 1
        return found

    def done(self) -> int:
        """Steps on disk."""
        return sum(self.steps().values())

    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.began


def measure(hosts: Hosts, shape: Shape, folder: Path) -> tuple[Path, list[float]]:
    """The undisturbed study, and how many seconds each of its steps came after the one before."""
    out, times = folder / f"undisturbed-{shape.name}", folder / f"undisturbed-{shape.name}.json"
    if not times.exists():
        shutil.rmtree(out, ignore_errors=True)
        run, came = Run(shape, out, hosts.address), [0.0]
        while run.process.poll() is None:
            came += [run.seconds()] * (run.done() - len(came) + 1)
            assert run.seconds() - came[-1] < SILENCE, f"{shape.name} undisturbed: it hangs"
            time.sleep(0.05)
        assert run.process.returncode == 0, (out / "driver.log").read_text()
        assert run.done() == shape.all_steps
        came += [run.seconds()] * (run.done() - len(came) + 1)
        say(f"{shape.name}: undisturbed in {run.seconds():.0f} s")
        times.write_text(json.dumps([b - a for a, b in pairwise(came)]))
    return out, json.loads(times.read_text())


def disturb(
    hosts: Hosts, run: Run, faults: Sequence[Fault], lengths: list[float]
) -> dict[str, Any]:
    """Run a study to its end with these faults; what was hit, and how it went."""
    left, hits, again = list(faults), [], 0
    changed, last, armed = time.monotonic(), 0, 0.0
    hung = False
    while True:
        now = time.monotonic()
        hosts.mend()
        done = run.done()
        if done != last:
            changed, last = now, done
        if run.process.poll() is not None:
            if run.process.returncode != 1 or again == AGAIN:
                break
            again += 1
            run.start()
        if now - changed > SILENCE:
            hung = True
            run.process.kill()
            run.process.wait()
            break
        if left and done >= int(left[0].moment):
            armed = armed or now + left[0].moment % 1 * lengths[int(left[0].moment)]
            if now >= armed:
                hit = strike(hosts, run, left[0])
                if hit is not None:
                    hits.append(hit)
                    say(f"  {run.seconds():5.1f} s, {done} of {run.shape.all_steps} steps: {hit}")
                    left.pop(0)
                    armed, changed = 0.0, now
        time.sleep(0.05)
    report = {
        "exit_code": run.process.returncode,
        "hung": hung,
        "commands": len(run.drivers),
        "again": again,
        "seconds": round(run.seconds(), 1),
        "faults": hits,
        "missed": [fault.kind for fault in left],
    }
    hosts.settle()
    report["left_over"] = leftovers(hosts, run)
    return report


def strike(hosts: Hosts, run: Run, fault: Fault) -> dict[str, Any] | None:
    """Do it, and say whom it hit; None where there is nobody to hit at this moment."""
    actors = hosts.actors([run.process.pid])
    steps = run.steps()
    hit: dict[str, Any] = {
        "kind": fault.kind,
        "planned": round(fault.moment, 2),
        "steps": sum(steps.values()),
        "seconds": round(run.seconds(), 1),
    }
    if fault.kind == "driver":
        pid = run.process.pid
        if run.process.poll() is not None or not actors:
            return None
        os.kill(pid, signal.SIGKILL)
        code = run.process.wait()
        if code != -signal.SIGKILL:
            return None
        run.start()
        return {**hit, "role": "driver", "pid": pid, "actors": len(actors)}
    if fault.kind in ("shard", "member", "loop"):
        actors = [actor for actor in actors if actor.role == fault.kind]
        if not actors:
            return None
        actor = actors[int(fault.choice * len(actors))]
        if not hosts.kill(actor):
            return None
        return {**hit, "role": actor.role, "actor": actor.name, "pid": actor.pid}
    # A host with a part of the study on it.
    busy = {actor.host for actor in actors}
    at_work = [host for host in hosts.alive() if host.id in busy]
    if not at_work:
        return None
    host = at_work[int(fault.choice * len(at_work))]
    roles = sorted(actor.role for actor in actors if actor.host == host.id)
    hit |= {"role": "host", "pid": host.raylet, "actors": roles}
    if fault.kind == "node":
        hosts.lose(host)
        return hit
    pids = [host.raylet] if fault.kind == "frozen raylet" else host.processes()
    hosts.freeze(host, pids, fault.thaw)
    return {**hit, "processes": len(pids), "thaw": round(fault.thaw, 1)}


def leftovers(hosts: Hosts, run: Run) -> list[int]:
    """Pids of actors that outlive their study."""
    pids = {actor.pid for actor in hosts.actors(run.drivers, living=False)}
    until = time.monotonic() + LEAVING
    while time.monotonic() < until:
        pids = {pid for pid in pids if hosts.ours(pid)}
        if not pids:
            break
        time.sleep(0.1)
    return sorted(pids)


def compare(report: dict[str, Any], whole: Path, out: Path) -> None:
    """Add whether the tables are equal by value, and else in what they differ."""
    try:
        assert_equal_studies(whole, out)
        difference = ""
    except Exception as error:  # also tables that cannot be read
        difference = f"{type(error).__name__}: {error}"
    report["equal"] = not difference and not report["hung"] and report["exit_code"] == 0
    report["difference"] = difference


def table(studies: Sequence[dict[str, Any]]) -> str:
    """Kinds and counts, in Markdown."""
    lines = ["| fault | hit | studies | of these equal |", "|---|---|---|---|"]
    for kind in KINDS:
        with_it = [s for s in studies if any(fault["kind"] == kind for fault in s["faults"])]
        hit = sum(fault["kind"] == kind for s in with_it for fault in s["faults"])
        equal = sum(s["equal"] for s in with_it)
        lines.append(f"| {kind} | {hit} | {len(with_it)} | {equal} |")
    every, equal = sum(len(s["faults"]) for s in studies), sum(s["equal"] for s in studies)
    lines.append(f"| all | {every} | {len(studies)} | {equal} |")
    return "\n".join(lines)


def fingerprint() -> str:
    """Of the program: another one's undisturbed tables may differ."""
    files = [*sorted((ROOT / "al_ray").rglob("*.py")), Path(tiny_study.__file__)]
    files += sorted((ROOT / "tests" / "faults").glob("*.py"))
    return hashlib.blake2b(b"".join(p.read_bytes() for p in files), digest_size=8).hexdigest()


def say(text: str) -> None:
    """At once, for whoever watches."""
    print(text, flush=True)


def campaign(folder: Path, seed: int, wanted: int, short: bool) -> list[dict[str, Any]]:
    """Studies until so many faults have hit, going on after those that are noted in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    this = {"seed": seed, "short": short, "program": fingerprint()}
    noted, begun = folder / "studies.jsonl", folder / "campaign.json"
    if begun.exists() and json.loads(begun.read_text()) != this:
        say(f"{folder}: holds a campaign of another seed or program; give another --folder")
        sys.exit(2)
    begun.write_text(json.dumps(this))
    studies = (
        [json.loads(line) for line in noted.read_text().splitlines()] if noted.exists() else []
    )
    if short:
        wanted = len(KINDS)

    def hit() -> int:
        return sum(len(study["faults"]) for study in studies)

    if hit() >= wanted:
        return studies
    if studies:
        say(f"{len(studies)} studies with {hit()} faults are noted already.")
    scratch = Path(tempfile.mkdtemp(prefix="al-", dir="/tmp"))
    frail_hosts.isolate(scratch)
    hosts: Hosts | None = None
    run: Run | None = None
    try:
        hosts = Hosts(HOSTS, CPUS)
        say(f"{HOSTS} hosts at {hosts.address}")
        while hit() < wanted:
            index = len(studies)
            found = {fault["kind"] for study in studies for fault in study["faults"]}
            missing = [kind for kind in KINDS if kind not in found]
            shape, faults = short_plan(seed, index, missing) if short else plan(seed, index)
            whole, lengths = measure(hosts, shape, folder)
            out = folder / f"study-{index:03d}"
            shutil.rmtree(out, ignore_errors=True)
            say(f"study {index}, {shape.name}: {', '.join(fault.kind for fault in faults)}")
            run = Run(shape, out, hosts.address)
            report = {"study": index, "shape": shape.name, **disturb(hosts, run, faults, lengths)}
            compare(report, whole, out)
            studies.append(report)
            with noted.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(report) + "\n")
            verdict = "equal" if report["equal"] else "NOT EQUAL"
            say(f"  {verdict} after {report['seconds']:.0f} s; {hit()} faults so far")
            if report["equal"] and not report["left_over"]:
                shutil.rmtree(out)
            if report["hung"]:  # its actors may hold what the next one needs
                hosts.close()
                hosts = Hosts(HOSTS, CPUS)
    finally:
        if run is not None and run.process.poll() is None:
            run.process.kill()
        if hosts is not None:
            hosts.close()
        shutil.rmtree(scratch, ignore_errors=True)
    return studies


def main() -> None:
    """Run, or go on with, a campaign."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=ROOT / "results" / "faults")
    parser.add_argument("--short", action="store_true", help="each kind once")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no process is left behind
    began = time.monotonic()
    studies = campaign(options.folder.absolute(), options.seed, options.faults, options.short)
    say(f"\n{table(studies)}\n")
    for study in studies:
        for name in ("difference", "left_over"):
            if study[name]:
                say(f"study {study['study']}: {name}: {study[name]}")
    say(f"{(time.monotonic() - began) / 60:.1f} minutes; seed {options.seed}")
    if any(not study["equal"] or study["left_over"] for study in studies):
        sys.exit(1)


if __name__ == "__main__":
    main()
