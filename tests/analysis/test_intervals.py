"""Intervals over seeds, and over seeds and rows, against SciPy and statsmodels."""

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.formula.api import ols

from al_ray.analysis.intervals import Crossed, t_interval


def test_t_interval_is_scipys():
    values = [0.61, 0.64, 0.60, 0.66, 0.63]
    theirs = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    assert t_interval(values, 0.9) == pytest.approx(tuple(theirs))


def test_one_value_has_no_interval():
    assert all(math.isnan(end) for end in t_interval([0.5]))


def test_of_accuracies_it_is_the_t_interval_of_the_seeds():
    values = np.random.default_rng(0).normal(size=(7, 1, 2))
    below, above = Crossed.of(values).bounds(np.array([[1.0, -1.0]]), 0.95)
    assert (below[0], above[0]) == pytest.approx(t_interval(values[:, 0, 0] - values[:, 0, 1]))


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
    assert crossed.seeds[0, 0] == pytest.approx(squares["C(seed)"] / n)
    assert crossed.rows[0, 0] == pytest.approx((squares["C(row)"] - squares["Residual"]) / n)
    mean, error, _ = crossed.contrast(np.array([[1.0]]))
    total = squares["C(seed)"] + squares["C(row)"] - squares["Residual"]
    assert (mean[0], error[0]) == pytest.approx((values.mean(), math.sqrt(total / n)))


def test_rows_never_make_an_interval_narrower_and_free_degrees_grow():
    values = np.random.default_rng(2).random((5, 40, 1)) > 0.5
    crossed = Crossed.of(values)
    _, error, freedom = crossed.contrast(np.array([[1.0]]))
    assert error[0] >= math.sqrt(crossed.seeds[0, 0]) - 1e-15
    assert freedom[0] >= 4 - 1e-9


def test_variance_is_that_of_fresh_seeds_and_rows():
    """Over many draws of both, the estimate is on average what the means do."""
    rng = np.random.default_rng(3)
    means, estimates = [], []
    for _ in range(600):
        rows, seeds = rng.normal(0, 0.5, 30), rng.normal(0, 0.3, (5, 1))
        values = rows + seeds + rng.normal(0, 1, (5, 30))
        crossed = Crossed.of(values[:, :, None])
        means.append(values.mean())
        estimates.append(crossed.seeds[0, 0] + crossed.rows[0, 0])
    assert np.mean(estimates) == pytest.approx(np.var(means), rel=0.15)


def test_one_seed_has_no_variance():
    with pytest.raises(ValueError, match="1 seeds"):
        Crossed.of(np.ones((1, 3, 2)))
