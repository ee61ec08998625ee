"""Configuration: what is refused, in one line, and what follows from it by hand."""

import dataclasses
import itertools
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loop_stub import ended, flat_config

from al_ray.errors import UserError
from al_ray.study.chooser import Prefix, Query, RowsOf, RowsUpTo
from al_ray.study.config import StudyConfig
from al_ray.study.learner import Learner, Source
from al_ray.study.running import RunConfig
from al_ray.study.training import RECIPES, Training
from al_ray.study.trajectory import Schedule, TrajectoryConfig

PLAIN = {
    "recipe": "seed",
    "epochs": 3,
    "learning_rate": 2e-5,
    "batch_size": 32,
    "max_length": 64,
}


def training(**changes):
    return Training(**{**PLAIN, **changes})


def study(**changes):
    facts = {
        "strategies": ("margin",),
        "training": training(),
        "rates": (2e-5,),
        "steps": 4,
        **changes,
    }
    return StudyConfig(**facts)


def trajectory(**changes):
    facts = {
        "corpus": Source(name="nsmc", digest="c" * 8),
        "model": Source(name="kobert", digest="m" * 8),
        "strategy": "qbc",
        "family": "model-based",
        "parameters": "disagreement=mean-kl",
        "rates": (5e-4, 2e-5, 1e-5),
        "retrain": "cold",
        "initial": 100,
        "step_size": 50,
        "steps": 4,
        "seed": 0,
        "validation": 10,
        "training": training(),
    }
    return flat_config(**{**facts, **changes})


# Refusals


@pytest.mark.parametrize(
    ("option", "make"),
    [
        ("--epochs 0", lambda: training(epochs=0)),
        ("--updates 0", lambda: training(updates=0)),
        ("--min-updates -1", lambda: training(min_updates=-1)),
        ("--learning-rate 0", lambda: training(learning_rate=0.0)),
        ("--learning-rate 1", lambda: training(learning_rate=1.0)),
        ("--learning-rate nan", lambda: training(learning_rate=math.nan)),
        ("--batch-size 0", lambda: training(batch_size=0)),
        ("--max-length 2", lambda: training(max_length=2)),
        ("--warmup 1.5", lambda: training(warmup=1.5)),
        ("--warmup -0.1", lambda: training(warmup=-0.1)),
        ("--weight-decay -1", lambda: training(weight_decay=-1.0)),
        ("--threads 0", lambda: training(threads=0)),
        ("chunk_rows 0", lambda: training(chunk_rows=0)),
        ("--strategies", lambda: study(strategies=())),
        ("--strategies", lambda: study(strategies=("margin", "margin"))),
        ("--strategies control", lambda: study(strategies=("control",))),
        ("--seeds", lambda: study(seeds=())),
        ("--seeds", lambda: study(seeds=(1, 1))),
        ("--seeds -1", lambda: study(seeds=(-1,))),
        ("--retrain", lambda: study(retrain=())),
        ("--retrain", lambda: study(retrain=("cold", "cold"))),
        ("--step-size", lambda: study(step_sizes=())),
        ("--step-size", lambda: study(step_sizes=(5, 5))),
        ("--step-size 0", lambda: study(step_sizes=(0,))),
        ("--initial 0", lambda: study(initial=0)),
        ("--steps and --budget", lambda: study(budget=100)),
        ("--steps", lambda: study(steps=None)),
        ("--steps 0", lambda: study(steps=0)),
        ("--budget 0", lambda: study(steps=None, budget=0)),
        ("--budget -3", lambda: study(steps=None, budget=-3)),
        ("--validation -1", lambda: study(validation=-1)),
        ("--controls 0", lambda: study(controls=(0.0,))),
        ("--controls 1.5", lambda: study(controls=(0.2, 1.5))),
        ("--controls", lambda: study(controls=(0.2, 0.2))),
        ("--shards 0", lambda: RunConfig(out="x", shards=0)),
        ("--concurrent 0", lambda: RunConfig(out="x", concurrent=0)),
    ],
)
def test_a_refusal_is_one_line_that_names_the_option(option, make):
    with pytest.raises(UserError) as refused:
        make()
    message = str(refused.value)
    assert message.startswith(option)
    assert "\n" not in message
    assert message != option


