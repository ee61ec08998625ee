"""Real Tune trials, placement groups, members and shards; small studies that tests share."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import tiny_study
from filelock import FileLock
from helpers import assert_as_undisturbed, assert_equal_studies, lock_of, tables
from tiny_study import RATE, STUDY

from al_ray.cluster import study as study_module
from al_ray.errors import AlRayError, StudyConflict, UserError
from al_ray.results import Store

pytestmark = pytest.mark.ray
THREE = replace(STUDY, strategies=("margin", "qbc", "core-set"))


def test_a_committee_beside_single_models(undisturbed: Path) -> None:
    steps = pd.read_parquet(undisturbed / "steps")
    assert {tuple(rows) for _, rows in steps.groupby("trajectory").n_labelled} == {(20, 40, 60)}
    assert set(steps.strategy) == {"margin", "qbc", "core-set"}
    members = pd.read_parquet(undisturbed / "members")
    assert sorted(members[members.trajectory.str.startswith("qbc")].learning_rate.unique()) == [
        RATE / 2,
        RATE,
        2 * RATE,
    ]
    assert (pd.read_parquet(undisturbed / "trajectories").status == "complete").all()


def test_the_evaluated_member_equals_the_single_model(undisturbed: Path) -> None:
    first = tables(undisturbed)["steps"].query("step == 0 and seed == 0")
    losses = first.groupby("strategy").test_loss.unique()
    assert losses["qbc"].tolist() == losses["margin"].tolist()


def test_paired_first_draw(undisturbed: Path) -> None:
    first = tables(undisturbed)["selections"].query("step == -1")
    draws = first.groupby("trajectory").row_id.apply(tuple)
    seeds = pd.read_parquet(undisturbed / "trajectories").set_index("trajectory").seed
    assert draws.groupby(seeds).nunique().tolist() == [1, 1]


def test_same_picks_with_three_shards(undisturbed: Path, tmp_path: Path) -> None:
    study = replace(STUDY, strategies=("qbc",))
    assert not tiny_study.run(tmp_path, study, shards=3).unfinished
    assert_as_undisturbed(undisturbed, tmp_path)


def test_the_same_command_again_does_nothing(undisturbed: Path, tmp_path: Path) -> None:
    out = tmp_path / "again"
    shutil.copytree(undisturbed, out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")}
    assert not tiny_study.run(out, THREE).unfinished
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")} == before


def test_extending_by_a_seed_an_arm_and_a_step(undisturbed: Path, tmp_path: Path) -> None:
    small = replace(STUDY, retrain=("warm",), steps=2)
    assert not tiny_study.run(tmp_path, small).unfinished
    whole = replace(STUDY, retrain=("cold", "warm"), seeds=(0, 1))
    assert not tiny_study.run(tmp_path, whole).unfinished
    assert_as_undisturbed(undisturbed, tmp_path)


def test_strategies_of_ones_own_and_a_failed_trial(undisturbed: Path, tmp_path: Path) -> None:
    """Two at a time: one picks as the built-in does; one fails, is named, and stops nobody.

    Mortal is core-set, and kills both of its shards in the middle of choosing a batch: what they
    held is held again, and the picks are core-set's.
    """
    names = ("own_strategy:Margin", "own_strategy:Mortal", "own_strategy:Wrong")
    outcome = tiny_study.run(tmp_path, replace(STUDY, strategies=names), shards=2, concurrent=2)
    assert [config.strategy for config in outcome.unfinished] == [names[2]]
    rows = pd.read_parquet(tmp_path / "trajectories").set_index("strategy")
    assert rows.status[[*names]].tolist() == ["complete", "complete", "failed"]
    error = rows.error[names[2]]
    assert "vectors that are not numbers" in error
    assert "train" in error  # the rows' ids
    assert "\n" not in error
    chosen, expected = tables(tmp_path)["selections"], tables(undisturbed)["selections"]
    for mine, built_in in (("Margin", "margin-cold"), ("Mortal", "core-set-cold")):
        ours = chosen[chosen.trajectory.str.contains(mine)]
        theirs = expected[expected.trajectory.str.match(f"{built_in}-.*-s0-")]
        assert ours.row_id.tolist() == theirs.row_id.tolist()
    assert ours.score.tolist()[20:] == theirs.score.tolist()[20:]  # Mortal's


def test_a_frozen_head_and_cold_replays(cluster: None, tmp_path: Path) -> None:
    """A replay is trained on the rows of another trajectory, and fitted by a seed of its own."""
    study = replace(STUDY, heads=("fine-tuned", "frozen"), replay_cold=(1,), replay_seeds=2)
    assert not tiny_study.run(tmp_path, study).unfinished
    rows = pd.read_parquet(tmp_path / "trajectories").set_index("trajectory")
    steps = pd.read_parquet(tmp_path / "steps").merge(
        rows[["replay_of"]], left_on="trajectory", right_index=True
    )
    replayed = steps[steps.replay_of.notna()]
    assert replayed.n_labelled.tolist() == [40, 40]
    assert len(set(replayed.test_loss)) == 2
    (source,) = set(replayed.replay_of)
    assert rows.loc[source, ["strategy", "head"]].tolist() == ["margin", "fine-tuned"]
    selections = pd.read_parquet(tmp_path / "selections").set_index(["trajectory", "step"])
    chosen = {*selections.loc[(source, -1)].row_id, *selections.loc[(source, 0)].row_id}
    for name in replayed.trajectory:
        assert set(selections.loc[(name, -1)].row_id) == chosen
    frozen = steps[steps["head"] == "frozen"]
    assert frozen.n_labelled.tolist() == [20, 40, 60]
    assert set(frozen.strategy) == {"margin"}


def test_a_frozen_random_arm_beside_that_of_a_pretrained_encoder(
    cluster: None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without vectors the study does without; a folder that lacks the arm is extended by it."""

    def nothing(*_: object) -> None:
        raise AlRayError("no vectors came of the encoder (it has none)")

    model = tiny_study.pretrained(tmp_path)
    study = replace(STUDY, strategies=("random",), steps=2, replay_cold=(0,))
    out, alone = tmp_path / "both", tmp_path / "alone"
    with monkeypatch.context() as patch:
        patch.setattr(study_module, "vectors_of", nothing)
        outcome = tiny_study.run(out, study, model)
        assert [config.learner.head for config in outcome.trajectories] == ["fine-tuned"] * 2
        assert not outcome.unfinished
        assert "It is left out: no vectors came of the encoder" in capsys.readouterr().out
        with pytest.raises(AlRayError, match="no vectors came"):
            tiny_study.run(alone, replace(study, heads=("frozen",), replay_cold=()), model)
    assert Store(out).study_json.get()["trajectories"].keys() == {
        c.id for c in outcome.trajectories
    }
    outcome = tiny_study.run(out, study, model)
    heads = [config.learner.head for config in outcome.trajectories]
    assert heads.count("frozen") == 1
    assert len(heads) == 3
    assert not outcome.unfinished
    assert "Beside the arms asked for: random with a frozen head" in capsys.readouterr().out


