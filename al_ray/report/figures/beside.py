"""Curves of several studies, a panel for each, on one axis of accuracy."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from al_ray.analysis.described.curves import learning_curves
from al_ray.analysis.statistics.intervals import LEAST_SEEDS
from al_ray.analysis.study import Study
from al_ray.language import tr
from al_ray.report.arms import Arms
from al_ray.report.figures.base import (
    Figure,
    Numbers,
    domain,
    equals,
    number,
    percent,
    records,
)
from al_ray.report.figures.curves import ROOM
from al_ray.report.figures.lines import line_panels


def beside(studies: Sequence[Study], names: Sequence[str], arms: Arms) -> Figure:
    """Accuracy against labels on each study's own test.

    Args:
        studies: each with a step of an arm.
        names: what they are called.
        arms: of all of them.
    """
    frames = [
        learning_curves(study).assign(study=name)
        for study, name in zip(studies, names, strict=True)
    ]
    frame = arms.named(pd.concat(frames, ignore_index=True))
    frame.loc[~frame.interval.astype(bool), ["low", "high"]] = np.nan
    least, most = frame["mean"].min() - ROOM, frame["mean"].max() + ROOM
    low, high = domain(frame["mean"], frame.low.clip(lower=least), frame.high.clip(upper=most))
    y = alt.Y(
        "mean:Q",
        title=None,
        axis=alt.Axis(format=".0%", tickCount=6),
        scale=alt.Scale(domain=[max(0.0, low), min(1.0, high)], nice=False),
    )
    panels = tuple(
        panel
        for place, name in enumerate(names)
        for panel in line_panels(
            arms,
            f"beside-{place}",
            "curves",
            y,
            [number("n_labelled", tr("labels")), percent("mean", tr("mean")),
             percent("low", tr("95 % from")), percent("high", tr("to")),
             number("seeds", tr("seeds"))],
            x_title=tr("labels"),
            where=equals("study", name),
            title=name,
            band=("low", "high"),
            ticks=frame[frame.study == name],
            groups=[g for g in arms.groups if (frame[frame.study == name].group == g).any()],
        )
    )  # fmt: skip
    kept = ["line", "group", "study", "n_labelled", "seeds", "mean", "low", "high", "interval"]
    return Figure(
        "curves",
        tr("Accuracy against labels, study by study"),
        tr(
            "Mean over seeds on each study's own test; bands are 95 % intervals over seeds, from "
            "{least} seeds on. Heights compare only where the test is the same.",
            least=LEAST_SEEDS,
        ),
        panels,
        {"curves": records(frame, *kept)},
        parameters={"band": bool(frame.interval.any())},
        numbers=(
            Numbers(
                "curves",
                (
                    ("study", tr("study"), ""),
                    ("line", tr("arm"), ""),
                    ("group", tr("step size"), ""),
                    ("n_labelled", tr("labels"), "n"),
                    ("mean", tr("mean"), "%"),
                    ("low", tr("95 % from"), "%"),
                    ("high", tr("to"), "%"),
                    ("seeds", tr("seeds"), "n"),
                ),
            ),
        ),
    )
