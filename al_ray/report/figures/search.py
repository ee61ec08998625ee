"""A search before the study: who was how far ahead when, and what mattered; by validation rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import altair as alt
import pandas as pd

from al_ray.analysis.study import Study, remembered
from al_ray.language import mark, tr
from al_ray.report.arms import Arms
from al_ray.report.figures.bars import row_axis, row_height
from al_ray.report.figures.base import (
    Figure,
    Numbers,
    Panel,
    data,
    domain,
    layered,
    number,
    records,
    word,
)
from al_ray.report.theme import colour
from al_ray.results import Store
from al_ray.results.folder import SEARCH
from al_ray.search.account import Entry, account, called
from al_ray.search.journal import importances as importances_of
from al_ray.search.ladder import reached_by_all
from al_ray.search.recorded import Recorded, read, rungs
from al_ray.search.seen import Aim, layers

_STATES: Final = {
    "best": (mark("best"), "ink"),
    "stopped": (mark("let go"), "heat"),
    "left": (mark("going on"), "heat"),
    "failed": (mark("failed"), "heat"),
}


@dataclass(frozen=True)
class Searched:
    """What a search's folder holds.

    Attributes:
        recorded: its curves.
        entries: what became of each configuration.
        times: trajectory, began, ended: of each, seconds since the first.
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


def _rows(study: Study) -> pd.DataFrame:
    """A row for each configuration that has come anywhere."""
    made = []
    for entry in searched(study).entries:
        if not entry.seeds:
            continue
        point: dict[str, Any] = dict(entry.configuration)
        said, _ = _STATES[entry.state]
        made.append(
            {
                "configuration": called(entry.configuration),
                "state": tr(said),
                "best": entry.state == "best",
                **{f"knob {name}": value for name, value in point.items()},
                **{n: getattr(entry, n) for n in ("labels", "seeds", "accuracy", "area")},
                "seconds": entry.seconds / max(1, entry.seeds),
            }
        )
    return pd.DataFrame(made)


def _tips() -> list[alt.Tooltip]:
    return [
        word("configuration", tr("configuration")),
        word("state", tr("state")),
        number("labels", tr("labels")),
        number("seeds", tr("seeds")),
        number("area", tr("area"), 3),
    ]


def _look() -> dict[str, Any]:
    return {
        "color": alt.condition("datum.best", alt.value(colour("ink")), alt.value(colour("heat"))),
        "opacity": alt.condition("datum.best", alt.value(1), alt.value(0.6)),
    }


def _figure(name: str, title: str, caption: str, *panels: Panel, **more: Any) -> Figure:
    key = ((tr("best"), "ink"), (tr("the others"), "heat"))
    return Figure(f"search-{name}", title, caption, panels, **{"legend": False, "key": key, **more})


