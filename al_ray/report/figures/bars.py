"""Charts of rows: of each arm an estimate with its interval; of others a bar and its measure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from al_ray.language import tr
from al_ray.report.arms import Arms
from al_ray.report.figures.base import ROW, SHOWN, data, layered, word
from al_ray.report.theme import colour


def row_height(rows: int, least: int = 90) -> int:
    """Pixels of a chart of so many rows."""
    return max(least, ROW * (rows + 1))


def row_axis(field: str, order: Sequence[str], width: int = 120) -> alt.Y:
    """A row for each value of a field, in this order; their names take up to `width` pixels."""
    return alt.Y(
        f"{field}:N",
        title=None,
        sort=list(order),
        axis=alt.Axis(labelLimit=width, grid=False, domain=False, ticks=False),
    )


def measured(
    rows: alt.Chart, y: alt.Y, x: alt.X, against: str, tooltips: Sequence[alt.Tooltip]
) -> alt.LayerChart:
    """A bar in each row, and across it a short one at another field: what it is held against."""
    tips = list(tooltips)
    bar = rows.mark_bar(color=colour("heat"), opacity=0.55, height={"band": 0.66})
    tick = rows.mark_tick(color=colour("ink"), opacity=1, thickness=3, height={"band": 0.86})
    return layered(
        bar.encode(y=y, x=x, tooltip=tips),
        tick.encode(y=y, x=alt.X(f"{against}:Q"), tooltip=tips),
    )


def arm_axis(arms: Arms, field: str = "arm") -> alt.Y:
    """A row for each arm, in their order."""
    return alt.Y(
        f"{field}:N",
        title=None,
        sort=arms.names,
        scale=alt.Scale(padding=0.5),
        axis=alt.Axis(
            labelExpr="wrapped[datum.label] || datum.label",
            labelLimit=250,
            labelOffset=alt.ExprRef("wrapped[datum.label] ? -7 : 0"),
            labelPadding=8,
            grid=False,
            domain=False,
            ticks=False,
        ),
    )


def estimates(
    arms: Arms,
    rows: str,
    x: alt.X,
    tooltips: Sequence[alt.Tooltip],
    *,
    interval: tuple[str, str] | None = None,
    where: str = "true",
    under: Sequence[Any] = (),
    over: Sequence[Any] = (),
    pale: str = "false",
) -> alt.LayerChart:
    """A point for each arm, with its interval as a rule; pale ones say less than they seem to."""
    y = arm_axis(arms)
    opacity = alt.condition(pale, alt.value(0.3), alt.value(1))
    base = (
        alt.Chart(data(rows))
        .transform_filter(where)
        .transform_filter(SHOWN)
        .encode(y=y, color=arms.colour())
    )
    layers: list[Any] = list(under)
    tips = [word("arm", tr("arm")), *tooltips]
    if interval is not None:
        low, high = interval
        closed = f"isValid(datum.{low}) && isValid(datum.{high})"
        layers.append(
            base.transform_filter(closed)
            .mark_rule(strokeWidth=2)
            .encode(x=alt.X(f"{low}:Q"), x2=alt.X2(f"{high}:Q"), tooltip=tips)
        )
        layers.append(  # up to infinity
            base.transform_filter(f"isValid(datum.{low}) && !isValid(datum.{high})")
            .mark_rule(strokeWidth=2, strokeDash=[5, 4])
            .encode(x=alt.X(f"{low}:Q"), x2=alt.value("width"), tooltip=tips)
        )
    layers.append(
        base.mark_point(filled=True, size=90).encode(
            x=x, shape=arms.shape(), opacity=opacity, tooltip=tips
        )
    )
    return layered(*layers, *over)


def notes(arms: Arms, rows: str, x: alt.X, where: str = "true", side: str = "1") -> alt.Chart:
    """What is said of an arm, its `note`, in place of numbers or beside them.

    Args:
        arms: names and looks.
        rows: name of the data set.
        x: where.
        where: a filter expression.
        side: an expression: above 0 the text is to the right of x, else to the left.
    """
    made: alt.Chart = (
        alt.Chart(data(rows))
        .transform_filter(where)
        .transform_filter(SHOWN)
        .transform_filter("datum.note !== ''")
        .mark_text(
            align=alt.ExprRef(f"{side} > 0 ? 'left' : 'right'"),
            dx=alt.ExprRef(f"{side} > 0 ? 10 : -10"),
            fontSize=12,
            color=colour("soft"),
        )
        .encode(y=arm_axis(arms), x=x, text="note:N")
    )
    return made
