"""Contrastive active learning: rows that look like labelled ones and are predicted otherwise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from al_ray.errors import UserError
from al_ray.strategies.base import Outputs, Strategy
from al_ray.strategies.probabilities import sorted_sum, weigh
from al_ray.strategies.units import mean_distributions
from al_ray.strategies.vectors import nearest, normalised


class Contrastive(Strategy):
    """Mean KL(neighbour || row) over the nearest labelled neighbours (CAL; Margatina et al. 2021).

    Its neighbours, or all labelled rows where these are fewer, are the nearest by the Euclidean
    distance of vectors at length 1. The paper takes the [CLS] vector; here it is what the
    classification layer is fed. A row of several units has their mean distribution. Infinite where
    the row excludes a label that a neighbour does not.

    Args:
        neighbours: labelled rows that each row is compared with; the paper has ten.

    Raises:
        UserError: none.
    """

    name = "contrastive"
    family = "prediction-based"
    needs = frozenset({"units", "labels", "vectors", "labelled"})
    costly = True

    def __init__(self, neighbours: int = 10) -> None:
        if neighbours < 1:
            raise UserError("neighbours {n}: give 1 or more", n=neighbours)
        self.neighbours = neighbours

    def score(self, outputs: Outputs) -> NDArray[np.float64]:
        """Float64 (rows,), from 0 (its neighbours are predicted alike)."""
        labelled: Outputs = outputs.get("labelled")
        k = min(self.neighbours, len(labelled))
        found, _ = nearest(
            normalised(outputs.get("vectors")), normalised(labelled.get("vectors")), k
        )
        row = mean_distributions(outputs)[:, None, :]
        neighbour = mean_distributions(labelled)[found]
        with np.errstate(invalid="ignore"):
            divergence = sorted_sum(weigh(np.exp(neighbour), neighbour - row), axis=2)
        return np.maximum(sorted_sum(divergence, axis=1) / k, 0.0)