def ranks(study: Study, arms: Arms) -> Figure | None:
    """The place of each configuration at each number of labels, among those that came there."""
    found = searched(study)
    best = {e.configuration for e in found.entries if e.state == "best"}
    made: list[dict[str, Any]] = []
    every = found.recorded.seen.curves
    ends = [curve.labels[-1] for curve in every.values() if curve.labels]
    reached = reached_by_all(list(found.recorded.schedules.values()), max(ends, default=0))
    for labels in reached:
        here: dict[Any, list[Any]] = {}
        for (which, _), curve in every.items():
            if not curve.failed and labels in curve.labels:
                here.setdefault(which, []).append(curve.upto(labels))
        for place, which in enumerate(Aim().order(here), 1):
            area = -Aim().values(here[which])[0]
            made.append(
                {
                    "configuration": called(which),
                    "best": which in best,
                    "labels": labels,
                    "place": place,
                    "area": area,
                    "seeds": len(here[which]),
                }
            )
    if len(reached) < 2:
        return None
    x = alt.X("labels:Q", title=tr("labels"), scale=alt.Scale(domain=domain(reached)))
    most = max((row["place"] for row in made), default=1)
    y = alt.Y("place:Q", title=tr("place"), scale=alt.Scale(domain=[most + 0.5, 0.5], nice=False))
    base = alt.Chart(data("search-ranks"))
    tips = [
        word("configuration", tr("configuration")),
        number("place", tr("place")),
        number("labels", tr("labels")),
        number("area", tr("area"), 3),
        number("seeds", tr("seeds")),
    ]
    chart = layered(
        base.mark_line().encode(
            x=x,
            y=y,
            detail="configuration:N",
            strokeWidth=alt.condition("datum.best", alt.value(3), alt.value(1.2)),
            **_look(),
        ),
        base.mark_point(filled=True, size=50).encode(x=x, y=y, tooltip=tips, **_look()),
    )
    frame = pd.DataFrame(made)
    columns = (
        ("configuration", tr("configuration"), ""),
        ("labels", tr("labels"), "n"),
        ("place", tr("place"), "n"),
        ("area", tr("area"), "3"),
    )
    return _figure(
        "ranks",
        tr("The search: place at each number of labels"),
        tr(
            "Among those that came so far, by the area under the validation curve up to there, at "
            "numbers of labels that all schedules reach. A line ends where one was let go."
        ),
        Panel("search-ranks", tr("Place"), chart, 300, ("search-ranks",), wide=True),
        data={"search-ranks": records(frame)},
        numbers=(Numbers("search-ranks", columns),),
    )


def parallel(study: Study, arms: Arms) -> Figure | None:
    """Each configuration as a line over its knobs."""
    frame = _rows(study)
    knobs = [name for name in frame if str(name).startswith("knob ")] if len(frame) else []
    if len(knobs) < 2:
        return None
    made, marks = [], []
    for place, name in enumerate([*knobs, "area"]):
        values = sorted(frame[name].dropna().unique(), key=lambda v: (isinstance(v, str), v))
        at = {value: i / max(1, len(values) - 1) for i, value in enumerate(values)}
        title = tr("area") if name == "area" else tr(str(name)[5:].replace("_", " "))
        if name == "area":
            low, high = float(min(values)), float(max(values))
            at = {value: (value - low) / max(high - low, 1e-9) for value in values}
            marks += [
                {"knob": title, "order": place, "y": y, "text": f"{v:.3f}"}
                for y, v in ((0, low), (1, high))
            ]
        else:
            marks += [{"knob": title, "order": place, "y": at[v], "text": _text(v)} for v in values]
        made += [
            {
                **{
                    n: row[n] for n in ("configuration", "state", "best", "labels", "seeds", "area")
                },
                "knob": title,
                "order": place,
                "y": at[row[name]],
            }
            for row in frame.to_dict("records")
            if not pd.isna(row[name])
        ]
    order = list(dict.fromkeys(str(m["knob"]) for m in marks))  # as they were made
    x = alt.X("knob:N", title=None, sort=order, axis=alt.Axis(labelAngle=0))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[-0.06, 1.06]))
    chart = layered(
        alt.Chart(data("search-parallel"))
        .mark_line()
        .encode(
            x=x,
            y=y,
            detail="configuration:N",
            strokeWidth=alt.condition("datum.best", alt.value(3), alt.value(1.2)),
            tooltip=_tips(),
            **_look(),
        ),
        alt.Chart(data("search-marks"))
        .mark_text(align="left", dx=6, dy=-5, fontSize=11, color=colour("soft"))
        .encode(x=x, y=y, text="text:N"),
    )
    return _figure(
        "parallel",
        tr("The search: configurations over their knobs"),
        tr(
            "Each line is a configuration; at the right is its area under the validation curve, as "
            "far as it was run. A frozen head passes over the knobs of fine-tuning."
        ),
        Panel(
            "search-parallel",
            tr("Knobs, and what came of them"),
            chart,
            320,
            ("search-parallel", "search-marks"),
            wide=True,
        ),
        data={
            "search-parallel": records(pd.DataFrame(made)),
            "search-marks": records(pd.DataFrame(marks)),
        },
    )


