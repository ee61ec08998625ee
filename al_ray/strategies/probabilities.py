"""Numerics that the strategies share; float64 throughout.

Sums run over sorted terms, so that permuting labels or members changes no bit of a score: rows
that are equal by symmetry tie exactly, and the tie rule decides instead of rounding.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from al_ray.errors import AlRayError


def log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Log-probabilities (..., labels) of logits (..., labels).

    The logits are widened before anything is computed: a softmax in half precision makes many
    rows equal and ruins the ranking.

    Raises:
        AlRayError: the logits are of less than single precision.
    """
    if logits.dtype not in (np.float32, np.float64):
        raise AlRayError("logits are {dtype}: scores need float32", dtype=logits.dtype)
    wide = np.ascontiguousarray(logits, dtype=np.float64)
    shifted = wide - wide.max(axis=-1, keepdims=True)
    # The largest term is exactly 1; leaving it to log1p keeps what a saturated row has left.
    others = np.sort(np.exp(shifted), axis=-1)[..., :-1].sum(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log1p(others))


def sorted_sum(terms: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """The sum along an axis, whatever the order of the terms and the number of rows.

    The axis goes last in memory: NumPy adds in another order where it is not.
    """
    last = np.ascontiguousarray(np.moveaxis(terms, axis, -1))
    return np.asarray(np.sort(last, axis=-1).sum(axis=-1))


def weigh(probabilities: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """p x, where 0 times anything is 0; nothing is added to p, which would bias it."""
    with np.errstate(invalid="ignore"):
        return np.where(probabilities == 0.0, 0.0, probabilities * x)


def entropy(log_probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shannon entropy in nats (...,) of distributions (..., labels)."""
    return sorted_sum(weigh(np.exp(log_probabilities), -log_probabilities), axis=-1)


def log_mean(log_probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of the members' mean distribution: (members, ...) to (...)."""
    largest = log_probabilities.max(axis=0)
    shift = np.where(np.isneginf(largest), 0.0, largest)
    total = sorted_sum(np.exp(log_probabilities - shift), axis=0)
    with np.errstate(divide="ignore"):
        return np.asarray(shift + np.log(total / len(log_probabilities)))
