"""The page's tables: arms beside each other, by several measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from al_ray.analysis import best, effort
from al_ray.analysis.baseline import signed
from al_ray.analysis.comparison import penalties, shown_cells
from al_ray.analysis.described.burden import MEASURES, burden, measures_of
from al_ray.analysis.side_by_side import Beside
from al_ray.analysis.study import CHOICE, SETTING, Study
from al_ray.analysis.summary import ARM
from al_ray.analysis.verdict import UNDECIDED
from al_ray.language import tr
from al_ray.report.arms import Arms
from al_ray.report.figures.base import records
from al_ray.report.found import MARKS, judgements

_MOST_ARMS: Final = 12


@dataclass(frozen=True)
class Sheet:
    """A table of the page: headings, and rows of texts, the last `words` of which are long."""

    title: str
    note: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 0


def best_with_best(study: Study) -> Sheet | None:
    """Each strategy at its best training against random at its own; None where none is tuned."""
    found = best.tuned(study)
    if found.empty:
        return None
    return Sheet(
        tr("Best with best"),
        tr(best.MEANT),
        (
            *(tr("arm"), tr("above random (95 %)"), tr("verdict"), tr("seeds")),
            *(tr("at"), tr("random at")),
        ),
        tuple(
            (
                row["name"],
                points(row["difference"], row["low"], row["high"]),
                f"{MARKS[row['kind']]} {tr(row['kind'])}",
                str(row["seeds"]),
                *(best.chosen(row[side]) for side in ("chosen", "random_chosen")),
            )
            for row in found.to_dict("records")
        ),
        words=2,
    )


def comparisons(study: Study, arms: Arms) -> list[Sheet]:
    """Where arms are better and worse than random, and the penalties of arms against each other."""
    sheets = [*_burden(study, arms), *_spent(study, arms)]
    cells = _decided_cells(study)
    if len(cells):
        sheets.append(
            Sheet(
                tr("At how many numbers of labels an arm is better or worse than random"),
                tr(
                    "Where that is shown over seeds and test rows, corrected over an arm's numbers "
                    "of labels (Holm); of an arm that the verdict finds no difference of, nowhere. "
                    "The first draw, which all share, does not count."
                ),
                (tr("arm"), tr("numbers of labels"), tr("better"), tr("worse")),
                tuple(
                    (row["arm"], *(f"{row[field]:,}" for field in ("cells", "better", "worse")))
                    for row in records(arms.named(cells))
                ),
            )
        )
    kinds = judgements(study)
    decided = arms.named(kinds[~kinds.kind.isin(UNDECIDED)])
    pairs = penalties(study)
    for side in ("_a", "_b"):
        chosen = {name: pairs[name + side] for name in CHOICE}
        pairs["arm" + side] = arms.named(pairs[SETTING].assign(**chosen)).arm
    known = pairs[pairs.penalty.notna() & pairs.arm_a.isin(decided.arm)]
    known = known[known.arm_b.isin(decided.arm)]
    names = [name for name in arms.names if (known.arm_a == name).any()][:_MOST_ARMS]
    if names:
        found = {(row.arm_a, row.arm_b): row.penalty for row in known.itertuples()}
        sheets.append(
            Sheet(
                tr("Penalties between arms"),
                tr(
                    "The share of the numbers of labels at which the arm of the column is better "
                    "than the arm of the row, each tested by itself at 5 % over seeds and test "
                    "rows: of equal arms 0.025 is to be expected. An arm of small numbers in its "
                    "row is seldom beaten. Against random: the verdict."
                ),
                ("", *names),
                tuple(
                    (name, *(_plain(found.get((name, other))) for other in names)) for name in names
                ),
            )
        )
    return sheets


def _burden(study: Study, arms: Arms) -> list[Sheet]:
    """What the chosen texts ask of whoever labels them."""
    found = burden(study)
    if found.empty:
        return []
    named, kept = arms.named(found), measures_of(study)
    rows = []
    for name in arms.names:
        mine = {row["measure"]: row for row in records(named[named.arm == name])}
        shown: list[str] = []
        for row in (mine[measure] for measure in kept if measure in mine):
            ends = ""
            if row["low"] is not None:
                ends = " (" + tr("{low:.2f} to {high:.2f}", low=row["low"], high=row["high"]) + ")"
            shown += [f"{row['chosen']:.1f}", f"{row['ratio']:.2f}{ends}", f"{row['total']:,.0f}"]
        if shown:
            rows.append((name, *shown))
    heads = []
    for measure in kept:
        heads += [tr(MEASURES[measure]), tr("beside the pool's (95 %)"), tr("in all")]
    return [
        Sheet(
            tr("How long the texts are that an arm chose"),
            tr(
                "Means of a chosen text, its ratio to those of the pool with 95 % intervals over "
                "seeds, and sums of all that is labelled at the end. A strategy that is drawn to "
                "long texts saves texts, and not time."
            ),
            (tr("arm"), *heads),
            tuple(rows),
        )
    ]


def _spent(study: Study, arms: Arms) -> list[Sheet]:
    """Arms against random for the same effort."""
    measures = [] if study.few else measures_of(study)
    found = [one for one in effort.judged_by_effort(study) if one.found is not None]
    if not measures or not found:
        return []
    frame = arms.named(pd.DataFrame([one.arm for one in found]))
    cells = {
        (name, one.measure): effort.said_of(one) for name, one in zip(frame.arm, found, strict=True)
    }
    rows = []
    for name in arms.names:
        mine = [cells.get((name, measure)) for measure in measures]
        if any(mine):
            said = ((f"{MARKS[kind]} {tr(kind)}", text) for kind, text in filter(None, mine))
            rows.append((name, *(": ".join(filter(None, each)) for each in said)))
    return [
        Sheet(
            tr("Beside random for the same effort"),
            tr(
                "Arms are judged over what their texts come to as they are over labels: points of "
                "mean accuracy above random, with 95 % intervals over seeds and test rows, and "
                "what is saved where that is shown. What is found is corrected over arms (Holm), "
                "by each measure for itself."
            ),
            (tr("arm"), *(tr(MEASURES[measure]) for measure in measures)),
            tuple(rows),
            words=len(measures),
        )
    ]


def _decided_cells(study: Study) -> pd.DataFrame:
    """`shown_cells` that do not say more than the verdict does: none is shown of no difference."""
    cells = shown_cells(study).merge(judgements(study)[[*ARM, "kind"]], on=ARM)
    cells = cells[~cells.kind.isin(UNDECIDED)]
    cells.loc[cells.kind == "no difference", ["better", "worse"]] = 0
    return cells[[*ARM, "cells", "better", "worse"]]


def across(found: Beside) -> Sheet:
    """The arms of several studies in one table."""
    rows = []
    for study, ends in zip(found.names, found.ends, strict=True):
        for row in ends.to_dict("records"):
            known = not pd.isna(row["n_labelled"])
            verdict = f"{MARKS.get(row['kind'], '?')} {tr(row['kind'])}" if row["kind"] else "–"
            rows.append(
                (
                    row["name"],
                    study,
                    f"{row['seeds']:.0f}" if known else "–",
                    f"{row['n_labelled']:,.0f}" if known else "–",
                    _share(row["final_mean"]),
                    points(row["difference"], row["low"], row["high"]),
                    verdict,
                )
            )
    return Sheet(
        tr("Arm by arm"),
        tr(
            "Each arm against random in its own study: points of mean accuracy over the labels, "
            "with 95 % intervals over seeds and test rows."
        ),
        (
            *(tr("arm"), tr("study"), tr("seeds"), tr("labelled"), tr("accuracy")),
            *(tr("above random (95 %)"), tr("verdict")),
        ),
        tuple(rows),
    )


def _share(value: Any) -> str:
    return "–" if value is None or pd.isna(value) else tr("{share:.1f} %", share=100 * value)


def points(value: Any, low: Any, high: Any) -> str:
    """A difference in points, with its interval where that is known."""
    if pd.isna(value):
        return "–"
    if pd.isna(low):
        return signed(value)
    ends = tr("{low} to {high}", low=signed(low), high=signed(high))
    return f"{signed(value)} ({ends})"


def _plain(value: Any) -> str:
    return "" if value is None or pd.isna(value) else f"{value:.2f}"
