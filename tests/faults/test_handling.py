"""What follows a failure: tries and their limits, the watchdog, no room, and signals."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import tiny_study
from frail_hosts import Process, descendants
from helpers import assert_as_undisturbed, assert_equal_studies, tables
from tiny_study import STUDY

from al_ray.cluster.trials import tuning
from al_ray.errors import UserError

pytestmark = [pytest.mark.ray, pytest.mark.faults, pytest.mark.timeout(1800)]
ROOT = Path(__file__).resolve().parents[2]
PATIENT = 600.0
"""Seconds until a test gives up on a condition; nothing is asserted of how long it takes."""


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENT
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


# Tries


@pytest.mark.campaign
def test_an_actor_that_never_starts_ends_in_a_clear_failure(
    cluster: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process dies in the constructor: made again a few times, and then that is said."""
    monkeypatch.setattr(tuning, "MAX_FAILURES", 0)
    outcome = tiny_study.run(tmp_path, replace(STUDY, strategies=("own_strategy:Doomed",)))
    assert len(outcome.unfinished) == 1
    (row,) = pd.read_parquet(tmp_path / "trajectories").itertuples()
    assert row.status == "failed"
    assert "\n" not in row.error
    assert "shard" in row.error
    assert not (tmp_path / "steps").exists()


