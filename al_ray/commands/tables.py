"""`al-ray verdict` and `al-ray compact`: what needs a study's tables and nothing else."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.console import Console
from rich.text import Text

from al_ray.commands.parser import whole
from al_ray.errors import UserError
from al_ray.io.storage import reason
from al_ray.io.storage import said as said_of
from al_ray.io.table import LINE, NOTHING, Column, Row, Table
from al_ray.io.terminal import json_line, one_line
from al_ray.language import tr
from al_ray.results import Store
from al_ray.results.compact import compact
from al_ray.study.running import Price, check_annotation_seconds, check_labels_per_day

if TYPE_CHECKING:
    from al_ray.analysis.conclusion import Conclusion

NAMES = ("verdict", "compact")


def add_commands(commands: Any) -> None:
    """Add the parsers of NAMES to those of `al-ray`."""
    verdict = commands.add_parser("verdict", help="whether an arm saves labels, and how sure")
    verdict.add_argument("out", metavar="OUT", help="results folder")
    verdict.add_argument(
        "--labels-per-day",
        type=float,
        metavar="N",
        help="what one person labels; default: what the study was told, else 1,000",
    )
    verdict.add_argument(
        "--label-price",
        metavar="PRICE",
        help="what a label costs, with or without a unit: 150, 150KRW; default: as the study was "
        "told",
    )
    verdict.add_argument(
        "--annotation-seconds",
        nargs=2,
        type=float,
        metavar=("TEXT", "MARK"),
        help="what a text takes one person, and each thing that is marked in it; default: as the "
        "study was told, if at all",
    )
    verdict.add_argument(
        "--targets",
        nargs="+",
        type=whole,
        metavar="N",
        help="what arms save at the accuracy of N random labels; default: at every step of random",
    )
    verdict.add_argument("--test", metavar="NAME", help="default: the study's main test")
    verdict.add_argument("--json", action="store_true", help="for machines")
    merge = commands.add_parser("compact", help="merge a study's small files")
    merge.add_argument("out", metavar="OUT", help="results folder")
    merge.add_argument("--json", action="store_true", help="for machines")


def run_command(options: argparse.Namespace, console: Console) -> int:
    """Run one of NAMES.

    Raises:
        UserError: no study there, or an option out of range.
    """
    return (
        _verdict(options, console) if options.command == "verdict" else _compact(options, console)
    )


def _verdict(options: argparse.Namespace, console: Console) -> int:
    # SciPy and scikit-learn take a second to load; no other command needs them.
    from al_ray.analysis import best, effort
    from al_ray.analysis.baseline import warnings
    from al_ray.analysis.conclusion import conclusion
    from al_ray.analysis.names import MANY
    from al_ray.analysis.searched import lines as searched_lines
    from al_ray.analysis.study import load
    from al_ray.analysis.successors import lines
    from al_ray.analysis.verdict import (
        FOUND,
        UNDECIDED,
        arm_names,
        disagreements,
        missing_lines,
        shown_savings,
        verdict,
    )

    per_day = options.labels_per_day
    check_labels_per_day(per_day)
    price = None if options.label_price is None else Price.parsed(options.label_price)
    study, seconds = load(options.out), options.annotation_seconds
    check_annotation_seconds(seconds)
    if seconds is not None:
        description = {**study.description, "annotation_seconds": seconds}
        study = replace(study, description=description)
    test = options.test
    said = verdict(study, labels_per_day=per_day, test=test, label_price=price)
    answer = conclusion(study, labels_per_day=per_day, test=test, label_price=price)
    targets = options.targets
    if targets and (min(targets) < 1 or len(set(targets)) < len(targets)):
        raise UserError("--targets: give different numbers from 1")
    table = shown_savings(study, test, labels_per_day=per_day, targets=targets)
    apart, warned = disagreements(study, test), warnings(study, test)
    succeeded, searched = lines(study, test), searched_lines(study)
    tuned, untold = best.tuned(study, test), best.untold(study, test)
    if options.json:
        found = {
            "conclusion": answer.as_dict(),
            "out": study.address or str(study.out),
            "test": test or study.test,
            "demonstration": study.demonstration,
            "label_price": str(price or study.label_price or "") or None,
            "state": study.state.word,
            "verdict": records(said),
            "disagreements": apart,
            "by_effort": records(effort.numbers(study)) if test is None else [],
            "successors": succeeded,
            "search": searched,
            "best_with_best": {"arms": records(tuned), "notes": untold},
            "savings": records(table),
            "warnings": warned,
            "missing": records(study.missing()),
        }
        print(json_line(found))
        return 0
    if study.state.word != "done":
        console.print(study.state.line, soft_wrap=True)
    _print_answer(answer, console)
    many = len(said) > MANY
    if many:
        console.print(arms_table(said, study.arms(), study.demonstration))
    told = said[said.kind.isin([*FOUND, "worse"])] if many else said
    by_effort = effort.lines(study) if test is None else []
    for line in [
        *(*apart, *told.sentence, *by_effort, *untold, *succeeded, *searched, *warned),
        *missing_lines(study),
    ]:
        console.print(f"- {line}.", markup=False, soft_wrap=True)
    if len(tuned):
        console.print(best_table(tuned, study.demonstration))
    if said.empty:
        console.print(tr("No arm but random is there: nothing to compare."), markup=False)
    elif said.kind.isin(UNDECIDED).all():
        pass  # nothing was measured that could have been shown
    elif not table.shown.any():
        console.print(tr("No saving was shown at any one number of labels."), markup=False)
    else:
        console.print(savings_table(table, arm_names(study), study.demonstration))
    absent = sorted(set(targets or ()) - set(table.target_labels), reverse=True)
    if absent:
        numbers = ", ".join(f"{n:,}" for n in absent)
        console.print(tr("No baseline of {numbers} random labels.", numbers=numbers))
    return 0


def after_study(out: str, console: Console) -> None:
    """Say what a study came to at its end, which must not fail for it: what goes wrong is said."""
    from al_ray.analysis.conclusion import conclusion
    from al_ray.analysis.study import load

    try:
        _print_answer(conclusion(load(out)), console)
    except Exception as error:
        line = tr(
            "The verdict could not be worked out ({kind}: {error}); the tables are whole. To try "
            "again: al-ray verdict {out}",
            kind=type(error).__name__,
            error=reason(error),
            out=said_of(out),
        )
        console.print(line, markup=False, soft_wrap=True)


def _print_answer(answer: Conclusion, console: Console) -> None:
    """The answer on top, and what to do next."""
    wide = not console.is_terminal  # a terminal breaks it between words
    console.print(
        f"{answer.sentence}.", style="bold", markup=False, highlight=False, soft_wrap=wide
    )
    end = ":" if answer.commands else "."
    line = tr("Next: {step}", step=answer.next)
    console.print(f"{line}{end}", markup=False, highlight=False, soft_wrap=wide)
    for command in answer.commands:
        console.print(f"    {command}", markup=False, highlight=False, soft_wrap=True)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows for JSON: what is not known, or not bounded, is null."""
    answer: list[dict[str, Any]] = json.loads(frame.to_json(orient="records"))
    return answer


