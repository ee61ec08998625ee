"""The long fault campaign: studies are disturbed at random, and must end with equal tables.

    python tests/faults/campaign.py --faults 100

Each study runs once undisturbed and then, in new folders, under several faults each, which
`fault_plan` draws from `--seed`. A study may refuse, with exit code 2 and one line, what it cannot
mend; what the line names is done, and the command given again. Every finished study is a line of
`studies.jsonl`, with its faults and whom they really hit; the same command again goes on after the
last one. Ends with a table of kinds and counts, and with exit code 1 where anything differed.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import functools
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
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
from disk_faults import damage  # noqa: E402
from fault_plan import DAMAGES, DISK, KINDS, Fault, Shape, plan  # noqa: E402
from frail_hosts import Hosts  # noqa: E402
from helpers import assert_equal_studies  # noqa: E402

HOSTS, CPUS = 3, 2
"""Two cores each, so that a committee has to lie on two hosts."""

SILENCE = 900.0
"""Seconds without a new step after which a study counts as hung."""

AGAIN = 3
"""How often a study that ends by itself, incomplete or refused, is given its command again."""

FULL = 60.0
"""Seconds after which there is room again on a full disk, if the study has not ended before."""

MOST_LEFT = 2**16
"""Bytes that a full disk may have left, so that now this and now that cannot be written."""

BLOCK = 4096
"""Bytes by which a file takes room in memory."""

HOURS = 5
"""That the clock is set back."""

LEAVING = 90.0
"""Seconds in which the actors of a study that has ended must be gone."""


@dataclass
class Run:
    """A study in a process of its own, and what has been done to it.


    Attributes:
        place: its own folder: the results folder is on `disk` in it, and logs lie beside that.
        room: bytes of that disk; None: of no disk of its own.
        clock: the driver's clock can be set.
    """

    shape: Shape
    place: Path
    address: str
    room: int | None = None
    clock: bool = False
    process: subprocess.Popen[bytes] = field(init=False)
    drivers: list[int] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    full_until: float = 0.0

    def __post_init__(self) -> None:
        self.disk.mkdir(parents=True)
        if self.room is not None:
            command = ["mount", "-t", "tmpfs", "-o", f"size={self.room}", "tmpfs", str(self.disk)]
            subprocess.run(command, check=True)
        if self.clock:
            self._set_clock(0)
        self.start()

    @property
    def disk(self) -> Path:
        """Where the results folder is, and nothing of the campaign's but what fills the disk."""
        return self.place / "disk"

    @property
    def out(self) -> Path:
        """The results folder."""
        return self.disk / self.place.name

    def start(self) -> None:
        """The same command, for the first time or again."""
        command = [sys.executable, tiny_study.__file__, str(self.out), "--address", self.address]
        clock = {"LD_PRELOAD": str(clock_library()), "CLOCK_FILE": str(self.place / "clock")}
        environment = {**os.environ, **(clock if self.clock else {})}
        said = self.place / f"stderr-{len(self.drivers)}"
        with (self.place / "driver.log").open("ab") as log, said.open("wb") as errors:
            self.process = subprocess.Popen(
                [*command, *self.shape.options], stdout=log, stderr=errors, env=environment
            )
        self.drivers.append(self.process.pid)

    def errors(self) -> str:
        """What the last command has written to stderr."""
        return (self.place / f"stderr-{len(self.drivers) - 1}").read_text(errors="replace").strip()

    def line(self) -> str:
        """Its last."""
        return self.errors().rpartition("\n")[2]

    def failure(self) -> str:
        """What else than one line of a refusal it has written; '' if nothing."""
        errors = self.errors()
        own = errors.splitlines()
        for place, line in enumerate(own):
            if _RECORD.match(line):
                _blank(own, place)
        said = len(list(filter(None, own)))
        bad = self.process.returncode == 2 and said != 1
        return errors[-3000:] if bad or f'{tiny_study.__file__}", line' in errors else ""

    def kill(self) -> bool:
        """SIGKILL to the driver; False where it had ended already."""
        self.process.kill()
        return self.process.wait() == -signal.SIGKILL

    def set_clock_back(self) -> None:
        """The driver's, by hours; it stays so."""
        self._set_clock(-3600 * HOURS)

    def _set_clock(self, seconds: int) -> None:
        # In place: it is mapped.
        handle = os.open(self.place / "clock", os.O_CREAT | os.O_WRONLY, 0o600)
        os.write(handle, seconds.to_bytes(8, sys.byteorder, signed=True))
        os.close(handle)

    def fill(self, left: int) -> None:
        """Leave so many bytes on its disk, for some time."""
        self.full_until = time.monotonic() + FULL
        with (self.disk / "filler").open("wb", buffering=0) as filler:
            with contextlib.suppress(OSError):
                while filler.write(bytes(2**16)) == 2**16:
                    pass
            filler.truncate(max(0, filler.tell() - left))

    def make_room(self) -> None:
        """Again, where it was filled."""
        self.full_until = 0.0
        (self.disk / "filler").unlink(missing_ok=True)

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


