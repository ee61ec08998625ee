"""What to do next, in words and as commands, where a verdict asks for more."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import numpy as np

from al_ray.analysis.study import Study
from al_ray.analysis.summary import FROZEN
from al_ray.analysis.wording import GAIN, points, wanted_rows
from al_ray.language import mark, tr
from al_ray.results.rerun import rerun_commands, with_options
from al_ray.study.chooser import RANDOM

ADVISED: Final = 10
"""Seeds that find an arm which is twice as good; `LEAST_SEEDS` are the fewest with a verdict."""

Kind = Literal["label with", "label at random", "depends on the metric", "cannot tell"]

Answer = tuple[Kind, str, str | None, str, tuple[str, ...]]
"""Of a verdict: its kind, in words, the arm that it is about, what to do next, and the commands."""

PLAN: Final = mark("with --plan it says how long that takes")


def commands(study: Study, options: Mapping[str, Sequence[object]]) -> tuple[str, ...]:
    """The study's commands with these options, each once."""
    given, _ = rerun_commands(study.description, study.address or str(study.out))
    return tuple(dict.fromkeys(with_options(command, options) for command in given))


def more_seeds(study: Study, number: int) -> tuple[str, tuple[str, ...]]:
    """So many seeds in all, those that are there among them."""
    here = {int(seed) for seed in study.trajectories.seed}
    free = (seed for seed in itertools.count() if seed not in here)
    wanted = sorted(here | set(itertools.islice(free, max(0, number - len(here)))))
    said = tr("train with {n} seeds ({plan})", n=number, plan=tr(PLAN))
    return said, commands(study, {"--seeds": wanted})


def to_see(study: Study, numbers: Sequence[Mapping[str, Any]]) -> tuple[str, tuple[str, ...]]:
    """What would show GAIN."""
    here = study.trajectories.seed.nunique()
    wanted = [each["seeds_for"] for each in numbers]
    if None not in wanted:
        number = int(max(*wanted, ADVISED))
        return more_seeds(study, number if number > here else 2 * here)
    rows = [each for each in numbers if each["rows_for"]]
    gain = points(GAIN)
    if not rows:
        said = tr(
            "measure on more test rows: many more of them, and more seeds, show {points} 8 times "
            "in 10",
            points=gain,
        )
        return said, ()
    most = max(rows, key=lambda each: float(each["rows_for"]))
    said = tr(
        "measure on more: {rows} show {points} 8 times in 10",
        rows=wanted_rows(most["rows_for"], most.get("articles")),
        points=gain,
    )
    return said, ()


def longer(study: Study, head: str) -> tuple[str, tuple[str, ...]]:
    """Training that goes on for twice as long as the longest."""
    if head == FROZEN:
        return tr("take another encoder (--model), or label more a step (--step-size)"), ()
    training = study.description.get("training", {})
    name = next((each for each in ("updates", "min_updates") if training.get(each)), "epochs")
    known = study.trajectories.get(name, training.get(name))
    longest = max(training.get(name) or 1, *np.atleast_1d(known).tolist())
    options = {f"--{name.replace('_', '-')}": (2 * int(longest),)}
    return tr("train for longer"), commands(study, options)[-1:]


def fine_tuning(study: Study, strategy: str) -> tuple[str, ...]:
    """The study's last command, with a fine-tuned encoder."""
    (command,) = commands(study, {})[-1:]
    if command.startswith("al-ray run "):
        return (with_options(command, {"--fine-tune": ()}),)
    options = {
        **{"--head": ("fine-tuned",), "--strategies": (RANDOM, strategy)},
        "--seeds": range(ADVISED),
    }
    return (with_options(command, options),)
