"""Kind 1: test accuracy against labels, with the controls as horizontal lines."""

from __future__ import annotations

from collections.abc import Iterator

import altair as alt
import numpy as np
import pandas as pd

from al_ray.analysis.baseline import baselines
from al_ray.analysis.described.curves import controls, learning_curves
from al_ray.analysis.metrics import called
from al_ray.analysis.names import TRAINED, several, told
from al_ray.analysis.statistics.intervals import LEAST_SEEDS
from al_ray.analysis.study import Study
from al_ray.language import tr
from al_ray.report.arms import Arms
from al_ray.report.figures.base import (
    Control,
    Figure,
    Numbers,
    Rows,
    chosen,
    data,
    domain,
    number,
    percent,
    records,
)
from al_ray.report.figures.lines import line_panels
from al_ray.report.theme import colour

_HEIGHT = 300

ROOM = 0.15
"""How much beyond the curves the axis may go for what is drawn around them."""


def learning(study: Study, arms: Arms) -> Figure | None:
    """Learning curves by every metric and test; mean and 95 % interval over seeds."""
    frames = [
        learning_curves(study, metric, test).assign(metric=metric, test=test)
        for test in study.tests
        for metric in study.columns
    ]
    frame = arms.named(pd.concat(frames, ignore_index=True))
    if frame.empty:
        return None
    # Of fewer seeds nothing is said but the mean.
    frame.loc[~frame.interval.astype(bool), ["low", "high"]] = np.nan
    flat = [*_controls(study), *_majority(study, frame)]
    domains = {
        metric: {test: _domain(frame, flat, metric, test) for test in study.tests}
        for metric in study.columns
    }
    limits = {name: f"domains[metric][test][{i}]" for i, name in enumerate(("low", "high"))}
    y = alt.Y(
        "mean:Q",
        title=None,
        axis=alt.Axis(format=".0%", tickCount=6),
        scale=alt.Scale(
            domainMin=alt.ExprRef(limits["low"]),
            domainMax=alt.ExprRef(limits["high"]),
            zero=False,
            nice=False,
        ),
    )
    where = chosen("metric", "test")
    base = alt.Chart(data("controls")).transform_filter(where)
    rule = base.mark_rule(strokeDash=[1, 3], strokeWidth=1.5, color=colour("soft")).encode(
        y=alt.Y("mean:Q")
    )
    text = base.mark_text(
        align="right", baseline="bottom", dy=-2, fontSize=11, color=colour("soft")
    ).encode(y=alt.Y("place:Q"), x=alt.value("width"), text=alt.Text("text:N"))
    halo = text.mark_text(
        align="right",
        baseline="bottom",
        dy=-2,
        fontSize=11,
        stroke=colour("paper"),
        strokeWidth=3,
        strokeJoin="round",
    )
    under = dict.fromkeys(arms.groups, (rule,)) if flat else {}
    over = (halo, text) if under else ()
    panels = line_panels(
        arms,
        "curves",
        "curves",
        y,
        [
            number("n_labelled", tr("labels")),
            percent("mean", tr("mean")),
            percent("low", tr("95 % from")),
            percent("high", tr("to")),
            percent("sd", tr("deviation")),
            number("seeds", tr("seeds")),
        ],
        where=where,
        band=("low", "high"),
        ticks=frame,
        under=under,
        over=over,
        sources=("controls",) if under else (),
        height=_HEIGHT,
    )
    metrics = called(study)
    frame["of"] = frame.metric.map(metrics)
    choices = [Control("metric", tr("Metric"), tuple(metrics.items()), "accuracy")]
    if frame.interval.any():
        shown = (True, tr("shown")), (False, tr("hidden"))
        choices.append(Control("band", tr("95 % intervals"), shown, True))
    tests = tuple((test, test) for test in study.tests)
    parameters: dict[str, object] = {"domains": domains}
    if not frame.interval.any():
        parameters["band"] = False
    if len(tests) > 1:
        choices.append(Control("test", tr("Test"), tests, study.test))
    else:
        parameters["test"] = study.test
    _lift(flat, domains)
    _place(flat, domains)
    return Figure(
        "curves",
        tr("Accuracy against labels"),
        " ".join(_caption(bool(under), arms.many)),
        panels,
        {
            "curves": records(
                frame,
                *("line", "group", "metric", "of", "test", "n_labelled", "seeds"),
                *("mean", "sd", "low", "high", "interval"),
            ),
            **({"controls": flat} if under else {}),
        },
        tuple(choices),
        parameters,
        numbers=(
            Numbers(
                "curves",
                (
                    ("line", tr("arm"), ""),
                    ("group", tr("step size"), ""),
                    ("of", tr("metric"), ""),
                    *((("test", tr("test"), ""),) if len(tests) > 1 else ()),
                    ("n_labelled", tr("labels"), "n"),
                    ("mean", tr("mean"), "%"),
                    ("low", tr("95 % from"), "%"),
                    ("high", tr("to"), "%"),
                    ("seeds", tr("seeds"), "n"),
                ),
            ),
        ),
        kind=1,
    )