_RECORD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\t[A-Z]+ ")
"""How a record of Ray's log begins; Tune has one, with a traceback, of every try that fails."""

_TRACE = re.compile(
    r"\s|Traceback|The above exception|During handling|The actor |[\w.]+(\(\w+\))?: |$"
)


def _blank(lines: list[str], place: int) -> None:
    lines[place] = ""
    for other in range(place + 1, len(lines)):
        if not _TRACE.match(lines[other]):
            return
        lines[other] = ""


def measure(hosts: Hosts, shape: Shape, folder: Path) -> tuple[Path, list[float]]:
    """The undisturbed study, and how many seconds each of its steps came after the one before."""
    place, times = folder / f"undisturbed-{shape.name}", folder / f"undisturbed-{shape.name}.json"
    if not times.exists():
        clear(place)
        run, came = Run(shape, place, hosts.address), [0.0]
        while run.process.poll() is None:
            came += [run.seconds()] * (run.done() - len(came) + 1)
            assert run.seconds() - came[-1] < SILENCE, f"{shape.name} undisturbed: it hangs"
            time.sleep(0.05)
        assert run.process.returncode == 0, run.errors()
        assert run.done() == shape.all_steps
        came += [run.seconds()] * (run.done() - len(came) + 1)
        say(f"{shape.name}: undisturbed in {run.seconds():.0f} s")
        times.write_text(json.dumps([b - a for a, b in pairwise(came)]))
    return place / "disk" / place.name, json.loads(times.read_text())


def clear(place: Path) -> None:
    """Remove a study's folder, and the disk in it."""
    if (place / "disk").is_mount():
        subprocess.run(["umount", "--lazy", str(place / "disk")], check=True)
    shutil.rmtree(place, ignore_errors=True)


def size_of(out: Path) -> int:
    """Bytes that a disk for such a study must have, with room for what is set aside."""
    sizes = [path.stat().st_size for path in out.rglob("*") if path.is_file()]
    return 3 * sum(BLOCK + size for size in sizes) + 2**24


