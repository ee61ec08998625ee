"""What is left of a study: time, device-hours and labels, by strategy and by what takes time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from al_ray.language import mark, tr
from al_ray.planning.left import Left
from al_ray.planning.schedule import Room, Wanted, at_first, finish
from al_ray.planning.speed import Phases
from al_ray.planning.storage import Storage
from al_ray.planning.work import Work, step_work
from al_ray.study.chooser import UNQUERIED, RowsOf
from al_ray.study.grid import Trial


@dataclass(frozen=True)
class Arm:
    """What is left of one strategy.

    Attributes:
        trials: that run.
        given: trajectories that are given another's rows.
        hours: of its trials, added up.
        device_hours: of the cores or GPUs that they reserve.
    """

    strategy: str
    trials: int
    given: int
    steps: int
    fits: int
    rows_scored: int
    hours: float
    device_hours: float


@dataclass(frozen=True)
class Estimate:
    """Of a study.

    Attributes:
        seconds: from the first trial's start to the last one's end.
        device: `GPU` or `core`, which device_hours are of.
        device_hours: of what trials reserve while they run.
        trials: that are left, and
        done: that are not.
        steps: left, of the trials that run.
        work: of these steps.
        phases: seconds of these steps, added up over trials.
        arms: by strategy.
        storage: that is added.
        labels: that the longest trajectory pays for.
        days: of one person, to label these.
    """

    seconds: float
    device: str
    device_hours: float
    trials: int
    done: int
    steps: int
    work: Work
    phases: Phases
    arms: tuple[Arm, ...]
    storage: Storage
    labels: int
    days: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


KEPT = 0.05
"""What a trial that is given another's actors waits for them, of what new ones take."""


def trial_seconds(left: Left, kept: bool = False) -> Phases:
    """What is left of one trial; `kept`: by the actors of one before it."""
    config, speed = left.trial.leader, left.speed
    phases = Phases(start=left.start * speed.start * (KEPT if kept else 1.0))
    for step in range(left.first, config.schedule.steps):
        phases += speed.seconds(
            step_work(config, left.facts, step),
            warm=config.schedule.retrain != "cold" and config.learner.head != "frozen",
            members=len(config.learner.rates),
            stretch=left.stretch,
            shards=left.shards,
            alone=config.learner.head == "frozen",
        )
    return phases


def estimate(
    stages: Sequence[Sequence[Left]],
    room: Room,
    *,
    storage: Storage,
    done: int,
    labels: int,
    labels_per_day: float,
    before: float = 0.0,
) -> Estimate:
    """Add up what is left.

    Args:
        stages: trials in the order in which they start; a stage begins when the last one has ended.
        room: of the cluster.
        storage: that is added.
        done: trials that have nothing left.
        labels: that the longest trajectory pays for.
        labels_per_day: of one person.
        before: seconds until the first trial can start.
    """
    seconds, device_hours = before, 0.0
    device = mark("GPU") if room.gpus else mark("core")
    work, phases = Work(), Phases()
    arms: dict[str, Arm] = {}
    for stage in stages:
        wanted: list[Wanted] = []
        begun: Counter[tuple[float, float]] = Counter()
        for left in stage:
            config = left.trial.leader
            # Trials of equal resources take over the actors of those that began at first.
            shape = left.cpus, left.gpus
            slots = at_first([Wanted(1.0, *shape)] * len(stage), room)
            spent = trial_seconds(left, kept=begun[shape] >= slots)
            begun[shape] += 1
            asked = sum(
                (
                    step_work(config, left.facts, step)
                    for step in range(left.first, config.schedule.steps)
                ),
                Work(),
            )
            wanted.append(Wanted(spent.total, left.cpus, left.gpus))
            held = (left.gpus if room.gpus else left.cpus) * spent.total / 3600
            work, phases, device_hours = work + asked, phases + spent, device_hours + held
            name = arm_name(left.trial)
            arm = arms.get(name, Arm(name, 0, 0, 0, 0, 0, 0.0, 0.0))
            arms[name] = Arm(
                name,
                arm.trials + 1,
                arm.given + len(left.trial.followers),
                arm.steps + config.schedule.steps - left.first,
                arm.fits + asked.fits,
                arm.rows_scored + asked.rows_scored,
                arm.hours + spent.total / 3600,
                arm.device_hours + held,
            )
        seconds += finish(wanted, room)
    return Estimate(
        seconds=seconds,
        device=device,
        device_hours=device_hours,
        trials=sum(map(len, stages)),
        done=done,
        steps=sum(arm.steps for arm in arms.values()),
        work=work,
        phases=phases,
        arms=tuple(arms.values()),
        storage=storage,
        labels=labels,
        days=labels / labels_per_day,
    )


def arm_name(trial: Trial) -> str:
    """The strategy, and those that are given its rows; with its regime and head."""
    config = trial.leader
    names = " = ".join([config.strategy, *(each.strategy for each in trial.followers)])
    if isinstance(config.chooser, RowsOf):
        names += " " + tr("by {head}", head=tr(config.chooser.head))
    if config.strategy in UNQUERIED:
        return names
    how = tr("frozen") if config.learner.head == "frozen" else config.schedule.retrain
    return f"{names}, {how}"


def stretch(busy: int, threads: int, cpus: float, of_gpu: float = 0.0) -> float:
    """How much longer `busy` actors of a trial take at the same time than one alone.

    Args:
        busy: members that train at once.
        threads: of each.
        cpus: that the trial reserves.
        of_gpu: the part of a GPU that each reserves; 0: they compute on cores.
    """
    if of_gpu:
        return float(max(1, min(busy, round(1 / of_gpu))))
    return max(1.0, busy * threads / cpus)