@pytest.mark.campaign
def test_who_shares_a_process_does_not_share_its_fate(
    cluster: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process for six frozen heads: it is killed in each of Lethal's steps and all of Deadly's.

    Every step gained buys the tries anew: Lethal dies more often than is allowed without. Each of
    the others comes to its own end, with the tables that it has where nobody dies.
    """
    monkeypatch.setattr(tuning, "MAX_FAILURES", 1)
    names = ("Broken", "Lethal", "Mistaken", "Deadly", "Margin")
    own = tuple(f"own_strategy:{name}" for name in names)
    study = replace(STUDY, strategies=(*own, "core-set"), heads=("frozen",))
    outcome = tiny_study.run(tmp_path / "out", study, concurrent=1)
    assert [config.strategy for config in outcome.unfinished] == [own[0], own[2], own[3]]
    rows = pd.read_parquet(tmp_path / "out" / "trajectories").set_index("strategy")
    assert rows.status.value_counts().to_dict() == {"complete": 3, "failed": 3}
    assert "not numbers" in rows.error[own[0]]
    assert rows.error[own[2]] == "in a strategy of one's own"
    assert "\n" not in rows.error[own[3]]
    chosen = tables(tmp_path / "out")["selections"]
    lethal, margin = (
        chosen[chosen.trajectory.str.contains(name)].row_id.tolist()
        for name in ("Lethal", "Margin")
    )
    assert lethal == margin
    alone = replace(study, strategies=("core-set",))
    (config,) = tiny_study.run(tmp_path / "alone", alone).trajectories
    assert_equal_studies(tmp_path / "out", tmp_path / "alone", only=[config.id])


# No progress


@pytest.mark.campaign
def test_a_frozen_shard_is_noticed_and_the_trial_begun_again(
    undisturbed: Path, tmp_path: Path
) -> None:
    import ray

    out, frozen = tmp_path / "frozen", []

    def shards() -> list[int]:
        return [
            actor["Pid"]
            for actor in ray._private.state.actors().values()
            if re.fullmatch("frozen/.*/shard-0", actor["Name"]) and actor["State"] == "ALIVE"
        ]

    def freeze() -> None:
        until(lambda: bool(shards()), "there was no shard")
        pids = shards()
        until(lambda: any((out / "steps").glob("*-0000.parquet")), "the first step never came")
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
            frozen.append(Process.of(pid))

    thread = threading.Thread(target=freeze)
    thread.start()
    try:
        outcome = tiny_study.run(out, patience=45.0)
        thread.join()
        assert frozen
        assert not outcome.unfinished
        assert_as_undisturbed(undisturbed, out)
        until(lambda: not any(p.runs() for p in frozen), "the frozen shard was left behind")
    finally:
        thread.join()
        for process in frozen:
            if process.runs():
                os.kill(process.pid, signal.SIGKILL)


def test_a_study_that_finds_no_room_says_so_and_ends(cluster: None, tmp_path: Path) -> None:
    import ray

    @ray.remote(num_cpus=2)
    class Occupant:
        def here(self) -> bool:
            return True

    occupant = Occupant.remote()
    assert ray.get(occupant.here.remote())
    study = replace(STUDY, steps=1)
    try:
        with pytest.raises(UserError, match="nothing could be placed") as caught:
            tiny_study.run(tmp_path, study, patience=5.0)
    finally:
        ray.kill(occupant)
    said = str(caught.value)
    assert "\n" not in said
    assert "0.02 CPU, 0.98 CPU" in said
    assert "2 CPU" in said
    assert not tiny_study.run(tmp_path, study).unfinished  # and the same command goes on


# Signals


STOPPED = "news7.py: stopped; the same command goes on from here"


def command(out: Path, steps: int = 6, updates: int = 30) -> list[str]:
    """An experiment as a user starts it."""
    options = (
        f"--strategies margin --seeds 0 --step-size 20 --steps {steps} --updates {updates} "
        "--max-length 24 --pool-limit 200 --test-limit 60 --no-dashboard --address local"
    )
    script = str(ROOT / "experiments" / "news7.py")
    return [sys.executable, script, *options.split(), "--out", str(out)]


def start(out: Path) -> subprocess.Popen[str]:
    """In the middle of a trajectory."""
    process = subprocess.Popen(
        command(out), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    until(
        lambda: any((out / "steps").glob("*-0000.parquet")) or process.poll() is not None,
        "the first step never came",
    )
    assert process.poll() is None
    return process


@pytest.mark.campaign
def test_ctrl_c_again_and_again_ends_a_study_and_nothing_is_left(tmp_path: Path) -> None:
    process = start(tmp_path / "out")
    children = descendants(process.pid)
    assert len(children) > 3  # Ray's own, the loop, a member and a shard
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        time.sleep(0.01)
    _, said = process.communicate(timeout=PATIENT)
    assert process.returncode == 130
    assert said == f"{STOPPED}\n"
    until(lambda: not any(child.runs() for child in children), "processes were left behind")
    done = len(list((tmp_path / "out" / "steps").glob("*.parquet")))
    assert 1 <= done <= 6


@pytest.mark.campaign
def test_a_signal_to_all_of_it_at_any_moment(tmp_path: Path) -> None:
    """As a terminal and `timeout` send it: to the command, to what makes tokens, and to Ray.

    One study, which goes on from each of them and comes to its end.
    """
    out = tmp_path / "out"
    moments = (
        ("Corpus embedded", signal.SIGTERM),  # the model is made
        ("Model mini", signal.SIGINT),  # tokens are made
        ("Tokens: ", signal.SIGTERM),  # Ray starts
        ("Ray cluster: ", signal.SIGTERM),  # trials start
        (str(out / "steps"), signal.SIGINT),  # the report is written
    )
    for line, number in moments:
        process = subprocess.Popen(
            command(out, steps=2, updates=5),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None
        assert any(line in each for each in process.stdout), line
        children = descendants(process.pid)
        os.killpg(process.pid, number)
        _, said = process.communicate(timeout=PATIENT)
        assert (process.returncode, said) == (128 + number, f"{STOPPED}\n"), line
        for child in children:
            until(lambda: not child.runs(), f"after {line} a process was left behind")  # noqa: B023
    last = [*command(out, steps=2, updates=5), "--no-report"]
    ended = subprocess.run(last, capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr


# A full disk


@pytest.mark.campaign
def test_a_full_disk_is_one_line_at_any_moment(tmp_path: Path) -> None:
    """The driver's files may not grow any more from a moment on, as a quota has it.

    One study, which goes on from each of them and comes to its end.
    """
    out = tmp_path / "out"
    for line in ("Corpus embedded", "step 1/2"):
        process = subprocess.Popen(
            command(out, steps=2, updates=5),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert any(line in each for each in process.stdout), line
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        _, said = process.communicate(timeout=PATIENT)
        assert process.returncode == 2, (line, said)
        # The driver's part of Ray cannot write its log any more, either, and says so by itself.
        ours = [each for each in said.splitlines() if "ray_log_sink" not in each]
        assert len(ours) == 1, (line, said)
        assert "make room there" in ours[0]
    last = [*command(out, steps=2, updates=5), "--no-report"]
    ended = subprocess.run(last, capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr
