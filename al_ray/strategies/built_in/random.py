"""Random draws: the arm that every other one is compared with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from al_ray.strategies.base import Outputs, Strategy


class Random(Strategy):
    """The next rows of the seed's one permutation, of which the initial draw is a prefix."""

    name = "random"
    family = "data-based"
    needs = frozenset()

    def score(self, outputs: Outputs) -> NDArray[np.float64]:
        """Nothing is scored.

        Raises:
            TypeError: always; `ranks` says so beforehand.
        """
        raise TypeError("random ranks nothing: select with scores=None")
