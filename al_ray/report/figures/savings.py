"""Kind 7: the labels that an arm saves at the accuracy of N random ones."""

from __future__ import annotations

import altair as alt

from al_ray.analysis.statistics.intervals import LEAST_SEEDS
from al_ray.analysis.study import Study
from al_ray.analysis.verdict import shown_savings
from al_ray.language import tr
from al_ray.report.arms import Arms
from al_ray.report.figures.bars import estimates, notes, row_height
from al_ray.report.figures.base import (
    Control,
    Figure,
    Numbers,
    Panel,
    chosen,
    data,
    number,
    percent,
    records,
)
from al_ray.report.theme import colour


def label_savings(study: Study, arms: Arms) -> Figure | None:
    """Labels saved, by target; what was not shown is said and has no numbers."""
    frame = arms.named(shown_savings(study))
    if frame.empty or frame.seeds.max() < LEAST_SEEDS:
        return None
    frame["note"] = frame.note.map(tr)
    frame = frame.sort_values("target_labels", kind="stable")
    options = tuple(
        (int(target), tr("the accuracy of {n:,} random labels", n=int(target)))
        for target in frame.target_labels.unique()
    )
    asked = frame.target_labels[frame.headline.astype(bool)]
    first = int(asked.max()) if len(asked) else options[-1][0]  # what the verdict is about
    where = chosen("target_labels")
    zero = (
        alt.Chart(data("savings"))
        .mark_rule(color=colour("soft"))
        .encode(x=alt.datum(0, type="quantitative"))
    )
    # Where nothing is shown the axis still has a length: the target's own.
    ends = frame[["high", "saved_labels"]].max(axis=1).fillna(frame.target_labels)
    most = ends.groupby(frame.target_labels).max()
    x = alt.X(
        "saved_labels:Q",
        title=tr("labels saved"),
        scale=alt.Scale(domainMin=0, domainMax=alt.ExprRef("most[target_labels]"), nice=False),
        axis=alt.Axis(format=",d", tickCount=6),
    )
    tips = [
        number("saved_labels", tr("labels saved")),
        number("low", tr("at least")),
        number("high", tr("at most")),
        number("need", tr("random needs")),
        number("labels", tr("the arm needs")),
        percent("target_accuracy", tr("accuracy")),
        number("low_days", tr("person-days saved, at least"), 1),
        number("seeds", tr("seeds")),
    ]
    chart = estimates(
        arms,
        "savings",
        x,
        tips,
        interval=("low", "high"),
        where=f"{where} && datum.note === ''",
        under=(zero, notes(arms, "savings", alt.X(datum=0, type="quantitative"), where)),
    )
    numbers = (
        ("arm", tr("arm"), ""),
        ("target_labels", tr("random labels"), "n"),
        ("target_accuracy", tr("their accuracy"), "%"),
        ("low", tr("saved, at least"), "n"),
        ("saved_labels", tr("most likely"), "n"),
        ("high", tr("at most"), "n"),
        ("need", tr("random needs"), "n"),
        ("labels", tr("the arm needs"), "n"),
        ("low_days", tr("person-days, at least"), "1"),
        ("note", "", ""),
        ("seeds", tr("seeds"), "n"),
    )
    return Figure(
        "savings",
        tr("Labels saved at the accuracy of so many random ones"),
        tr(
            "What an arm saves of the labels that random itself needs; further to the right is "
            "more. Numbers are given only where a saving is shown, corrected over all arms and "
            "targets (Holm); 95 % intervals are over seeds and test rows, and one that ends in "
            "dashes is open."
        ),
        (
            Panel(
                "savings",
                "",
                chart,
                row_height(frame.arm.nunique()),
                ("savings",),
                wide=True,
                rows=True,
            ),
        ),
        {"savings": records(frame, "line", *(field for field, _, _ in numbers))},
        (Control("target_labels", tr("Target"), options, first),),
        {"most": {str(target): round(1.05 * float(end), 1) for target, end in most.items()}},
        numbers=(Numbers("savings", numbers),),
        kind=7,
    )
