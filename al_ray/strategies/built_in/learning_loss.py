"""Learning loss: rows whose loss a small module, trained beside the model, takes to be large."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from al_ray.strategies.base import Outputs, Strategy


class LearningLoss(Strategy):
    """The predicted loss (Yoo & Kweon 2019); see `al_ray.learners.encoder.loss_prediction`.

    It is a random arm where the prediction does not go with the true loss: `steps` has their rank
    correlation on the test rows as `loss_correlation`.
    """

    name = "learning-loss"
    family = "model-based"
    needs = frozenset({"probabilities", "predicted-loss"})

    def score(self, outputs: Outputs) -> NDArray[np.float64]:
        """Float64 (rows,), in no unit: only the order is learnt."""
        return np.array(outputs.get("predicted_loss"))
