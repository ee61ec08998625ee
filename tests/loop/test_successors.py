"""Rows chosen by one learner and learnt by another, step by step."""

from __future__ import annotations

import shlex
from dataclasses import replace

import numpy as np
import pytest
from loop_stub import World, config_of, ended, go
from small_studies import study

from al_ray.analysis.comparison import judged
from al_ray.analysis.successors import lines, successions
from al_ray.analysis.summary import ARM
from al_ray.commands.experiment import Experiment
from al_ray.commands.options import study_config
from al_ray.commands.parser import study_parser
from al_ray.errors import AlRayError, UserError
from al_ray.results import Store
from al_ray.results.damage.mend import mend
from al_ray.study.chooser import RowsOf
from al_ray.study.grid import Encoder, successors, trajectories
from al_ray.study.learner import Source

WORLD = World()
LEADER = config_of(steps=4, head="frozen")
SUCCESSOR = replace(
    LEADER,
    learner=replace(LEADER.learner, head="fine-tuned"),
    chooser=RowsOf(trajectory=LEADER.id, query=LEADER.chooser, head="frozen"),
)
NEWS = Experiment("news7", "", ("random", "margin"), (3000,), 21_000, 8, 128)


def made(words: str, n_labels: int = 3):
    plain = "--model somewhere --steps 3 --step-size 10 --seeds 0 --successor fine-tuned"
    asked = study_config(NEWS, study_parser(NEWS).parse_args(shlex.split(f"{plain} {words}")))
    source = Source(name="x", digest="x" * 32)
    first = trajectories(asked, source, Encoder(source), 500)
    return first, successors(asked, first, n_labels)


def test_it_learns_the_very_rows_and_chooses_none(tmp_path):
    store, _, _ = go(tmp_path, WORLD, LEADER)
    _, _, said = go(tmp_path, WORLD, SUCCESSOR, store=store)
    both = [store.read("selections", [config.id]) for config in (LEADER, SUCCESSOR)]
    assert both[0].row_id.tolist() == both[1].row_id.tolist()
    assert [step.n_labelled for step in said] == [6, 11, 16, 21]
    assert all(step.n_scored == 0 for step in said)
    digests = [store.read("steps", [c.id]).picks_digest.dropna() for c in (LEADER, SUCCESSOR)]
    assert digests[0].tolist() == digests[1].tolist()


def test_it_waits_for_rows_that_are_not_there(tmp_path):
    store, _, _ = go(tmp_path, WORLD, ended(LEADER, 2))
    with pytest.raises(AlRayError, match="step 1 is not there: its rows were to be learnt"):
        go(tmp_path, WORLD, SUCCESSOR, store=store)


def test_what_it_was_given_goes_with_the_step_that_was_damaged(tmp_path):
    store, _, _ = go(tmp_path, WORLD, LEADER)
    go(tmp_path, WORLD, SUCCESSOR, store=store)
    store.write("trajectories", {"status": "complete"}, LEADER.id)
    store.write("trajectories", {"status": "complete", "follows": LEADER.id}, SUCCESSOR.id)
    store.path("selections", LEADER.id, 1).unlink()
    mend(store, lambda _: None)
    left = Store(tmp_path).read("steps").groupby("trajectory").step.nunique()
    assert left.to_dict() == {LEADER.id: 1, SUCCESSOR.id: 1}


def test_every_training_succeeds_each_arm_of_the_other_head():
    first, after = made("--head frozen fine-tuned --strategies random margin --epochs 3 5")
    (frozen,) = (c for c in first if (c.learner.head, c.strategy) == ("frozen", "margin"))
    assert {c.chooser.trajectory for c in after} == {frozen.id}
    assert [(c.strategy, c.learner.training.epochs, c.chooser.head) for c in after] == [
        ("margin", 3, "frozen"), ("margin", 5, "frozen")
    ]  # fmt: skip
    assert not {c.id for c in after} & {c.id for c in first}


def test_of_one_order_on_two_labels_one_has_a_successor():
    words = "--head frozen --strategies random entropy margin"
    assert [c.strategy for c in made(words, 2)[1]] == ["entropy"]
    assert [c.strategy for c in made(words, 3)[1]] == ["entropy", "margin"]
    assert [c.strategy for c in made(f"{words} --keep-equivalent", 2)[1]] == ["entropy", "margin"]


def test_somebody_must_choose():
    with pytest.raises(UserError, match="no other head chooses; give --head frozen fine-tuned"):
        made("--head fine-tuned")


def arm(strategy: str, head: str, chosen_by: str = "") -> tuple[object, ...]:
    """All of ARM: what is trained, which is equal of a head, is filled in by its zero."""
    fit = {"recipe": "stable", "decay": "none", "pooling": "own", "start": "random"}
    facts = {"strategy": strategy, "retrain": "cold", "head": head, "step_size": 10, "initial": 10}
    facts |= {
        "chosen_by": chosen_by,
        "parameters": "",
        "committee": "",
        "model": "",
        "multiples": "",
        "strategy_source": "",
    }
    return tuple(facts.get(name, fit.get(name, 0)) for name in ARM)


def curves(level: float, seed: int) -> dict[int, list[float]]:
    noise = np.random.default_rng(seed).normal(0, 0.002, (6, 3))
    return {n: list(np.array([0.5, 0.6, 0.7]) + level + noise[n]) for n in range(6)}


def test_it_is_compared_with_the_arm_that_chose_for_itself_and_with_its_own_random():
    one = study(
        {
            arm("random", "fine-tuned"): curves(0, 1),
            arm("margin", "fine-tuned"): curves(0.05, 2),
            arm("margin", "fine-tuned", "frozen"): curves(0.03, 3),
            arm("random", "frozen"): curves(-0.1, 4),
            arm("margin", "frozen"): curves(-0.1, 5),
        },
        [10, 20, 30],
    )
    (found,) = successions(one)
    assert found.area.difference == pytest.approx(-0.02, abs=0.002)
    assert found.area.high < 0
    assert found.hours == pytest.approx(2 * found.own_hours)  # each step takes as long here
    (line,) = lines(one)
    assert "chosen by frozen" in line
    assert "against choosing for itself: worse (−2." in line
    assert "in 2.00 of the device-hours" in line
    areas = {(each.arm["head"], each.arm["chosen_by"]): each.found for each in judged(one)}
    assert areas["fine-tuned", "frozen"].area.difference == pytest.approx(0.03, abs=0.002)
