"""Which trainings of a study are one under several names, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

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
        why = f"--updates {same[0].updates} says how many there are"
        remedy = "leave it out"
    elif len(values["epochs"]) > 1:
        why = f"--min-updates {values['min_updates'][0]} is more than they come to"
        remedy = "lower it"
    else:
        why, remedy = "the epochs come to more", "raise them"
    return (
        f"{' and '.join(options)}: the same updates in every fit, up to that of {most:,} labels, "
        f"since {why}: one training under {len(same)} names; drop all but one, or {remedy}."
    )
