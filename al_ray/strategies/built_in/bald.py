"""BALD: rows about which the weights disagree, with dropout for a sample of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from al_ray.errors import UserError
from al_ray.strategies.base import Outputs, Strategy
from al_ray.strategies.built_in.query_by_committee import mean_kl
from al_ray.strategies.units import means


class Bald(Strategy):
    """Mutual information of label and weights (Houlsby et al. 2011; Gal et al. 2017).

    H(mean of the passes) - mean H(pass), which is the mean divergence of the passes from their
    mean; the passes have dropout and nothing else of training.

    Args:
        passes: forward passes of each row.

    Raises:
        UserError: fewer than two.
    """

    name = "bald"
    family = "model-based"
    needs = frozenset({"units", "dropout"})
    costly = True

    def __init__(self, passes: int = 10) -> None:
        if passes < 2:
            raise UserError("passes {n}: give 2 or more passes with dropout", n=passes)
        self.passes = passes

    def score(self, outputs: Outputs) -> NDArray[np.float64]:
        """Float64 (rows,) in nats, from 0 (the passes agree) to log(min(passes, labels)).

        The mean over a row's units.
        """
        return means(mean_kl(outputs.get("dropout")), outputs.units)
