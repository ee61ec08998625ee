"""Classification: one label a text. Metrics in NumPy, since actors do without scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

AUTO_MODEL = "AutoModelForSequenceClassification"
"""The Transformers class whose head (pooler and dropout included) is the encoder's own."""


def losses(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy in nats (rows,) of logits (rows, labels) at labels (rows,)."""
    from torch.nn.functional import cross_entropy

    return cross_entropy(logits.float(), labels, reduction="none")


def confusion(
    labels: NDArray[np.int32], predictions: NDArray[np.int32], n_labels: int
) -> NDArray[np.int64]:
    """Counts (true label, predicted label)."""
    cells = labels.astype(np.int64) * n_labels + predictions
    return np.bincount(cells, minlength=n_labels**2).reshape(n_labels, n_labels)


def losses_of(
    log_probabilities: NDArray[np.float64], labels: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Cross-entropy in nats (rows,) of log-probabilities (rows, labels) at labels (rows,)."""
    return -log_probabilities[np.arange(len(labels)), labels]


def rank_correlation(x: NDArray[np.float64], y: NDArray[np.float64]) -> float | None:
    """Spearman's rho of two (rows,), equal values at their mean rank; None where one is constant.

    SciPy has it, and stays out of what actors import.
    """
    ranks = []
    for values in (x, y):
        _, place, count = np.unique(values, return_inverse=True, return_counts=True)
        ranks.append((np.cumsum(count) - (count - 1) / 2)[place])
    if any(np.ptp(rank) == 0 for rank in ranks):
        return None
    return float(np.asarray(np.corrcoef(np.stack(ranks)))[0, 1])


@dataclass(frozen=True)
class Metrics:
    """How well rows are predicted; each in 0 … 1 but `loss`, which is in nats."""

    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    loss: float


def metrics(log_probabilities: NDArray[np.float64], labels: NDArray[np.int32]) -> Metrics:
    """Metrics of rows (rows, labels) against their true labels (rows,).

    Balanced accuracy is the mean recall of the labels that occur; macro-F1 is the mean over the
    labels that occur or are predicted. Both are scikit-learn's definitions.
    """
    n_labels = log_probabilities.shape[1]
    predictions = log_probabilities.argmax(axis=1).astype(np.int32)
    counts = confusion(labels, predictions, n_labels)
    right, true, predicted = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
    occurs, seen = true > 0, (true + predicted) > 0
    return Metrics(
        accuracy=float(right.sum() / len(labels)),
        balanced_accuracy=float((right[occurs] / true[occurs]).mean()),
        macro_f1=float((2 * right[seen] / (true + predicted)[seen]).mean()),
        loss=float(losses_of(log_probabilities, labels).mean()),
    )
