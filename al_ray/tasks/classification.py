"""Classification: one label a text. Metrics in NumPy, since actors do without scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from al_ray.strategies import Outputs, log_softmax
from al_ray.study.config import COLLAPSED
from al_ray.tasks.base import Answers, Evaluation, Overview, Targets, Task

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Classification(Task):
    """One of a few labels; an answer is a label's position among their names."""

    name = "classification"
    gives = frozenset(
        (
            *("units", "probabilities", "labels", "committee", "vectors", "word-gradients"),
            *("predicted-loss", "dropout", "labelled"),
        )
    )
    frozen = True
    few = True
    score = "accuracy"

    @property
    def metrics(self) -> tuple[str, ...]:
        """See `evaluated`."""
        return ("balanced_accuracy", "macro_f1", "loss")

    @classmethod
    def classes_of(cls, answers: Sequence[str]) -> tuple[str, ...]:
        """The labels."""
        return tuple(answers)

    def targets(self, answers: Answers, units: NDArray[np.int64] | None) -> Targets:
        """The labels."""
        return Targets(answers.astype(np.int64))

    def losses(
        self, logits: torch.Tensor, targets: torch.Tensor, units: torch.Tensor | None
    ) -> torch.Tensor:
        """Cross-entropy in nats."""
        from torch.nn.functional import cross_entropy

        return cross_entropy(logits.float(), targets, reduction="none")

    def believed(self, logits: NDArray[np.float32], units: NDArray[np.int64] | None) -> Outputs:
        """A distribution over the labels a row."""
        return Outputs(log_softmax(logits)[np.newaxis])

    def answered(self, outputs: Outputs, member: int = 0) -> tuple[Answers, NDArray[np.float64]]:
        """The likeliest labels, the lowest of equally likely ones."""
        logs = outputs.log_probabilities[member]
        return logs.argmax(axis=1).astype(np.int32), np.exp(logs.max(axis=1))

    def evaluated(
        self, outputs: Outputs, answers: Answers, texts: Sequence[str] | None = None
    ) -> Evaluation:
        """Accuracy, the mean over rows of whether the label is right.

        Balanced accuracy is the mean recall of the labels that occur; macro-F1 is the mean over the
        labels that occur or are predicted. Both are scikit-learn's definitions.
        """
        logs = outputs.log_probabilities[0]
        predictions, confidence = self.answered(outputs)
        counts = confusion(answers, predictions, logs.shape[1])
        right, true, predicted = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
        occurs, seen = true > 0, (true + predicted) > 0
        losses = -logs[np.arange(len(answers)), answers]
        metrics = {
            "balanced_accuracy": float((right[occurs] / true[occurs]).mean()),
            "macro_f1": float((2 * right[seen] / (true + predicted)[seen]).mean()),
            "loss": float(losses.mean()),
        }
        scores = (predictions == answers).astype(np.float64)
        accuracy = float(right.sum() / len(answers))
        return Evaluation(predictions, confidence, accuracy, metrics, scores, losses)

    def overview(self, given: Answers, right: Answers) -> Overview:
        """Predictions of each label, and the confusion."""
        n = len(self.classes)
        counts = np.bincount(given, minlength=n)
        collapsed = bool(counts.max() >= COLLAPSED * counts.sum())
        return Overview(counts.tolist(), collapsed, confusion(right, given, n).tolist())


def confusion(labels: Answers, predictions: Answers, n_labels: int) -> NDArray[np.int64]:
    """Counts (true label, predicted label)."""
    cells = labels.astype(np.int64) * n_labels + predictions
    return np.bincount(cells, minlength=n_labels**2).reshape(n_labels, n_labels)
