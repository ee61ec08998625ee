"""`al-ray verdict` and `al-ray compact`: what needs a study's tables and nothing else."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from al_ray.commands.parser import whole
from al_ray.errors import UserError
from al_ray.io.terminal import one_line, plain
from al_ray.results import Store
from al_ray.results.compact import compact
from al_ray.study.running import check_labels_per_day

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
    from al_ray.analysis.baseline import warnings
    from al_ray.analysis.study import load
    from al_ray.analysis.successors import lines
    from al_ray.analysis.verdict import (
        arm_names,
        disagreements,
        missing_lines,
        shown_savings,
        verdict,
    )

    per_day = options.labels_per_day
    check_labels_per_day(per_day)
    study = load(options.out)
    test = options.test
    said = verdict(study, labels_per_day=per_day, test=test)
    targets = options.targets
    if targets and (min(targets) < 1 or len(set(targets)) < len(targets)):
        raise UserError("--targets: give different numbers from 1")
    table = shown_savings(study, test, labels_per_day=per_day, targets=targets)
    apart, warned = disagreements(study, test), warnings(study, test)
    succeeded = lines(study, test)
    if options.json:
        answer = {
            "out": study.address or str(study.out),
            "test": test or study.test,
            "demonstration": study.demonstration,
            "verdict": records(said),
            "disagreements": apart,
            "successors": succeeded,
            "savings": records(table),
            "warnings": warned,
            "missing": records(study.missing()),
        }
        print(plain(json.dumps(answer, ensure_ascii=False)))
        return 0
    for line in [*apart, *said.sentence, *succeeded, *warned, *missing_lines(study)]:
        console.print(f"- {line}.", markup=False, soft_wrap=True)
    if said.empty:
        console.print("No arm but random is there: nothing to compare.", markup=False)
    elif not table.shown.any():
        console.print("No saving was shown at any number of labels.", markup=False)
    else:
        console.print(savings_table(table, arm_names(study), study.demonstration))
    absent = sorted(set(targets or ()) - set(table.target_labels), reverse=True)
    if absent:
        console.print(f"No baseline of {', '.join(f'{n:,}' for n in absent)} random labels.")
    return 0


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows for JSON: what is not known, or not bounded, is null."""
    answer: list[dict[str, Any]] = json.loads(frame.to_json(orient="records"))
    return answer


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

    mark = " (demonstration on generated text)" if demonstration else ""
    shown = Table(title=f"Labels saved at the accuracy of N random ones{mark}", min_width=60)
    shown.add_column("arm")
    for title in ("N", "accuracy", "at least", "likely", "at most", "days", "seeds"):
        shown.add_column(title, justify="right")
    for row in table[table.shown].to_dict("records"):
        shown.add_row(
            Text(names[tuple(row[name] for name in ARM)]),
            f"{row['target_labels']:,}",
            f"{row['target_accuracy']:.3f}",
            *(_labels(row[name]) for name in ("low", "saved_labels", "high")),
            f"≥ {row['low_days']:.1f}",
            str(row["seeds"]),
        )
    return shown


def _labels(value: float) -> str:
    return f"{value:,.0f}" if math.isfinite(value) else "not known"


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
            f"{table.table}: {table.files_before:,} files, now {table.files_after:,}", markup=False
        )
    console.print(f"{before:,} files, now {after:,}; {size / 1e6:.1f} MB less.", markup=False)
    return 0
