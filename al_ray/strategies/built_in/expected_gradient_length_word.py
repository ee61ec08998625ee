"""Expected gradient length of words: the one word that a text's label would teach most about."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from al_ray.strategies.base import Outputs, Strategy
from al_ray.strategies.probabilities import sorted_sum, weigh


class ExpectedGradientLengthWord(Strategy):
    """Largest expected gradient norm of a word's embedding (EGL-word; Zhang, Lease & Wallace 2017).

    max over the words of sum_y p_y |gradient at label y|, in this order. The gradients of a word
    that is repeated are added; the special tokens are no words.
    """

    name = "expected-gradient-length-word"
    family = "model-based"
    needs = frozenset({"probabilities", "word-gradients"})
    costly = True

    def score(self, outputs: Outputs) -> NDArray[np.float64]:
        """Float64 (rows,), 0 where there is no word."""
        norms = outputs.get("word_gradients").astype(np.float64)
        if not norms.shape[2]:
            return np.zeros(len(outputs))
        p = np.exp(outputs.log_probabilities[0])[:, :, None]
        return np.asarray(sorted_sum(weigh(p, norms), axis=1).max(axis=1))
