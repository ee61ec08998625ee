"""The tables, column by column.

A column keeps its meaning. A new one leaves VERSION as it is, and is null in files of before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from al_ray.errors import StudyConflict
from al_ray.study.knobs import kinds
from al_ray.study.training import Training

if TYPE_CHECKING:
    import pandas as pd

VERSION = 2

_ARM = [
    ("trajectory", pa.string()),
    ("corpus", pa.string()),
    ("model", pa.string()),
    ("strategy", pa.string()),
    ("family", pa.string()),
    ("recipe", pa.string()),
    ("retrain", pa.string()),
    ("head", pa.string()),
    ("step_size", pa.int64()),
    ("initial", pa.int64()),
    ("seed", pa.int64()),
]

_ARROW = {int: pa.int64(), float: pa.float64(), str: pa.string()}
_TRAINING = [(name, _ARROW[kind]) for name, kind in kinds(Training).items()]

_COLUMNS: dict[str, list[tuple[str, pa.DataType]]] = {
    "trajectories": [
        *_ARM,
        ("corpus_digest", pa.string()),
        ("model_digest", pa.string()),
        ("strategy_source", pa.string()),
        ("parameters", pa.string()),
        ("disagreement", pa.string()),
        ("committee", pa.string()),
        ("rates", pa.list_(pa.float64())),
        ("member_seeds", pa.list_(pa.int64())),
        ("candidates", pa.int64()),
        ("diversity", pa.float64()),
        ("on_divergence", pa.string()),
        ("replay_of", pa.string()),
        ("replay_step", pa.int64()),
        ("fit_seed", pa.int64()),
        ("follows", pa.string()),
        ("chosen_by", pa.string()),
        ("steps", pa.int64()),
        ("validation", pa.int64()),
        *_TRAINING,
        ("status", pa.string()),
        ("rung", pa.int64()),
        ("why", pa.string()),
        ("error", pa.string()),
        ("rows_of", pa.string()),
        ("device", pa.string()),
        ("versions", pa.string()),
        ("commit", pa.string()),
    ],
    "steps": [
        *_ARM,
        ("step", pa.int64()),
        ("n_labelled", pa.int64()),
        ("n_validation", pa.int64()),
        ("n_labels_paid", pa.int64()),
        ("pool_share", pa.float64()),
        ("test", pa.string()),
        ("main", pa.bool_()),
        ("test_score", pa.float64()),
        ("test_accuracy", pa.float64()),
        ("test_balanced_accuracy", pa.float64()),
        ("test_macro_f1", pa.float64()),
        ("test_loss", pa.float64()),
        ("loss_correlation", pa.float64()),
        ("validation_accuracy", pa.float64()),
        ("train_loss", pa.float64()),
        ("updates", pa.int64()),
        ("fits_shared", pa.int64()),
        ("fit_seconds", pa.float64()),
        ("evaluate_seconds", pa.float64()),
        ("score_seconds", pa.float64()),
        ("select_seconds", pa.float64()),
        ("step_seconds", pa.float64()),
        ("n_scored", pa.int64()),
        ("smallest_budget", pa.int64()),
        ("tie_share", pa.float64()),
        ("picks_digest", pa.string()),
        ("answers_digest", pa.string()),
        ("finished_at", pa.timestamp("us", "UTC")),
    ],
    "selections": [
        ("trajectory", pa.string()),
        ("step", pa.int64()),
        ("rank", pa.int64()),
        ("row_id", pa.string()),
        ("label", pa.string()),
        ("score", pa.float64()),
        ("prediction", pa.string()),
        ("confidence", pa.float64()),
    ],
    "predictions": [
        ("trajectory", pa.string()),
        ("step", pa.int64()),
        ("test", pa.string()),
        ("main", pa.bool_()),
        ("row_id", pa.string()),
        ("label", pa.string()),
        ("prediction", pa.string()),
        ("confidence", pa.float64()),
        ("score", pa.float64()),
    ],
    # All that is measured on a test; the task's score is in `steps`, too.
    "metrics": [
        ("trajectory", pa.string()),
        ("step", pa.int64()),
        ("test", pa.string()),
        ("main", pa.bool_()),
        ("metric", pa.string()),
        ("value", pa.float64()),
    ],
    "members": [
        ("trajectory", pa.string()),
        ("step", pa.int64()),
        ("member", pa.int64()),
        ("learning_rate", pa.float64()),
        ("member_seed", pa.int64()),
        ("train_loss", pa.float64()),
        ("part_rows", pa.int64()),
        ("collapsed", pa.bool_()),
        ("predicted_counts", pa.list_(pa.int64())),
        ("confusion", pa.list_(pa.list_(pa.int64()))),
    ],
    "scores": [
        ("trajectory", pa.string()),
        ("step", pa.int64()),
        ("row_id", pa.string()),
        ("score", pa.float64()),
        ("prediction", pa.string()),
    ],
    # Rows of train that every step is asked about, whether they are labelled by then or not.
    "stop_set": [
        ("trajectory", pa.string()),
        ("step", pa.int64()),
        ("row_id", pa.string()),
        ("prediction", pa.string()),
        ("confidence", pa.float32()),
        ("entropy", pa.float32()),
    ],
    # What people said of rows, of a project's labels: a file for what was taken at once.
    "answers": [
        ("row_id", pa.string()),
        ("annotator", pa.string()),
        ("annotation", pa.string()),
        ("state", pa.string()),
        ("answer", pa.string()),
        ("seconds", pa.float64()),
        ("time", pa.timestamp("us", "UTC")),
        ("note", pa.string()),
        ("source", pa.string()),
    ],
    # Of the corpus, once a study: what the ids stand for, so that tables are enough to read it.
    "rows": [
        ("row_id", pa.string()),
        ("split", pa.string()),
        ("label", pa.string()),
        ("text", pa.string()),
        ("tokens", pa.int64()),
        ("marks", pa.int64()),
        ("article", pa.string()),
        ("strata", pa.list_(pa.string())),
    ],
}

SCHEMAS: dict[str, pa.Schema] = {
    table: pa.schema(columns, metadata={"al_ray_schema": str(VERSION)})
    for table, columns in _COLUMNS.items()
}

UNTIMED = (
    "fit_seconds",
    "evaluate_seconds",
    "score_seconds",
    "select_seconds",
    "step_seconds",
    "fits_shared",
    "finished_at",
    "device",
    "versions",
    "commit",
)
"""Columns that an equal run need not repeat; all others are equal by value."""


def scored(steps: pd.DataFrame) -> pd.DataFrame:
    """The table `steps` with the scores that files of before `test_score` have as accuracies."""
    if "test_accuracy" not in steps:
        return steps
    if "test_score" not in steps:
        return steps.assign(test_score=steps.test_accuracy)
    return steps.assign(test_score=steps.test_score.fillna(steps.test_accuracy))


def newer(name: str, version: object) -> StudyConflict:
    """What is said of a file that an al_ray to come has written."""
    return StudyConflict(
        "{path}: its tables are of version {theirs}, and this al_ray knows version "
        "{ours} at most; update al_ray",
        path=name,
        theirs=version,
        ours=VERSION,
    )
