"""Entropy of the predicted distribution."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from al_ray.strategies import probabilities
from al_ray.strategies.base import Outputs, Strategy


class Entropy(Strategy):
    """-sum p log p in nats, with 0 log 0 = 0 (Shannon 1948)."""

    name = "entropy"
    family = "prediction-based"

    def score(self, outputs: Outputs) -> NDArray[np.float64]:
        """Float64 (rows,), from 0 (certain) to log labels (uniform)."""
        return probabilities.entropy(outputs.log_probabilities[0])
