"""Kinds 3, 4 and 5: each label's accuracy and its share among the chosen, step by step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import altair as alt
import pandas as pd

from al_ray.analysis.described.curves import label_accuracy
from al_ray.analysis.described.mix import batch_mix, mix_distance
from al_ray.analysis.statistics.intervals import LEAST_SEEDS
from al_ray.analysis.study import Study
from al_ray.language import mark, tr
from al_ray.report.arms import Arms
from al_ray.report.figures.bars import measured, row_axis
from al_ray.report.figures.base import (
    Control,
    Figure,
    Numbers,
    Panel,
    chosen,
    data,
    domain,
    equals,
    layered,
    number,
    option_list,
    percent,
    records,
    word,
)
from al_ray.report.figures.lines import line_panels
from al_ray.report.theme import colour

_MOST_LABELS: Final = 24
_TEXT_CELLS: Final = 9
_WHOSE: Final = (("line", mark("arm")), ("group", mark("step size")), ("label", mark("label")))


def shown_labels(study: Study) -> list[str]:
    """The labels that figures show: all, or the most frequent ones in their own order."""
    if len(study.labels) <= _MOST_LABELS:
        return list(study.labels)
    counts = study.rows.label[study.rows.split == "train"].value_counts()
    kept = set(counts.index[:_MOST_LABELS])
    return [label for label in study.labels if label in kept]


def accuracy_by_label(study: Study, arms: Arms) -> Figure | None:
    """Kind 3: for one arm, the accuracy of each label at each step, beside random's."""
    frame = _accuracy(study, arms)
    if frame.empty:
        return None
    random = frame[frame.strategy == "random"]
    beside = random[["group", "setting", "step", "label", "accuracy"]]
    frame = frame.merge(
        beside.rename(columns={"accuracy": "beside"}),
        on=["group", "setting", "step", "label"],
        how="left",
    )
    return _by_step(
        study,
        arms,
        frame,
        name="label-accuracy",
        value="accuracy",
        title=tr("Accuracy of each label, step by step"),
        caption=tr(
            "Share of a label's test rows that are right, mean over seeds. The short bar is "
            "random's at the same step."
        ),
        said=tr("accuracy"),
        beside=tr("random's"),
        x_title=tr("labels"),
        kind=3,
    )


def mix_by_label(study: Study, arms: Arms) -> Figure | None:
    """Kind 4: for one arm, the share of each label in each batch, beside the pool's."""
    frame = _mix(study, arms)
    if frame.empty:
        return None
    frame = frame.rename(columns={"pool_share": "beside"})
    return _by_step(
        study,
        arms,
        frame,
        name="label-mix",
        value="share",
        title=tr("Labels of what was chosen, batch by batch"),
        caption=tr(
            "Share of each label in a batch, mean over seeds. The short bar is its share in the "
            "pool at that time."
        ),
        said=tr("share"),
        beside=tr("in the pool"),
        x_title=tr("labels before the batch"),
        kind=4,
    )


def one_label(study: Study, arms: Arms) -> Figure | None:
    """Kind 5: one label's accuracy and share among the chosen, arms side by side."""
    accuracy, mix = _accuracy(study, arms), _mix(study, arms)
    if accuracy.empty:
        return None
    labels = [label for label in shown_labels(study) if (accuracy.label == label).any()]
    where = chosen("label")
    tips = [word("label", tr("label")), number("n_labelled", tr("labels"))]
    panels = line_panels(
        arms,
        "one-accuracy",
        "accuracy",
        _axis_within("accuracy", domain(accuracy.accuracy)),
        [*tips, percent("accuracy", tr("accuracy"))],
        where=where,
        title=tr("Its accuracy"),
        ticks=accuracy,
        height=240,
    )
    if not mix.empty:
        panels += line_panels(
            arms,
            "one-share",
            "mix",
            share_axis("share"),
            [*tips, percent("share", tr("share chosen")), percent("pool_share", tr("in the pool"))],
            where=where,
            title=tr("Its share among the chosen"),
            under={group: (_pool_line(where, group),) for group in arms.groups},
            x_title=tr("labels before the batch"),
            ticks=mix,
            height=240,
        )
    whose = tuple((field, tr(text), "") for field, text in _WHOSE)
    return Figure(
        "one-label",
        tr("One label, arms side by side"),
        tr("Means over seeds.")
        if mix.empty
        else tr("Means over seeds. Dotted: the label's share in the pool, mean of the arms."),
        panels,
        {
            "accuracy": records(
                accuracy, "line", "group", "label", "n_labelled", "accuracy", digits=3
            ),
            "mix": records(
                mix, "line", "group", "label", "n_labelled", "share", "pool_share", digits=3
            ),
        },
        (Control("label", tr("Label"), option_list(labels), labels[0]),),
        {"limits": limits(mix, "share")},
        numbers=(
            Numbers(
                "accuracy",
                (*whose, ("n_labelled", tr("labels"), "n"), ("accuracy", tr("accuracy"), "%")),
            ),
            Numbers(
                "mix",
                (
                    *whose,
                    ("n_labelled", tr("labels before the batch"), "n"),
                    ("share", tr("share chosen"), "%"),
                    ("pool_share", tr("in the pool"), "%"),
                ),
            ),
        ),
        kind=5,
    )


