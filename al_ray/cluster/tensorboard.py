"""TensorBoard: what the tables say of each step; the x axis is the number of labels."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import pandas as pd
from ray.tune import Callback

from al_ray.cluster.lots import decode
from al_ray.config import TrajectoryConfig
from al_ray.results import Store

OF_A_TEST = ("accuracy", "balanced_accuracy", "macro_f1", "loss")
OF_A_STEP = ("validation_accuracy", "train_loss", "fit_seconds", "score_seconds", "step_seconds")


def scalars(step: pd.DataFrame) -> dict[str, float]:
    """The numbers of one step by name.

    Args:
        step: its rows in `steps`, one a test.
    """
    found = {
        f"{metric}/{row['test']}": row[f"test_{metric}"]
        for row in step.to_dict("records")
        for metric in OF_A_TEST
    }
    found |= {name: step[name].iloc[0] for name in OF_A_STEP}
    return {name: float(value) for name, value in found.items() if pd.notna(value)}


class Told:
    """Steps of a trajectory that are on disk and have not been told yet, in order."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._next: dict[str, int] = {}

    def new(self, trajectory: str) -> Iterator[tuple[int, dict[str, float]]]:
        """Labels and `scalars` of each."""
        while True:
            step = self._next.get(trajectory, 0)
            rows = self._store.read_one("steps", trajectory, step)
            if rows is None:
                return
            self._next[trajectory] = step + 1
            yield int(rows.n_labelled.iloc[0]), scalars(rows)

    def skip(self, trajectory: str, steps: int) -> None:
        """So many have been told already."""
        self._next[trajectory] = steps


class Tracker(Protocol):
    """A callback of Tune that can be told, too, of what is on disk at the start."""

    def begin(self, configs: Sequence[TrajectoryConfig]) -> None:
        """Tell what is on disk of these."""


class TensorBoard(Callback):  # type: ignore[misc]
    """Event files in OUT/tensorboard, made anew from the tables at each start."""

    def __init__(self, store: Store) -> None:
        self._folder = store.pages / "tensorboard"
        self._told = Told(store)
        self._writers: dict[str, Any] = {}

    def begin(self, configs: Sequence[TrajectoryConfig]) -> None:
        """Tell what is on disk of these."""
        for config in configs:
            shutil.rmtree(self._folder / config.id, ignore_errors=True)
            self._tell(config)

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its callbacks into a folder that we never read."""
        return {}

    def on_trial_result(self, trial: Any, result: dict[str, Any], **_: Any) -> None:
        """Steps are on disk."""
        for config in told_of(trial, result):
            self._tell(config)

    def _tell(self, config: TrajectoryConfig) -> None:
        for n_labelled, values in self._told.new(config.id):
            writer = self._writers.get(config.id)
            if writer is None:
                # It takes torch with it, which the driver has no use for before a step is there.
                from tensorboardX import SummaryWriter

                writer = SummaryWriter(str(self._folder / config.id))
                self._writers[config.id] = writer
            for name, value in values.items():
                writer.add_scalar(name, value, n_labelled)
            writer.flush()


def configs_of(trial: Any) -> list[TrajectoryConfig]:
    """Of a Tune trial: its trajectories, and those that are given their rows."""
    return [config for one in decode(trial.config["trial"]) for config in one.all]


def told_of(trial: Any, result: dict[str, Any]) -> list[TrajectoryConfig]:
    """Those of a Tune trial that a report tells of, and those that are given their rows."""
    named = {step["trajectory"] for step in result["steps"]}
    return [
        config
        for one in decode(trial.config["trial"])
        if one.leader.id in named
        for config in one.all
    ]
