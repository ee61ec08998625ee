"""Members and shards that go from one trajectory to the next: the tables say nothing of it."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import ray
import tiny_study
from helpers import actors_of, assert_as_undisturbed, roles
from tiny_study import STUDY

from al_ray.cluster.trials import tuning

pytestmark = pytest.mark.ray
FOUR = replace(STUDY, strategies=("margin", "core-set"), seeds=(0, 1))
"""Four trajectories of one shape."""


def until(condition: Callable[[], bool], what: str, seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def nothing_is_left(study: str) -> None:
    actors = actors_of(study)
    assert actors
    until(lambda: all(gone(actor["Pid"]) for actor in actors), "processes were left behind", 30)
    until(lambda: all(a["State"] == "DEAD" for a in actors_of(study)), "actors were left", 30)


@pytest.mark.campaign
def test_new_processes_for_every_trajectory(
    undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tables are those of processes that are kept, as they are undisturbed."""
    monkeypatch.setattr(tuning, "KEEP", False)
    out = tmp_path / "new"
    assert not tiny_study.run(out, replace(STUDY, seeds=(0, 1)), concurrent=1).unfinished
    assert roles("new") == {"member-0": 2, "shard-0": 2}
    assert {actor["NumRestarts"] for actor in actors_of("new")} == {0}
    assert_as_undisturbed(undisturbed, out)
    nothing_is_left("new")


@pytest.mark.faults
@pytest.mark.campaign
def test_kept_actors_die(undisturbed: Path, tmp_path: Path) -> None:
    """Each is made again with what its second trajectory asks for, and then kept no longer.

    A shard in the second trajectory, and a member of the next crew in the last.
    """
    out, killed = tmp_path / "killed", []

    def is_begun(trajectories: int) -> bool:
        return len(list((out / "steps").glob("*-0000.parquet"))) == trajectories

    def kill() -> None:
        for role, begun in (("shard", 2), ("member", 4)):
            until(partial(is_begun, begun), f"no trajectory {begun}")
            (actor,) = [
                actor
                for actor in actors_of("killed")
                if actor["Name"].endswith(f"{role}-0") and actor["State"] == "ALIVE"
            ]
            os.kill(actor["Pid"], signal.SIGKILL)
            killed.append(role)

    thread = threading.Thread(target=kill)
    thread.start()
    outcome = tiny_study.run(out, FOUR, concurrent=1)
    thread.join()
    assert killed == ["shard", "member"]
    assert not outcome.unfinished
    assert roles("killed") == {"member-0": 2, "shard-0": 2}  # else one of each for all four
    assert_as_undisturbed(undisturbed, out)
    nothing_is_left("killed")


@pytest.mark.faults
@pytest.mark.campaign
def test_a_kept_loop_that_has_died_is_given_to_no_trial_for_good(
    undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tune ends a trial that it gives such a process to; it is begun anew in another."""
    from ray.tune.execution.tune_controller import TuneController

    given, handed = TuneController._schedule_trial_reset, []

    def kill_it_first(self: Any, trial: Any, *rest: Any) -> None:
        if not handed:
            ray.kill(trial.temporary_state.ray_actor)
            handed.append(trial.config["trial"]["id"])
        given(self, trial, *rest)

    monkeypatch.setattr(TuneController, "_schedule_trial_reset", kill_it_first)
    out = tmp_path / "handed"
    assert not tiny_study.run(out, replace(STUDY, seeds=(0, 1)), concurrent=1).unfinished
    assert handed
    assert_as_undisturbed(undisturbed, out)
    nothing_is_left("handed")


def test_trajectories_of_two_shapes(undisturbed: Path) -> None:
    """A committee's actors are of no use to a single model, nor the other way round."""
    found = json.loads(undisturbed.with_suffix(".roles").read_text())
    assert found["member-0"] == found["shard-0"] <= 3
    assert found["member-0"] > found["member-1"] == found["member-2"] == 1
