"""Kind 8: seconds per step and hours in all, by arm."""

from __future__ import annotations

import altair as alt

from al_ray.analysis.described.costs import costs
from al_ray.analysis.study import Study
from al_ray.language import mark, tr
from al_ray.report.arms import Arms
from al_ray.report.figures.bars import arm_axis, row_height
from al_ray.report.figures.base import (
    SHOWN,
    Figure,
    Numbers,
    Panel,
    data,
    layered,
    number,
    records,
    word,
)
from al_ray.report.theme import colour

_PHASES = (mark("fit"), mark("evaluate"), mark("score"), mark("select"))


def time_and_cost(study: Study, arms: Arms) -> Figure | None:
    """Mean seconds of a step by phase, and a whole trajectory."""
    frame = arms.named(costs(study))
    if frame.empty:
        return None
    parts = frame.melt(
        id_vars=["arm", "line"],
        value_vars=[f"{phase}_seconds" for phase in _PHASES],
        var_name="phase",
        value_name="seconds",
    )
    parts["phase"] = parts.phase.str.removesuffix("_seconds")
    parts["order"] = parts.phase.map({phase: place for place, phase in enumerate(_PHASES)})
    parts["phase"] = parts.phase.map(tr)
    parts = parts[parts.seconds.notna()]
    # Whichever unit gives numbers that a person reads.
    longest = float(frame.hours.max())
    unit, factor = next(
        (unit, factor)
        for unit, least, factor in (
            (tr("hours"), 2, 1),
            (tr("minutes"), 1 / 30, 60),
            (tr("seconds"), -1, 3600),
        )
        if not longest < least
    )
    frame["whole"] = factor * frame.hours.astype(float)
    phases = alt.Color(
        "phase:N",
        scale=alt.Scale(domain=[*map(tr, _PHASES)], range=[colour(f"phase-{i}") for i in range(4)]),
        legend=(alt.Legend(orient="top", title=None, symbolType="square")),
    )
    steps = (
        alt.Chart(data("phases"))
        .transform_filter(SHOWN)
        .mark_bar(height=18)
        .encode(
            y=arm_axis(arms),
            x=alt.X(
                "seconds:Q", title=tr("seconds a step"), stack="zero", axis=alt.Axis(tickCount=6)
            ),
            color=phases,
            order=alt.Order("order:Q"),
            tooltip=[
                word("arm", tr("arm")),
                word("phase", tr("phase")),
                number("seconds", tr("seconds"), 1),
            ],
        )
    )
    base = alt.Chart(data("costs")).transform_filter(SHOWN).encode(y=arm_axis(arms))
    tips = [
        word("arm", tr("arm")),
        number("whole", unit, 1),
        number("labels", tr("labels")),
        number("tokens_read", tr("tokens an annotator reads")),
        number("days", tr("person-days of labelling"), 1),
    ]
    top = 1.16 * float(frame.whole.max())
    whole = layered(
        base.mark_bar(height=18).encode(
            x=alt.X(
                "whole:Q",
                title=tr("{unit} in all", unit=unit),
                scale=alt.Scale(domain=[0, top]),
                axis=alt.Axis(tickCount=6),
            ),
            color=arms.colour(),
            tooltip=tips,
        ),
        base.mark_text(align="left", dx=5).encode(
            x=alt.X("whole:Q"), text=alt.Text("whole:Q", format=",.1f")
        ),
    )
    height = row_height(frame.arm.nunique()) + 20
    numbers = (
        ("arm", tr("arm"), ""),
        *((f"{phase}_seconds", tr("{phase}, s a step", phase=tr(phase)), "1") for phase in _PHASES),
        ("whole", tr("{unit} in all", unit=unit), "1"),
        ("device_hours", tr("device-hours"), "2"),
        ("labels", tr("labels"), "n"),
        ("tokens_read", tr("tokens read"), "n"),
        ("days", tr("person-days"), "1"),
        ("seeds", tr("seeds"), "n"),
    )
    return Figure(
        "costs",
        tr("Time and cost"),
        tr(
            "Means over seeds of one trajectory; what an annotator reads counts in tokens and "
            "person-days."
        ),
        (
            Panel(
                "costs-step",
                tr("Seconds a step, by phase"),
                layered(steps),
                height,
                ("phases",),
                rows=True,
            ),
            Panel(
                "costs-all",
                tr("A whole trajectory, {unit}", unit=unit),
                whole,
                height,
                ("costs",),
                rows=True,
            ),
        ),
        {
            "phases": records(parts, "arm", "line", "phase", "seconds", "order"),
            "costs": records(frame, "line", *(field for field, _, _ in numbers)),
        },
        key=tuple((tr(phase), f"phase-{place}") for place, phase in enumerate(_PHASES)),
        numbers=(Numbers("costs", numbers),),
        kind=8,
    )
