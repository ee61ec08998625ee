"""TensorBoard: what the tables say of each step; the x axis is the number of labels."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
from ray.tune import Callback

from al_ray.cluster.lots import decode
from al_ray.io.storage import reason
from al_ray.language import tr
from al_ray.results import Store
from al_ray.study.trajectory import TrajectoryConfig

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

    def so_far(self, trajectory: str) -> int:
        """How many have been told."""
        return self._next.get(trajectory, 0)

    def skip(self, trajectory: str, steps: int) -> None:
        """So many have been told already."""
        self._next[trajectory] = steps


class Tracker(Protocol):
    """A callback of Tune that can be told, too, of what is on disk at the start."""

    def begin(self, configs: Sequence[TrajectoryConfig]) -> None:
        """Tell what is on disk of these."""


class _Events:
    """The event file of a trajectory.

    tensorboardX's own `SummaryWriter` has a thread and a queue each, and waits for both at a flush.
    """

    def __init__(self, folder: Path) -> None:
        # It takes torch with it, which the driver has no use for before a step is there.
        from tensorboardX.event_file_writer import EventsWriter

        folder.mkdir(parents=True, exist_ok=True)
        self._writer = EventsWriter(str(folder / "events"))
        self.flush, self.close = self._writer.flush, self._writer.close

    def add(self, values: Mapping[str, float], n_labelled: int) -> None:
        """The numbers of a step."""
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.summary import scalar

        for name, value in values.items():
            summary = scalar(name, value)
            self._writer.write_event(Event(wall_time=time.time(), step=n_labelled, summary=summary))


class TensorBoard(Callback):  # type: ignore[misc]
    """Event files in OUT/tensorboard, made anew from the tables at each start."""

    def __init__(self, store: Store, say: Callable[[str], None]) -> None:
        self._folder = store.pages / "tensorboard"
        self._told = Told(store)
        self._say = say
        self._gone = False
        self._open: dict[str, _Events] = {}

    def begin(self, configs: Sequence[TrajectoryConfig]) -> None:
        """Tell what is on disk of these."""
        for config in configs:
            if (events := self._open.pop(config.id, None)) is not None:
                events.close()
            shutil.rmtree(self._folder / config.id, ignore_errors=True)
            self._told.skip(config.id, 0)
            self._tell(config)

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its callbacks into a folder that we never read."""
        return {}

    def on_trial_result(self, trial: Any, result: dict[str, Any], **_: Any) -> None:
        """Steps are on disk."""
        for config in told_of(trial, result):
            self._tell(config)

    def _tell(self, config: TrajectoryConfig) -> None:
        """A disk that is full costs a study nothing but this."""
        if self._gone:
            return
        try:
            self._write(config)
        except OSError as error:
            self._gone = True
            self._say(
                tr(
                    "{folder}: TensorBoard is not told any more ({error}); make room there; the "
                    "same command tells it all.",
                    folder=self._folder,
                    error=reason(error),
                )
            )

    def _write(self, config: TrajectoryConfig) -> None:
        steps = list(self._told.new(config.id))
        if not steps:
            return
        events = self._open.pop(config.id, None) or _Events(self._folder / config.id)
        for n_labelled, values in steps:
            events.add(values, n_labelled)
        if self._told.so_far(config.id) < config.schedule.steps:
            events.flush()
            self._open[config.id] = events
        else:  # there may be more of them than files that a process may have open
            events.close()


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
