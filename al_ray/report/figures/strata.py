"""How well arms answer each kind of text."""

from __future__ import annotations

from typing import Final

import altair as alt

from al_ray.analysis.described.strata import strata
from al_ray.analysis.metrics import score_of
from al_ray.analysis.study import Study
from al_ray.language import mark, tr
from al_ray.report.arms import Arms
from al_ray.report.figures.bars import row_axis, row_height
from al_ray.report.figures.base import (
    SHOWN,
    Control,
    Figure,
    Numbers,
    Panel,
    chosen,
    data,
    layered,
    number,
    percent,
    records,
    word,
)

SAID: Final = (
    mark("entities"),
    mark("characters"),
    mark("question word"),
    mark("characters of the answer"),
    mark("characters of the context"),
    mark("other"),
)
"""What kinds are told apart by, and called."""


def by_stratum(study: Study, arms: Arms) -> Figure | None:
    """A row for each kind of test row, in it a mark for each arm."""
    frame = strata(study)
    if frame.empty:
        return None
    frame = arms.named(frame)
    frame["stratum"] = frame.stratum.map(lambda name: tr(name) if name in SAID else name)
    names = {name: tr(name) for name in frame.of.unique()}
    frame["title"] = frame.of.map(names)
    counts = frame.drop_duplicates(["of", "stratum"]).set_index(["of", "stratum"])["rows"]
    frame["kind"] = [
        tr("{stratum} ({rows:,} rows)", stratum=stratum, rows=counts[of, stratum])
        for of, stratum in zip(frame.of, frame.stratum, strict=True)
    ]
    order = list(dict.fromkeys(frame.kind))
    tips = [
        word("arm", tr("arm")),
        word("stratum", tr("kind")),
        number("rows", tr("test rows")),
        percent("mean", tr("mean")),
        percent("low", tr("95 % from")),
        percent("high", tr("to")),
    ]
    base = alt.Chart(data("strata")).transform_filter(chosen("of")).transform_filter(SHOWN)
    points = base.mark_point(filled=True, size=70, opacity=0.85).encode(
        y=row_axis("kind", order, 190),
        x=alt.X("mean:Q", title=tr(score_of(study.task)), axis=alt.Axis(format=".0%", tickCount=6),
                scale=alt.Scale(zero=False, padding=14)),
        color=arms.colour(),
        shape=arms.shape(),
        tooltip=tips,
    )  # fmt: skip
    most = int(frame.groupby("of").kind.nunique().max())
    numbers = (
        ("arm", tr("arm"), ""),
        ("title", tr("by"), ""),
        ("stratum", tr("kind"), ""),
        ("rows", tr("test rows"), "n"),
        ("mean", tr("mean"), "%"),
        ("low", tr("95 % from"), "%"),
        ("high", tr("to"), "%"),
        ("seeds", tr("seeds"), "n"),
    )
    return Figure(
        "strata",
        tr("Accuracy of each kind of text"),
        tr(
            "Means over seeds of each arm's models of {labels:,} labels, on the test rows of a "
            "kind; intervals, among the numbers, are over seeds. Kinds of few rows vary much.",
            labels=int(frame.n_labelled.iloc[0]),
        ),
        (Panel("strata", "", layered(points), row_height(most), ("strata",), wide=True),),
        {"strata": records(frame, "line", "of", "kind", *(field for field, _, _ in numbers))},
        (Control("of", tr("By"), tuple(names.items()), next(iter(names))),),
        numbers=(Numbers("strata", numbers),),
    )
