"""What each model answered on each test row, as arrays that can be compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from al_ray.analysis.statistics.clusters import Clusters
from al_ray.analysis.study import Study, remembered

Key = tuple[str, int]
"""A trajectory and a step."""


@dataclass(frozen=True)
class Answers:
    """Every model's answers on the rows of one test, in one order.

    Attributes:
        row_ids: (rows,).
        truth: (rows,) places in `names`.
        right: by trajectory and step, bool (rows,). A step that lacks a row is left out.
        scores: the same in the task's own score, from 0 to 1, where that is more than right or not.
        predictions: by trajectory and step, (rows,) places in `names`.
        names: of labels, those of the study first.
        clusters: of rows that share an article; None: each stands for itself, or it is not known.
    """

    row_ids: NDArray[Any]
    truth: NDArray[np.int32]
    right: dict[Key, NDArray[np.bool_]]
    scores: dict[Key, NDArray[Any]]
    predictions: dict[Key, NDArray[np.int32]]
    names: NDArray[Any]
    clusters: Clusters | None


@remembered
def answers(study: Study, test: str | None = None) -> Answers:
    """The answers of a study's models on a test; empty where `predictions` is."""
    rows = study.predictions
    rows = rows[rows.test == (study.test if test is None else test)]
    places, row_ids = pd.factorize(rows.row_id)
    others = set(rows.label.unique()) | set(rows.prediction.unique())
    own = study.labels if study.few else ()
    names = [*own, *sorted(others - set(own))]
    labels, predicted = (
        pd.Categorical(column, categories=names).codes.astype(np.int32)
        for column in (rows.label, rows.prediction)
    )
    truth = np.zeros(len(row_ids), np.int32)
    truth[places] = labels
    is_right = labels == predicted
    right: dict[Key, NDArray[np.bool_]] = {}
    scores: dict[Key, NDArray[Any]] = right if study.few else {}
    predictions: dict[Key, NDArray[np.int32]] = {}
    where: Any = rows.groupby(["trajectory", "step"], sort=False, observed=True).indices
    for (trajectory, step), index in where.items():
        if len(index) != len(row_ids):
            continue
        order = index[np.argsort(places[index])]
        right[str(trajectory), int(step)] = is_right[order]
        if not study.few:
            scores[str(trajectory), int(step)] = rows.score.to_numpy(np.float64)[order]
        predictions[str(trajectory), int(step)] = predicted[order]
    ids, clusters = np.asarray(row_ids), _clusters(study, list(row_ids))
    return Answers(ids, truth, right, scores, predictions, np.asarray(names), clusters)


def _clusters(study: Study, row_ids: list[str]) -> Clusters | None:
    if "article" not in study.rows or study.rows.article.isna().all():
        return None
    of_row = study.rows.drop_duplicates("row_id").set_index("row_id").article
    articles = of_row.reindex(row_ids).tolist()
    # A row without one, should there be any, stands for itself.
    return Clusters.named(
        [
            f"row {row}" if pd.isna(name) else f"article {name}"
            for row, name in zip(row_ids, articles, strict=True)
        ]
    )


def answered(steps: pd.DataFrame, right: dict[Key, NDArray[np.bool_]]) -> pd.DataFrame:
    """The rows of `steps` whose model's answers are known."""
    known = [key in right for key in zip(steps.trajectory, steps.step, strict=True)]
    return steps[np.array(known, dtype=bool)]