def distance(study: Study, arms: Arms) -> Figure | None:
    """How far each batch's label mix is from the pool's (claims C7 and C8)."""
    frame = arms.named(mix_distance(study))
    frame = frame[frame.step >= 0]
    if frame.empty:
        return None
    frame["apart"] = frame.p < 0.05
    grouped = frame.groupby(["line", "group", "step"], sort=False, as_index=False).agg(
        distance=("distance", "mean"), apart=("apart", "mean"), seeds=("seed", "nunique")
    )
    grouped.loc[grouped.seeds < LEAST_SEEDS, "apart"] = math.nan
    grouped["batch"] = grouped.step + 1
    panels = line_panels(
        arms,
        "distance",
        "distance",
        _axis_within("distance", [0, max(0.1, domain(grouped.distance)[1])], ".2f"),
        [
            number("batch", tr("batch")),
            number("distance", tr("distance"), 3),
            percent("apart", tr("seeds where p < 0.05"), 0),
            number("seeds", tr("seeds")),
        ],
        x="batch",
        x_title=tr("batch"),
        ticks=grouped,
        height=240,
    )
    numbers = (
        ("line", tr("arm"), ""),
        ("group", tr("step size"), ""),
        ("batch", tr("batch"), "n"),
        ("distance", tr("distance"), "3"),
        ("apart", tr("seeds where p < 0.05"), "%"),
    )
    return Figure(
        "distance",
        tr("How far a batch's mix is from the pool's"),
        tr(
            "Total variation between the labels of a batch and of the pool, mean over seeds: 0 is "
            "the pool's own mix. Small batches differ from it by chance too, as random's line "
            "shows."
        ),
        panels,
        {"distance": records(grouped, "seeds", *(field for field, _, _ in numbers))},
        numbers=(Numbers("distance", numbers),),
    )


