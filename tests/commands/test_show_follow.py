"""`al-ray show --follow`: how far a study is, from tables that another process writes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from filelock import FileLock
from helpers import lock_of

from al_ray.analysis.progress import COLUMNS, progress
from al_ray.analysis.summary import ARM
from al_ray.commands import show as show_command
from al_ray.commands import study as cli
from al_ray.results import Store
from al_ray.results.lease import somebody_is_at
from al_ray.results.schema import VERSION

MARGIN = ("margin", "cold", "fine-tuned", 10, 10)
NAMES = [f"margin-cold-10-s{seed}-0123456789" for seed in range(3)]


class Writer:
    """Plays the study: writes a step each time the follower would sleep."""

    def __init__(self, out: Path) -> None:
        self.store = Store(out)
        self.store.study_json.write(
            {
                "schema_version": VERSION,
                "tests": {"test": 5},
                "demonstration": False,
                "trajectories": dict.fromkeys(NAMES, 2),
            }
        )
        self.turns = [
            lambda: self.step(0, 0, 0.25),
            lambda: self.step(0, 1, 0.5),
            lambda: self.end(0, "complete"),
            lambda: (self.step(1, 0, 0.125), self.end(1, "failed")),
            lambda: (self.step(2, 0, 0.5), self.step(2, 1, 0.75), self.end(2, "complete")),
        ]

    def arm(self, seed):
        return {**dict(zip(ARM[: len(MARGIN)], MARGIN, strict=True)), "seed": seed}

    def step(self, seed, step, accuracy):
        facts = {"n_labelled": 10 * (step + 1), "test": "test", "test_accuracy": accuracy}
        facts |= {"test_balanced_accuracy": accuracy, "test_macro_f1": accuracy}
        self.store.write(
            "steps", {**self.arm(seed), **facts, "step_seconds": 30.0}, NAMES[seed], step
        )

    def end(self, seed, status):
        error = "it broke" if status == "failed" else None
        self.store.write(
            "trajectories", {**self.arm(seed), "status": status, "error": error}, NAMES[seed]
        )

    def sleep(self, _):
        assert self.turns, "it should have ended"
        self.turns.pop(0)()


@pytest.fixture
def writer(tmp_path, monkeypatch):
    made = Writer(tmp_path)
    monkeypatch.setattr(show_command.time, "sleep", made.sleep)
    with FileLock(lock_of(tmp_path)):
        yield made


def shown(argv, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["show", *argv])
    return ended.value.code, *capsys.readouterr()


def test_a_line_for_each_step_until_the_end(writer, tmp_path, capsys):
    code, out, err = shown([str(tmp_path), "--follow"], capsys)
    assert (code, err) == (0, "")
    lines = [line for line in out.splitlines() if line.startswith(tuple(NAMES))]
    assert [line.split("  ")[0] for line in lines] == [NAMES[0]] * 3 + NAMES[1:]
    assert lines[0].split("  ")[1:] == ["running", "step 1/2", "10 labels", "0.250", "00:30 left"]
    assert lines[2].split("  ")[1:] == ["complete", "step 2/2", "20 labels", "0.500"]
    assert lines[3].split("  ")[1:3] == ["failed", "step 1/2"]
    assert "Study: 0 of 3 trajectories, 1 of 6 steps; about 2 minutes left" in out
    assert "This study is running: 2 of 3 trajectories are complete, 1 failed." in out
    assert "it broke" in out  # the table of arms, at the end


def test_json_lines_for_machines(writer, tmp_path, capsys):
    code, out, _ = shown([str(tmp_path), "--follow", "--json"], capsys)
    assert code == 0
    said = [json.loads(line, parse_constant=pytest.fail) for line in out.splitlines()]
    done = [sum(row["done"] for row in each["progress"]) for each in said]
    assert done == sorted(done)
    assert done[-1] == 5
    last = said[-1]["progress"]
    assert [row["status"] for row in last] == ["complete", "failed", "complete"]
    assert said[0]["progress"][0]["status"] == "waiting"


@pytest.mark.parametrize("every", ["0", "-1", "nan", "inf"])
def test_looks_too_far_apart_or_not_at_all(tmp_path, capsys, every):
    code, out, err = shown([str(tmp_path), "--follow", "--every", every], capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "--every" in err


def test_no_study_to_follow(tmp_path, capsys):
    code, out, err = shown([str(tmp_path / "no"), "--follow"], capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_progress_by_hand(tmp_path):
    writer = Writer(tmp_path)
    for turn in writer.turns[:2]:
        turn()
    store = writer.store
    asked = {NAMES[0]: 3, NAMES[1]: 2}
    far = progress(store.read("steps"), store.read("trajectories"), asked, "test")
    assert list(far.columns) == COLUMNS
    first, second = far.to_dict("records")
    assert (first["status"], first["done"], first["steps"]) == ("running", 2, 3)
    assert (first["n_labelled"], first["accuracy"]) == (20, 0.5)
    assert (first["step_seconds"], first["left_seconds"]) == (30.0, 30.0)
    assert first["strategy"] == "margin"
    assert second["status"] == "waiting"
    assert second["n_labelled"] is None
    assert second["left_seconds"] is None


def test_a_study_that_was_extended_runs_again(tmp_path):
    writer = Writer(tmp_path)
    for turn in writer.turns[:3]:
        turn()
    store = writer.store
    tables = store.read("steps"), store.read("trajectories")
    assert progress(*tables, {NAMES[0]: 2}, "test").status.tolist() == ["complete"]
    assert progress(*tables, {NAMES[0]: 4}, "test").status.tolist() == ["running"]
    assert isinstance(progress(*tables, {}, "test"), pd.DataFrame)


def test_a_driver_that_is_dead_runs_nothing(tmp_path, capsys):
    """The lock's file stays behind; the lock does not."""
    writer = Writer(tmp_path)
    writer.step(0, 0, 0.25)
    writer.end(0, "running")
    description = writer.store.study_json.read()
    writer.store.study_json.write({**description, "run": {"command": "python news7.py"}})
    with FileLock(lock_of(tmp_path)):
        code, out, _ = shown([str(tmp_path)], capsys)
        assert code == 0
        assert "1 running" in out
        assert "stopped" not in out
    assert lock_of(tmp_path).exists()
    code, out, _ = shown([str(tmp_path)], capsys)
    assert code == 0
    assert "1 stopped" in out
    assert "running" not in out
    (line,) = (line for line in out.splitlines() if "nobody is at it" in line)
    assert "0 of 3 trajectories are complete" in line
    assert line.endswith(": python news7.py")
    answer = json.loads(shown([str(tmp_path), "--json"], capsys)[1])
    assert [row["status"] for row in answer["progress"]] == ["stopped", "waiting", "waiting"]


def test_a_driver_that_is_killed_lets_go(tmp_path):
    program = (
        "import sys, time; from filelock import FileLock\n"
        "held = FileLock(sys.argv[1]).acquire(); print('held', flush=True); time.sleep(600)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(lock_of(tmp_path))], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    assert somebody_is_at(Store(tmp_path))
    assert somebody_is_at(Store(tmp_path))  # and looking took it from nobody
    process.kill()
    process.wait()
    assert not somebody_is_at(Store(tmp_path))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_a_word(tmp_path, number):
    """While nothing is to be said: it looks again and again."""
    writer = Writer(tmp_path)
    writer.step(0, 0, 0.25)
    writer.end(0, "running")
    program = "from al_ray.commands.start import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", program, "show", str(tmp_path), "--follow", "--every", "600"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert "step 1/2" in process.stdout.readline()
        os.killpg(process.pid, number)
        _, said = process.communicate(timeout=300)
    assert (process.returncode, said) == (128 + number, "al-ray: stopped\n")
