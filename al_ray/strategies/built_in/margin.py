"""Margin, or breaking ties: how close the second guess comes to the first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from al_ray.strategies.base import Outputs, Strategy


class Margin(Strategy):
    """-(p1 - p2) of the two likeliest labels (Scheffer et al. 2001; Luo et al. 2005).

    Beyond log-odds of about 22 float64 no longer tells p1 - p2 from 1 as finely as float32 logits
    differ. Only there, among the rows that are chosen last, can two labels be ordered otherwise
    than by least confidence and entropy.
    """

    name = "margin"
    family = "prediction-based"

    def score(self, outputs: Outputs) -> NDArray[np.float64]:
        """Float64 (rows,), from -1 (certain) to 0 (two labels equally likely)."""
        # p1 (p2/p1 - 1) by expm1: subtracting close probabilities would lose digits.
        second, first = np.ascontiguousarray(np.sort(outputs.log_probabilities[0])[:, -2:].T)
        return np.asarray(np.exp(first) * np.expm1(second - first))
