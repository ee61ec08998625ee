"""What is said of an estimate."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.console import Console

from al_ray.commands.plan import print_plan, size
from al_ray.planning import Arm, Estimate, Phases, Speed, Storage, Work, about
from al_ray.study.config import StudyConfig
from al_ray.study.training import RECIPES, Training

ESTIMATE = Estimate(
    seconds=13_200.0,
    device="core",
    device_hours=7.3,
    trials=4,
    done=1,
    steps=20,
    work=Work(fits=20, rows_scored=1_234_567, rows_tested=999),
    phases=Phases(start=100.0, fit=8000.0, score=1900.0),
    arms=(Arm("margin, cold", 4, 0, 20, 20, 1_234_567, 3.0, 3.0),),
    storage=Storage(5_000_000, 2_000_000_000, 1000, 80),
    labels=3000,
    days=3.0,
)
SPEED = Speed(10, 1, 0.1, 1e-3, 0.1, 1e-4, 1000)
STUDY = StudyConfig(
    strategies=("margin",),
    rates=(2e-5,),
    steps=5,
    training=Training(
        recipe="seed", **RECIPES["seed"], learning_rate=2e-5, batch_size=8, max_length=32
    ),
)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (3, "about 10 seconds"),
        (47, "about 50 seconds"),
        (90, "about 2 minutes"),
        (3540, "about 59 minutes"),
        (3600, "about 1 h"),
        (13_200, "about 3 h 40 min"),
        (3600 * 47.99, "about 2.0 days"),
        (3600 * 60, "about 2.5 days"),
    ],
)
def test_times_in_words(seconds, said):
    assert about(seconds) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0.0 kB"), (8200, "8.2 kB"), (31_000, "31 kB"), (2.5e6, "2.5 MB"), (3.1e12, "3,100 GB")],
)
def test_sizes_in_words(number, said):
    assert size(number) == said


def said_of(plan, capsys):
    print_plan(plan, STUDY, Console(width=140))
    return capsys.readouterr().out


def made(**changes):
    from al_ray.cluster.plan import Plan
    from al_ray.cluster.trials.probe import Measured

    measured = {"a model": Measured(SPEED, "cpu", 2, 25.0)}
    told = {"estimate": ESTIMATE, "measured": measured, "device": "CPU", "past": 1.1}
    return Plan(**{**told, **changes})


def test_what_is_said(capsys):
    said = said_of(made(), capsys)
    assert "1 of 5 trajectories are done already." in said
    assert "It would take about 3 h 40 min." in said
    assert "4 trajectories, 20 steps, 20 fits; 1,234,567 rows of the pool scored" in said
    assert "7.3 core-hours are reserved." in said
    assert "80 % training, 19 % scoring the pool, 1 % starting actors." in said
    assert "2.0 GB (5.0 MB of tables in 80 files, 2.0 GB of weights, 1.0 kB of cache)" in said
    assert "3.0 days" in said
    assert "2 at once, 1 thread each: 100 ms an update" in said
    assert "took 1.10 times" in said


def test_nothing_is_left(capsys):
    nothing = made(estimate=replace(ESTIMATE, trials=0, done=5), measured={})
    assert said_of(nothing, capsys) == "Nothing is left to do: all 5 trajectories are there.\n"
