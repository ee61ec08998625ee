"""Euclidean distances of many vectors, exact where it matters and fast where it does not.

A product of matrices in float32 tells which pairs could be the nearest, within a proven bound of
its rounding; only those are computed again, from differences and in float64. So no digits cancel
for close vectors, equal vectors are at 0, and the result is the same to the last bit however rows
are put together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_CELLS = 2**22
"""Numbers in a temporary array."""


def squared_norms(x: NDArray[np.float32]) -> NDArray[np.float64]:
    """Float64 (rows,) of vectors (rows, width)."""
    return np.concatenate(
        [np.zeros(0)]
        + [np.square(part, dtype=np.float64).sum(axis=1) for part in _blocks(x, x.shape[1])]
    )


def squared_distances(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float64]:
    """Exact, float64 (rows,), of vectors (rows, width) to one vector (width,), or row by row."""
    y = np.broadcast_to(y, x.shape)
    parts = [np.zeros(0)]
    for a, b in zip(_blocks(x, x.shape[1]), _blocks(y, x.shape[1]), strict=True):
        parts.append(np.square(np.subtract(a, b, dtype=np.float64)).sum(axis=1))
    return np.concatenate(parts)


def rounding(width: int) -> float:
    """Bound on the error of a float32 inner product, as a share of the product of the norms.

    n u / (1 - n u) (Higham 2002, section 3.1), doubled for the rounding of what it is made from.
    """
    unit = width * float(np.finfo(np.float32).eps) / 2
    return 2 * unit / (1 - unit)


def nearest(
    x: NDArray[np.float32], centres: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The k nearest centres of each vector.

    Args:
        x: (rows, width).
        centres: (centres, width), at least k of them.
        k: how many.

    Returns:
        Positions among the centres, int64 (rows, k), nearest first, the lower position first where
        two are equally near; and their squared distances, float64 (rows, k).

    Raises:
        ValueError: there are fewer than k centres.
    """
    if not 1 <= k <= len(centres):
        raise ValueError(f"{k} nearest of {len(centres)} centres")
    norms, centre_norms = squared_norms(x), squared_norms(centres)
    found = np.empty((len(x), k), np.int64)
    distances = np.empty((len(x), k))
    bound = rounding(x.shape[1])
    start = 0
    for part in _blocks(x, len(centres)):
        rows = slice(start, start + len(part))
        start += len(part)
        about = norms[rows, None] + centre_norms - 2.0 * (part @ centres.T)
        slack = bound * (norms[rows] + centre_norms.max())
        reach = np.partition(about, k - 1, axis=1)[:, k - 1] + 2 * slack
        row, column = np.nonzero(about <= reach[:, None])
        exact = np.concatenate(
            [
                squared_distances(part[r], centres[c])
                for r, c in zip(_blocks(row, x.shape[1]), _blocks(column, x.shape[1]), strict=True)
            ]
        )
        order = np.lexsort((column, exact, row))
        # Each row's pairs are together now, nearest first: its first k are wanted.
        first = np.searchsorted(row[order], np.arange(len(part)))
        taken = order[first[:, None] + np.arange(k)]
        found[rows], distances[rows] = column[taken], exact[taken]
    return found, distances


def normalised(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors (rows, width) at length 1; those of length 0 as they are."""
    length = np.sqrt(squared_norms(x))
    return np.asarray(x / np.where(length == 0, 1, length)[:, None], np.float32)


def _blocks(x: NDArray[Any], width: int) -> list[NDArray[Any]]:
    """Cut into pieces whose rows times width are about `_CELLS` numbers."""
    rows = max(1, _CELLS // max(1, width))
    return [x[start : start + rows] for start in range(0, len(x), rows)]
