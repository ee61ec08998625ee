"""Kind 7: the labels that an arm needs for the accuracy of N random ones."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from al_ray.analysis.savings import savings
from al_ray.analysis.study import Study
from al_ray.report.arms import Arms
from al_ray.report.figures.bars import arm_axis, estimates, row_height
from al_ray.report.figures.base import (
    SHOWN,
    Control,
    Figure,
    Numbers,
    Panel,
    chosen,
    data,
    number,
    percent,
    records,
    word,
)
from al_ray.report.theme import colour


def label_savings(study: Study, arms: Arms) -> Figure | None:
    """Labels needed, by target; what was not reached is said and not drawn."""
    frame = arms.named(savings(study))
    if frame.empty:
        return None
    frame = frame.sort_values("target_labels", kind="stable")
    frame = frame.assign(note=[_note(row) for row in frame.to_dict("records")])
    options = tuple(
        (int(target), f"{int(target):,} random labels") for target in frame.target_labels.unique()
    )
    where = chosen("target_labels")
    base = alt.Chart(data("savings")).transform_filter(where)
    goal = (
        base.transform_aggregate(goal="max(target_labels)")
        .mark_rule(color=colour("soft"), strokeDash=[1, 3], strokeWidth=1.5)
        .encode(x=alt.X("goal:Q"))
    )
    absent = (
        base.transform_filter(SHOWN)
        .transform_filter("datum.note !== ''")
        .encode(y=arm_axis(arms), x=alt.value(0), text="note:N")
    )
    style: dict[str, Any] = {"align": "left", "dx": 8, "fontSize": 12}
    halo = absent.mark_text(
        **style, stroke=colour("paper"), strokeWidth=6, strokeJoin="round", color=colour("paper")
    )
    notes = absent.mark_text(**style, color=colour("soft"))
    x = alt.X(
        "labels:Q",
        title="labels needed",
        scale=alt.Scale(zero=True, nice=True),
        axis=alt.Axis(format=",d", tickCount=6),
    )
    tips = [
        number("labels", "labels"),
        number("low", "95 % from"),
        number("high", "to"),
        word("reached", "reached"),
        percent("target_accuracy", "accuracy"),
        percent("share", "share of random's", 0),
        number("saved_labels", "labels saved"),
        number("saved_days", "person-days saved", 1),
        number("seeds", "seeds"),
    ]
    chart = estimates(
        arms,
        "savings",
        x,
        tips,
        interval=("low", "high"),
        where=where,
        under=(goal,),
        over=(halo, notes),
    )
    numbers = (
        ("arm", "arm", ""),
        ("target_labels", "random labels", "n"),
        ("target_accuracy", "their accuracy", "%"),
        ("labels", "labels needed", "n"),
        ("low", "95 % from", "n"),
        ("high", "to", "n"),
        ("reached", "reached", ""),
        ("saved_labels", "saved", "n"),
        ("saved_days", "person-days", "1"),
        ("seeds", "seeds", "n"),
    )
    return Figure(
        "savings",
        "Labels needed for the accuracy of random ones",
        "The dotted line is what random needs; an arm to its left saves labels. "
        "No interval is drawn below 5 seeds; one that ends in dashes is open.",
        (Panel("savings", "", chart, row_height(frame.arm.nunique()), ("savings",), wide=True),),
        {"savings": records(frame, "line", "note", "share", *(field for field, _, _ in numbers))},
        (Control("target_labels", "Target", options, options[-1][0]),),
        numbers=(Numbers("savings", numbers),),
        kind=7,
    )


def _note(row: dict[object, object]) -> str:
    if row["reached"] == "reached" and not pd.isna(row["labels"]):  # type: ignore[call-overload]
        return ""
    return "" if row["reached"] == "at the first step" else str(row["reached"])
