"""How a project of labelling stands, on a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from rich.console import Console

from al_ray.analysis.metrics import meaning
from al_ray.io import terminal
from al_ray.io.table import NOTHING, Column, Row, Table
from al_ray.language import tr

if TYPE_CHECKING:
    from al_ray.labelling.project import Project
    from al_ray.labelling.status import Status

SHOWN: Final = 10
"""Doubts, conflicts and pairs that are listed."""


def say_status(project: Project, found: Status, console: Console) -> None:
    """Numbers, the curve, people, and what is to be looked at again."""
    rows: list[Row] = [
        (tr("texts"), f"{found.rows:,}"),
        (tr("with an answer"), f"{found.labelled:,}"),
        (tr("skipped by all"), f"{found.skipped:,}"),
        (tr("in conflict"), f"{len(found.conflicts):,}"),
        (tr("labels paid for"), f"{found.paid:,}"),
        (tr("batches"), f"{found.batches:,}"),
        (tr("left of this one"), f"{found.left:,}"),
    ]
    if found.shared:
        rows.append((tr("agreement (Krippendorff's alpha)"), _number(found.alpha)))
        rows.append((tr("on texts that two have answered"), f"{found.shared:,}"))
        rows.append((tr("of these, drawn at random"), f"{found.shared_drawn:,}"))
    console.print(
        Table([Column(""), Column("")], rows, title=tr("Project {name}", name=project.facts.name))
    )
    if found.curve:
        over = tr(
            "as people answer them, on texts drawn at random that no model has learnt; {n} of "
            "these were skipped, and do not count",
            n=found.unmeasured,
        )
        measured = meaning({"few": project.task.few, "score": project.task.score})
        lines: list[Row] = [
            (
                f"{each.labels:,}",
                NOTHING if math.isnan(each.accuracy) else f"{100 * each.accuracy:.1f} %",
                NOTHING if not each.rows else f"{100 * each.low:.0f}–{100 * each.high:.0f} %",
                f"{each.rows:,}",
            )
            for each in found.curve
        ]
        console.print(
            Table(
                [
                    Column(tr("labels paid")),
                    Column(tr("accuracy")),
                    Column("95 %"),
                    Column(tr("measured on")),
                ],
                lines,
                caption=". ".join(filter(None, (over, measured))),
            )
        )
    if found.gained:
        brought = tr(
            "The last batch: {difference:+.0f} points (95 %: {low:+.0f} to {high:+.0f})",
            difference=100 * found.gained.difference,
            low=100 * found.gained.low,
            high=100 * found.gained.high,
        )
        if found.gained.difference > 0:  # of none or a loss it says nothing
            flat = tr("curves flatten, so the next is not expected to bring more")
            brought = f"{brought}; {flat}"
        terminal.say(console, f"{brought}.")
    people: list[Row] = [
        (p.name, f"{p.answers:,}", f"{p.skips:,}", _number(p.an_hour, 0)) for p in found.people
    ]
    if people:
        console.print(
            Table(
                [
                    Column(tr("annotator")),
                    Column(tr("answers")),
                    Column(tr("skips")),
                    Column(tr("texts an hour")),
                ],
                people,
            )
        )
    for pair in found.pairs[:SHOWN]:
        apart = ", ".join(f"{a}/{b} {n}" for a, b, n in pair.apart[:3])
        apart += ", …" if len(pair.apart) > 3 else ""
        terminal.say(
            console,
            tr(
                "{one} and {other} agree on {alike} of {rows}{apart}.",
                one=pair.one,
                other=pair.other,
                alike=pair.alike,
                rows=pair.rows,
                apart=" (" + apart + ")" if apart else "",
            ),
        )
    for row in found.conflicts[:SHOWN]:
        terminal.say(console, tr("In conflict: {row} {text}", row=row, text=_cut(project, row)))
    if len(found.conflicts) > SHOWN:
        left = len(found.conflicts) - SHOWN
        terminal.say(console, tr("{n:,} more are in conflict (--json has all).", n=left))
    for doubt in (found.doubts or ())[:SHOWN]:
        terminal.say(
            console,
            tr(
                "To look at again: {row} {text}: {label}, or {other} ({share:.0f} %)?",
                row=doubt.row_id,
                text=_cut(project, doubt.row_id),
                label=doubt.label,
                other=doubt.other,
                share=100 * doubt.probability,
            ),
        )
    said = [f"{tr(name)} ({at:,})" for name, at in found.stopped.items() if at is not None]
    if said:
        terminal.say(
            console,
            tr(
                "By these criteria one could have stopped, at so many labels: {said}. How far to "
                "trust them: docs/search.md.",
                said=", ".join(said),
            ),
        )


def _number(value: float, digits: int = 2) -> str:
    return NOTHING if math.isnan(value) else f"{value:,.{digits}f}"


def _cut(project: Project, row: str, most: int = 40) -> str:
    text = " ".join(project.texts[row].split())
    return text if len(text) <= most else text[: most - 1] + "…"
