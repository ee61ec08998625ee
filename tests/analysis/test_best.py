"""Best with best: choices by hand, ends by brute force, and studies whose answer is plain."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from small_studies import arm, noisy, study

from al_ray.analysis.best import tuned, untold
from al_ray.analysis.statistics.best import best_with_best
from al_ray.analysis.statistics.pairs import Pairs, contrast

LABELS = [10, 20, 30]
CURVE = [0.5, 0.6, 0.7]


def of(levels, seeds=6, sd=0.002, **more):
    """A study: by strategy and learning rate, how much it is above the curve."""
    arms = {
        arm(strategy, learning_rate=rate): noisy(CURVE, seeds, sd, place, shift)
        for place, ((strategy, rate), shift) in enumerate(levels.items())
    }
    return study(arms, LABELS, **more)


def test_a_training_is_chosen_on_the_other_seeds():
    """At seed 2 the others' means are 0.1 and 0.2, so that the 0.9 of the first is not taken."""
    arms = np.array([[0.0, 0.2, 0.9], [0.2, 0.2, 0.3]])[:, :, None]
    random = np.array([[0.1, 0.1, 0.1], [0.0, 0.0, 0.0]])[:, :, None]
    found = best_with_best(arms, random)
    assert found.arm.tolist() == [0, 0, 1]
    assert found.random.tolist() == [0, 0, 0]
    assert found.effect.difference == pytest.approx(((0.0 + 0.2 + 0.3) - 0.3) / 3)


@pytest.mark.parametrize(("seeds", "rows", "missing"), [(6, 40, 0), (5, 1, 0), (7, 30, 2)])
def test_ends_by_brute_force(seeds, rows, missing):
    """Every training of the arm against every one of random's, each pair by itself."""
    rng = np.random.default_rng(seeds)
    many = 3
    arms, random = rng.normal(0, 1, (2, many, seeds, rows))
    arms[1] += 1.5
    found = best_with_best(arms, random, 0.9, missing).effect
    level = 1 - 0.1 / many
    pairs = {
        (a, b): contrast(
            Pairs(np.ones(1), arms[a][:, :, None], random[b][:, :, None], missing),
            np.ones((1, 1)),
            level,
        )[0]
        for a, b in product(range(many), repeat=2)
    }
    low = max(min(pairs[a, b].low for b in range(many)) for a in range(many))
    high = min(max(pairs[a, b].high for a in range(many)) for b in range(many))
    assert found.low == pytest.approx(min(low, found.difference))
    assert found.high == pytest.approx(max(high, found.difference))
    # What is called better at some level is what has its lower end above 0 there, and no other.
    assert (found.p < 0.1) == (found.low > 0 or found.high < 0)


def test_what_was_chosen_is_not_called_worse_by_evidence_of_better():
    """Two trainings, each 0.05 better on average, and 0.11 better or 0.01 worse by turns: at every
    seed the one is chosen that was better at the others, and so is worse at this one.
    """
    turns = np.where(np.arange(20) % 2 == 0, 0.06, -0.06)
    noise = np.random.default_rng(0).normal(0, 0.002, (2, 2, 20))
    arms, random = noise[0] + [0.05 + turns, 0.05 - turns], noise[1]
    found = best_with_best(arms[:, :, None], random[:, :, None]).effect
    assert found.difference < 0
    assert found.low <= found.difference < 0.05 < found.high
    assert found.p == 1.0


def test_of_what_cannot_be_told_there_are_no_numbers():
    """One seed of seven is missing, and what the others say is little."""
    levels = {(name, rate): 0 for name in ("random", "margin") for rate in (1e-4, 5e-5)}
    made = of(levels, 7)
    gone = (made.trajectories.strategy == "margin") & (made.trajectories.seed == 0)
    made.trajectories.loc[gone, "status"] = "failed"
    row = tuned(made).iloc[0]
    assert (row.kind, row.missing) == ("cannot tell", 1)
    assert row[["low", "high", "p", "p_holm"]].isna().all()
    assert abs(row.difference) < 0.01


def test_equal_trainings_are_seldom_told_apart():
    """Areas drawn with no training better than another: the t interval of what was chosen would be
    wrong in more than one study of ten. What is printed: in fewer than one in twenty.
    """
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(300):
        seeds, rows = rng.normal(0, 0.02, (2, 8, 6, 1)), rng.normal(0, 0.4, (2, 8, 1, 60))
        arms, random = seeds + rows + rng.normal(0, 0.4, (2, 8, 6, 60))
        found = best_with_best(arms, random).effect
        wrong += not found.low <= 0 <= found.high
    assert wrong < 15