def test_several_encoders_and_lengths_are_one_study(cluster: None, tmp_path: Path) -> None:
    """The last comes out as it does by a command without the others."""
    others = {"other": tiny_study.pretrained(tmp_path)}
    study = replace(STUDY, steps=2)
    points = [{"training": {"max_length": 16}}, {"model": "other"}]
    both = replace(study, grids=({}, *points))
    outcome = tiny_study.run(tmp_path / "both", both, others=others)
    assert not outcome.unfinished
    assert len(outcome.trajectories) == 3
    description = json.loads((tmp_path / "both" / "study.json").read_text())
    assert [each["name"] for each in description["models"]] == ["mini", "encoder"]
    made = tiny_study.run(tmp_path / "apart", replace(study, grids=(points[1],)), others=others)
    (ids,) = [[config.id] for config in made.trajectories]
    # But for `rows`, which counts the tokens of the first.
    assert_equal_studies(tmp_path / "both", tmp_path / "apart", ids, but=("rows",))


# Refusals, before any cluster is needed


def test_another_process_is_at_it(tmp_path: Path) -> None:
    with FileLock(lock_of(tmp_path)), pytest.raises(StudyConflict, match="another process"):
        tiny_study.run(tmp_path)


def test_other_numerics_are_refused(undisturbed: Path) -> None:
    other = replace(STUDY, training=replace(STUDY.training, threads=2))
    before = {path: path.stat().st_mtime_ns for path in undisturbed.rglob("*.parquet")}
    with pytest.raises(StudyConflict, match="--threads") as caught:
        tiny_study.run(undisturbed, other)
    assert "\n" not in str(caught.value)
    assert "--out" in str(caught.value)
    assert {path: path.stat().st_mtime_ns for path in undisturbed.rglob("*.parquet")} == before


def test_another_learning_rate_is_run_beside_the_one_that_is_there(
    undisturbed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(undisturbed, out)
    before, asked = tables(out)["steps"], json.loads((out / "study.json").read_text())
    more = replace(
        STUDY,
        strategies=("margin",),
        seeds=(0,),
        controls=(),
        steps=2,
        training=replace(STUDY.training, learning_rate=2 * RATE),
    )
    (new,) = tiny_study.run(out, more).trajectories
    assert new.id not in asked["trajectories"]
    assert_equal_studies(out, undisturbed, list(asked["trajectories"]))
    steps = tables(out)["steps"]
    assert len(steps) == len(before) + 2
    grown = json.loads((out / "study.json").read_text())
    assert grown["training"] == asked["training"]
    assert grown["arms"][new.id]["learning_rate"] == 2 * RATE


def test_no_cluster_at_the_address(tmp_path: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import tiny_study\n"
        "tiny_study.run(sys.argv[2], address='127.0.0.1:1')"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(Path(__file__).parent), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert UserError.__name__ in ended.stderr
    assert "--address 127.0.0.1:1" in ended.stderr.splitlines()[-1]


# Killing the driver


@pytest.mark.faults
def test_driver_killed_in_the_middle(undisturbed: Path, tmp_path: Path) -> None:
    """SIGKILL when the first step is on disk and the second under way.

    Here of a regime that goes on from weights; at every write by the tests of the loop.
    """
    out = tmp_path / "driverless"
    command = [sys.executable, tiny_study.__file__, str(out), "--retrain", "warm-new"]
    _kill_when_there(command, out, "steps/*-0000.parquet")
    assert len(list((out / "steps").glob("*.parquet"))) < 3
    assert not tiny_study.run(out, replace(STUDY, retrain=("warm-new",))).unfinished
    assert_as_undisturbed(undisturbed, out)


def _kill_when_there(command: list[str], out: Path, pattern: str) -> None:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 300
    while not list(out.glob(pattern)):
        assert time.monotonic() < until, "the step never came"
        assert process.poll() is None, "the study ended before it could be killed"
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
