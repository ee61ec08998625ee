"""How far each trajectory of a study is, from its tables alone, also while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pandas as pd

from al_ray.analysis.summary import ARM

COLUMNS: Final = [
    *("trajectory", *ARM, "seed", "status", "done", "steps"),
    *("n_labelled", "accuracy", "step_seconds", "left_seconds"),
]
"""The columns of `progress`."""


def progress(
    steps: pd.DataFrame,
    trajectories: pd.DataFrame,
    asked: Mapping[str, int],
    test: str,
    alive: bool = True,
) -> pd.DataFrame:
    """A row per trajectory that was asked for, in that order.

    Args:
        steps: the table `steps`.
        trajectories: the table `trajectories`.
        asked: steps asked for, by trajectory.
        test: name of the test.
        alive: whether a driver is at the study.

    Returns:
        COLUMNS. `status` is complete, failed, running (has steps, or has begun, and is neither),
        stopped (the same, but nobody is at the study) or waiting; one that was complete before it
        was asked for more steps is running. `n_labelled` and `accuracy` are of the newest step.
        `step_seconds` is the mean of the steps on disk, and `left_seconds` that times the steps
        that are missing; both are null before the first step.
        ARM and seed are null where nothing is known yet.
    """
    known = trajectories.set_index("trajectory")
    mine = {str(name): rows for name, rows in steps[steps.test == test].groupby("trajectory")}
    made = []
    for name, wanted in asked.items():
        facts = known.loc[name] if name in known.index else None
        rows = mine.get(name)
        newest = None if rows is None else rows.iloc[int(rows.step.to_numpy().argmax())]
        head = facts if facts is not None else newest
        done = 0 if rows is None else len(rows)
        mean = None if rows is None else float(rows.step_seconds.mean())
        status = None if facts is None or pd.isna(facts.status) else str(facts.status)
        if status != "failed":
            begun = status is not None or done > 0
            at_it = "running" if alive else "stopped"
            status = "complete" if done >= wanted else at_it if begun else "waiting"
        made.append(
            {
                "trajectory": name,
                **{column: None if head is None else head.get(column) for column in (*ARM, "seed")},
                "status": status,
                "done": done,
                "steps": int(wanted),
                "n_labelled": None if newest is None else int(newest.n_labelled),
                "accuracy": None if newest is None else float(newest.test_accuracy),
                "step_seconds": mean,
                "left_seconds": None if mean is None else mean * max(0, int(wanted) - done),
            }
        )
    return pd.DataFrame(made, columns=COLUMNS, dtype=object)
