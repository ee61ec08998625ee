"""Kind 6: the committee against least confidence: labels in turns, and confusions that foretell."""

from __future__ import annotations

import altair as alt

from al_ray.analysis.described.committee import behaviour
from al_ray.analysis.described.mix import batch_mix
from al_ray.analysis.study import Study
from al_ray.language import tr
from al_ray.report.arms import Arms
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
    option_list,
    percent,
    records,
    word,
)
from al_ray.report.figures.labels import limits, share_axis, shown_labels
from al_ray.report.figures.lines import line_panels
from al_ray.report.theme import colour

_COMMITTEES = ("qbc",)
_BESIDE = ("least-confidence", "margin", "entropy", "random")


def committee(study: Study, arms: Arms) -> Figure | None:
    """Shares of a label batch by batch for one seed, and the lag-one behaviour of all labels."""
    strategies = [line.strategy for line in arms.lines]
    mine = [name for name in strategies if name in _COMMITTEES]
    if not mine:
        return None
    beside = next((name for name in _BESIDE if name in strategies), None)
    kept = {*mine, *([beside] if beside else [])}
    labels = shown_labels(study)
    mix = arms.named(batch_mix(study))
    mix = mix[mix.strategy.isin(kept) & (mix.step >= 0) & mix.label.isin(labels)]
    if mix.empty:
        return None
    mix = mix.assign(batch=mix.step + 1)
    seeds = sorted({int(seed) for seed in mix.seed})[:10]
    mix = mix[mix.seed.isin(seeds)]
    where = chosen("label", "seed")
    panels = line_panels(
        arms,
        "turns",
        "turns",
        share_axis("share"),
        [number("batch", tr("batch")), percent("share", tr("share of the batch"))],
        x="batch",
        x_title=tr("batch"),
        where=where,
        title=tr("Share of the label, one seed"),
        ticks=mix,
        height=220,
    )
    found = arms.named(behaviour(study))
    found = found[found.strategy.isin(kept) & found.label.isin(labels)]
    sources = {}
    columns = {
        "lag_one": tr("Lag-one correlation of the shares: below 0 is in turns"),
        "confusion_foretells": tr("Correlation of the confusion at a step with the next share"),
    }
    if len(found):
        grouped = found.groupby(["line", "group", "arm", "label"], sort=False, as_index=False)
        means = grouped.agg(
            lag_one=("lag_one", "mean"),
            confusion_foretells=("confusion_foretells", "mean"),
            batches=("batches", "max"),
            seeds=("seed", "nunique"),
        )
        sources["behaviour"] = records(means)
        panels += tuple(
            _correlations(arms, column, title, labels)
            for column, title in columns.items()
            if means[column].notna().any()
        )
    numbers = (
        ("arm", tr("arm"), ""),
        ("label", tr("label"), ""),
        ("lag_one", tr("lag-one"), "2"),
        ("confusion_foretells", tr("confusion foretells"), "2"),
        ("batches", tr("batches"), "n"),
        ("seeds", tr("seeds"), "n"),
    )
    return Figure(
        "committee",
        tr("The committee against {arm}", arm=beside) if beside else tr("The committee"),
        tr(
            "Whether labels are chosen in turns. Correlations are of few batches: only many seeds "
            "on one side of 0 mean something."
        ),
        panels,
        {"turns": records(mix, "line", "group", "label", "seed", "batch", "share"), **sources},
        (
            Control("label", tr("Label"), option_list(labels), labels[0]),
            Control("seed", tr("Seed"), option_list(seeds), seeds[0]),
        ),
        {"limits": limits(mix, "share")},
        numbers=(Numbers("behaviour", numbers),) if sources else (),
        kind=6,
    )


def _correlations(arms: Arms, column: str, title: str, labels: list[str]) -> Panel:
    base = (
        alt.Chart(data("behaviour"))
        .transform_filter(f"isValid(datum.{column})")
        .transform_filter(SHOWN)
    )
    zero = base.mark_rule(color=colour("soft")).encode(x=alt.datum(0, type="quantitative"))
    points = base.mark_point(filled=True, size=70, opacity=0.9).encode(
        y=alt.Y(
            "label:N",
            title=None,
            sort=labels,
            axis=alt.Axis(grid=True, domain=False, ticks=False, labelLimit=120),
        ),
        x=alt.X(
            f"{column}:Q", title=None, scale=alt.Scale(domain=[-1, 1]), axis=alt.Axis(tickCount=5)
        ),
        color=arms.colour(),
        shape=arms.shape(),
        tooltip=[
            word("arm", tr("arm")),
            word("label", tr("label")),
            number(column, tr("correlation"), 2),
            number("batches", tr("batches")),
            number("seeds", tr("seeds")),
        ],
    )
    chart = layered(zero, points)
    return Panel(
        f"committee-{column}",
        title,
        chart,
        max(120, 26 * len(labels) + 40),
        ("behaviour",),
        legend=True,
    )
