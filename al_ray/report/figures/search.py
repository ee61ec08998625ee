"""A search before the study: who was ahead when, what accuracy cost, and what ran when."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import altair as alt
import pandas as pd

from al_ray.analysis.study import Study
from al_ray.language import tr
from al_ray.report.arms import Arms
from al_ray.report.figures.bars import row_axis
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
from al_ray.report.figures.searched import figure, look, searched
from al_ray.report.theme import colour
from al_ray.search.account import called
from al_ray.search.ladder import reached_by_all
from al_ray.search.recorded import rungs
from al_ray.search.seen import layers


def ranks(study: Study, arms: Arms) -> Figure | None:
    """The place of each configuration at each number of labels, among those that came there."""
    found = searched(study)
    best = {e.configuration for e in found.entries if e.state == "best"}
    made: list[dict[str, Any]] = []
    every, aim = found.recorded.seen.curves, found.recorded.aim
    ends = [curve.labels[-1] for curve in every.values() if curve.labels]
    reached = reached_by_all(list(found.recorded.schedules.values()), max(ends, default=0))
    for labels in reached:
        here: dict[Any, list[Any]] = {}
        for (which, _), curve in every.items():
            if not curve.failed and labels in curve.labels:
                here.setdefault(which, []).append(curve.upto(labels))
        for place, which in enumerate(aim.order(here), 1):
            area = -aim.values(here[which])[0]
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
            **look(),
        ),
        base.mark_point(filled=True, size=50).encode(x=x, y=y, tooltip=tips, **look()),
    )
    frame = pd.DataFrame(made)
    columns = (
        ("configuration", tr("configuration"), ""),
        ("labels", tr("labels"), "n"),
        ("place", tr("place"), "n"),
        ("area", tr("area"), "3"),
    )
    return figure(
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


def front(study: Study, arms: Arms) -> Figure | None:
    """Area against device-seconds at the last number of labels that all came to."""
    found = searched(study).recorded
    common = rungs(found)
    if not common:
        return None
    labels, made = common[-1], []
    both = replace(found.aim, objectives=("area", "seconds"))
    values = {}
    for which in found.configurations:
        curves = [
            curve.upto(labels)
            for (each, _), curve in found.seen.curves.items()
            if each == which and not curve.failed
        ]
        if curves:
            values[which] = both.values(curves)
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
        base.mark_point(filled=True, size=80).encode(x=x, y=y, tooltip=tips, **look()),
    )
    columns = (
        ("configuration", tr("configuration"), ""),
        ("area", tr("area"), "3"),
        ("seconds", tr("device-seconds"), "1"),
    )
    return figure(
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
            **look(),
        )
    )
    kept = ["configuration", "best", "began", "ended"]
    return figure(
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
