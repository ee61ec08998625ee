"""What mattered in a search: configurations over their knobs, each knob alone, and importances."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from al_ray.analysis.study import Study
from al_ray.language import tr
from al_ray.report.arms import Arms
from al_ray.report.figures.bars import row_axis, row_height
from al_ray.report.figures.base import (
    Figure,
    Numbers,
    Panel,
    data,
    domain,
    layered,
    number,
    records,
    word,
)
from al_ray.report.figures.searched import figure, look, rows, searched, tips
from al_ray.report.theme import colour
from al_ray.search.journal import importances as importances_of


def parallel(study: Study, arms: Arms) -> Figure | None:
    """Each configuration as a line over its knobs."""
    frame = rows(study)
    knobs = [name for name in frame if str(name).startswith("knob ")] if len(frame) else []
    if len(knobs) < 2:
        return None
    made, marks = [], []
    for place, name in enumerate([*knobs, "area"]):
        values = sorted(frame[name].dropna().unique(), key=lambda v: (isinstance(v, str), v))
        at = {value: i / max(1, len(values) - 1) for i, value in enumerate(values)}
        title = tr("area") if name == "area" else tr(str(name)[5:].replace("_", " "))
        if name == "area":
            low, high = float(min(values)), float(max(values))
            at = {value: (value - low) / max(high - low, 1e-9) for value in values}
            marks += [
                {"knob": title, "order": place, "y": y, "text": f"{v:.3f}"}
                for y, v in ((0, low), (1, high))
            ]
        else:
            marks += [{"knob": title, "order": place, "y": at[v], "text": _text(v)} for v in values]
        made += [
            {
                **{
                    n: row[n] for n in ("configuration", "state", "best", "labels", "seeds", "area")
                },
                "knob": title,
                "order": place,
                "y": at[row[name]],
            }
            for row in frame.to_dict("records")
            if not pd.isna(row[name])
        ]
    order = list(dict.fromkeys(str(m["knob"]) for m in marks))  # as they were made
    x = alt.X("knob:N", title=None, sort=order, axis=alt.Axis(labelAngle=0))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[-0.06, 1.06]))
    chart = layered(
        alt.Chart(data("search-parallel"))
        .mark_line()
        .encode(
            x=x,
            y=y,
            detail="configuration:N",
            strokeWidth=alt.condition("datum.best", alt.value(3), alt.value(1.2)),
            tooltip=tips(),
            **look(),
        ),
        alt.Chart(data("search-marks"))
        .mark_text(align="left", dx=6, dy=-5, fontSize=11, color=colour("soft"))
        .encode(x=x, y=y, text="text:N"),
    )
    return figure(
        "parallel",
        tr("The search: configurations over their knobs"),
        tr(
            "Each line is a configuration; at the right is its area under the validation curve, as "
            "far as it was run. A frozen head passes over the knobs of fine-tuning."
        ),
        Panel(
            "search-parallel",
            tr("Knobs, and what came of them"),
            chart,
            320,
            ("search-parallel", "search-marks"),
            wide=True,
        ),
        data={
            "search-parallel": records(pd.DataFrame(made)),
            "search-marks": records(pd.DataFrame(marks)),
        },
    )


def slices(study: Study, arms: Arms) -> Figure | None:
    """The area against each knob by itself."""
    frame = rows(study)
    knobs = [name for name in frame if str(name).startswith("knob ")] if len(frame) else []
    panels, sets = [], {}
    for name in knobs:
        title, key = tr(str(name)[5:].replace("_", " ")), f"search-slice-{str(name)[5:]}"
        here = frame[frame[name].notna()].assign(value=frame[name].map(_text))
        values = sorted(here[name].unique(), key=lambda v: (isinstance(v, str), v))
        chart = (
            alt.Chart(data(key))
            .mark_point(filled=True, size=70)
            .encode(
                x=alt.X(
                    "value:N",
                    title=None,
                    sort=[_text(v) for v in values],
                    axis=alt.Axis(labelAngle=-30, labelLimit=110, labelOverlap=False),
                ),
                y=alt.Y(
                    "area:Q",
                    title=tr("area"),
                    scale=alt.Scale(domain=domain(frame.area), zero=False),
                ),
                tooltip=tips(),
                **look(),
            )
        )
        panels.append(Panel(key, title, layered(chart), 220, (key,)))
        kept = ["configuration", "state", "best", "labels", "seeds", "area", "value"]
        sets[key] = records(here[kept])
    if not panels:
        return None
    return figure(
        "slices",
        tr("The search: each knob by itself"),
        tr(
            "Area under the validation curve as far as each configuration was run; points at other "
            "numbers of labels are not to be compared, and other knobs differ within a column."
        ),
        *panels,
        data=sets,
    )


def importances(study: Study, arms: Arms) -> Figure | None:
    """What mattered, as Optuna reckons it."""
    found = importances_of(searched(study).recorded)
    if not found:
        return None
    made = [
        {"evaluator": name, "knob": tr(knob.replace("_", " ")), "share": share}
        for name, shares in found.items()
        for knob, share in shares.items()
    ]
    frame = pd.DataFrame(made)
    panels = []
    for name in found:
        order = frame[frame.evaluator == name].sort_values("share", ascending=False).knob
        chart = (
            alt.Chart(data("search-importances"))
            .transform_filter(f"datum.evaluator === '{name}'")
            .mark_bar(color=colour("heat"), height=16)
            .encode(
                y=row_axis("knob", list(order), 160),
                x=alt.X("share:Q", title=tr("share"), scale=alt.Scale(domain=[0, 1])),
                tooltip=[word("knob", tr("knob")), number("share", tr("share"), 2)],
            )
        )
        key = "search-importance-" + name.lower().replace("-", "")
        panels.append(
            Panel(key, name, layered(chart), row_height(len(order)), ("search-importances",))
        )
    columns = (
        ("evaluator", tr("evaluator"), ""),
        ("knob", tr("knob"), ""),
        ("share", tr("share"), "2"),
    )
    return figure(
        "importances",
        tr("The search: what mattered"),
        tr(
            "Shares of what makes configurations differ in the area under the validation curve, by "
            "Optuna: PED-ANOVA of what is best, fANOVA of all that came to the end. Of few "
            "configurations they say little, and where the two disagree, nothing."
        ),
        *panels,
        data={"search-importances": records(frame)},
        numbers=(Numbers("search-importances", columns),),
        key=(),
    )


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return tr(value) if isinstance(value, str) else str(value)
