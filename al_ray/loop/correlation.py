"""How far two orders of rows agree."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def rank_correlation(x: NDArray[np.float64], y: NDArray[np.float64]) -> float | None:
    """Spearman's rho of two (rows,), equal values at their mean rank; None where one is constant.

    SciPy has it, and stays out of what actors import.
    """
    ranks = []
    for values in (x, y):
        _, place, count = np.unique(values, return_inverse=True, return_counts=True)
        ranks.append((np.cumsum(count) - (count - 1) / 2)[place])
    if any(np.ptp(rank) == 0 for rank in ranks):
        return None
    return float(np.asarray(np.corrcoef(np.stack(ranks)))[0, 1])