def arms_table(said: pd.DataFrame, arms: pd.DataFrame, demonstration: bool) -> Table:
    """Many arms' verdicts, for the console: a group for each random arm, which they share.

    Args:
        said: of `analysis.verdict`.
        arms: all of the study, random ones too.
        demonstration: on generated text.
    """
    from al_ray.analysis.names import arm_name, several, told
    from al_ray.analysis.study import CHOICE, SETTING, groups
    from al_ray.analysis.study import records as rows_of
    from al_ray.analysis.verdict import UNDECIDED

    columns = several(arms)
    shared, own = ([c for c in columns if c in of] for of in (SETTING, CHOICE))
    shown: list[Row] = []
    for _, rows in groups(said, SETTING):
        shown.append(LINE)
        if shared:
            shown.append((_bold(", ".join(told(rows.iloc[0], shared))),))
        unknown = rows.kind.isin(UNDECIDED)
        for row in rows_of(rows[~unknown]):
            shown.append((f"  {arm_name(row, own)}", tr(row["kind"]), *effect(row["numbers"])))
        for kind, alike in groups(rows[unknown], "kind"):
            names = ", ".join(arm_name(row, own) for row in rows_of(alike))
            shown.append((f"  {names}", tr(kind), *effect({})))
    caption = tr(
        "Intervals are each arm's own, verdicts corrected over all arms (Holm). Every arm in a "
        "sentence: --json"
    )
    title = tr("Against random, points of accuracy over the curve")
    return _against(title, shown, caption, demonstration)


