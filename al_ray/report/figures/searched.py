"""What the figures of a search draw: its folder's tables, and how its best look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd

from al_ray.analysis.study import Study, remembered
from al_ray.language import tr
from al_ray.report.figures.base import (
    Figure,
    Panel,
    number,
    word,
)
from al_ray.report.theme import colour
from al_ray.results import Store
from al_ray.results.folder import SEARCH
from al_ray.search.account import STATES, Entry, account, called
from al_ray.search.recorded import Recorded, read


@dataclass(frozen=True)
class Searched:
    """What a search's folder holds.

    Attributes:
        recorded: its curves.
        entries: what became of each configuration.
        times: trajectory, began, ended: of each, minutes since the first.
    """

    recorded: Recorded
    entries: list[Entry]
    times: pd.DataFrame


def has_search(study: Study) -> bool:
    """Whether a study came out of a search whose tables are here."""
    return not study.address and Store(study.out / SEARCH).study_json.read() is not None


@remembered
def searched(study: Study) -> Searched:
    """Read it.

    Raises:
        UserError: there is none.
    """
    store = Store(study.out / SEARCH)
    steps = store.read("steps")
    begin = steps.finished_at - pd.to_timedelta(steps.step_seconds, unit="s")
    spans = pd.DataFrame(
        {"trajectory": steps.trajectory, "began": begin, "ended": steps.finished_at}
    )
    first = begin.min()
    for name in ("began", "ended"):
        spans[name] = (spans[name] - first).dt.total_seconds() / 60
    return Searched(read(store), account(store), spans)


def rows(study: Study) -> pd.DataFrame:
    """A row for each configuration that has come anywhere."""
    made = []
    for entry in searched(study).entries:
        if not entry.seeds:
            continue
        point: dict[str, Any] = dict(entry.configuration)
        made.append(
            {
                "configuration": called(entry.configuration),
                "state": tr(STATES[entry.state]),
                "best": entry.state == "best",
                **{f"knob {name}": value for name, value in point.items()},
                **{n: getattr(entry, n) for n in ("labels", "seeds", "accuracy", "area")},
                "seconds": entry.seconds / max(1, entry.seeds),
            }
        )
    return pd.DataFrame(made)


def tips() -> list[alt.Tooltip]:
    """Of a configuration."""
    return [
        word("configuration", tr("configuration")),
        word("state", tr("state")),
        number("labels", tr("labels")),
        number("seeds", tr("seeds")),
        number("area", tr("area"), 3),
    ]


def look() -> dict[str, Any]:
    """The encodings by which the best are told from the others."""
    return {
        "color": alt.condition("datum.best", alt.value(colour("ink")), alt.value(colour("heat"))),
        "opacity": alt.condition("datum.best", alt.value(1), alt.value(0.6)),
    }


def figure(name: str, title: str, caption: str, *panels: Panel, **more: Any) -> Figure:
    """A figure of a search, with the key of `look`."""
    key = ((tr("best"), "ink"), (tr("the others"), "heat"))
    return Figure(f"search-{name}", title, caption, panels, **{"legend": False, "key": key, **more})
