"""Least confidence: how far the best guess is from certain."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from al_ray.errors import UserError
from al_ray.strategies.base import Outputs, Strategy
from al_ray.strategies.units import best_path, sums

PATHS = ("any", "legal")


class LeastConfidence(Strategy):
    """1 - max p (Lewis & Gale 1994; Culotta & McCallum 2005).

    Of a row of several units it is -sum log max p, the same order as 1 - prod max p, which rounds
    to 1 in long rows. It is drawn to them (`mnlp` is not).

    Args:
        path: `any`: each unit's likeliest label; `legal`: the likeliest labels that may follow each
            other.

    Raises:
        UserError: another path is named.
    """

    name = "least-confidence"
    family = "prediction-based"
    needs = frozenset({"units"})

    def __init__(self, path: str = "any") -> None:
        if path not in PATHS:
            raise UserError(
                "path {name!r} is not known: choose from {known}",
                name=path,
                known=", ".join(PATHS),
            )
        self.path = path

    def score(self, outputs: Outputs) -> NDArray[np.float64]:
        """Float64 (rows,), from 0 (certain); of one unit to 1 - 1/labels (uniform)."""
        logs, units = outputs.log_probabilities[0], outputs.units
        if units is None:
            # The sum of the other probabilities: 1 - p would round to 0 where p is close to 1.
            ascending = np.sort(np.exp(logs), axis=1)
            return np.asarray(ascending[:, :-1].sum(axis=1))
        if self.path == "any":
            return -sums(logs.max(axis=1), units)
        _, best = best_path(logs, units, outputs.legal)
        return -best
