"""What a search has come to, from its tables alone: who went how far, and who was let go where."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from al_ray.language import mark, tr
from al_ray.results import Store
from al_ray.search.recorded import Recorded, read
from al_ray.search.seen import Configuration, Curve
from al_ray.study.chooser import RANDOM
from al_ray.study.knobs import words

State = Literal["best", "stopped", "failed", "left"]

STATES: dict[State, str] = {
    "best": mark("best"),
    "left": mark("going on"),
    "stopped": mark("let go"),
    "failed": mark("failed"),
}
"""What they are called, in the order in which they are shown."""


WENT_ON = mark("place {place} of {of}, and {kept} went on")
AT_THE_END = mark("place {place} of {of} at the end")
CUT = mark("place {place} of {of} when its hours were used up")
ELSEWHERE = mark("of another search")
"""Why a configuration is not the best; tables have them in English."""


def told(why: str) -> str:
    """Such a reason, as tables have it, in the language that is spoken."""
    for template in (WENT_ON, AT_THE_END, CUT, ELSEWHERE):
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[0-9]+)", re.escape(template))
        if found := re.fullmatch(pattern, why):
            return tr(template, **found.groupdict())
    return why


@dataclass(frozen=True)
class Entry:
    """A configuration in a search.

    Attributes:
        configuration: which.
        random: whether its strategy is random: these are a half of their own.
        state: `best` of its half; `stopped`; `failed`; or `left`, as long as nothing is decided.
        seeds: that came to `labels`.
        labels: to which it came.
        accuracy: on validation rows there, mean over these seeds.
        area: under the validation curve up to there, mean over these seeds.
        seconds: of devices, all its trajectories together.
        why: it was let go; '' where it was not.
    """

    configuration: Configuration
    random: bool
    state: State
    seeds: int
    labels: int
    accuracy: float
    area: float
    seconds: float
    why: str = ""


def account(store: Store) -> list[Entry]:
    """Of a search's folder: strategies, then random; the best first, then who came farthest.

    Raises:
        UserError: no search there.
    """
    found, known = read(store), store.read("trajectories")
    known = known[known.trajectory.isin(found.names)]
    entries = [
        _entry(found, which, rows)
        for which, rows in known.groupby(known.trajectory.map(found.names), sort=False)
    ]
    order = list(STATES)
    return sorted(entries, key=lambda e: (e.random, order.index(e.state), -e.labels, -e.area))


def _entry(found: Recorded, which: Configuration, rows: pd.DataFrame) -> Entry:
    none = Curve((), (), ())  # of one that has no step yet
    curves = [found.seen.curves.get((which, int(seed)), none) for seed in rows.seed]
    whole = [curve for curve in curves if not curve.failed and curve.labels]
    labels = max((curve.labels[-1] for curve in whole), default=0)
    there = [curve for curve in whole if curve.labels[-1] == labels]
    complete = rows[rows.status == "complete"]
    state: State = "left" if len(complete) or (rows.status == "running").any() else "stopped"
    if any(curve.failed for curve in curves):
        state = "failed"
    elif complete.rung.notna().any():
        state = "best"
    return Entry(
        which,
        bool((rows.strategy == RANDOM).all()),
        state,
        len(there),
        labels,
        float(np.mean([curve.accuracy[-1] for curve in there])) if there else float("nan"),
        -found.aim.values(there)[0] if there and labels >= found.first else float("nan"),
        sum(sum(curve.seconds) for curve in curves),
        next(iter(rows.why.dropna()), "") if state == "stopped" else "",
    )


def called(which: Configuration) -> str:
    """A configuration in words: its strategy, and what else tells it from the others."""
    point = dict(which)
    strategy = str(point.pop("strategy", ""))
    if parameters := point.pop("parameters", None):
        strategy += f":{parameters}"
    said = [
        tr(str(value)) if isinstance(value, str) else words(name, value)
        for name, value in point.items()
        if value is not None
    ]
    return f"{strategy} ({', '.join(said)})" if said and strategy else strategy or ", ".join(said)
