"""Strategies of one's own, as a user would write them."""

import numpy as np

from al_ray.strategies import Outputs, Strategy


class Margin(Strategy):
    name = "my-margin"
    family = "prediction-based"

    def score(self, outputs: Outputs) -> np.ndarray:
        p = np.sort(np.exp(outputs.log_probabilities[0]), axis=1)
        return p[:, -2] - p[:, -1]


class Broken(Strategy):
    name = "broken"
    family = "prediction-based"

    def score(self, outputs: Outputs) -> np.ndarray:
        return np.full(len(outputs), np.nan)
