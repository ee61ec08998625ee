"""Lines against labels: a line for each arm, a panel for each step size."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import altair as alt
import pandas as pd

from al_ray.language import tr
from al_ray.report.arms import Arms
from al_ray.report.figures.base import SHOWN, TOUCH, Panel, data, equals, layered, word
from al_ray.report.theme import colour

_MANY: Final = 4
_MOST_TICKS: Final = 9


def line_panels(
    arms: Arms,
    name: str,
    rows: str,
    y: alt.Y,
    tooltips: Sequence[alt.Tooltip],
    *,
    x: str = "n_labelled",
    x_title: str | None = None,
    where: str = "true",
    title: str = "",
    band: tuple[str, str] | None = None,
    ticks: pd.DataFrame | None = None,
    under: Mapping[str, Sequence[Any]] | None = None,
    over: Sequence[Any] = (),
    sources: Sequence[str] = (),
    height: int = 300,
    groups: Sequence[str] | None = None,
) -> tuple[Panel, ...]:
    """A panel for each step size.

    Args:
        arms: names and looks.
        name: of the panels, with a number after it.
        rows: name of the data set; has `line`, `group` and x.
        y: its encoding.
        tooltips: what hovering over a point tells.
        x: column of the horizontal axis.
        x_title: its title; None: labels.
        where: a filter expression beside those of arms and step size.
        title: before the step size.
        band: columns of an interval, drawn where `interval` is true and the control `band` is on.
        ticks: the data set's frame: the axis is marked where there are points, if these are few.
        under: further layers of each group, drawn first.
        over: further layers, drawn last.
        sources: names of the data sets of these.
        height: in pixels.
        groups: the step sizes to draw; default: all.
    """
    shown = arms.groups if groups is None else groups
    panels = []
    for place, group in enumerate(shown):
        base = (
            alt.Chart(data(rows))
            .transform_filter(equals("group", group))
            .transform_filter(where)
            .transform_filter(SHOWN)
            .encode(
                x=alt.X(
                    f"{x}:Q",
                    title=tr("labels") if x_title is None else x_title,
                    scale=alt.Scale(zero=False, nice=False, padding=14),
                    axis=alt.Axis(
                        grid=False,
                        format=",d",
                        tickMinStep=1,
                        tickCount=6,
                        **_marked(ticks, group, x),
                    ),
                ),
                color=arms.colour(),
            )
        )
        layers: list[Any] = list((under or {}).get(group, ()))
        named, front = f"named_{arms.groups.index(group)}", base
        if arms.many:  # a few are named and coloured, and the page may name others
            is_named = f"isString({named}[datum.line])"
            front = base.transform_filter(is_named)
            layers.append(
                base.transform_filter(f"!{is_named}")
                .mark_line(strokeWidth=1, opacity=0.45)
                .encode(y=y, color=alt.value(colour("soft")), detail="line:N")
            )
        if band is not None:
            low, high = band
            layers.append(
                front.transform_filter("datum.interval && band")
                .mark_area(opacity=0.13 if len(arms.lines) < _MANY else 0.07)
                .encode(y=alt.Y(f"{low}:Q"), y2=alt.Y2(f"{high}:Q"))
            )
        layers.append(front.mark_line(strokeWidth=2).encode(y=y, strokeDash=arms.dash()))
        layers.append(
            front.mark_point(filled=True, size=62, opacity=1).encode(
                y=y,
                shape=arms.shape(),
                tooltip=[word("line", tr("arm")), *tooltips],
            )
        )
        layers.append(  # easier to hit, with a finger too
            base.mark_circle(size=420, opacity=0)
            .encode(y=y, tooltip=[word("line", tr("arm")), *tooltips])
            .properties(name=f"{TOUCH}-{name}-{place}")
        )
        if arms.many:
            layers += _names(front, x, y, named)
        layers += over
        text = ", ".join(part for part in (title, group if len(arms.groups) > 1 else "") if part)
        chart = layered(*layers)
        if arms.many:
            chart = chart.add_params(alt.param(name=named, value=arms.roles(group)))
        panels.append(
            Panel(
                f"{name}-{place}",
                text,
                chart,
                height,
                (rows, *sources),
                legend=not arms.many,
                group=group,
            )
        )
    return tuple(panels)


def _names(front: alt.Chart, x: str, y: alt.Y, named: str) -> list[Any]:
    """What lines are called, at their ends: the best above its own, others below theirs."""
    role = f"{named}[datum.line]"
    best, worst = (json.dumps(text, ensure_ascii=False) for text in (tr("best: "), tr("worst: ")))
    ends = (
        front.transform_filter(f"{role} !== ''")
        .transform_joinaggregate(end=f"max({x})", groupby=["line"])
        .transform_filter(f"datum.{x} === datum.end")
        .transform_calculate(
            text=f"({role} === 'random' ? '' : {role} === 'best' ? {best} : {worst}) + datum.line"
        )
    )
    above: dict[str, Any] = {"baseline": "bottom", "dy": -8}
    below: dict[str, Any] = {"baseline": "top", "dy": 8}
    halo: dict[str, Any] = {"stroke": colour("paper"), "strokeWidth": 3}
    made: list[Any] = []
    for side, place in (("===", above), ("!==", below)):
        text = ends.transform_filter(f"{role} {side} 'best'").encode(y=y, text="text:N")
        under = text.mark_text(align="right", fontSize=11, **place, **halo)
        made.append(under.encode(color=alt.value(colour("paper"))))
        made.append(text.mark_text(align="right", fontSize=11, **place))
    return made


def _marked(ticks: pd.DataFrame | None, group: str, x: str) -> dict[str, Any]:
    if ticks is None:
        return {}
    values = sorted({int(value) for value in ticks[x][ticks.group == group]})
    return {"values": values} if len(values) <= _MOST_TICKS else {}
