"""How good a model is on the tests, as columns of tables; the only place that reads test labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from al_ray.corpus.tokens.prepared import Rows
from al_ray.loop.correlation import rank_correlation
from al_ray.loop.oracle import OfCorpus
from al_ray.tasks import Answers, Evaluation, Task
from al_ray.workers import Predictions

Columns = dict[str, list[Any]]

VALIDATION = "validation"
"""What stands for a test's name in `predictions` where there is none."""

_MEASURED = ("test", "main", "test_score", "loss_correlation")
_ANSWERED = ("test", "main", "row_id", "label", "prediction", "confidence", "score")
_OF_LABELS = ("test_accuracy", "test_balanced_accuracy", "test_macro_f1", "test_loss")
"""Columns of `steps` that were there before there was a table of `metrics`."""


def evaluated_on_tests(
    task: Task, rows: Rows, predict: Callable[[NDArray[np.int64]], Predictions]
) -> tuple[Columns, Columns, Columns]:
    """Columns of `steps`, with a value per test, of `predictions` and of `metrics`.

    Args:
        task: what is learnt.
        rows: of the corpus.
        predict: what the model says of rows (rows,).
    """
    main, answer_of = next(iter(rows.tests), None), OfCorpus(rows, task)
    of_labels = _OF_LABELS if task.few else ()
    steps: Columns = {name: [] for name in (*_MEASURED, *of_labels)}
    answers: Columns = {name: [] for name in _ANSWERED}
    metrics: Columns = {name: [] for name in ("test", "main", "metric", "value")}
    for test, of_test in rows.tests.items():
        said, right = predict(of_test), answer_of(of_test)
        found = task.evaluated(said.outputs, right, rows.texts_of(of_test))
        correlation = (
            None
            if said.predicted_loss is None
            else rank_correlation(said.predicted_loss, found.losses)
        )
        measured = {task.score: found.score, **found.metrics}
        labelled = (measured[name.removeprefix("test_")] for name in of_labels)
        values = (test, test == main, found.score, correlation, *labelled)
        for column, value in zip(steps, values, strict=True):
            steps[column].append(value)
        metrics["test"] += [test] * len(measured)
        metrics["main"] += [test == main] * len(measured)
        metrics["metric"] += measured
        metrics["value"] += measured.values()
        of_one = answered_on(task, rows, (test, test == main), of_test, right, found)
        for column, each in of_one.items():
            answers[column] += each
    if main is None:  # a step has a row, if only to say that it is complete
        steps = {name: [None] for name in steps}
    return steps, answers, metrics


def answered_on(
    task: Task,
    rows: Rows,
    test: tuple[str, bool],
    of_test: NDArray[np.int64],
    right: Answers,
    found: Evaluation,
) -> Columns:
    """Columns of `predictions`.

    Args:
        task: what is learnt.
        rows: of the corpus.
        test: its name, and whether it is the main one.
        of_test: (rows,) that were evaluated.
        right: (rows,) their answers.
        found: how well they were answered.
    """
    name, main = test
    return {
        "test": [name] * len(of_test),
        "main": [main] * len(of_test),
        "row_id": rows.ids_of(of_test),
        "label": task.written(right),
        "prediction": task.written(found.answers),
        "confidence": found.confidence.tolist(),
        "score": found.scores.tolist(),
    }
