"""A batch without near-duplicates, whatever the strategy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from al_ray.strategies.vectors import normalised

AHEAD = 4
"""How many batches of ranked rows are looked through."""


def diverse(vectors: NDArray[np.float32], n: int, limit: float) -> NDArray[np.int64]:
    """Pass over rows that are too much like one that is taken already.

    Args:
        vectors: (rows, width), in rank order.
        n: how many to take.
        limit: the cosine similarity above which two rows are too much alike.

    Returns:
        Positions, int64 (min(n, rows),): first those that are taken, then, where these are too
        few, those passed over; each in rank order.
    """
    unit = normalised(vectors).astype(np.float64)
    taken: list[int] = []
    passed: list[int] = []
    kept = np.empty((n, unit.shape[1]))
    for row, vector in enumerate(unit):
        if len(taken) == n:
            break
        if taken and (kept[: len(taken)] @ vector).max() > limit:
            passed.append(row)
        else:
            kept[len(taken)] = vector
            taken.append(row)
    return np.array((taken + passed)[:n], np.int64)
