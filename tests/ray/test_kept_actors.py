"""Members and shards that go from one trajectory to the next: the tables say nothing of it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import ray
import tiny_study
from helpers import assert_as_undisturbed
from tiny_study import STUDY

pytestmark = pytest.mark.ray
FOUR = replace(STUDY, strategies=("margin", "core-set"), seeds=(0, 1))
"""Four trajectories of one shape."""


def actors_of(study: str) -> list[dict[str, Any]]:
    """Members and shards of a study, living or not."""
    found = ray._private.state.actors().values()
    return [actor for actor in found if actor["Name"].startswith(f"{study}/")]


def roles(study: str) -> Counter[str]:
    return Counter(actor["Name"].rpartition("/")[2] for actor in actors_of(study))


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


def test_one_member_and_one_shard_do_all_trajectories(undisturbed: Path, tmp_path: Path) -> None:
    """An actor that was never made again has had one process."""
    assert roles(undisturbed.name)["member-0"] >= 4  # where they were not kept
    out = tmp_path / "kept"
    assert not tiny_study.run(out, FOUR, concurrent=1).unfinished
    assert roles("kept") == {"member-0": 1, "shard-0": 1}
    assert {actor["NumRestarts"] for actor in actors_of("kept")} == {0}
    assert_as_undisturbed(undisturbed, out)
    nothing_is_left("kept")


@pytest.mark.faults
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
    assert roles("killed") == {"member-0": 2, "shard-0": 2}
    assert_as_undisturbed(undisturbed, out)
    nothing_is_left("killed")


@pytest.mark.faults
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
    assert not tiny_study.run(out, FOUR, concurrent=1).unfinished
    assert handed
    assert_as_undisturbed(undisturbed, out)
    nothing_is_left("handed")


def test_trajectories_of_two_shapes(cluster: None, tmp_path: Path) -> None:
    """A committee's actors are of no use to a single model, nor the other way round."""
    out = tmp_path / "shapes"
    study = replace(STUDY, strategies=("margin", "qbc"), seeds=(0, 1), steps=2)
    assert not tiny_study.run(out, study, concurrent=1).unfinished
    found = roles("shapes")
    assert found["member-0"] == found["shard-0"] <= 4
    assert found["member-0"] > found["member-1"] == found["member-2"] > 0
    nothing_is_left("shapes")