def _by_step(
    study: Study,
    arms: Arms,
    frame: pd.DataFrame,
    *,
    name: str,
    value: str,
    title: str,
    caption: str,
    said: str,
    beside: str,
    x_title: str,
    kind: int,
) -> Figure:
    """All steps as a map, and one step as bars, of one arm."""
    labels = [label for label in shown_labels(study) if (frame.label == label).any()]
    names = [arm for arm in arms.names if (frame.arm == arm).any()]
    first = next((arm for arm in names if not arm.startswith("random")), names[0])
    last, end = int(frame.step.max()), int(frame.step[frame.arm == first].max())
    base = alt.Chart(data(name)).transform_filter(chosen("arm"))
    y = row_axis("label", labels)
    x = alt.X(
        "n_labelled:O",
        title=x_title,
        axis=alt.Axis(labelAngle=0, labelExpr="format(datum.value, ',d')", ticks=False),
    )
    tips = [
        word("label", tr("label")),
        number("n_labelled", tr("labels")),
        percent(value, said),
        percent("beside", beside),
    ]
    cells = base.encode(x=x, y=y)
    shade = alt.Opacity(
        f"{value}:Q",
        scale=alt.Scale(domain=[0, float(frame[value].max()) or 1], range=[0.03, 0.55]),
        legend=None,
    )
    layers = [
        cells.mark_rect(color=colour("heat"), cornerRadius=2).encode(opacity=shade, tooltip=tips)
    ]
    if frame.n_labelled.nunique() <= _TEXT_CELLS * len(arms.groups):
        layers.append(
            cells.mark_text(fontSize=11).encode(text=alt.Text(f"{value}:Q", format=".0%"))
        )
    layers.append(
        cells.transform_filter(chosen("step")).mark_rect(
            filled=False, stroke=colour("ink"), strokeWidth=1.5, cornerRadius=2
        )
    )
    at = alt.X(
        f"{value}:Q",
        title=None,
        scale=alt.Scale(domain=[0, domain(frame[value], frame.beside)[1]], nice=False),
        axis=alt.Axis(format=".0%", tickCount=5),
    )
    bars = measured(base.transform_filter(chosen("step")), y, at, "beside", tips)
    height = max(120, 28 * len(labels) + 40)
    stops = tuple(
        (step, tr("step {n} of {of}", n=step + 1, of=last + 1)) for step in range(last + 1)
    )
    return Figure(
        name,
        title,
        caption,
        (
            Panel(f"{name}-map", tr("All steps"), layered(*layers), height, (name,)),
            Panel(f"{name}-step", tr("The chosen step"), bars, height, (name,)),
        ),
        {name: records(frame, "arm", "label", "step", "n_labelled", value, "beside", digits=3)},
        (
            Control("arm", tr("Arm"), option_list(names), first),
            Control("step", tr("Step"), stops, end, slider=True),
        ),
        legend=False,
        numbers=(
            Numbers(
                name,
                (
                    ("arm", tr("arm"), ""),
                    ("label", tr("label"), ""),
                    ("n_labelled", x_title, "n"),
                    (value, said, "%"),
                    ("beside", beside, "%"),
                ),
            ),
        ),
        kind=kind,
    )


def share_axis(field: str) -> alt.Y:
    """From 0 to the largest share of the chosen label, in every panel."""
    return alt.Y(
        f"{field}:Q",
        title=None,
        scale=alt.Scale(domainMin=0, domainMax=alt.ExprRef("limits[label]"), nice=False),
        axis=alt.Axis(format=".0%", tickCount=5),
    )


def limits(frame: pd.DataFrame, field: str) -> dict[str, float]:
    """The end of `share_axis`, by label."""
    most = frame.groupby("label")[field].max()
    return {str(label): round(1.08 * float(value) + 0.01, 3) for label, value in most.items()}


def _pool_line(where: str, group: str) -> Any:
    return (
        alt.Chart(data("mix"))
        .transform_filter(equals("group", group))
        .transform_filter(where)
        .mark_line(strokeDash=[1, 3], strokeWidth=1.5, color=colour("soft"))
        .encode(x=alt.X("n_labelled:Q"), y=alt.Y("mean(pool_share):Q"))
    )


def _accuracy(study: Study, arms: Arms) -> pd.DataFrame:
    frame = label_accuracy(study)
    frame = frame[frame.label.isin(shown_labels(study))]
    return _means(arms.named(frame), accuracy="accuracy")


def _mix(study: Study, arms: Arms) -> pd.DataFrame:
    frame = batch_mix(study)
    frame = frame[(frame.step >= 0) & frame.label.isin(shown_labels(study))]
    frame = frame.assign(n_labelled=frame.initial + frame.step * frame.step_size)
    return _means(arms.named(frame), share="share", pool_share="pool_share")


def _means(frame: pd.DataFrame, **columns: str) -> pd.DataFrame:
    """Means over seeds by arm, step and label."""
    keys = ["strategy", "setting", "arm", "line", "group", "step", "label"]
    means = {name: (column, "mean") for name, column in columns.items()}
    grouped = frame.groupby(keys, sort=False, as_index=False)
    found: pd.DataFrame = grouped.agg(n_labelled=("n_labelled", "first"), **means)
    return found


def _axis_within(field: str, limits: Sequence[float], form: str = ".0%") -> alt.Y:
    return alt.Y(
        f"{field}:Q",
        title=None,
        scale=alt.Scale(domain=list(limits), nice=False, clamp=True),
        axis=alt.Axis(format=form, tickCount=5),
    )
