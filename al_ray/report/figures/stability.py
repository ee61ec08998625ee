"""How much an arm varies over seeds, and how far it falls from one step to the next (claim C3)."""

from __future__ import annotations

import altair as alt
import numpy as np

from al_ray.analysis.described.noise import floor
from al_ray.analysis.described.stability import stability
from al_ray.analysis.study import Study
from al_ray.language import tr
from al_ray.report.arms import Arms
from al_ray.report.figures.bars import estimates, row_height
from al_ray.report.figures.base import Figure, Numbers, Panel, data, number, records
from al_ray.report.theme import colour


def spread(study: Study, arms: Arms) -> Figure | None:
    """Deviation over seeds and largest drop, in points, with the noise floor where it is known."""
    frame = arms.named(stability(study))
    points = ["sd_over_seeds", "largest_drop"]
    frame[points] = 100 * frame[points].astype(float)
    if frame[points].isna().all(axis=None):
        return None
    noise = floor(study)
    sd = 100 * float(np.nanmean(noise.sd)) if len(noise) and noise.sd.notna().any() else None
    known = [{"sd": round(sd, 3)}] if sd is not None else []
    tips = [
        number("sd_over_seeds", tr("deviation, points"), 2),
        number("drops", tr("drops")),
        number("turns", tr("of turns")),
        number("largest_drop", tr("largest drop, points"), 2),
        number("seeds", tr("seeds")),
    ]
    rule = (
        alt.Chart(data("floor"))
        .mark_rule(strokeDash=[1, 3], strokeWidth=1.5, color=colour("soft"))
        .encode(x=alt.X("sd:Q"))
    )
    panels = []
    height = row_height(frame.arm.nunique())
    for column, title in (
        ("sd_over_seeds", tr("Deviation over seeds, mean of the steps")),
        ("largest_drop", tr("Largest drop from one step to the next")),
    ):
        if frame[column].isna().all():
            continue
        x = alt.X(
            f"{column}:Q",
            title=tr("points of accuracy"),
            scale=alt.Scale(domain=[0, max(0.5, 1.05 * frame[column].max())], nice=False),
            axis=alt.Axis(tickCount=5),
        )
        under = (rule,) if known and column == "sd_over_seeds" else ()
        chart = estimates(arms, "spread", x, tips, where=f"isValid(datum.{column})", under=under)
        sources = ("spread", "floor") if under else ("spread",)
        panels.append(Panel(f"spread-{column}", title, chart, height, sources, rows=True))
    numbers = (
        ("arm", tr("arm"), ""),
        ("sd_over_seeds", tr("deviation over seeds, points"), "2"),
        ("drops", tr("drops"), "n"),
        ("turns", tr("of turns"), "n"),
        ("largest_drop", tr("largest drop, points"), "2"),
        ("seeds", tr("seeds"), "n"),
    )
    return Figure(
        "spread",
        tr("How steady each arm is"),
        tr(
            "Smaller is steadier. Dotted: the noise floor, {sd:.2f} points between refits of the "
            "same rows.",
            sd=sd,
        )
        if sd is not None
        else tr(
            "Smaller is steadier. The noise floor is not known: no rows were fitted again "
            "(--replay-seeds)."
        ),
        tuple(panels),
        {
            "spread": records(frame, "line", *(field for field, _, _ in numbers)),
            **({"floor": known} if known else {}),
        },
        numbers=(Numbers("spread", numbers),),
    )
