"""Stopping criteria replayed on recorded trajectories: where each would have stopped, at what cost.

As Pullar-Strecker et al. (2021) score them: by labels and by accuracy together, at a price.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from al_ray.errors import UserError
from al_ray.results import Store
from al_ray.search.recorded import configurations_of
from al_ray.search.seen import Configuration
from al_ray.search.stopping import CRITERIA, NEED_VALIDATION, Course, stops_at
from al_ray.study.chooser import UNQUERIED

WORTH = 50.0
"""Labels that a point of accuracy is worth, where nothing else is said."""


@dataclass(frozen=True)
class StopScore:
    """What a criterion did on the trajectories of a configuration.

    Attributes:
        criterion: its name; '' stands for going on to the end.
        trajectories: seeds that it was replayed on.
        fired: on how many it said that one can stop, before the end.
        labels: at which it stopped, or the end; the mean.
        below: points of accuracy on the test by which that is below the end; the mean.
        low, high: of these over seeds, 95 % (Student's), on the test rows as they are; NaN unless
            it said so on all: where some went on to the end the numbers are of two kinds.
        regret: labels by which labels and lost points, each point worth so many, are above the
            least that any step is observed to have; the mean. What is observed is partly chance.
    """

    configuration: Configuration
    criterion: str
    trajectories: int
    fired: int
    labels: float
    below: float
    low: float
    high: float
    regret: float


def stops(store: Store, worth: float = WORTH) -> list[StopScore]:
    """Each configuration's, in the order of the tables.

    Args:
        store: of a study.
        worth: labels that a point of accuracy is worth.

    Raises:
        UserError: it has no stop set.
    """
    description = store.study_json.get("trajectories", "labels", "tests")
    known = store.read("trajectories")
    known = known[known.trajectory.isin(description["trajectories"])]
    known = known[(known.status == "complete") & ~known.strategy.isin(UNQUERIED)]
    known = known[known.follows.isna()]  # which chose nothing that could be stopped
    asked = store.read("stop_set", known.trajectory.tolist())
    steps = store.read("steps", known.trajectory.tolist())
    steps = steps[steps.test == next(iter(description["tests"]), None)]
    if asked.empty or steps.empty:
        raise UserError(
            "{out}: no complete trajectory has a stop set and a test; run the study anew in "
            "another --out, without --stop-set 0",
            out=store.address,
        )
    names, labels = configurations_of(known), list(description["labels"])
    task = description.get("task", {"few": True, "outputs": len(labels)})
    if not task["few"]:  # an answer as a whole is kept or changed
        labels = sorted(asked.prediction.unique())
    most = math.log(max(2, task["outputs"]))
    found: dict[Configuration, list[tuple[Course, pd.DataFrame]]] = {}
    by_trajectory = dict(iter(asked.groupby("trajectory", sort=False)))
    for name, rows in steps.groupby("trajectory", sort=False):
        told = by_trajectory.get(name)
        if told is None or set(told.step) != set(rows.step):
            continue  # begun before there was one
        rows = rows.sort_values("step")
        found.setdefault(names[str(name)], []).append((course_of(told, rows, labels, most), rows))
    return [
        _scored(which, criterion, courses, worth)
        for which, courses in found.items()
        for criterion in ("", *CRITERIA)
        if criterion not in NEED_VALIDATION or all(c.n_validation for c, _ in courses)
    ]


def course_of(told: pd.DataFrame, steps: pd.DataFrame, labels: list[str], most: float) -> Course:
    """Of a trajectory's rows of `stop_set` and `steps`.

    Args:
        told: of all steps.
        steps: a row a step, ascending.
        labels: of the corpus, or all that was answered.
        most: the largest entropy that there is, in nats.
    """
    # Rows that all steps were asked about: the set may have been made larger on the way.
    codes = told.assign(code=pd.Categorical(told.prediction, labels).codes)
    table = codes.pivot(index="row_id", columns="step", values="code").dropna().sort_index(axis=1)
    entropy = told[told.row_id.isin(table.index)].groupby("step").entropy.mean().sort_index()
    return Course(
        table.to_numpy(np.int64).T,
        (entropy / most).to_numpy(np.float64),
        steps.validation_accuracy.to_numpy(np.float64),
        int(steps.n_validation.fillna(0).iloc[-1]),
        len(labels),
    )


def _scored(
    which: Configuration,
    criterion: str,
    courses: list[tuple[Course, pd.DataFrame]],
    worth: float,
) -> StopScore:
    from scipy.stats import t

    fired, labels, below, regret = 0, [], [], []
    for course, rows in courses:
        n, accuracy = rows.n_labelled.to_numpy(float), rows.test_score.to_numpy(float)
        step = stops_at(course, CRITERIA[criterion]) if criterion else None
        fired += step is not None and step < len(n) - 1
        step = len(n) - 1 if step is None else step
        cost = n - 100 * worth * accuracy
        labels.append(n[step])
        below.append(100 * (accuracy[-1] - accuracy[step]))
        regret.append(cost[step] - cost.min())
    half = float("nan")
    if len(below) > 1 and fired == len(below):
        half = float(t.ppf(0.975, len(below) - 1) * np.std(below, ddof=1) / np.sqrt(len(below)))
    mean = float(np.mean(below))
    return StopScore(
        which,
        criterion,
        len(courses),
        fired,
        float(np.mean(labels)),
        mean,
        mean - half,
        mean + half,
        float(np.mean(regret)),
    )
