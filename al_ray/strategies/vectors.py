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

_CELLS = 2**19
"""Numbers in a temporary array; a few of them at once are a few percent of a shard's vectors."""


def squared_norms(x: NDArray[np.float32]) -> NDArray[np.float64]:
    """Float64 (rows,) of vectors (rows, width)."""
    return np.concatenate(
        [np.zeros(0)]
        + [np.square(part, dtype=np.float64).sum(axis=1) for part in blocks(x, x.shape[1])]
    )


def squared_distances(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float64]:
    """Exact, float64 (rows,), of vectors (rows, width) to one vector (width,), or row by row."""
    y = np.broadcast_to(y, x.shape)
    parts = [np.zeros(0)]
    for a, b in zip(blocks(x, x.shape[1]), blocks(y, x.shape[1]), strict=True):
        parts.append(np.square(np.subtract(a, b, dtype=np.float64)).sum(axis=1))
    return np.concatenate(parts)


def slack(width: int, norms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bound on the error of twice a float32 inner product, where the squared norms add up to norms.

    n u / (1 - n u) of half of them (Higham 2002, section 3.1), doubled for the rounding of what it
    is made from, and what products lose that are too small for float32.
    """
    kind = np.finfo(np.float32)
    unit = width * float(kind.eps) / 2
    return np.asarray(2 * unit / (1 - unit) * norms + 8 * width * float(kind.tiny))


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
    start = 0
    for part in blocks(x, len(centres)):
        rows = slice(start, start + len(part))
        start += len(part)
        about = norms[rows, None] + centre_norms - 2.0 * (part @ centres.T)
        error = slack(x.shape[1], norms[rows] + centre_norms.max())
        kth = about.min(axis=1) if k == 1 else np.partition(about, k - 1, axis=1)[:, k - 1]
        reach = kth + 2 * error
        row, column = np.nonzero(about <= reach[:, None])
        exact = np.concatenate(
            [
                squared_distances(part[r], centres[c])
                for r, c in zip(blocks(row, x.shape[1]), blocks(column, x.shape[1]), strict=True)
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


def blocks(x: NDArray[Any], width: int) -> list[NDArray[Any]]:
    """Views of consecutive rows of x, whose number times width is about `_CELLS`."""
    rows = max(1, _CELLS // max(1, width))
    return [x[start : start + rows] for start in range(0, len(x), rows)]
