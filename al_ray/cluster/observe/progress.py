"""One live line a trajectory while a study runs; plain lines where there is no terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import rich.progress
from ray.tune import Callback
from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from al_ray.cluster.observe import metrics
from al_ray.study.chooser import RowsOf
from al_ray.study.grid import Trial
from al_ray.study.knobs import words
from al_ray.study.training import FIT, READ
from al_ray.study.trajectory import TrajectoryConfig


@dataclass
class Line:
    """What is known of a trajectory."""

    config: TrajectoryConfig
    state: str = "waiting"
    done: int = 0
    begin: int = 0
    n_labelled: int | None = None
    accuracy: float | None = None
    seconds: float = 0.0
    since: float = 0.0

    def left(self) -> float | None:
        """Seconds to the end, from the mean of the steps seen so far; None: not known yet."""
        seen = self.done - self.begin
        if seen <= 0:
            return None
        running = time.monotonic() - self.since if self.state == "running" else 0.0
        return max(0.0, self.seconds / seen * (self.config.schedule.steps - self.done) - running)


class Progress(Callback):  # type: ignore[misc]
    """Shows trials as Tune tells of them. Used as a context around the study."""

    def __init__(self, trials: list[Trial], done: dict[str, int], console: Console) -> None:
        self._lines = {
            trial.leader.id: Line(
                trial.leader, done=done[trial.leader.id], begin=done[trial.leader.id]
            )
            for trial in trials
        }
        self._apart = _apart(line.config for line in self._lines.values())
        self._console = console
        self._live = Live(get_renderable=self._table, console=console, refresh_per_second=2)
        self._began = time.monotonic()

    def __enter__(self) -> Progress:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its callbacks into a folder that we never read."""
        return {}

    def on_trial_start(self, trial: Any, **_: Any) -> None:
        """A trial's actors are being made."""
        self._begin_next(self._of(trial))

    def on_trial_result(self, trial: Any, result: dict[str, Any], **_: Any) -> None:
        """Steps are on disk."""
        lines = self._of(trial)
        for step in result["steps"]:
            line = self._lines[step["trajectory"]]
            if line.state != "running":  # they run one after another: the one before has failed
                self._set("failed", lines, "running")
            line.state, line.since = "running", time.monotonic()
            line.seconds += step["seconds"]
            line.done = step["step"] + 1
            if step["gained"]:
                line.n_labelled, line.accuracy = step["n_labelled"], step["test_accuracy"]
            if line.done == line.config.schedule.steps:
                line.state = "done"
                self._begin_next(lines)
            if line.state == "done" or len(lines) == 1:  # of cheap ones a line each is enough
                self._say(line)

    def on_trial_complete(self, trial: Any, **_: Any) -> None:
        """A trial has ended, well or on purpose."""
        self._set("failed", self._of(trial), "running", "trying again", "waiting")

    def on_trial_error(self, trial: Any, **_: Any) -> None:
        """A trial has failed for good; who did not have their turn will have it."""
        self._set("failed", self._of(trial), "running", "trying again")

    def on_trial_recover(self, trial: Any, **_: Any) -> None:
        """A trial has failed and is tried again, from its last complete step."""
        metrics.tell(metrics.RESTARTS, 1, role="trial")
        self._set("trying again", self._of(trial), "running")

    def _of(self, trial: Any) -> list[Line]:
        """Of a Tune trial, in the order in which they run."""
        return [self._lines[name] for name in trial.config["trial"]["names"]]

    @staticmethod
    def _begin_next(lines: list[Line]) -> None:
        for line in lines:
            if line.state in ("waiting", "trying again"):
                line.state, line.since = "running", time.monotonic()
                return

    def _set(self, state: str, lines: list[Line], *before: str) -> None:
        for line in lines:
            if line.state in before:
                line.state = state
                self._say(line)

    def _say(self, line: Line) -> None:
        if not self._console.is_terminal:
            cells = [cell for cell in self._cells(line) if cell]
            elapsed = _clock(time.monotonic() - self._began)
            self._console.print(f"[{elapsed}] " + "  ".join(cells), markup=False, soft_wrap=True)

    def _table(self) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0))
        for title in ("arm", "", "step", "labels", "accuracy", "left"):
            table.add_column(title, justify="left" if title in ("arm", "") else "right")
        order = {"running": 0, "trying again": 0, "failed": 1, "waiting": 2, "done": 3}
        lines = sorted(self._lines.values(), key=lambda line: order[line.state])
        room = max(5, self._console.size.height - 6)
        for line in lines[:room]:
            table.add_row(*self._cells(line))
        if len(lines) > room:
            table.add_row(f"and {len(lines) - room} more")
        return table

    def _cells(self, line: Line) -> list[str]:
        left = line.left()
        return [
            name_of(line.config, self._apart),
            line.state,
            f"step {line.done}/{line.config.schedule.steps}",
            "" if line.n_labelled is None else f"{line.n_labelled} labels",
            "" if line.accuracy is None else f"{line.accuracy:.3f}",
            "" if left is None or line.state == "done" else f"{_clock(left)} left",
        ]


@contextmanager
def row_bar(console: Console, title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar with the time left while all rows are gone through; nothing where that is done."""
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = rich.progress.Progress(*columns, console=console, transient=True)
    task = bar.add_task("", total=None)
    said = 0

    def progress(done: int, total: int) -> None:
        nonlocal said
        said = total
        if console.is_terminal:
            bar.start()
            bar.update(task, completed=done, total=total)

    try:
        yield progress
    finally:
        if bar.live.is_started:
            bar.stop()
    if said:
        console.print(f"{title}: {said:,} texts", highlight=False)


SURROUNDINGS = ("committee", "candidates", "diversity")
"""Columns of what surrounds a strategy; null where it means nothing to it."""


def name_of(config: TrajectoryConfig, apart: Sequence[str] = ()) -> str:
    """An arm and its seed in a few words; `apart` are columns that arms differ in."""
    frozen, said = config.learner.head == "frozen", config.columns
    told = (name for name in apart if said[name] is not None and not (frozen and name in FIT))
    parts = [
        f"{config.spec}{' frozen' if frozen else ''} {config.schedule.retrain}"
        + (f" by {config.chooser.head}" if isinstance(config.chooser, RowsOf) else ""),
        f"{config.schedule.initial}+{config.schedule.step_size}",
        *(words(name, said[name]) for name in told),
        f"seed {config.seed}",
    ]
    return " ".join(parts)


def _apart(configs: Iterable[TrajectoryConfig]) -> list[str]:
    """What these trajectories differ in, beside what is always said."""
    said = [config.columns for config in configs]
    trained = [columns for columns in said if columns["head"] != "frozen"]
    return [
        name
        for name in ("model", *READ, *FIT, *SURROUNDINGS)
        if len({each[name] for each in (trained if name in FIT else said)} - {None}) > 1
    ]


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"
