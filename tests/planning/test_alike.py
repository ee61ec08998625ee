"""Trainings that are one under several names, by updates worked out by hand."""

from __future__ import annotations

from itertools import product

import pytest

from al_ray.planning import alike
from al_ray.study.training import Training


def trainings(epochs=(3, 6), floors=(150,), rates=(1e-4,), **more):
    points = product(rates, epochs, floors)
    return [
        Training(recipe="stable", learning_rate=rate, epochs=n, min_updates=floor,
                 batch_size=16, max_length=64, **more)
        for rate, n, floor in points
    ]  # fmt: skip


def test_epochs_below_the_floor():
    """400 rows are 25 batches of 16: 6 epochs are 150 updates, and one row more makes 156."""
    (line,) = alike(trainings(), [100, 200, 400])
    assert line == (
        "--epochs 3, 6: the same updates in every fit, up to that of 400 labels, since "
        "--min-updates 150 is more than they come to: one training under 2 names; drop all but "
        "one, or lower it."
    )
    assert alike(trainings(), [100, 401]) == []


def test_all_rates_are_said_in_one_line_and_only_what_is_alike():
    (line,) = alike(trainings((3, 6, 12), rates=(1e-4, 2e-4)), [400])
    assert line.startswith("--epochs 3, 6: ")
    assert "one training under 2 names" in line


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"updates": 50}, "--updates 50 says how many there are"),
        ({"epochs": (3,), "floors": (0, 10)}, "--min-updates 0, 10: "),
    ],
)
def test_other_names_for_one(given, said):
    (line,) = alike(trainings(**given), [100, 200])
    assert said in line


def test_what_differs_in_anything_else_is_another():
    assert alike(trainings((3,), rates=(1e-4, 2e-4)), [100]) == []
    assert alike(trainings((3,)), [100]) == []
