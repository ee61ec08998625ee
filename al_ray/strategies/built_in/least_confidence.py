"""Least confidence: how far the best guess is from certain."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from al_ray.strategies.base import Outputs, Strategy


class LeastConfidence(Strategy):
    """1 - max p (Lewis & Gale 1994; Culotta & McCallum 2005)."""

    name = "least-confidence"
    family = "prediction-based"

    def score(self, outputs: Outputs) -> NDArray[np.float64]:
        """Float64 (rows,), from 0 (certain) to 1 - 1/labels (uniform)."""
        # The sum of the other probabilities: 1 - p would round to 0 where p is close to 1.
        ascending = np.sort(np.exp(outputs.log_probabilities[0]), axis=1)
        return np.asarray(ascending[:, :-1].sum(axis=1))
