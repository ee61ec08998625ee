"""Lines against labels: a line for each arm, a panel for each step size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import altair as alt
import pandas as pd

from al_ray.report.arms import Arms
from al_ray.report.figures.base import SHOWN, TOUCH, Panel, data, equals, layered, word

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
    x_title: str = "labels",
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
        x_title: its title.
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
                    title=x_title,
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
        if band is not None:
            low, high = band
            layers.append(
                base.transform_filter("datum.interval && band")
                .mark_area(opacity=0.13 if len(arms.lines) < _MANY else 0.07)
                .encode(y=alt.Y(f"{low}:Q"), y2=alt.Y2(f"{high}:Q"))
            )
        layers.append(base.mark_line(strokeWidth=2).encode(y=y, strokeDash=arms.dash()))
        layers.append(
            base.mark_point(filled=True, size=62, opacity=1).encode(
                y=y,
                shape=arms.shape(),
                tooltip=[word("line", "arm"), *tooltips],
            )
        )
        layers.append(  # easier to hit, with a finger too
            base.mark_circle(size=420, opacity=0)
            .encode(y=y, tooltip=[word("line", "arm"), *tooltips])
            .properties(name=f"{TOUCH}-{name}-{place}")
        )
        layers += over
        text = ", ".join(part for part in (title, group if len(arms.groups) > 1 else "") if part)
        panels.append(
            Panel(f"{name}-{place}", text, layered(*layers), height, (rows, *sources), legend=True)
        )
    return tuple(panels)


def _marked(ticks: pd.DataFrame | None, group: str, x: str) -> dict[str, Any]:
    if ticks is None:
        return {}
    values = sorted({int(value) for value in ticks[x][ticks.group == group]})
    return {"values": values} if len(values) <= _MOST_TICKS else {}