def test_the_best_of_one_against_the_best_of_the_other():
    """Margin is best at 1e-4 and random at 5e-5: 0.02 apart, though 0.06 at 1e-4."""
    levels = {("random", 1e-4): 0, ("random", 5e-5): 0.04}
    levels |= {("margin", 1e-4): 0.06, ("margin", 5e-5): 0.02}
    row = tuned(of(levels)).iloc[0]
    assert row["name"] == "margin"
    assert row.chosen == {"learning rate 0.0001": 6}
    assert row.random_chosen == {"learning rate 5e-05": 6}
    assert row.difference == pytest.approx(0.02, abs=0.003)
    assert row.low < 0.02 < row.high
    assert row.kind == "better"
    assert row.trainings == 2


def test_equal_at_their_best():
    levels = {("random", 1e-4): 0, ("random", 5e-5): -0.2}
    levels |= {("margin", 1e-4): -0.3, ("margin", 5e-5): 0}
    assert tuned(of(levels)).iloc[0].kind == "no difference"


@pytest.mark.parametrize("seeds", [1, 2, 3, 4])
def test_too_few_seeds(seeds):
    levels = {("random", 1e-4): 0, ("random", 5e-5): 0, ("margin", 1e-4): 0.2, ("margin", 5e-5): 0}
    made = of(levels, seeds)
    if seeds < 3:
        assert tuned(made).empty
        (line,) = untold(made)
        assert line == (
            "No best with best of margin: to choose on other seeds than the one compared takes 3 "
            f"or more that are complete at all trainings, not {seeds} (--seeds)"
        )
        return
    assert untold(made) == []
    row = tuned(made).iloc[0]
    assert row.kind == "cannot tell"
    assert np.isnan([row.low, row.high, row.p, row.p_holm]).all()


def test_random_is_tuned_as_hard():
    """Of three trainings random has two, and only these are chosen from."""
    levels = {("random", 1e-4): 0, ("random", 5e-5): 0.01}
    levels |= {("margin", 1e-4): 0, ("margin", 5e-5): 0.01, ("margin", 1e-3): 0.2}
    row = tuned(of(levels)).iloc[0]
    assert row.trainings == 2
    assert row.chosen == {"learning rate 5e-05": 6}
    del levels["random", 5e-5]
    made = of(levels)
    assert tuned(made).empty
    assert "random shares 1 of the trainings" in untold(made)[0]


def test_what_one_strategy_lacks_is_nothing_to_another():
    rates = (1e-4, 5e-5, 1e-3)
    levels = {("random", rate): 0 for rate in rates}
    levels |= {("margin", rates[0]): 0.2, ("margin", rates[1]): 0}
    levels |= {("entropy", rates[1]): 0, ("entropy", rates[2]): 0.1}
    both = tuned(of(levels)).set_index("name")
    assert both.trainings.to_dict() == {"margin": 2, "entropy": 2}
    assert both.kind.to_dict() == {"margin": "better", "entropy": "better"}


def test_a_training_that_never_ended_is_left_out_and_said():
    levels = {(s, rate): 0 for s in ("random", "margin") for rate in (1e-4, 5e-5, 1e-3)}
    made = of(levels)
    lost = made.trajectories.learning_rate.eq(1e-3) & made.trajectories.strategy.eq("margin")
    made.trajectories.loc[lost, "status"] = "failed"
    assert tuned(made).iloc[0].trainings == 2
    assert untold(made) == [
        "Best with best of margin leaves out learning rate 0.001: no seed has ended"
    ]


def test_a_seed_that_is_missing_counts_against_what_is_found():
    levels = {("random", 1e-4): 0, ("random", 5e-5): 0, ("margin", 1e-4): 0.2, ("margin", 5e-5): 0}
    whole, made = of(levels, 10), of(levels, 10)
    lost = made.trajectories.learning_rate.eq(5e-5) & made.trajectories.seed.eq(0)
    made.trajectories.loc[lost, "status"] = "failed"
    all_there, one_gone = tuned(whole).iloc[0], tuned(made).iloc[0]
    assert (one_gone.seeds, one_gone.missing) == (9, 1)
    assert one_gone.low < all_there.low


def test_a_study_of_one_training_has_none():
    made = of({("random", 1e-4): 0, ("margin", 1e-4): 0.1})
    assert tuned(made).empty
    assert untold(made) == []