def _caption(dotted: bool, many: bool) -> Iterator[str]:
    yield tr(
        "Mean over seeds, each point a fit; bands are 95 % intervals of each arm over seeds, on "
        "these test rows, from {least} seeds on.",
        least=LEAST_SEEDS,
    )
    if dotted:
        yield tr("Dotted: what is reached without active learning.")
    if many:
        yield tr(
            "Of so many arms the best and the worst over the curve and the best random are named."
        )


def _controls(study: Study) -> Rows:
    made: Rows = []
    trained = [name for name in several(study.arms()) if name in (*TRAINED, "head")]
    for test in study.tests:
        frame = controls(study, test)
        if frame.empty:
            continue
        for metric in study.columns:
            by = frame.groupby([*trained, "n_labelled"], sort=False, as_index=False)
            means = by.agg(mean=(metric, "mean"), seeds=(metric, "count"), share=("share", "mean"))
            texts = [
                ", ".join([
                    tr("{rows:,} random rows, {share:.3g} % of all",
                       rows=row["n_labelled"], share=100 * row["share"]),
                    *told({"head": "", **row}, trained),
                ])
                for row in means.to_dict("records")
            ]  # fmt: skip
            shown = means.drop(columns=trained).assign(metric=metric, test=test, text=texts)
            made += records(shown)
    return made


def _majority(study: Study, frame: pd.DataFrame) -> Rows:
    """The most frequent label's share."""
    made: Rows = []
    for test in study.tests:
        named = None if test == study.test else test  # as the verdict asks, which is remembered
        known = [found.majority for found in baselines(study, named).values()]
        has_curves = ((frame.metric == "accuracy") & (frame.test == test)).any()
        if known and has_curves and not np.isnan(known[0]):
            text = tr("always the most frequent label ({share:.0f} %)", share=100 * known[0])
            made.append({"mean": known[0], "metric": "accuracy", "test": test, "text": text})
    return made


def _domain(frame: pd.DataFrame, flat: Rows, metric: str, test: str) -> list[float]:
    mine = frame[(frame.metric == metric) & (frame.test == test)]
    bands = mine[mine.interval.astype(bool)]
    # What lies far off, or an interval over few seeds that vary much, must not press curves flat.
    low, high = np.nanmin(mine["mean"]) - ROOM, np.nanmax(mine["mean"]) + ROOM
    lines = [
        row["mean"]
        for row in flat
        if row["metric"] == metric and row["test"] == test
        if "share" in row or row["mean"] > low
    ]
    found = domain(mine["mean"], bands.low.clip(lower=low), bands.high.clip(upper=high), lines)
    return [max(0.0, found[0]), min(1.0, found[1])]


def _lift(rows: Rows, domains: dict[str, dict[str, list[float]]]) -> None:
    """Move lines that are below the axis onto it, and say so."""
    for row in rows:
        low, _ = domains[row["metric"]][row["test"]]
        if row["mean"] < low:
            row["text"] = tr("{text}, below what is drawn", text=row["text"])
            row["mean"] = low


def _place(rows: Rows, domains: dict[str, dict[str, list[float]]]) -> None:
    """Move the controls' texts apart where the lines are close."""
    for metric, tests in domains.items():
        for test, (low, high) in tests.items():
            gap = 15 * (high - low) / _HEIGHT
            last = -1.0
            mine = [row for row in rows if row["metric"] == metric and row["test"] == test]
            for row in sorted(mine, key=lambda row: float(row["mean"])):
                row["place"] = last = round(max(row["mean"], last + gap), 4)
