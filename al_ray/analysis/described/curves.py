"""Learning curves: what an arm's accuracy is after how many labels, over seeds, with intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from al_ray.analysis.answers import answered, answers
from al_ray.analysis.statistics.intervals import LEAST_SEEDS, t_interval
from al_ray.analysis.study import Study
from al_ray.analysis.summary import ARM, LEARNER, area_under_curve
from al_ray.study.chooser import CONTROL


def learning_curves(
    study: Study, metric: str = "accuracy", test: str | None = None, level: float = 0.95
) -> pd.DataFrame:
    """A metric against labels, across the seeds that got there.

    Args:
        study: of which.
        metric: a name in `Study.columns`.
        test: name of the test; None: the main one.
        level: of Student's interval over seeds; test rows, which arms share, are taken as fixed.

    Returns:
        ARM, n_labelled, seeds, mean, sd (n - 1), low, high, and `interval`: whether there are
        seeds enough (LEAST_SEEDS) for the interval to be shown. sd, low and high are NaN of one
        seed.
    """
    made: list[dict[str, Any]] = []
    curves = study.curves(test)
    for key, rows in curves.groupby([*ARM, "n_labelled"], sort=False):
        values = rows[study.columns[metric]].to_numpy(np.float64)
        low, high = t_interval(values, level)
        made.append(
            {
                **dict(zip([*ARM, "n_labelled"], key, strict=True)),
                "seeds": len(values),
                "mean": float(values.mean()),
                "sd": float(values.std(ddof=1)) if len(values) > 1 else np.nan,
                "low": low,
                "high": high,
                "interval": len(values) >= LEAST_SEEDS,
            }
        )
    columns = [*ARM, "n_labelled", "seeds", "mean", "sd", "low", "high", "interval"]
    tidy = pd.DataFrame(made, columns=columns)
    arm = tidy.groupby(ARM, sort=False).ngroup()
    return tidy.iloc[np.lexsort((tidy.n_labelled, arm))].reset_index(drop=True)


def areas(study: Study, metric: str = "accuracy", test: str | None = None) -> pd.DataFrame:
    """Each seed's mean of a metric over the labels, by trapezoids, of complete trajectories.

    The seeds of an arm are cut where all of them are, so that areas of one arm can be compared
    where some seeds were extended and others not.

    Returns:
        ARM, seed, trajectory, area, first, last (numbers of labels).
    """
    made: list[dict[str, Any]] = []
    curves = study.curves(test)
    for key, arm in curves[curves.complete].groupby(ARM, sort=False):
        end = arm.groupby("trajectory").n_labelled.max().min()
        for (seed, trajectory), rows in arm[arm.n_labelled <= end].groupby(
            ["seed", "trajectory"], sort=False
        ):
            labels, values = rows.n_labelled.tolist(), rows[study.columns[metric]].tolist()
            made.append(
                {
                    **dict(zip(ARM, key, strict=True)),
                    "seed": seed,
                    "trajectory": trajectory,
                    "area": area_under_curve(labels, values),
                    "first": labels[0],
                    "last": labels[-1],
                }
            )
    return pd.DataFrame(made, columns=[*ARM, "seed", "trajectory", "area", "first", "last"])


def controls(study: Study, test: str | None = None) -> pd.DataFrame:
    """Models trained once on a random share of the pool.

    Returns:
        share (of the pool), seed, n_labelled, LEARNER, and the metrics of `Study.columns`: a row
        per fit.
    """
    wanted = study.test if test is None else test
    found = study.steps[(study.steps.strategy == CONTROL) & (study.steps.test == wanted)]
    renamed = found.rename(
        columns={"pool_share": "share"} | {column: name for name, column in study.columns.items()}
    )
    return (
        renamed[["share", "seed", "n_labelled", *LEARNER, *study.columns]]
        .sort_values(["n_labelled", "seed"])
        .reset_index(drop=True)
    )


def label_accuracy(study: Study, test: str | None = None) -> pd.DataFrame:
    """Accuracy of each label (recall) at each step, from `predictions`.

    A label of the study that no test row has is absent.

    Returns:
        ARM, seed, step, n_labelled, label, accuracy, rows (test rows of that label), arms and
        steps in order, labels in the study's.
    """
    found = answers(study, test)
    places = range(len(study.labels))
    rows = np.bincount(found.truth, minlength=len(found.names))
    there = [place for place in places if rows[place]]
    steps = answered(study.curves(test), found.right)
    table = steps.loc[
        steps.index.repeat(len(there)), [*ARM, "seed", "step", "n_labelled"]
    ].reset_index(drop=True)
    right = [
        np.bincount(found.truth, found.right[key], len(found.names))[there] / rows[there]
        for key in zip(steps.trajectory, steps.step, strict=True)
    ]
    return table.assign(
        label=[study.labels[place] for place in there] * len(steps),
        accuracy=np.concatenate(right) if right else [],
        rows=np.tile(rows[there], len(steps)),
    )
