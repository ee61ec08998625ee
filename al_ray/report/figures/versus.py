"""Each arm against random: the paired difference, and what so many seeds could not have shown."""

from __future__ import annotations

import math

import altair as alt
import pandas as pd

from al_ray.analysis.comparison import against_random
from al_ray.analysis.intervals import LEAST_SEEDS
from al_ray.analysis.study import Study
from al_ray.report.arms import Arms
from al_ray.report.figures.bars import arm_axis, estimates, row_height
from al_ray.report.figures.base import SHOWN, Figure, Numbers, Panel, data, number, records
from al_ray.report.theme import colour


def versus(study: Study, arms: Arms) -> Figure | None:
    """Differences in mean accuracy over the labels, in points."""
    frame = arms.named(against_random(study))
    if frame.empty or frame.difference.isna().all():
        return None
    points = ["difference", "low", "high", "detectable"]
    frame[points] = 100 * frame[points].astype(float)
    frame["unseen"] = -frame.detectable
    frame.loc[frame.seeds < LEAST_SEEDS, ["low", "high"]] = math.nan
    x = alt.X(
        "difference:Q",
        title="points of accuracy above random",
        axis=alt.Axis(tickCount=7),
    )
    zero = (
        alt.Chart(data("versus"))
        .mark_rule(color=colour("soft"))
        .encode(x=alt.datum(0, type="quantitative"))
    )
    unseen = (
        alt.Chart(data("versus"))
        .transform_filter("isValid(datum.detectable)")
        .transform_filter(SHOWN)
        .mark_bar(color=colour("rule"), height=16, cornerRadius=3, opacity=0.8)
        .encode(y=arm_axis(arms), x=alt.X("unseen:Q"), x2=alt.X2("detectable:Q"))
    )
    tips = [
        number("difference", "points above random", 2),
        number("low", "95 % from", 2),
        number("high", "to", 2),
        number("p_holm", "p, Holm", 3),
        number("detectable", "could be shown from", 2),
        number("seeds", "paired seeds"),
    ]
    chart = estimates(arms, "versus", x, tips, interval=("low", "high"), under=(unseen, zero))
    return Figure(
        "versus",
        "Difference from random",
        f"Area under the curve minus random's, seed by seed, with 95 % intervals from "
        f"{LEAST_SEEDS} seeds on. The grey bar reaches as far as the smallest difference that this "
        "many seeds could have shown.",
        (Panel("versus", "", chart, row_height(frame.arm.nunique()), ("versus",), wide=True),),
        {
            "versus": records(
                frame,
                *("arm", "line", "seeds", "difference", "low", "high", "p", "p_holm", "test"),
                *("effect", "detectable", "unseen"),
            )
        },
        numbers=(
            Numbers(
                "versus",
                (
                    ("arm", "arm", ""),
                    ("difference", "points above random", "2"),
                    ("low", "95 % from", "2"),
                    ("high", "to", "2"),
                    ("p", "p", "p"),
                    ("p_holm", "p, Holm", "p"),
                    ("test", "test", ""),
                    ("effect", "effect (dz)", "2"),
                    ("detectable", "could be shown from", "2"),
                    ("seeds", "seeds", "n"),
                ),
            ),
        ),
    )


def shares_worse(frame: pd.DataFrame, arms: Arms) -> list[dict[str, object]]:
    """Rows of the table of cells in which an arm is worse than random."""
    return records(arms.named(frame), "arm", "cells", "worse", "share")
