"""Metrics as means over test rows, so that each has an interval over seeds and rows.

Accuracy is a mean of what is right. The others are smooth functions of such means, and a model's
value on a sample of rows differs from that on all rows by the mean of its influence function, but
for terms that vanish faster (Hampel 1974; for ratios the delta method). So a row's value here is
the metric plus that row's influence: their mean over the rows is the metric itself, exactly, and
their spread is what another sample of rows would change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from al_ray.analysis.study import Study, remembered
from al_ray.language import mark, tr

RARE: Final = "rare_recall"

NAMES: Final = {
    "accuracy": mark("accuracy"),
    "balanced_accuracy": mark("balanced accuracy"),
    "macro_f1": mark("macro-F1"),
    RARE: mark("recall of rare labels"),
}
"""The metrics that an arm is judged by, accuracy first, and what they are called."""

OTHERS: Final = {
    "entity_f1": mark("entity F1, mean over texts"),
    "micro_f1": mark("entity micro-F1"),
    "character_f1": mark("F1 of characters' tags"),
    "ceiling": mark("ceiling of what is cut off"),
    "character_f1_of_answers": mark("F1 of the answers' characters, mean over questions"),
    "exact_match": mark("exact match"),
    "rouge_w": mark("longest common run (KLUE's ROUGE-W)"),
}
"""What those of other tasks are called."""


def called(study: Study) -> dict[str, str]:
    """The metrics of `Study.columns`, and what they are called."""
    known = {**NAMES, **OTHERS, "accuracy": score_of(study.task)}

    def name_of(name: str) -> str:
        kind = name.removeprefix("f1:")
        return tr("F1 of {kind}", kind=kind) if kind != name else tr(known.get(name, name))

    return {name: name_of(name) for name in study.columns}


def score_of(task: Mapping[str, Any]) -> str:
    """What the score is called that the verdict of a task goes by; to be translated."""
    score: str = task["score"]
    return {**NAMES, **OTHERS}.get(score, score)


def meaning(task: Mapping[str, Any]) -> str | None:
    """What is called accuracy everywhere, where that is not the share of right labels."""
    if task["few"]:
        return None
    return tr("Accuracy is here the {score}.", score=tr(score_of(task)))


@remembered
def rare_labels(study: Study) -> list[str]:
    """Labels that have less than half of an equal share of the pool's rows; none where the table
    `rows` is missing.
    """
    pool = study.rows[study.rows.split == "train"].label
    shares = pool.value_counts(normalize=True)
    least = 0.5 / max(1, len(study.labels))
    return [label for label in study.labels if 0 < shares.get(label, 0) < least]


def values(
    metric: str,
    truth: NDArray[np.integer[Any]],
    predicted: NDArray[np.integer[Any]],
    labels: Sequence[int],
) -> NDArray[Any]:
    """A row's value of a metric: bool for accuracy, else float32 (rows,); their mean is the metric.

    Args:
        metric: of NAMES.
        truth: (rows,), each row's label.
        predicted: (rows,), what a model says.
        labels: that count: all, or the rare ones. Balanced accuracy and the recall of rare labels
            are mean recalls of those that occur, and macro-F1 is over those that occur or are
            predicted, as in scikit-learn.
    """
    right: NDArray[np.bool_] = truth == predicted
    if metric == "accuracy":
        return right
    made = np.zeros(len(truth), np.float64)
    counted = 0
    for label in labels:
        is_label = truth == label
        if metric == "macro_f1":
            whole = is_label.astype(np.float64) + (predicted == label)
            part = 2.0 * (is_label & right)
        else:
            whole, part = is_label.astype(np.float64), (is_label & right).astype(np.float64)
        size = whole.mean()
        if size == 0:
            continue
        ratio = part.mean() / size
        made += ratio + (part - ratio * whole) / size
        counted += 1
    return (made / max(1, counted)).astype(np.float32)