def slices(study: Study, arms: Arms) -> Figure | None:
    """The area against each knob by itself."""
    frame = _rows(study)
    knobs = [name for name in frame if str(name).startswith("knob ")] if len(frame) else []
    panels, sets = [], {}
    for name in knobs:
        title, key = tr(str(name)[5:].replace("_", " ")), f"search-slice-{str(name)[5:]}"
        here = frame[frame[name].notna()].assign(value=frame[name].map(_text))
        values = sorted(here[name].unique(), key=lambda v: (isinstance(v, str), v))
        chart = (
            alt.Chart(data(key))
            .mark_point(filled=True, size=70)
            .encode(
                x=alt.X(
                    "value:N",
                    title=None,
                    sort=[_text(v) for v in values],
                    axis=alt.Axis(labelAngle=-30, labelLimit=110, labelOverlap=False),
                ),
                y=alt.Y(
                    "area:Q",
                    title=tr("area"),
                    scale=alt.Scale(domain=domain(frame.area), zero=False),
                ),
                tooltip=_tips(),
                **_look(),
            )
        )
        panels.append(Panel(key, title, layered(chart), 220, (key,)))
        kept = ["configuration", "state", "best", "labels", "seeds", "area", "value"]
        sets[key] = records(here[kept])
    if not panels:
        return None
    return _figure(
        "slices",
        tr("The search: each knob by itself"),
        tr(
            "Area under the validation curve as far as each configuration was run; points at other "
            "numbers of labels are not to be compared, and other knobs differ within a column."
        ),
        *panels,
        data=sets,
    )


def importances(study: Study, arms: Arms) -> Figure | None:
    """What mattered, as Optuna reckons it."""
    found = importances_of(searched(study).recorded)
    if not found:
        return None
    made = [
        {"evaluator": name, "knob": tr(knob.replace("_", " ")), "share": share}
        for name, shares in found.items()
        for knob, share in shares.items()
    ]
    frame = pd.DataFrame(made)
    panels = []
    for name in found:
        order = frame[frame.evaluator == name].sort_values("share", ascending=False).knob
        chart = (
            alt.Chart(data("search-importances"))
            .transform_filter(f"datum.evaluator === '{name}'")
            .mark_bar(color=colour("heat"), height=16)
            .encode(
                y=row_axis("knob", list(order), 160),
                x=alt.X("share:Q", title=tr("share"), scale=alt.Scale(domain=[0, 1])),
                tooltip=[word("knob", tr("knob")), number("share", tr("share"), 2)],
            )
        )
        key = "search-importance-" + name.lower().replace("-", "")
        panels.append(
            Panel(key, name, layered(chart), row_height(len(order)), ("search-importances",))
        )
    columns = (
        ("evaluator", tr("evaluator"), ""),
        ("knob", tr("knob"), ""),
        ("share", tr("share"), "2"),
    )
    return _figure(
        "importances",
        tr("The search: what mattered"),
        tr(
            "Shares of what makes configurations differ in the area under the validation curve, by "
            "Optuna: PED-ANOVA of what is best, fANOVA of all that came to the end. Of few "
            "configurations they say little, and where the two disagree, nothing."
        ),
        *panels,
        data={"search-importances": records(frame)},
        numbers=(Numbers("search-importances", columns),),
        key=(),
    )


