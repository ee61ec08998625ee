"""Strategies for rows that are sequences of units, such as characters with a tag each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from al_ray.errors import UserError
from al_ray.strategies.base import Outputs, Strategy
from al_ray.strategies.units import largest, means


class NormalisedLogProbability(Strategy):
    """Maximum normalised log-probability, MNLP: -sum log max p / n (Shen et al. 2018).

    Least confidence without its pull to long rows.
    """

    name = "mnlp"
    family = "prediction-based"
    needs = frozenset({"units", "sequence"})

    def score(self, outputs: Outputs) -> NDArray[np.float64]:
        """Float64 (rows,) in nats, from 0 (certain) to log labels (uniform)."""
        return -means(outputs.log_probabilities[0].max(axis=1), outputs.units)


class LeastConfidentUnit(Strategy):
    """1 - max p of the unit that is least certain, LTP (Liu et al. 2022)."""

    name = "ltp"
    family = "prediction-based"
    needs = frozenset({"units", "sequence"})

    def score(self, outputs: Outputs) -> NDArray[np.float64]:
        """Float64 (rows,), from 0 (certain) to 1 - 1/labels (a unit is uniform)."""
        ascending = np.sort(np.exp(outputs.log_probabilities[0]), axis=1)
        return largest(ascending[:, :-1].sum(axis=1), outputs.units)


class ClassWeighted(Strategy):
    """Mean of the units' 1 - max p, each weighted by how rare its label is (after Luo et al. 2023).

    A label's weight is 1 / (its share of the labelled rows' units + smoothing). Its share is that
    of what the model predicts there, having learnt it; the paper counts the gold labels.

    Args:
        smoothing: a share; the larger, the less does rarity count.

    Raises:
        UserError: it is not above 0.
    """

    name = "class-weighted"
    family = "prediction-based"
    needs = frozenset({"units", "sequence", "labelled"})

    def __init__(self, smoothing: float = 0.1) -> None:
        if not smoothing > 0:
            raise UserError("smoothing {value:g}: give a share above 0", value=smoothing)
        self.smoothing = smoothing

    def score(self, outputs: Outputs) -> NDArray[np.float64]:
        """Float64 (rows,), from 0 (certain) to 1 / smoothing."""
        labelled, logs = outputs.get("labelled"), outputs.log_probabilities[0]
        predicted = labelled.log_probabilities[0].argmax(axis=1)
        share = np.bincount(predicted, minlength=logs.shape[1]) / len(predicted)
        weight = 1.0 / (share + self.smoothing)
        ascending = np.sort(np.exp(logs), axis=1)
        return means(weight[logs.argmax(axis=1)] * ascending[:, :-1].sum(axis=1), outputs.units)