def test_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        training().epochs = 4
    with pytest.raises(UserError, match="--epochs"):
        replace(training(), epochs=0)  # a copy is checked too


# Updates and schedule


@pytest.mark.parametrize(
    ("changes", "rows", "updates"),
    [
        ({}, 100, 12),  # 3 passes of ceil(100 / 32) = 4
        ({}, 1, 3),
        ({}, 32, 3),
        ({}, 33, 6),
        ({"min_updates": 150}, 100, 150),
        ({"min_updates": 150, "epochs": 5}, 1000, 160),  # 5 · 32
        ({"updates": 7, "min_updates": 150}, 1000, 7),  # exact
    ],
)
def test_updates_by_hand(changes, rows, updates):
    assert training(**changes).updates_for(rows) == updates


def test_the_seed_recipes_rate_is_constant():
    seed = training(**RECIPES["seed"])
    assert [seed.rate_factor(u, 9) for u in range(9)] == [1.0] * 9


def test_the_stable_recipe_by_hand():
    stable = training(recipe="stable", **RECIPES["stable"])
    factors = [stable.rate_factor(u, 20) for u in range(20)]
    # 2 of 20 rise: 1/3, 2/3; then 18/18 … 1/18.
    assert factors == pytest.approx([1 / 3, 2 / 3, *(n / 18 for n in range(18, 0, -1))])
    assert stable.updates_for(10) == 150


@settings(deadline=None)
@given(st.integers(1, 400), st.floats(0, 1))
def test_shape_of_the_schedule(updates, warmup):
    rule = training(warmup=warmup, decay="linear")
    factors = [rule.rate_factor(u, updates) for u in range(updates)]
    rising = round(warmup * updates)
    assert all(0 < f <= 1 for f in factors)
    assert all(a < b for a, b in itertools.pairwise(factors[:rising]))
    if rising < updates:
        assert factors[rising] == 1.0 == max(factors)  # the peak is reached
        assert factors[-1] == pytest.approx(1 / (updates - rising))  # and nearly 0 in the end
        assert all(a > b for a, b in itertools.pairwise(factors[rising:]))
    rule.rate_factor(updates, updates)  # torch asks once more after the last update


@settings(deadline=None)
@given(st.integers(1, 400), st.floats(0, 1))
def test_warm_up_without_decay(updates, warmup):
    rule = training(warmup=warmup)
    rising = round(warmup * updates)
    assert [rule.rate_factor(u, updates) for u in range(rising, updates)] == [1.0] * (
        updates - rising
    )


# Identity

OTHER = {
    "on_divergence": "retry-with-lower-rate",
    "corpus": Source(name="nsmc", digest="other"),
    "model": Source(name="kobert", digest="other"),
    "strategy": "margin",
    "source": "ab",
    "parameters": "disagreement=consensus",
    "rates": (2e-5, 1e-5),
    "retrain": "warm",
    "initial": 101,
    "step_size": 51,
    "seed": 1,
    "validation": 11,
    "committee": "seeds",
    "candidates": 50,
    "diversity": 0.9,
    "head": "frozen",
}
OTHER_TRAINING = {
    "recipe": "stable",
    "epochs": 4,
    "learning_rate": 1e-5,
    "batch_size": 16,
    "max_length": 65,
    "updates": 9,
    "min_updates": 5,
    "warmup": 0.1,
    "decay": "linear",
    "weight_decay": 0.0,
    "clip": 1.0,
    "pooling": "mean",
    "start": "linear",
    "threads": 2,
    "precision": "bfloat16",
    "token_budget": 4096,
    "chunk_rows": 1024,
}


def test_every_field_but_steps_is_identity():
    parts = (TrajectoryConfig, Learner, Query, Schedule)
    names = {field.name for part in parts for field in dataclasses.fields(part)}
    # The family follows from strategy and source.
    whole = {"learner", "chooser", "schedule", "training"}
    assert names - OTHER.keys() == {"steps", "family", *whole}
    assert {field.name for field in dataclasses.fields(Training)} == OTHER_TRAINING.keys()
    made = [trajectory()]
    made += [trajectory(**{name: value}) for name, value in OTHER.items()]
    made += [trajectory(training=training(**{n: v})) for n, v in OTHER_TRAINING.items()]
    assert len({config.id for config in made}) == len(made) == 1 + len(OTHER) + len(OTHER_TRAINING)


