"""Spearman's rho against SciPy and numbers worked by hand."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from al_ray.loop.correlation import rank_correlation


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=2, max_size=40))
def test_rank_correlation_is_scipys(pairs):
    """Few values, so that many are equal."""
    x, y = np.array(pairs, float).T
    ours = rank_correlation(x, y)
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        assert ours is None
    else:
        assert ours == pytest.approx(scipy.stats.spearmanr(x, y).statistic, abs=1e-12)


def test_rank_correlation_by_hand():
    x = np.array([1.0, 10, 100, 1000])
    assert rank_correlation(x, np.array([0.1, 0.2, 0.3, 0.4])) == pytest.approx(1)
    assert rank_correlation(x, -x) == pytest.approx(-1)
    # 1 - 6 sum d² / (n (n² - 1)), d = 0, 1, -1, 0
    assert rank_correlation(x, np.array([1.0, 3, 2, 4])) == pytest.approx(1 - 12 / 60)