def impossible() -> dict[str, str]:
    """Kinds that this machine does not allow, and why."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            found["disk full"] = "nothing may be mounted here"
        else:
            subprocess.run(["umount", folder], check=True)
    if clock_library() is None:
        found["clock set back"] = "no C compiler"
    return found


@functools.cache
def clock_library() -> Path | None:
    """`clock.c`, compiled; None where there is no compiler."""
    compiler = shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        return None
    made = Path(tempfile.mkdtemp(prefix="al-clock-")) / "clock.so"
    atexit.register(shutil.rmtree, made.parent)
    source = Path(__file__).with_name("clock.c")
    subprocess.run(
        [compiler, "-O1", "-shared", "-fPIC", "-o", str(made), str(source), "-ldl"], check=True
    )
    return made


def disturb(
    hosts: Hosts, run: Run, faults: Sequence[Fault], lengths: list[float]
) -> dict[str, Any]:
    """Run a study to its end with these faults; what was hit, and how it went."""
    left, hits, again, in_row = list(faults), [], 0, 0
    refused: list[str] = []
    failures: list[str] = []
    changed, last, armed = time.monotonic(), 0, 0.0
    hung = False

    def strike_all(group: Sequence[Fault]) -> list[Fault]:
        """Those that hit nothing."""
        found = {fault: strike(hosts, run, fault) for fault in group}
        for hit in found.values():
            if hit is not None:
                hits.append(hit)
                say(f"  {hit['seconds']:5.1f} s, {hit['steps']} of {run.shape.all_steps}: {hit}")
        return [fault for fault, hit in found.items() if hit is None]

    while True:
        now = time.monotonic()
        hosts.mend()
        done = run.done()
        if done != last:
            changed, last = now, done
        if run.full_until and now > run.full_until:
            run.make_room()
        if (code := run.process.poll()) is not None:
            run.make_room()
            late = [fault for fault in left if fault.kind in DISK]
            if code in (1, 2) and in_row < AGAIN:
                again, in_row = again + 1, in_row + 1
                if code == 2:
                    refused.append(run.line())
                    say(f"  refused: {refused[-1]}")
                    remedy(run, refused[-1])
                if failure := run.failure():
                    failures.append(failure)
                    say(f"  FAILURE: {failure}")
            elif code == 0 and len(missed := strike_all(late)) < len(late):
                left, in_row = [*(fault for fault in left if fault not in late), *missed], 0
            else:
                break
            run.start()
            changed = now
        if now - changed > SILENCE:
            hung = True
            run.kill()
            break
        # The last steps are looked at when the study ends: what strikes after that look strikes
        # between runs.
        if (
            left
            and left[0].when != "ended"
            and done >= int(left[0].moment)
            and (left[0].kind not in DISK or done < run.shape.all_steps)
        ):
            armed = armed or now + left[0].moment % 1 * lengths[int(left[0].moment)]
            if now >= armed:
                group = [fault for fault in left if fault.moment == left[0].moment]
                between = group[0].when == "killed"
                if between and not run.kill():
                    continue
                missed = strike_all(group)
                if between:
                    missed = [replace(fault, when="ended") for fault in missed]
                    run.start()
                if between or not missed:
                    left = sorted([*left[len(group) :], *missed], key=lambda f: f.when == "ended")
                    armed, changed, in_row = 0.0, now, 0
        time.sleep(0.05)
    if failure := run.failure():
        failures.append(failure)
    report = {
        "exit_code": run.process.returncode,
        "hung": hung,
        "commands": len(run.drivers),
        "again": again,
        "refused": refused,
        "failures": failures,
        "seconds": round(run.seconds(), 1),
        "faults": hits,
        "missed": [fault.kind for fault in left],
    }
    hosts.settle()
    report["left_over"] = leftovers(hosts, run)
    return report


def strike(hosts: Hosts, run: Run, fault: Fault) -> dict[str, Any] | None:
    """Do it, and say whom it hit; None where there is nobody to hit at this moment."""
    hit: dict[str, Any] = {
        "kind": fault.kind,
        "planned": round(fault.moment, 2),
        "steps": run.done(),
        "seconds": round(run.seconds(), 1),
        "driver": "alive" if run.process.poll() is None else f"ended, {run.process.returncode}",
    }
    if fault.kind in DAMAGES:
        found = damage(run.out, fault)
        return None if found is None else {**hit, **found}
    if fault.kind == "disk full":
        left = int(fault.choice * MOST_LEFT)
        run.fill(left)
        return {**hit, "left": left}
    if fault.kind == "folder gone":
        if not run.out.exists():
            return None
        gone = run.out.rename(run.disk / "gone")  # at once, whoever is writing
        shutil.rmtree(gone)
        return hit
    if fault.kind == "clock set back":
        run.set_clock_back()
        return {**hit, "hours": HOURS}
    actors = hosts.actors([run.process.pid])
    if fault.kind == "driver":
        pid = run.process.pid
        if run.process.poll() is not None or not actors:
            return None
        if not run.kill():
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


def remedy(run: Run, line: str) -> None:
    """Do what a refusal asks for; mostly nothing but the same command again."""
    path = Path(line.partition(": ")[0])
    if re.search("(give|or) another --out|new or empty folder", line):
        shutil.rmtree(run.out)
    elif "remove it" in line and path.is_relative_to(run.out):
        path.unlink()


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
    report["equal"] = not (
        difference or report["hung"] or report["exit_code"] or report["failures"]
    )
    report["difference"] = difference


def table(studies: Sequence[dict[str, Any]]) -> str:
    """Kinds and counts, in Markdown."""
    lines = ["| fault | hit | studies | equal | refused, then equal |", "|---|---|---|---|---|"]

    def row(name: str, hit: int, among: Sequence[dict[str, Any]]) -> str:
        equal = [study for study in among if study["equal"]]
        after = sum(bool(study["refused"]) for study in equal)
        return f"| {name} | {hit} | {len(among)} | {len(equal) - after} | {after} |"

    for kind in KINDS:
        with_it = [s for s in studies if any(fault["kind"] == kind for fault in s["faults"])]
        hit = sum(fault["kind"] == kind for s in with_it for fault in s["faults"])
        lines.append(row(kind, hit, with_it))
    lines.append(row("all", sum(len(s["faults"]) for s in studies), studies))
    return "\n".join(lines)


def fingerprint() -> str:
    """Of the program: another one's undisturbed tables may differ."""
    files = [*sorted((ROOT / "al_ray").rglob("*.py")), Path(tiny_study.__file__)]
    files += [Path(__file__).with_name(f"{name}.py") for name in _PROGRAM]
    return hashlib.blake2b(b"".join(p.read_bytes() for p in files), digest_size=8).hexdigest()