def front(study: Study, arms: Arms) -> Figure | None:
    """Area against device-seconds at the last number of labels that all came to."""
    found = searched(study).recorded
    common = rungs(found)
    if not common:
        return None
    labels, made = common[-1], []
    values = {}
    for which in found.configurations:
        curves = [
            curve.upto(labels)
            for (each, _), curve in found.seen.curves.items()
            if each == which and not curve.failed
        ]
        if curves:
            values[which] = Aim(("area", "seconds")).values(curves)
    first = {which for which, layer in layers(values).items() if layer == 0}
    for which, (area, seconds) in values.items():
        made.append(
            {
                "configuration": called(which),
                "area": -area,
                "seconds": seconds,
                "best": which in first,
            }
        )
    frame = pd.DataFrame(made)
    if len(frame) < 2 or frame.seconds.min() <= 0:
        return None
    x = alt.X("seconds:Q", title=tr("device-seconds"), scale=alt.Scale(type="log", nice=True))
    y = alt.Y("area:Q", title=tr("area"), scale=alt.Scale(domain=domain(frame.area), zero=False))
    base = alt.Chart(data("search-front"))
    tips = [
        word("configuration", tr("configuration")),
        number("area", tr("area"), 3),
        number("seconds", tr("device-seconds"), 1),
    ]
    chart = layered(
        base.transform_filter("datum.best")
        .mark_line(interpolate="step-after", color=colour("ink"), strokeWidth=1.5)
        .encode(x=x, y=y, order="seconds:Q"),
        base.mark_point(filled=True, size=80).encode(x=x, y=y, tooltip=tips, **_look()),
    )
    columns = (
        ("configuration", tr("configuration"), ""),
        ("area", tr("area"), "3"),
        ("seconds", tr("device-seconds"), "1"),
    )
    return _figure(
        "front",
        tr("The search: what accuracy costs"),
        tr(
            "All configurations at {labels} labels, where all of them came: area under the "
            "validation curve and device-seconds of a trajectory. Dark: none is both better and "
            "cheaper.",
            labels=labels,
        ),
        Panel("search-front", tr("Pareto front"), chart, 300, ("search-front",), wide=True),
        data={"search-front": records(frame)},
        numbers=(Numbers("search-front", columns),),
        key=((tr("on the front"), "ink"), (tr("the others"), "heat")),
    )


def timeline(study: Study, arms: Arms) -> Figure | None:
    """When each configuration ran."""
    found = searched(study)
    best = {e.configuration for e in found.entries if e.state == "best"}
    names = found.recorded.names
    frame = found.times[found.times.trajectory.isin(names)]
    if frame.empty or frame.began.isna().any():
        return None
    frame = frame.assign(
        configuration=[called(names[each]) for each in frame.trajectory],
        best=[names[each] in best for each in frame.trajectory],
    )
    order = list(frame.sort_values("began").configuration.drop_duplicates())
    chart = (
        alt.Chart(data("search-timeline"))
        .mark_bar(height=9)
        .encode(
            y=row_axis("configuration", order, 300),
            x=alt.X("began:Q", title=tr("minutes")),
            x2="ended:Q",
            tooltip=[
                word("configuration", tr("configuration")),
                number("began", tr("from, minutes"), 1),
                number("ended", tr("to, minutes"), 1),
            ],
            **_look(),
        )
    )
    kept = ["configuration", "best", "began", "ended"]
    return _figure(
        "timeline",
        tr("The search: when what ran"),
        tr("Each bar is a step. A rung begins when the one before is complete."),
        Panel(
            "search-timeline",
            tr("Minutes since the beginning"),
            layered(chart),
            18 * (len(order) + 2),
            ("search-timeline",),
            wide=True,
        ),
        data={"search-timeline": records(frame[kept])},
    )


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return tr(value) if isinstance(value, str) else str(value)


Maker = Callable[[Study, Arms], Figure | None]

MAKERS: Final[tuple[tuple[str, Maker], ...]] = (
    (mark("The search: place at each number of labels"), ranks),
    (mark("The search: configurations over their knobs"), parallel),
    (mark("The search: each knob by itself"), slices),
    (mark("The search: what mattered"), importances),
    (mark("The search: what accuracy costs"), front),
    (mark("The search: when what ran"), timeline),
)
"""Of a study that came out of a search."""
