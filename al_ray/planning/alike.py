"""Which trainings of a study are one under several names, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from al_ray.language import tr
from al_ray.study.knobs import knobs
from al_ray.study.training import Training

_LENGTH: Final = ("epochs", "min_updates")
"""What the number of updates follows from, beside the rows and their batches."""


def alike(trainings: Sequence[Training], labels: Iterable[int]) -> list[str]:
    """A line for each set of trainings that do the same in every fit.

    Args:
        trainings: of the study.
        labels: all numbers of rows that one of these is fitted to.
    """
    counts, found = sorted(set(labels)), dict[object, list[Training]]()
    for each in trainings:
        updates = tuple(each.updates_for(rows) for rows in counts)
        rest = replace(each, epochs=1, updates=None, min_updates=0)
        found.setdefault((rest, updates), []).append(each)
    lines = (_said(same, counts[-1]) for same in found.values() if len(same) > 1)
    return list(dict.fromkeys(lines))


def _said(same: Sequence[Training], most: int) -> str:
    values = {name: sorted({getattr(each, name) for each in same}) for name in _LENGTH}
    options = [
        f"{knobs(Training)[name].option} {', '.join(map(str, several))}"
        for name, several in values.items()
        if len(several) > 1
    ]
    if same[0].updates is not None:
        why = tr("--updates {n} says how many there are", n=same[0].updates)
        remedy = tr("leave it out")
    elif len(values["epochs"]) > 1:
        why = tr("--min-updates {n} is more than they come to", n=values["min_updates"][0])
        remedy = tr("lower it")
    else:
        why, remedy = tr("the epochs come to more"), tr("raise them")
    return tr(
        "{options}: the same updates in every fit, up to that of {most:,} labels, since {why}: one "
        "training under {n} names; drop all but one, or {remedy}.",
        options=tr(" and ").join(options),
        most=most,
        why=why,
        n=len(same),
        remedy=remedy,
    )
