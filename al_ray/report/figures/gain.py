"""Where on the curve an arm differs from random."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from al_ray.analysis.comparison import aliases, key_of, pair
from al_ray.analysis.statistics.pairs import contrast
from al_ray.analysis.study import BASE, Study
from al_ray.analysis.study import records as rows_of
from al_ray.analysis.summary import ARM
from al_ray.analysis.verdict import UNDECIDED
from al_ray.language import tr
from al_ray.report.arms import Arms
from al_ray.report.figures.base import Figure, Numbers, data, domain, number, records
from al_ray.report.figures.lines import line_panels
from al_ray.report.found import judgements
from al_ray.report.theme import colour


def gain(study: Study, arms: Arms) -> Figure | None:
    """The difference at each number of labels; intervals of arms that are better or worse."""
    frame = _steps(study)
    if frame.empty:
        return None
    frame = arms.named(frame)
    points = ["difference", "low", "high"]
    frame[points] *= 100
    shown = frame[frame.interval]
    most = 5 + frame.difference.abs().max()
    limits = domain(frame.difference, [0], shown.low.clip(-most), shown.high.clip(upper=most))
    zero = (
        alt.Chart(data("gain"))
        .mark_rule(color=colour("soft"))
        .encode(y=alt.datum(0, type="quantitative"))
    )
    y = alt.Y(
        "difference:Q",
        title=None,
        axis=alt.Axis(tickCount=6),
        scale=alt.Scale(domain=limits, nice=False, clamp=True),
    )
    tips = [
        number("n_labelled", tr("labels")),
        number("difference", tr("points above random"), 2),
        *([number("low", tr("95 % from"), 2), number("high", tr("to"), 2)] if len(shown) else []),
    ]
    panels = line_panels(
        arms,
        "gain",
        "gain",
        y,
        tips,
        title=tr("Points of accuracy above random"),
        band=("low", "high"),
        ticks=frame,
        under=dict.fromkeys(arms.groups, (zero,)),
        groups=[group for group in arms.groups if (frame.group == group).any()],
    )
    numbers = (
        ("arm", tr("arm"), ""),
        ("n_labelled", tr("labels"), "n"),
        ("difference", tr("points above random"), "2"),
        ("low", tr("95 % from"), "2"),
        ("high", tr("to"), "2"),
    )
    caption = [tr("Means over the seeds that both have.")]
    if len(shown):
        caption.append(
            tr(
                "Bands: where the difference lies of an arm that the verdict calls better or "
                "worse, 95 % over seeds and test rows for all its numbers of labels at once."
            )
        )
    return Figure(
        "gain",
        tr("Difference from random at each number of labels"),
        " ".join(caption),
        panels,
        {"gain": records(frame, "line", "group", "interval", *(field for field, _, _ in numbers))},
        parameters={"band": True},
        numbers=(Numbers("gain", numbers),),
    )


def _steps(study: Study) -> pd.DataFrame:
    """ARM, n_labelled, difference, low, high, interval (whether there is one)."""
    made: list[dict[str, Any]] = []
    same, kinds = aliases(study), judgements(study)
    for arm in rows_of(kinds[~kinds.kind.isin(UNDECIDED)]):
        own = same.get(key_of(arm), arm)
        found = pair(study, own, own | BASE)
        if found is None or len(found.labels) < 2:
            continue
        steps = len(found.labels) - 1
        effects = contrast(found, np.eye(steps + 1), 1 - 0.05 / steps)
        for labels, effect in zip(found.labels, effects, strict=True):
            row = {name: arm[name] for name in ARM}
            made.append({**row, "n_labelled": int(labels), **vars(effect)} | {"kind": arm["kind"]})
    frame = pd.DataFrame(made)
    if len(frame):
        frame["interval"] = frame.kind != "no difference"
        frame.loc[~frame.interval, ["low", "high"]] = np.nan
    return frame
