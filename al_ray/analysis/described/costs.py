"""What an arm costs: seconds per phase, device-hours, labels, tokens read, person-days."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from al_ray.analysis.study import Study, groups
from al_ray.analysis.summary import ARM

PHASES = ["fit_seconds", "evaluate_seconds", "score_seconds", "select_seconds", "step_seconds"]


def costs(study: Study, labels_per_day: float | None = None) -> pd.DataFrame:
    """Time and labels of each arm, means over its trajectories, complete or not.

    Args:
        study: of which.
        labels_per_day: what one person labels in a day; None: as the study was told.

    Returns:
        ARM, seeds, steps (of a trajectory), PHASES (seconds of one step), hours (of a
        trajectory), members, device_hours (hours times members, each of which holds a share of a
        device while the others run), labels (paid for at the end, validation included),
        tokens_read (of the labelled rows, as the model cuts them; NaN where the table `rows` is
        missing), days (of one person). Controls are rows too. A trajectory that was given
        another's rows (`rows_of`) has that one's seconds.
    """
    per_day = labels_per_day or study.labels_per_day
    steps = study.steps[study.steps.test == study.test]
    lengths = study.rows.drop_duplicates("row_id").set_index("row_id").tokens
    read = study.selections.assign(
        tokens=study.selections.row_id.map(lengths).astype(np.float64)
    ).merge(steps.groupby("trajectory").step.max().rename("last"), on="trajectory")
    # What the last model chose is not labelled: nothing learns from it.
    tokens = read[read.step < read["last"]].groupby("trajectory").tokens.sum(min_count=1)
    rates = study.trajectories.set_index("trajectory").rates
    made: list[dict[str, Any]] = []
    place = {name: number for number, name in enumerate(study.trajectories.trajectory)}
    steps = steps.sort_values("trajectory", key=lambda names: names.map(place), kind="stable")
    for key, rows in groups(steps, ARM):
        by_trajectory = rows.groupby("trajectory")
        hours = float(by_trajectory.step_seconds.sum().mean()) / 3600
        given = rates[rows.trajectory.iloc[0]]
        members = 1 if np.ndim(given) == 0 else len(given)
        labels = float(by_trajectory.n_labels_paid.max().mean())
        made.append(
            {
                **dict(zip(ARM, key, strict=True)),
                "seeds": rows.seed.nunique(),
                "steps": float(by_trajectory.step.nunique().mean()),
                **{phase: float(rows[phase].mean()) for phase in PHASES},
                "hours": hours,
                "members": members,
                "device_hours": hours * members,
                "labels": labels,
                "tokens_read": float(tokens.reindex(rows.trajectory.unique()).mean()),
                "days": labels / per_day,
            }
        )
    columns = [*ARM, "seeds", "steps", *PHASES, "hours", "members", "device_hours", "labels"]
    return pd.DataFrame(made, columns=[*columns, "tokens_read", "days"])
