"""What `--plan` says: an estimate in plain words and a table of strategies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Console

from al_ray.io.table import Column, Table
from al_ray.planning import Estimate, about

if TYPE_CHECKING:
    from al_ray.cluster.plan import Plan
    from al_ray.study.config import StudyConfig

_WORDS: Final = {
    "start": "starting actors",
    "fit": "training",
    "evaluate": "evaluating tests",
    "score": "scoring the pool",
    "select": "selecting",
    "record": "writing tables",
}

_BYTES: Final = {"kB": 1e3, "MB": 1e6, "GB": 1e9}


def print_plan(plan: Plan, study: StudyConfig, console: Console) -> None:
    """Say what is left of a study, and what it takes."""
    found = plan.estimate

    def say(text: str, **options: str) -> None:
        console.print(text, markup=False, soft_wrap=True, **options)  # type: ignore[arg-type]

    if not plan.measured:
        say(f"Nothing is left to do: all {found.done:,} trajectories are there.")
        return
    if found.done:
        say(f"{found.done:,} of {found.done + found.trials:,} trajectories are done already.")
    say(f"It would take {about(found.seconds)}.", style="bold")
    console.print(_arms(found))
    work = found.work
    say(
        f"{_many(found.trials, 'trajectory', 'trajectories')}, {_many(found.steps, 'step')}, "
        f"{_many(work.fits, 'fit')}; {_many(work.rows_scored, 'row')} of the pool scored, "
        f"{work.rows_tested:,} predicted for tests."
    )
    say(f"{_hours(found.device_hours)} {found.device}-hours are reserved. {_shares(found)}.")
    storage = found.storage
    kept = f", {size(storage.checkpoints)} of weights" if storage.checkpoints else ""
    say(
        f"Storage: {size(storage.total)} ({size(storage.tables)} of tables in "
        f"{_many(storage.files, 'file')}{kept}, {size(storage.cache)} of cache)."
    )
    say(
        f"Labels: the longest trajectory goes to {found.labels:,}; to label as many for real takes "
        f"one person {found.days:,.1f} days (--labels-per-day)."
    )
    for name in plan.measured:
        say(_measured(plan, name, study))
    if plan.past is not None:
        say(f"The steps that are done took {plan.past:.2f} times what this says of them.")


def size(number: float) -> str:
    """Bytes in words."""
    unit = next((unit for unit in ("kB", "MB") if number < 1000 * _BYTES[unit]), "GB")
    number /= _BYTES[unit]
    return f"{number:,.0f} {unit}" if number >= 10 else f"{number:.1f} {unit}"


def _arms(found: Estimate) -> Table:
    columns = (
        Column("strategy"),
        Column("trajectories", 2, "{} trajectories"),
        Column("steps", 3, "{} steps"),
        Column("fits", 5),
        Column("rows scored", 4),
        Column("hours"),
        Column(f"{found.device}-hours", 1),
    )
    rows = [
        (
            arm.strategy,
            *(f"{count:,}" for count in (arm.trials, arm.steps, arm.fits, arm.rows_scored)),
            _hours(arm.hours),
            _hours(arm.device_hours),
        )
        for arm in found.arms
    ]
    return Table(columns, rows, caption="hours of all its trajectories, one after another")


def _shares(found: Estimate) -> str:
    """What takes the time, most first."""
    total = found.phases.total or 1.0
    shares = {name: getattr(found.phases, name) / total for name in _WORDS}
    said = [
        f"{100 * share:.0f} % {_WORDS[name]}"
        for name, share in sorted(shares.items(), key=lambda item: -item[1])
        if share >= 0.01
    ]
    return f"Where the time goes: {', '.join(said)}"


def _measured(plan: Plan, name: str, study: StudyConfig) -> str:
    measured, training = plan.measured[name], study.training
    of = f"{name}: measured" if len(plan.measured) > 1 else "Measured"
    threads = f"{training.threads} thread{'s' * (training.threads > 1)} each"
    device = f"this cluster's {plan.device}" + ("s" if plan.device == "CPU" else "")
    speed = measured.speed
    return (
        f"{of} in {measured.seconds:.0f} s on {device}, {measured.at_once} at once, {threads}: "
        f"{1000 * speed.update:.0f} ms an update and "
        f"{1e6 * speed.train_token:,.0f} µs a token in training, "
        f"{1e6 * speed.score_token:,.0f} µs a token in scoring, {speed.start:.0f} s until a "
        "trajectory's actors are there. Give or take a third, more on a machine that others use."
    )


def _many(number: int, one: str, several: str = "") -> str:
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def _hours(hours: float) -> str:
    return f"{hours:,.0f}" if hours >= 100 else f"{hours:.1f}" if hours >= 1 else f"{hours:.2f}"
