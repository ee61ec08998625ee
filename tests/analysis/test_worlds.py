"""The benchmark's made-up studies: what they claim to be true is, by brute force and by hand."""

import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "experiments" / "benchmarks"


@pytest.fixture(scope="module")
def worlds():
    """The modules `worlds` and `scenarios` as one."""
    sys.path.insert(0, str(BENCHMARKS))
    modules = [importlib.import_module(name) for name in ("worlds", "scenarios")]
    sys.path.remove(str(BENCHMARKS))
    return SimpleNamespace(**{**vars(modules[0]), **vars(modules[1])})


@pytest.mark.parametrize("noise", ["Noise", "HEAVY", "COLLAPSE", "SKEW", "CORRELATED"])
def test_accuracies_are_what_is_claimed(worlds, noise):
    """Over 12,000 rows and 6,000 seeds, within four standard errors."""
    made = getattr(worlds, noise)
    made = made() if noise == "Noise" else made
    world = worlds.World(
        worlds.rising(worlds.LABELS)[:3], (worlds.worth(2.0)[:3],), made, labels=worlds.LABELS[:3]
    )
    rng = np.random.default_rng(0)
    drawn = [world.draw(rng, 200, 400) for _ in range(30)]
    found = np.array([[d.random.mean(axis=(0, 1)), d.arms[0].mean(axis=(0, 1))] for d in drawn])
    error = found.std(axis=0, ddof=1) / len(drawn) ** 0.5
    assert error.max() < 0.01
    assert (abs(found.mean(axis=0) - [world.random, *world.arms]) < 4 * error).all()


def test_the_first_draw_is_shared_and_equal_arms_answer_other_rows(worlds):
    drawn = worlds.alike(worlds.Noise(), [1.0]).draw(np.random.default_rng(0), 40, 500)
    arm, random = drawn.arms[0], drawn.random
    assert (arm[:, :, 0] == random[:, :, 0]).all()
    # A row's share of right answers over the seeds, at two steps and of two arms.
    shares = [
        answers[:, :, step].mean(axis=0) for answers, step in ((arm, 4), (arm, 6), (random, 6))
    ]
    within, between = np.corrcoef(shares)[1][[0, 2]]
    assert between + 0.02 < within < 1


def test_survivors_did_better(worlds):
    curve = worlds.rising(worlds.LABELS)
    drawn = worlds.World(curve, (curve,), lost=0.2).draw(np.random.default_rng(0), 20, 500)
    (arm,), (seeds,) = drawn.arms, drawn.seeds
    assert arm.shape == (16, 500, 9)
    assert drawn.random.shape == (20, 500, 9)
    assert len(set(seeds)) == 16
    assert (arm[:, :, 0] == drawn.random[seeds][:, :, 0]).all()


def test_truth_by_hand(worlds):
    labels = np.array([100.0, 200, 400])
    random, arm = np.array([0.5, 0.6, 0.7]), np.array([0.5, 0.7, 0.7])
    found = worlds.Truth.of(labels, random, arm)
    assert found.area == pytest.approx((0.05 * 100 + 0.05 * 200) / 300)
    assert found.saving == pytest.approx(400 - 200)
    # Random needs 150 labels on average up to 0.6 and 300 beyond, the arm 150 from 0.5 to 0.7.
    assert found.on_the_way == pytest.approx((150 + 300) / 2 - 150, abs=0.2)
    # Halfway from 0.6 to 0.8 on the logarithm is 200 x the root of 2.
    never = worlds.Truth.of(labels, random, np.array([0.5, 0.5, 0.5]))
    assert never.on_the_way == pytest.approx(225 - 400, abs=0.2)
    halfway = worlds.Truth.of(labels, random, np.array([0.5, 0.6, 0.8]))
    assert halfway.saving == pytest.approx(400 - 200 * 2**0.5)


def test_a_plateau_is_no_saving(worlds):
    """Random's own need is where it comes to its last accuracy, not its last number of labels."""
    labels = np.array([100.0, 200, 400])
    random = np.array([0.5, 0.7, 0.7])
    assert worlds.Truth.of(labels, random, random).saving == 0
    assert worlds.Truth.of(labels, np.full(3, 0.7), np.full(3, 0.7)).saving == 0
    assert worlds.Truth.of(labels, random, np.array([0.5, 0.6, 0.69])).saving == -np.inf
    for equal in (worlds.early(0.03, 600), worlds.rising(worlds.LABELS)):
        truth = worlds.Truth.of(worlds.LABELS, worlds.rising(worlds.LABELS), equal)
        assert truth.saving == pytest.approx(0, abs=1e-6)
    twice = worlds.Truth.of(worlds.LABELS, worlds.rising(worlds.LABELS), worlds.worth(2.0))
    assert twice.saving == pytest.approx(400)
