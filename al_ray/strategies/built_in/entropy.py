"""Entropy of the predicted distribution."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from al_ray.strategies import probabilities
from al_ray.strategies.base import Outputs, Strategy
from al_ray.strategies.units import means


class Entropy(Strategy):
    """-sum p log p in nats, with 0 log 0 = 0 (Shannon 1948); the mean over a row's units.

    Of sequences it is known to be poor: a few uncertain units drown in many certain ones (Settles
    & Craven 2008 have it beside better ones).
    """

    name = "entropy"
    family = "prediction-based"
    needs = frozenset({"units"})

    def score(self, outputs: Outputs) -> NDArray[np.float64]:
        """Float64 (rows,), from 0 (certain) to log labels (uniform)."""
        return means(probabilities.entropy(outputs.log_probabilities[0]), outputs.units)
