"""Lines of a study and its trajectories while it runs; plain ones where there is no terminal."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ray.tune import Callback
from rich.console import Console, Group
from rich.live import Live

from al_ray.cluster.observe import metrics
from al_ray.io.table import Column, Table
from al_ray.language import mark, tr
from al_ray.planning import Course, study_line
from al_ray.study.chooser import RowsOf
from al_ray.study.grid import Trial
from al_ray.study.knobs import words
from al_ray.study.training import FIT, READ
from al_ray.study.trajectory import TrajectoryConfig

_ORDER: Final = {
    mark("running"): 0,
    mark("trying again"): 0,
    mark("failed"): 1,
    mark("waiting"): 2,
    mark("done"): 3,
}
"""The states of a trajectory, as they are shown."""

_WHOLE = 60.0
"""Seconds between two lines of the study as a whole, where there is no terminal."""


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
        course = self.course()
        if not course.seen:
            return None
        return max(0.0, self.seconds / course.seen * course.left - course.since)

    def course(self) -> Course:
        """How far it is, with what tells how long its steps take."""
        config, running = self.config, self.state == "running"
        head = config.learner.head
        return Course(
            left=0 if self.state == "failed" else config.schedule.steps - self.done,
            seen=max(0, self.done - self.begin),
            seconds=self.seconds,
            kinds=((config.spec, config.learner, config.schedule), (config.spec, head), head),
            running=running,
            since=time.monotonic() - self.since if running else 0.0,
        )


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
        self._live = Live(
            get_renderable=self._shown,
            console=console,
            refresh_per_second=2,
            vertical_overflow="crop",
        )
        self._began = self._whole_said = time.monotonic()

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
                line.n_labelled, line.accuracy = step["n_labelled"], step["accuracy"]
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
            state, step, labels, accuracy, left = self._cells(line)
            told = [name_of(line.config, self._apart), state, tr("step {step}", step=step)]
            told += [tr("{n} labels", n=labels), accuracy] if labels else []
            told += [tr("{time} left", time=left)] if left else []
            now = time.monotonic()
            elapsed = f"[{_clock(now - self._began)}] "
            self._console.print(elapsed + "  ".join(told), markup=False, soft_wrap=True)
            if now - self._whole_said >= _WHOLE:
                self._whole_said = now
                self._console.print(elapsed + self._whole(), markup=False, soft_wrap=True)

    def _whole(self) -> str:
        lines = self._lines.values()
        return study_line([line.course() for line in lines], sum(line.done for line in lines))

    def _shown(self) -> Group:
        lines = sorted(self._lines.values(), key=lambda line: _ORDER[line.state])
        room = max(5, self._console.size.height - 7)
        columns = (
            Column(tr("arm")),
            Column(tr("regime"), 4, "{}", left=True),
            Column(tr("labelled"), 4, "{}"),
            Column(tr("seed"), 3, tr("seed {}")),
            Column("", left=True),
            Column(tr("step")),
            Column(tr("labels"), 2),
            Column(tr("accuracy"), 1),
            Column(tr("left")),
        )
        table = Table(
            columns,
            [(*self._named(line.config), *self._cells(line)) for line in lines[:room]],
            caption=tr("and {n:,} more", n=len(lines) - room) if len(lines) > room else "",
            lines=False,
        )
        return Group(self._whole(), table)

    def _named(self, config: TrajectoryConfig) -> tuple[str, str, str, str]:
        """Its arm, regime, first draw and step size, and seed."""
        arm = " ".join([_chooser(config), *_told(config, self._apart)])
        return arm, config.schedule.retrain, _sizes(config), f"{config.seed}"

    def _cells(self, line: Line) -> list[str]:
        """Its state, step, labels, accuracy and time left; '' where not known."""
        left = line.left()
        return [
            tr(line.state),
            f"{line.done}/{line.config.schedule.steps}",
            "" if line.n_labelled is None else f"{line.n_labelled:,}",
            "" if line.accuracy is None else f"{line.accuracy:.3f}",
            "" if left is None or line.state == "done" else _clock(left),
        ]


SURROUNDINGS = ("committee", "candidates", "diversity")
"""Columns of what surrounds a strategy; null where it means nothing to it."""


def name_of(config: TrajectoryConfig, apart: Sequence[str] = ()) -> str:
    """An arm and its seed in a few words; `apart` are columns that arms differ in."""
    named = f"{_chooser(config)} {config.schedule.retrain} {_sizes(config)}"
    return " ".join([named, *_told(config, apart), tr("seed {seed}", seed=config.seed)])


def _chooser(config: TrajectoryConfig) -> str:
    said = [config.spec]
    if config.learner.head == "frozen":
        said.append(tr("frozen"))
    if isinstance(config.chooser, RowsOf):
        said.append(tr("by {head}", head=tr(config.chooser.head)))
    return " ".join(said)


def _sizes(config: TrajectoryConfig) -> str:
    return f"{config.schedule.initial}+{config.schedule.step_size}"


def _told(config: TrajectoryConfig, apart: Sequence[str]) -> list[str]:
    """What these columns say of it."""
    frozen, said = config.learner.head == "frozen", config.columns
    told = (name for name in apart if said[name] is not None and not (frozen and name in FIT))
    return [words(name, said[name]) for name in told]


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
