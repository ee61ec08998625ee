"""BADGE: rows that would change the model much, each in another direction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from al_ray.strategies.base import Draw, Outputs, Sequential
from al_ray.strategies.probabilities import sorted_sum
from al_ray.strategies.vectors import slack, squared_norms


class Badge(Sequential):
    """k-means++ on the gradient of the last layer (Ash et al. 2020).

    The gradient of the loss at the label that the model itself predicts is (p - e) h, an outer
    product of what the probabilities miss and what the layer is fed. It is never written out: norms
    and inner products of outer products are products of norms and inner products. The longest
    gradient comes first; then rows are drawn by their squared distance D² to the nearest chosen
    one. Such a draw is the arg-max of log D² + Gumbel noise, which can be taken shard by shard.
    """

    name = "badge"
    family = "model-based"
    needs = frozenset({"probabilities", "labels", "vectors"})
    costly = True

    def begin(self, outputs: Outputs, draw: Draw) -> GradientDistances:
        """See `Sequential`."""
        return GradientDistances(
            residuals(outputs.log_probabilities[0]), outputs.get("vectors"), draw
        )


def residuals(log_probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """p - e of the predicted label, float64 (rows, labels) as the argument."""
    p = np.exp(log_probabilities)
    best = log_probabilities.argmax(axis=1)[:, None]
    np.put_along_axis(p, best, 0.0, axis=1)
    # Minus the sum of the others: p - 1 would round to 0 where p is close to 1.
    np.put_along_axis(p, best, -np.sort(p, axis=1).sum(axis=1, keepdims=True), axis=1)
    return p


@dataclass(frozen=True, eq=False)
class Gradient:
    """The two factors of a gradient: (labels,) and (width,)."""

    residual: NDArray[np.float64]
    vector: NDArray[np.float32]


class GradientDistances:
    """Each row's squared distance to the nearest chosen gradient."""

    def __init__(
        self, residual: NDArray[np.float64], vectors: NDArray[np.float32], draw: Draw
    ) -> None:
        self._residuals, self._vectors, self._draw = residual, vectors, draw
        self._residual_norms = sorted_sum(np.square(residual), axis=1)
        self._vector_norms = squared_norms(vectors)
        self._norms = self._residual_norms * self._vector_norms
        self._nearest = np.full(len(vectors), np.inf)
        self._taken = 0

    def values(self) -> NDArray[np.float64]:
        """Before the first pick the norm, then log D² + noise; float64 (rows,)."""
        if not self._taken:
            return np.asarray(np.sqrt(self._norms))
        with np.errstate(divide="ignore"):
            noise = -np.log(-np.log(self._draw(self._taken)))
            return np.asarray(np.log(self._nearest) + noise)

    def centre(self, row: int) -> Gradient:
        """The row's gradient."""
        return Gradient(self._residuals[row].copy(), self._vectors[row].copy())

    def take(self, centre: Gradient) -> None:
        """One gradient more; as in `core_set`, exact only where it may be nearer."""
        self._taken += 1
        a, h = centre.residual, centre.vector
        a_norm = float(sorted_sum(np.square(a), axis=0))
        h_norm = float(squared_norms(h[None])[0])
        along = (self._residuals * a).sum(axis=1)
        total = self._norms + a_norm * h_norm
        about = total - 2.0 * along * (self._vectors @ h)
        near = np.flatnonzero(about - slack(len(h), total) < self._nearest)
        exact = self._exact(near, a, h, a_norm)
        self._nearest[near] = np.minimum(self._nearest[near], exact)

    def _exact(
        self,
        rows: NDArray[np.int64],
        a: NDArray[np.float64],
        h: NDArray[np.float32],
        a_norm: float,
    ) -> NDArray[np.float64]:
        """From a_i h_i - a h = (a_i - a) h_i + a (h_i - h), where nothing cancels."""
        found = np.empty(len(rows))
        for start in range(0, len(rows), 1024):
            part = rows[start : start + 1024]
            wide = self._vectors[part].astype(np.float64)
            apart, across = self._residuals[part] - a, wide - h
            squared = (
                sorted_sum(np.square(apart), axis=1) * self._vector_norms[part]
                + a_norm * np.square(across).sum(axis=1)
                + 2.0 * sorted_sum(apart * a, axis=1) * (wide * across).sum(axis=1)
            )
            found[start : start + 1024] = np.maximum(squared, 0.0)
        return found
