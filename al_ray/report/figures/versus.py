"""Each arm against random: the difference, and what so many seeds could not have shown."""

from __future__ import annotations

import math

import altair as alt
import pandas as pd

from al_ray.analysis.statistics.intervals import LEAST_SEEDS
from al_ray.analysis.study import Study
from al_ray.analysis.verdict import UNDECIDED
from al_ray.analysis.wording import test_rows
from al_ray.language import tr
from al_ray.report.arms import Arms
from al_ray.report.figures.bars import arm_axis, estimates, notes, row_height
from al_ray.report.figures.base import SHOWN, Figure, Numbers, Panel, data, number, records
from al_ray.report.found import judgements
from al_ray.report.theme import colour


def versus(study: Study, arms: Arms) -> Figure | None:
    """Differences in mean accuracy over the labels, in points."""
    frame = arms.named(judgements(study))
    if frame.empty or frame.difference.isna().all():
        return None
    points = ["difference", "low", "high", "detectable"]
    frame[points] *= 100
    frame["unseen"] = -frame.detectable
    frame["kind"], undecided = frame.kind.map(tr), frame.kind.isin(UNDECIDED)
    frame["note"] = frame.kind.where(undecided, "")
    # Around 0, so that a note has room on the inner side of its point.
    most = 1.05 * float(frame[[*points, "unseen"]].abs().max().max()) or 1.0
    x = alt.X(
        "difference:Q",
        title=tr("points above random"),
        axis=alt.Axis(tickCount=7),
        scale=alt.Scale(domain=[-most, most], nice=False),
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
        number("difference", tr("points above random"), 2),
        number("low", tr("95 % from"), 2),
        number("high", tr("to"), 2),
        number("p_holm", tr("p, Holm"), 3),
        number("detectable", tr("could be shown from"), 2),
        number("seeds", tr("paired seeds")),
    ]
    chart = estimates(
        arms,
        "versus",
        x,
        tips,
        interval=("low", "high"),
        under=(unseen, zero, notes(arms, "versus", x, side="-datum.difference")),
        pale="datum.note !== ''",
    )
    numbers = (
        ("arm", tr("arm"), ""),
        ("difference", tr("points above random"), "2"),
        ("low", tr("95 % from"), "2"),
        ("high", tr("to"), "2"),
        ("p", "p", "p"),
        ("p_holm", tr("p, Holm"), "p"),
        ("detectable", tr("could be shown from"), "2"),
        ("kind", tr("verdict"), ""),
        ("seeds", tr("seeds"), "n"),
        ("missing", tr("seeds missing"), "n"),
    )
    return Figure(
        "versus",
        tr("Difference from random"),
        _caption(frame),
        (
            Panel(
                "versus",
                "",
                chart,
                row_height(frame.arm.nunique()),
                ("versus",),
                wide=True,
                rows=True,
            ),
        ),
        {"versus": records(frame, "line", "note", "unseen", *(field for field, _, _ in numbers))},
        numbers=(Numbers("versus", numbers),),
    )


def _caption(frame: pd.DataFrame) -> str:
    said = [tr("Area under the curve minus random's, mean over seeds.")]
    rows, articles = int(frame.rows.max()), frame.articles.astype(float).max()
    if (frame.note == "").any():
        said += [
            tr(
                "95 % intervals are over seeds and {rows}.",
                rows=test_rows(rows, None if math.isnan(articles) else int(articles)),
            )
            if rows > 1
            else tr("95 % intervals are over seeds, test rows taken as fixed."),
            tr(
                "The grey bar reaches as far as the smallest difference that would have been seen "
                "8 times in 10."
            ),
        ]
    if (frame.note != "").any():
        said.append(
            tr(
                "Pale: nothing can be told of this arm (fewer than {least} seeds).",
                least=LEAST_SEEDS,
            )
            if frame.seeds.max() < LEAST_SEEDS
            else tr("Pale: nothing can be told of this arm.")
        )
    return " ".join(said)
