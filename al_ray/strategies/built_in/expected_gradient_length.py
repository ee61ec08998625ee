"""Expected gradient length: how much a row would change the model, whatever its label is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from al_ray.strategies.base import Outputs, Strategy
from al_ray.strategies.probabilities import sorted_sum
from al_ray.strategies.vectors import squared_norms


class ExpectedGradientLength(Strategy):
    """Expected Euclidean norm of the classification layer's gradient (Settles & Craven 2008).

    At label y that gradient is (p - e_y) [h; 1], the 1 for the bias, so that the expectation is
    |[h; 1]| sum_y p_y |p - e_y|: no backward pass is needed. With a pooler that ends in tanh, |h|
    hardly varies, and the order is nearly that of 1 - sum p².
    """

    name = "expected-gradient-length"
    family = "model-based"
    needs = frozenset({"probabilities", "labels", "vectors"})

    def score(self, outputs: Outputs) -> NDArray[np.float64]:
        """Float64 (rows,), 0 where the model is certain."""
        norm = np.sqrt(squared_norms(outputs.get("vectors")) + float(outputs.bias))
        return np.asarray(norm * expected_residual(outputs.log_probabilities[0]))


def expected_residual(log_probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum over y of p_y |p - e_y|, float64 (rows,), of distributions (rows, labels)."""
    p = np.sort(np.exp(log_probabilities), axis=1)
    terms = np.empty_like(p)
    for label in range(p.shape[1]):
        others = np.ascontiguousarray(np.delete(p, label, axis=1))
        # 1 - p_y as the sum of the others keeps what a certain row has left.
        squared = np.square(others.sum(axis=1)) + np.square(others).sum(axis=1)
        terms[:, label] = p[:, label] * np.sqrt(squared)
    return sorted_sum(terms, axis=1)
