"""Whatever is asked for, a search comes to its end; driven as the command drives it."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from test_asked import STUDY, asked

from al_ray.errors import UserError
from al_ray.search.asked import advanced
from al_ray.search.seen import Curve
from al_ray.study.config import union
from al_ray.study.ranges import Range
from al_ray.study.searching import SearchConfig

METHODS = ("halving", "racing", "one-rung", "optuna", "random")


def curve_of(config, pool, fails):
    """Made up of a trajectory's name, as long as the pool allows."""
    if fails(config):
        return Curve((), (), (), failed=True)
    schedule = config.schedule
    labels = tuple(
        min(schedule.initial + step * schedule.step_size, pool) for step in range(schedule.steps)
    )
    draw = np.random.default_rng(int(hashlib.sha256(config.id.encode()).hexdigest()[:8], 16))
    rising = draw.uniform(0.3, 0.8) + np.linspace(0, 0.15, len(labels))
    return Curve(labels, tuple(rising.tolist()), (1.0,) * len(labels))


def driven(study, pool=1000, fails=lambda config: False, rounds=60):
    """Each half's last word, and the trajectories that ran."""
    of = replace(asked(study), pool=pool)
    search, curves = of.search(), {}
    for _ in range(rounds):
        seen, said = advanced(of, search, curves)
        if not said.runs:
            return search.each(seen), curves
        for run in said.runs:
            config = of.trajectory(run)
            curves[config.id] = curve_of(config, pool - study.validation, fails)
    raise AssertionError(f"it still wants {said.runs[:2]}")


STUDIES = {
    "the pool ends within a step": (replace(STUDY, step_sizes=(100,), budget=300), 270),
    "all of the pool": (replace(STUDY, budget=1.0), 193),
    "two sizes": (replace(STUDY, step_sizes=(50, 100), initial=None), 1000),
    "frozen, too": (replace(STUDY, heads=("fine-tuned", "frozen"), retrain=("cold", "warm")), 1000),
    "what random has no use for": (
        replace(STUDY, strategies=("core-set", "random", "margin"), candidates=(100, 500)),
        1000,
    ),
    "a narrow range": (replace(STUDY, axes={}, ranges={"epochs": Range(2, 3, whole=True)}), 1000),
    "hardly a range": (
        replace(
            STUDY,
            axes={},
            ranges={"learning_rate": Range(1e-4, float(np.nextafter(1e-4, 1)))},
            rates=(),
            multiples=(1.0,),
        ),
        1000,
    ),
    "grids twice": (union([STUDY, STUDY]), 1000),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", STUDIES)
def test_it_ends_with_the_best_of_each_half(name, method):
    study, pool = STUDIES[name]
    study = replace(study, search=SearchConfig(method=method, trials=9))
    found, _ = driven(study, pool)
    assert all(half.done and half.order for half in found.values())
    of = replace(asked(study), pool=pool)
    ids = [
        of.trajectories(which, (7,), of.reached()[-1])[0].id
        for half in found.values()
        for which in (*half.order, *half.stopped)
    ]
    assert len(ids) == len(set(ids)), "one trajectory is two configurations"


@pytest.mark.parametrize("method", METHODS)
def test_a_failed_one_never_wins(method):
    study = replace(STUDY, search=SearchConfig(method=method))
    none, _ = driven(study, fails=lambda config: True)
    assert all(half.done and not half.order for half in none.values())

    def fails(config):
        return config.learner.training.epochs == 2

    found, _ = driven(study, fails=fails)
    for half in found.values():
        assert [dict(which)["epochs"] for which in half.order[:1]] == [3]
        assert any(dict(which)["epochs"] == 2 for which in half.stopped)


def test_hours_of_what_decides_once_are_refused():
    with pytest.raises(UserError, match="--trials"):
        replace(STUDY, search=SearchConfig(method="random", hours=1.0))


def test_a_range_beside_a_committees_own_rates_is_refused():
    rates = {"learning_rate": Range(1e-5, 1e-3, log=True)}
    study = replace(STUDY, strategies=("qbc",), axes={}, rates=(1e-4, 1e-3), ranges=rates)
    with pytest.raises(UserError, match="give values, or leave qbc out"):
        asked(study).search()