_PROGRAM = ("campaign", "disk_faults", "fault_plan", "frail_hosts")


def say(text: str) -> None:
    """At once, for whoever watches."""
    print(text, flush=True)


def campaign(folder: Path, seed: int, wanted: int) -> list[dict[str, Any]]:
    """Studies until so many faults have hit, going on after those that are noted in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    this = {"seed": seed, "program": fingerprint()}
    noted, begun = folder / "studies.jsonl", folder / "campaign.json"
    if begun.exists() and json.loads(begun.read_text()) != this:
        say(f"{folder}: holds a campaign of another seed or program; give another --folder")
        sys.exit(2)
    begun.write_text(json.dumps(this))
    studies = (
        [json.loads(line) for line in noted.read_text().splitlines()] if noted.exists() else []
    )

    def hit() -> int:
        return sum(len(study["faults"]) for study in studies)

    if hit() >= wanted:
        return studies
    if studies:
        say(f"{len(studies)} studies with {hit()} faults are noted already.")
    without = impossible()
    for kind, why in without.items():
        say(f"without '{kind}': {why}")
    scratch = Path(tempfile.mkdtemp(prefix="al-", dir="/tmp"))
    frail_hosts.isolate(scratch)
    hosts: Hosts | None = None
    run: Run | None = None
    try:
        hosts = Hosts(HOSTS, CPUS)
        say(f"{HOSTS} hosts at {hosts.address}")
        while hit() < wanted:
            index = len(studies)
            shape, faults = plan(seed, index)
            faults = [fault for fault in faults if fault.kind not in without]
            whole, lengths = measure(hosts, shape, folder)
            place = folder / f"study-{index:03d}"
            clear(place)
            kinds = [fault.kind for fault in faults]
            say(f"study {index}, {shape.name}: {', '.join(kinds)}")
            room = size_of(whole) if "disk full" in kinds else None
            run = Run(shape, place, hosts.address, room, "clock set back" in kinds)
            report = {"study": index, "shape": shape.name, **disturb(hosts, run, faults, lengths)}
            compare(report, whole, run.out)
            studies.append(report)
            with noted.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(report) + "\n")
            verdict = "equal" if report["equal"] else "NOT EQUAL"
            if report["equal"] and report["refused"]:
                verdict = "refused, then equal"
            say(f"  {verdict} after {report['seconds']:.0f} s; {hit()} faults so far")
            if report["equal"] and not report["left_over"]:
                clear(place)
            run = None
            if report["hung"]:  # its actors may hold what the next one needs
                hosts.close()
                hosts = Hosts(HOSTS, CPUS)
    finally:
        if run is not None:
            run.kill()
            clear(run.place)  # it is not noted, and will be begun anew
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
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no process is left behind
    began = time.monotonic()
    studies = campaign(options.folder.absolute(), options.seed, options.faults)
    say(f"\n{table(studies)}\n")
    for study in studies:
        for name in ("difference", "failures", "left_over"):
            if study[name]:
                say(f"study {study['study']}: {name}: {study[name]}")
    say(f"{(time.monotonic() - began) / 60:.1f} minutes; seed {options.seed}")
    if any(not study["equal"] or study["left_over"] for study in studies):
        sys.exit(1)


if __name__ == "__main__":
    main()
