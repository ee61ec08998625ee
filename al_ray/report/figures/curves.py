"""Kind 1: test accuracy against labels, with the controls as horizontal lines."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from al_ray.analysis.baseline import baselines
from al_ray.analysis.described.curves import controls, learning_curves
from al_ray.analysis.statistics.intervals import LEAST_SEEDS
from al_ray.analysis.study import Study
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

METRICS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro-F1",
}
_HEIGHT = 300

_ROOM = 0.15
"""How much beyond the curves the axis may go for what is drawn around them."""


def learning(study: Study, arms: Arms) -> Figure | None:
    """Learning curves by every metric and test; mean and 95 % interval over seeds."""
    frames = [
        learning_curves(study, metric, test).assign(metric=metric, test=test)
        for test in study.tests
        for metric in METRICS
    ]
    frame = arms.named(pd.concat(frames, ignore_index=True))
    if frame.empty:
        return None
    # Of fewer seeds nothing is said but the mean.
    frame.loc[~frame.interval.astype(bool), ["low", "high"]] = np.nan
    flat = [*_controls(study), *_majority(study, frame)]
    domains = {
        metric: {test: _domain(frame, flat, metric, test) for test in study.tests}
        for metric in METRICS
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
            number("n_labelled", "labels"),
            percent("mean", "mean"),
            percent("low", "95 % from"),
            percent("high", "to"),
            percent("sd", "deviation"),
            number("seeds", "seeds"),
        ],
        where=where,
        band=("low", "high"),
        ticks=frame,
        under=under,
        over=over,
        sources=("controls",) if under else (),
        height=_HEIGHT,
    )
    choices = [Control("metric", "Metric", tuple(METRICS.items()), "accuracy")]
    if frame.interval.any():
        choices.append(
            Control("band", "95 % intervals", ((True, "shown"), (False, "hidden")), True)
        )
    tests = tuple((test, test) for test in study.tests)
    parameters: dict[str, object] = {"domains": domains}
    if not frame.interval.any():
        parameters["band"] = False
    if len(tests) > 1:
        choices.append(Control("test", "Test", tests, study.test))
    else:
        parameters["test"] = study.test
    _lift(flat, domains)
    _place(flat, domains)
    return Figure(
        "curves",
        "Accuracy against labels",
        "Mean over seeds, each point a fit; bands are 95 % intervals of each arm over seeds, on "
        f"these test rows, from {LEAST_SEEDS} seeds on."
        + " Dotted: what is reached without active learning." * bool(under)
        + " Of so many arms the best and the worst over the curve and the best random are named."
        * arms.many,
        panels,
        {
            "curves": records(
                frame,
                *("line", "group", "metric", "test", "n_labelled", "seeds"),
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
                    ("line", "arm", ""),
                    ("group", "step size", ""),
                    ("metric", "metric", ""),
                    *((("test", "test", ""),) if len(tests) > 1 else ()),
                    ("n_labelled", "labels", "n"),
                    ("mean", "mean", "%"),
                    ("low", "95 % from", "%"),
                    ("high", "to", "%"),
                    ("seeds", "seeds", "n"),
                ),
            ),
        ),
        kind=1,
    )


def _controls(study: Study) -> Rows:
    made: Rows = []
    for test in study.tests:
        frame = controls(study, test)
        if frame.empty:
            continue
        for metric in METRICS:
            means = frame.groupby("n_labelled", as_index=False).agg(
                mean=(metric, "mean"), seeds=(metric, "count"), share=("share", "mean")
            )
            made += [
                {**row, "metric": metric, "test": test,
                 "text": f"{row['n_labelled']:,} random rows, {100 * row['share']:.3g} % of all"}
                for row in records(means)
            ]  # fmt: skip
    return made


def _majority(study: Study, frame: pd.DataFrame) -> Rows:
    """The most frequent label's share."""
    made: Rows = []
    for test in study.tests:
        named = None if test == study.test else test  # as the verdict asks, which is remembered
        known = [found.majority for found in baselines(study, named).values()]
        has_curves = ((frame.metric == "accuracy") & (frame.test == test)).any()
        if known and has_curves and not np.isnan(known[0]):
            text = f"always the most frequent label ({100 * known[0]:.0f} %)"
            made.append({"mean": known[0], "metric": "accuracy", "test": test, "text": text})
    return made


def _domain(frame: pd.DataFrame, flat: Rows, metric: str, test: str) -> list[float]:
    mine = frame[(frame.metric == metric) & (frame.test == test)]
    bands = mine[mine.interval.astype(bool)]
    # What lies far off, or an interval over few seeds that vary much, must not press curves flat.
    low, high = np.nanmin(mine["mean"]) - _ROOM, np.nanmax(mine["mean"]) + _ROOM
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
            row["text"] += ", below what is drawn"
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
