"""Rows of several units: from values of units to values of rows.

Every row is reduced by itself, so that its value does not depend on the rows beside it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from al_ray.strategies.base import Outputs


def starts(units: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each row's units begin, (rows,), of how many each has (rows,)."""
    return np.asarray(np.cumsum(units) - units)


def sums(values: NDArray[np.float64], units: NDArray[np.int64] | None) -> NDArray[np.float64]:
    """Of each row's units, (rows,) of (units,); None: a row is one unit."""
    return values if units is None else np.asarray(np.add.reduceat(values, starts(units)))


def means(values: NDArray[np.float64], units: NDArray[np.int64] | None) -> NDArray[np.float64]:
    """Of each row's units, (rows,) of (units,); None: a row is one unit."""
    return values if units is None else np.asarray(sums(values, units) / units)


def largest(values: NDArray[np.float64], units: NDArray[np.int64] | None) -> NDArray[np.float64]:
    """Of each row's units, (rows,) of (units,); None: a row is one unit."""
    return values if units is None else np.asarray(np.maximum.reduceat(values, starts(units)))


def mean_distributions(outputs: Outputs) -> NDArray[np.float64]:
    """Logarithm of the mean of each row's distributions by the first member, (rows, labels)."""
    logs: NDArray[np.float64] = outputs.log_probabilities[0]
    if outputs.units is None:
        return logs
    total = np.add.reduceat(np.exp(logs), starts(outputs.units), axis=0)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(total / outputs.units[:, None]))


def best_path(
    log_probabilities: NDArray[np.float64],
    units: NDArray[np.int64],
    legal: NDArray[np.bool_] | None,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The likeliest legal labels of each row (Viterbi 1967), units being independent otherwise.

    Args:
        log_probabilities: (units, labels).
        units: (rows,), how many each row has.
        legal: see `Outputs`; None: any label may follow any.

    Returns:
        Labels (units,), the lowest of equally likely ones last in the row first, and their
        log-probability (rows,).
    """
    if legal is None:
        best = log_probabilities.argmax(axis=1)
        return best, sums(log_probabilities.max(axis=1), units)
    barred = np.where(legal, 0.0, -np.inf)
    first, order = starts(units), np.argsort(-units, kind="stable")
    reached = np.full((len(units), legal.shape[1]), -np.inf)
    before = np.zeros(log_probabilities.shape, np.int64)
    for place in range(int(units.max(initial=0))):
        # Longest first: those that have this unit are at the beginning.
        rows = order[: int(np.searchsorted(-units[order], -place, side="left"))]
        at = first[rows] + place
        if place == 0:
            reached[rows] = barred[-1] + log_probabilities[at]
            continue
        ways = reached[rows][:, :, None] + barred[:-1]
        before[at] = ways.argmax(axis=1)
        reached[rows] = ways.max(axis=1) + log_probabilities[at]
    path = np.empty(len(log_probabilities), np.int64)
    label = reached.argmax(axis=1)
    for place in range(int(units.max(initial=0)) - 1, -1, -1):
        rows = order[: int(np.searchsorted(-units[order], -place, side="left"))]
        at = first[rows] + place
        path[at] = label[rows]
        label[rows] = before[at, label[rows]]
    return path, reached.max(axis=1)
