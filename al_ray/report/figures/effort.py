"""Curves over what labelled texts ask of whoever labels them."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from al_ray.analysis import effort
from al_ray.analysis.described import burden
from al_ray.analysis.statistics.intervals import LEAST_SEEDS
from al_ray.analysis.study import Study
from al_ray.language import tr
from al_ray.report.arms import Arms
from al_ray.report.figures.base import (
    Control,
    Figure,
    Numbers,
    chosen,
    domain,
    number,
    percent,
    records,
)
from al_ray.report.figures.lines import line_panels


def spending(study: Study, arms: Arms) -> Figure | None:
    """Accuracy over characters to read, things to mark and a person's minutes."""
    names = {name: tr(burden.MEASURES[name]) for name in burden.measures_of(study)}
    frames = [effort.curves(study, name).assign(measure=name) for name in names]
    if not frames:
        return None
    frame = arms.named(pd.concat(frames, ignore_index=True))
    if frame.empty:
        return None
    frame.loc[~frame.interval.astype(bool), ["low", "high"]] = np.nan
    frame["of"] = frame.measure.map(names)
    y = alt.Y(
        "mean:Q",
        title=None,
        axis=alt.Axis(format=".0%", tickCount=6),
        scale=alt.Scale(domain=domain(frame["mean"], frame.low, frame.high), zero=False),
    )
    tips = [
        number("spent", tr("in all"), 0),
        number("n_labelled", tr("labels")),
        percent("mean", tr("mean")),
        percent("low", tr("95 % from")),
        percent("high", tr("to")),
    ]
    panels = line_panels(
        arms,
        "effort",
        "effort",
        y,
        tips,
        x="spent",
        x_title="",
        where=chosen("measure"),
        band=("low", "high"),
    )
    numbers = (
        ("line", tr("arm"), ""),
        ("group", tr("step size"), ""),
        ("of", tr("counted in"), ""),
        ("n_labelled", tr("labels"), "n"),
        ("spent", tr("in all"), "n"),
        ("mean", tr("mean"), "%"),
        ("low", tr("95 % from"), "%"),
        ("high", tr("to"), "%"),
        ("seeds", tr("seeds"), "n"),
    )
    first = next(iter(names))
    return Figure(
        "effort",
        tr("Accuracy against effort"),
        tr(
            "Each point is an arm's mean over seeds, over what its labelled texts come to; bands "
            "are 95 % intervals over seeds, from {least} seeds on.",
            least=LEAST_SEEDS,
        ),
        panels,
        {"effort": records(frame, "measure", "interval", *(field for field, _, _ in numbers))},
        (Control("measure", tr("Counted in"), tuple(names.items()), first),),
        {"band": True},
        numbers=(Numbers("effort", numbers),),
    )
