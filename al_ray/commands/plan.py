"""What `--plan` says: an estimate in plain words and a table of strategies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Console

from al_ray.io.table import Column, Table
from al_ray.language import mark, tr, trn
from al_ray.planning import Estimate, about

if TYPE_CHECKING:
    from al_ray.cluster.plan import Plan
    from al_ray.study.config import StudyConfig

_WORDS: Final = {
    "start": mark("starting actors"),
    "fit": mark("training"),
    "evaluate": mark("evaluating tests"),
    "score": mark("scoring the pool"),
    "select": mark("selecting"),
    "record": mark("writing tables"),
}

_BYTES: Final = {"kB": 1e3, "MB": 1e6, "GB": 1e9}


def print_plan(plan: Plan, study: StudyConfig, console: Console) -> None:
    """Say what is left of a study, and what it takes."""
    found = plan.estimate

    def say(text: str, **options: str) -> None:
        console.print(text, markup=False, soft_wrap=True, **options)  # type: ignore[arg-type]

    if not plan.measured:
        say(tr("Nothing is left to do: all {n:,} trajectories are there.", n=found.done))
        return
    if found.done:
        say(
            tr(
                "{n:,} of {of:,} trajectories are done already.",
                n=found.done,
                of=found.done + found.trials,
            )
        )
    say(tr("It would take {time}.", time=about(found.seconds)), style="bold")
    console.print(_arms(found))
    work = found.work
    say(
        tr(
            "{trajectories}, {steps}, {fits}; {rows}, {tested:,} predicted for tests.",
            trajectories=trn("{n:,} trajectory", "{n:,} trajectories", found.trials),
            steps=trn("{n:,} step", "{n:,} steps", found.steps),
            fits=trn("{n:,} fit", "{n:,} fits", work.fits),
            rows=trn(
                "{n:,} row of the pool scored", "{n:,} rows of the pool scored", work.rows_scored
            ),
            tested=work.rows_tested,
        )
    )
    reserved = tr(
        "{hours} {device}-hours are reserved.",
        hours=_hours(found.device_hours),
        device=tr(found.device),
    )
    say(reserved + " " + tr("Where the time goes: {shares}.", shares=_shares(found)))
    storage = found.storage
    parts = [
        trn(
            "{size} of tables in {n:,} file",
            "{size} of tables in {n:,} files",
            storage.files,
            size=size(storage.tables),
        ),
        *([tr("{size} of weights", size=size(storage.checkpoints))] * bool(storage.checkpoints)),
        tr("{size} of cache", size=size(storage.cache)),
    ]
    say(tr("Storage: {size} ({parts}).", size=size(storage.total), parts=", ".join(parts)))
    say(
        tr(
            "Labels: the longest trajectory goes to {n:,}; to label as many for real takes "
            "one person {days:,.1f} days (--labels-per-day).",
            n=found.labels,
            days=found.days,
        )
    )
    for name in plan.measured:
        say(_measured(plan, name, study))
    if plan.past is not None:
        say(
            tr(
                "The steps that are done took {times:.2f} times what this says of them.",
                times=plan.past,
            )
        )


def size(number: float) -> str:
    """Bytes in words."""
    unit = next((unit for unit in ("kB", "MB") if number < 1000 * _BYTES[unit]), "GB")
    number /= _BYTES[unit]
    return f"{number:,.0f} {unit}" if number >= 10 else f"{number:.1f} {unit}"


def _arms(found: Estimate) -> Table:
    columns = (
        Column(tr("strategy")),
        Column(tr("trajectories"), 2, tr("{} trajectories")),
        Column(tr("steps"), 3, tr("{} steps")),
        Column(tr("fits"), 5),
        Column(tr("rows scored"), 4),
        Column(tr("hours")),
        Column(tr("{device}-hours", device=tr(found.device)), 1),
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
    return Table(columns, rows, caption=tr("hours of all its trajectories, one after another"))


def _shares(found: Estimate) -> str:
    """What takes the time, and how much of it, most first."""
    total = found.phases.total or 1.0
    shares = {name: getattr(found.phases, name) / total for name in _WORDS}
    said = [
        tr("{share:.0f} % {what}", share=100 * share, what=tr(_WORDS[name]))
        for name, share in sorted(shares.items(), key=lambda item: -item[1])
        if share >= 0.01
    ]
    return ", ".join(said)


def _measured(plan: Plan, name: str, study: StudyConfig) -> str:
    measured, speed = plan.measured[name], plan.measured[name].speed
    on = tr("this cluster's {device}", device=plan.device)
    how = tr(
        "{seconds:.0f} s on {device}, {n} at once, {threads}",
        seconds=measured.seconds,
        device=tr("this cluster's CPUs") if plan.device == "CPU" else on,
        n=measured.at_once,
        threads=trn("{n} thread each", "{n} threads each", study.training.threads),
    )
    found = tr(
        "{update:.0f} ms an update and {train:,.0f} µs a token in training, {score:,.0f} µs a "
        "token in scoring, {start:.0f} s until a trajectory's actors are there. Give or take a "
        "third, more on a machine that others use.",
        update=1000 * speed.update,
        train=1e6 * speed.train_token,
        score=1e6 * speed.score_token,
        start=speed.start,
    )
    if len(plan.measured) > 1:
        return tr("{name}: measured in {how}: {found}", name=name, how=how, found=found)
    return tr("Measured in {how}: {found}", how=how, found=found)


def _hours(hours: float) -> str:
    return f"{hours:,.0f}" if hours >= 100 else f"{hours:.1f}" if hours >= 1 else f"{hours:.2f}"
