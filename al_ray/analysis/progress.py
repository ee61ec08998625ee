"""How far a study and each of its trajectories is, from its tables alone, also while it runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import pandas as pd

from al_ray.analysis.summary import ARM
from al_ray.language import mark, tr

STATUSES: Final = (
    *(mark("complete"), mark("failed"), mark("running"), mark("stopped"), mark("waiting")),
    *(mark("not begun"), mark("behind"), mark("done")),
)
"""How trajectories and studies can be; tables have some of them, `Study.missing` others."""


@dataclass(frozen=True)
class State:
    """How a study is.

    Attributes:
        word: `running`: a driver is at it; else `done` where every trajectory is complete or has
            failed, and `stopped` where not.
        complete: trajectories that are, and
        failed: that have, and
        asked: of so many.
        command: that goes on with it; '' where that is not known.
    """

    word: Literal["running", "stopped", "done"]
    complete: int
    failed: int
    asked: int
    command: str = ""

    @property
    def line(self) -> str:
        """For people."""
        far = tr("{n:,} of {of:,} trajectories are complete", n=self.complete, of=self.asked)
        if self.failed:
            far = tr("{far}, {n:,} failed", far=far, n=self.failed)
        if self.word == "running":
            return tr("This study is running: {far}.", far=far)
        if self.word == "done":
            return tr("This study is done: {far}.", far=far)
        if not self.command:
            return tr(
                "This study has stopped, and nobody is at it: {far}. The same command goes on.",
                far=far,
            )
        return tr(
            "This study has stopped, and nobody is at it: {far}. The same command goes on: "
            "{command}",
            far=far,
            command=self.command,
        )


def state_of(statuses: Iterable[str], alive: bool, command: str = "") -> State:
    """How a study is.

    Args:
        statuses: of its trajectories, as `progress` or `Study.missing` have them.
        alive: whether a driver is at it.
        command: that runs it.
    """
    count = Counter(statuses)
    complete, failed, asked = count["complete"], count["failed"], count.total()
    word: Literal["running", "stopped", "done"] = "running" if alive else "stopped"
    if not alive and complete + failed == asked:
        word = "done"
    return State(word, complete, failed, asked, command)


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
        said = "" if facts is None or pd.isna(facts.status) else str(facts.status)
        at_it = "running" if alive else "stopped"
        status = said if said in ("complete", "failed") else at_it if said or done else "waiting"
        if said == "complete" and done < wanted:
            status = at_it
        made.append(
            {
                "trajectory": name,
                **{column: None if head is None else head.get(column) for column in (*ARM, "seed")},
                "status": status,
                "done": done,
                "steps": int(wanted),
                "n_labelled": None if newest is None else int(newest.n_labelled),
                "accuracy": None if newest is None else float(newest.test_score),
                "step_seconds": mean,
                "left_seconds": None if mean is None else mean * max(0, int(wanted) - done),
            }
        )
    return pd.DataFrame(made, columns=COLUMNS, dtype=object)