def best_table(tuned: pd.DataFrame, demonstration: bool) -> Table:
    """The table of `analysis.best`, for the console."""
    from al_ray.analysis.best import MEANT, chosen

    shown: list[Row] = []
    for row in tuned.to_dict("records"):
        shown += [
            LINE,
            (_bold(row["name"]), tr(row["kind"]), *effect(row)),
            ("  " + tr("at {chosen}", chosen=chosen(row["chosen"])),),
            ("  " + tr("random at {chosen}", chosen=chosen(row["random_chosen"])),),
        ]
    title = tr("Best with best, points of accuracy over the curve")
    return _against(title, shown, tr(MEANT), demonstration)


def _against(title: str, rows: Sequence[Row], caption: str, demonstration: bool) -> Table:
    """A table of differences from random."""
    columns = (
        *(Column(tr("arm")), Column(tr("verdict"), left=True)),
        *(Column(tr("points")), Column(tr("95 %"))),
    )
    return Table(columns, rows, title + _stamp(demonstration), caption)


def _bold(text: str) -> Text:
    return Text(text, style="bold")


def effect(numbers: Mapping[Any, Any]) -> tuple[str, str]:
    """A `difference` in points, and its interval from `low` to `high`; a number may be missing."""
    from al_ray.analysis.baseline import signed

    known = [numbers.get(name) for name in ("difference", "low", "high")]
    said = [NOTHING if value is None or math.isnan(value) else signed(value) for value in known]
    whole = tr("{low} to {high}", low=said[1], high=said[2])
    return said[0], NOTHING if said[1] == NOTHING else whole


def _stamp(demonstration: bool) -> str:
    return " (" + tr("demonstration on generated text") + ")" if demonstration else ""


def savings_table(
    table: pd.DataFrame, names: Mapping[tuple[Any, ...], str], demonstration: bool
) -> Table:
    """The savings that were shown, for the console.

    Args:
        table: of `analysis.savings`.
        names: of the arms, by the values of ARM.
        demonstration: on generated text.
    """
    from al_ray.analysis.summary import ARM

    columns = (
        Column(tr("arm")),
        Column("N"),
        Column(tr("accuracy"), 2),
        *(Column(tr("at least")), Column(tr("likely")), Column(tr("at most"))),
        Column(tr("days"), 1),
        Column(tr("seeds"), 3, tr("{} seeds")),
    )
    rows = [
        (
            names[tuple(row[name] for name in ARM)],
            f"{row['target_labels']:,}",
            f"{row['target_accuracy']:.3f}",
            *(_labels(row[name]) for name in ("low", "saved_labels", "high")),
            f"≥ {row['low_days']:.1f}",
            str(row["seeds"]),
        )
        for row in table[table.shown].to_dict("records")
    ]
    title = tr("Labels saved at the accuracy of N random ones")
    return Table(columns, rows, title + _stamp(demonstration))


def _labels(value: float) -> str:
    return f"{value:,.0f}" if math.isfinite(value) else tr("not known")


def _compact(options: argparse.Namespace, console: Console) -> int:
    def say(text: str) -> None:
        print(one_line(text), file=sys.stderr)

    done = compact(Store(options.out), say)
    if options.json:
        print(json.dumps([asdict(table) for table in done]))
        return 0
    before, after = sum(t.files_before for t in done), sum(t.files_after for t in done)
    size = sum(t.bytes_before for t in done) - sum(t.bytes_after for t in done)
    for table in done:
        console.print(
            tr(
                "{table}: {n:,} files, now {now:,}",
                table=table.table,
                n=table.files_before,
                now=table.files_after,
            ),
            markup=False,
        )
    console.print(
        tr("{n:,} files, now {now:,}; {size:.1f} MB less.", n=before, now=after, size=size / 1e6),
        markup=False,
    )
    return 0
