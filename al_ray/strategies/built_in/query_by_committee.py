"""Question by committee: how much the members disagree."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from al_ray.errors import UserError
from al_ray.strategies.base import Outputs, Strategy
from al_ray.strategies.probabilities import entropy, log_mean, sorted_sum, weigh
from al_ray.strategies.units import means


def vote_entropy(log_probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Entropy of the members' votes in nats, not normalised (Dagan & Engelson 1995).

    A member votes for its likeliest label, the lowest index of equal ones.
    """
    members, _, labels = log_probabilities.shape
    votes = log_probabilities.argmax(axis=2)
    counts = (votes[:, :, None] == np.arange(labels)).sum(axis=0)
    with np.errstate(divide="ignore"):
        return entropy(np.log(counts / members))


def mean_kl(log_probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean divergence KL(member || mean of the members) in nats (McCallum & Nigam 1998).

    Finite whatever the probabilities: where a member's is positive, so is the mean.
    """
    with np.errstate(invalid="ignore"):
        ratio = log_probabilities - log_mean(log_probabilities)
    divergence = sorted_sum(weigh(np.exp(log_probabilities), ratio), axis=2)
    # Rounding can leave an agreeing committee at -1e-17.
    return np.maximum(sorted_sum(divergence, axis=0) / len(log_probabilities), 0.0)


def consensus(log_probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Entropy in nats of the members' mean distribution (soft vote; Settles 2012)."""
    return entropy(log_mean(log_probabilities))


DISAGREEMENTS: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "vote-entropy": vote_entropy,
    "mean-kl": mean_kl,
    "consensus": consensus,
}


class QueryByCommittee(Strategy):
    """Disagreement of a committee, each member with an equal say (Seung et al. 1992).

    Args:
        disagreement: `vote-entropy`, `mean-kl` or `consensus`.

    Raises:
        UserError: another disagreement is named.
    """

    name = "qbc"
    family = "model-based"
    needs = frozenset({"units", "committee"})

    def __init__(self, disagreement: str = "vote-entropy") -> None:
        if disagreement not in DISAGREEMENTS:
            raise UserError(
                "disagreement {name!r} is not known: choose from {known}",
                name=disagreement,
                known=", ".join(DISAGREEMENTS),
            )
        self.disagreement = disagreement

    def score(self, outputs: Outputs) -> NDArray[np.float64]:
        """Float64 (rows,), 0 where the members agree (consensus: and are certain).

        The mean over a row's units.
        """
        disagreement = DISAGREEMENTS[self.disagreement](outputs.log_probabilities)
        return means(disagreement, outputs.units)