def test_every_field_of_every_chooser_is_identity():
    query = Query(strategy="margin", family="")
    leader = RowsOf(trajectory="margin-cold-5-s0-0123456789", query=query, head="frozen")
    other = {"trajectory": "another", "head": "fine-tuned"}
    whole = RowsUpTo(trajectory="a trajectory", step=2, fit_seed=3)
    choosers = [leader, *(replace(leader, **{name: value}) for name, value in other.items())]
    choosers += [whole, replace(whole, step=1), replace(whole, fit_seed=0)]
    choosers += [replace(whole, trajectory="another"), Prefix()]
    made = [replace(trajectory(rates=(2e-5,)), chooser=chooser) for chooser in choosers]
    assert len({config.id for config in made}) == len(made)


def test_what_came_later_is_no_part_of_a_name_where_it_is_as_before():
    """As the code of before these knobs named it."""
    plain = training(recipe="stable", updates=9, clip=1.0, precision="float32", token_budget=4096)
    assert trajectory(training=plain).id == "qbc-cold-50-s0-db2c19f1ff"


def test_steps_and_names_are_not():
    config = trajectory()
    assert ended(config, 99).id == config.id
    assert replace(config, corpus=Source(name="other", digest="c" * 8)).id == config.id
    learner = replace(config.learner, model=Source(name="other", digest="m" * 8))
    assert replace(config, learner=learner).id == config.id


def test_an_id_is_a_file_name_that_says_what_it_is():
    assert trajectory().id.startswith("qbc-cold-50-s0-")
    control = trajectory(strategy="control", initial=24, step_size=24, rates=(2e-5,))
    assert control.id.startswith("control-cold-24-s0-")
    own = trajectory(strategy="내것.모듈:이름/../x y").id
    assert not set(own) & set("/:\\ \0")


def test_an_id_is_not_a_hidden_file():
    """Readers of Parquet folders pass over names that begin with a dot or an underscore."""
    assert trajectory(strategy="_mine:Gini").id[0] not in "._"


def test_json_there_and_back():
    config = trajectory(
        strategy="내것:지니", training=training(clip=1.0, updates=3, precision="float32")
    )
    again = TrajectoryConfig.from_json(config.to_json())
    assert again == config
    assert again.id == config.id
    assert isinstance(again.learner.rates, tuple)


def test_the_evaluated_member():
    assert trajectory().learner.evaluated == 1
    assert trajectory(rates=(2e-5,)).learner.evaluated == 0


# Steps


@pytest.mark.parametrize(
    ("changes", "initial", "size", "pool", "steps"),
    [
        ({"steps": 4}, 100, 50, 1000, 4),
        ({"steps": 1}, 100, 50, 100, 1),
        ({"steps": 9}, 100, 50, 200, 3),  # 100, 150, 200: no more rows
        ({"steps": 9}, 100, 50, 210, 4),  # the last of ten rows
        ({"budget": 300}, 100, 50, 1000, 5),  # 100 … 300
        ({"budget": 301}, 100, 50, 1000, 6),
        ({"budget": 100}, 100, 50, 1000, 1),
        ({"budget": 50}, 100, 50, 1000, 1),
        ({"budget": 0.3}, 100, 50, 1000, 5),
        ({"budget": 0.1}, 100, 50, 1000, 1),
        ({"budget": 1.0}, 100, 50, 1000, 19),  # the whole pool
        ({"budget": 5000}, 100, 50, 200, 3),
    ],
)
def test_steps_by_hand(changes, initial, size, pool, steps):
    config = study(**{"steps": None, **changes})
    assert config.steps_for(initial, size, pool) == steps


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 200), st.integers(2, 300))
def test_steps_against_counting(initial, size, pool, budget):
    initial = min(initial, pool)
    labelled, steps = initial, 1
    while labelled < min(budget, pool):
        labelled, steps = min(labelled + size, pool), steps + 1
    assert study(steps=None, budget=budget).steps_for(initial, size, pool) == steps
