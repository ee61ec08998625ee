"""Intervals over seeds, and over seeds and rows, against SciPy and statsmodels."""

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.multitest import multipletests

from al_ray.analysis.statistics.intervals import Crossed, holm, t_interval


def test_t_interval_is_scipys():
    values = [0.61, 0.64, 0.60, 0.66, 0.63]
    theirs = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    assert t_interval(values, 0.9) == pytest.approx(tuple(theirs))


def test_one_value_has_no_interval():
    assert all(math.isnan(end) for end in t_interval([0.5]))


def test_of_accuracies_it_is_the_t_test_of_the_seeds():
    values = np.random.default_rng(0).normal(0.3, size=(7, 1, 2))
    found = Crossed.of(values).effects(np.array([[1.0, -1.0]]))
    gaps = values[:, 0, 0] - values[:, 0, 1]
    theirs = stats.ttest_1samp(gaps, 0)
    assert (found.low[0], found.high[0]) == pytest.approx(tuple(theirs.confidence_interval()))
    assert found.p[0] == pytest.approx(theirs.pvalue)


def test_variance_parts_are_those_of_an_analysis_of_variance():
    """Two random factors without repetition: statsmodels' sums of squares, by the textbook."""
    seeds, rows = 6, 9
    values = np.random.default_rng(1).normal(size=(seeds, rows))
    values += np.linspace(0, 2, rows) + np.linspace(0, 1, seeds)[:, None]
    frame = pd.DataFrame(
        [(s, r, values[s, r]) for s in range(seeds) for r in range(rows)],
        columns=["seed", "row", "value"],
    )
    table = sm.stats.anova_lm(ols("value ~ C(seed) + C(row)", frame).fit())
    squares = table.sum_sq / table.df
    n = seeds * rows
    crossed = Crossed.of(values[:, :, None])
    assert crossed.rows[0, 0] == pytest.approx((squares["C(row)"] - squares["Residual"]) / n)
    assert crossed.interaction[0, 0] == pytest.approx(squares["Residual"] / n)
    total = squares["C(seed)"] + squares["C(row)"] - squares["Residual"]
    error, share = crossed.error(np.ones(1), seeds, rows)
    assert error == pytest.approx(math.sqrt(total / n))
    assert share == pytest.approx(squares["C(seed)"] / total)
    found = crossed.effects(np.ones((1, 1)), 0.9)
    assert found.mean[0] == pytest.approx(values.mean())
    # Both ends are where the parts' own p, weighted by their variances, is 10 %.
    for end in (found.low[0], found.high[0]):
        t = abs(end - found.mean[0]) / error
        p = [2 * stats.t.sf(t, freedom) for freedom in (seeds - 1, rows - 1)]
        assert share * p[0] + (1 - share) * p[1] == pytest.approx(0.1, rel=1e-3)
    t = found.mean[0] / error
    p = [2 * stats.t.sf(t, freedom) for freedom in (seeds - 1, rows - 1)]
    assert found.p[0] == pytest.approx(share * p[0] + (1 - share) * p[1])


@pytest.mark.parametrize("part", [0.0, 0.3, 1.0])
def test_four_arms_of_five_seeds_keep_their_level(part):
    """Satterthwaite's degrees of freedom find something in 6.7 % of such studies."""
    rng, found = np.random.default_rng(5), 0
    for _ in range(1500):
        seeds, rows = rng.normal(0, 1, (5, 1, 5)), rng.normal(0, (40 * part / 5) ** 0.5, (1, 40, 5))
        values = seeds + rows + rng.normal(0, 0.3, (5, 40, 5))
        against = np.hstack([np.eye(4), -np.ones((4, 1))])
        found += Crossed.of(values).effects(against).p.min() < 0.05 / 4
    assert found / 1500 <= 0.05 + 2.5 * (0.05 * 0.95 / 1500) ** 0.5


def test_error_of_other_numbers_is_what_they_would_bring():
    """Theory: seeds / S + rows / R + their interaction / (S R)."""
    rng = np.random.default_rng(4)
    sd = {"seed": 0.2, "row": 0.5, "both": 1.0}
    found = {}
    for seeds, rows in ((400, 300), (10, 100)):
        values = (
            rng.normal(0, sd["seed"], (seeds, 1, 1))
            + rng.normal(0, sd["row"], (1, rows, 1))
            + rng.normal(0, sd["both"], (seeds, rows, 1))
        )
        found[seeds] = Crossed.of(values)
    for seeds, rows in ((5, 50), (20, 1000)):
        truth = sd["seed"] ** 2 / seeds + sd["row"] ** 2 / rows + sd["both"] ** 2 / (seeds * rows)
        assert found[400].error(np.ones(1), seeds, rows)[0] == pytest.approx(truth**0.5, rel=0.15)


def test_variance_is_that_of_fresh_seeds_and_rows():
    """Over many draws of both, the estimate is on average what the means do."""
    rng = np.random.default_rng(3)
    means, estimates = [], []
    for _ in range(600):
        rows, seeds = rng.normal(0, 0.5, 30), rng.normal(0, 0.3, (5, 1))
        values = rows + seeds + rng.normal(0, 1, (5, 30))
        means.append(values.mean())
        estimates.append(Crossed.of(values[:, :, None]).error(np.ones(1), 5, 30)[0] ** 2)
    assert np.mean(estimates) == pytest.approx(np.var(means), rel=0.15)


def test_missing_seeds_are_counted_as_bad_as_the_best_is_good():
    values = np.array([0.01, 0.03, 0.02, 0.05, 0.02, 0.04])
    found = Crossed.of(values[:, None, None]).effects(np.ones((1, 1)), missing=2)
    filled = stats.ttest_1samp([*values, -0.05, -0.05], 0)
    assert found.mean[0] == pytest.approx(values.mean())
    assert found.p[0] == pytest.approx(filled.pvalue)
    assert found.low[0] == pytest.approx(filled.confidence_interval().low)
    above = stats.ttest_1samp([*values, 0.05, 0.05], 0).confidence_interval().high
    assert found.high[0] == pytest.approx(above)
    turned = Crossed.of(-values[:, None, None]).effects(np.ones((1, 1)), missing=2)
    assert turned.p[0] == pytest.approx(found.p[0])
    assert turned.high[0] == pytest.approx(-found.low[0])


def test_without_any_spread():
    same = Crossed.of(np.full((6, 1, 2), 0.1)).effects(np.array([[1.0, -1.0], [1.0, 0.0]]))
    assert same.p.tolist() == [1.0, 0.0]
    assert same.low[1] == pytest.approx(0.1)


@settings(deadline=None, max_examples=8)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_statsmodels(p):
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])


def test_holm_leaves_out_what_was_not_tested():
    assert holm([0.01, math.nan, 0.04])[[0, 2]] == pytest.approx([0.02, 0.04])
    assert math.isnan(holm([0.01, math.nan])[1])
    assert len(holm([])) == 0


def test_one_seed_has_no_variance():
    with pytest.raises(ValueError, match="1 seeds"):
        Crossed.of(np.ones((1, 3, 2)))
