"""`al-ray verdict` and `al-ray compact`: what needs a study's tables and nothing else."""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import asdict
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from al_ray.config import check_labels_per_day
from al_ray.results import Store
from al_ray.results.compact import compact
from al_ray.terminal import plain

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
    # SciPy and statsmodels take a second to load; no other command needs them.
    from al_ray.analysis.baseline import flat_baselines
    from al_ray.analysis.savings import savings
    from al_ray.analysis.study import load
    from al_ray.analysis.verdict import missing_lines, verdict

    per_day = options.labels_per_day
    check_labels_per_day(per_day)
    study = load(options.out)
    test = options.test
    said = verdict(study, labels_per_day=per_day, test=test)
    table = savings(study, labels_per_day=per_day, test=test)
    flat, missing = flat_baselines(study, test), missing_lines(study)
    if options.json:
        answer = {
            "out": study.address or str(study.out),
            "test": test or study.test,
            "demonstration": study.demonstration,
            "verdict": records(said),
            "savings": records(table),
            "warnings": flat,
            "missing": records(study.missing()),
        }
        print(plain(json.dumps(answer, ensure_ascii=False)))
        return 0
    for line in [*said.sentence, *flat, *missing]:
        console.print(f"- {line}.", markup=False, soft_wrap=True)
    if said.empty:
        console.print("No arm but random is there: nothing to compare.", markup=False)
    if len(table):
        console.print(savings_table(table, study.demonstration))
    return 0


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows for JSON: what is not known, or not bounded, is null."""
    answer: list[dict[str, Any]] = json.loads(frame.to_json(orient="records"))
    return answer


def savings_table(table: pd.DataFrame, demonstration: bool) -> Table:
    """Label savings for the console."""
    mark = " (demonstration on generated text)" if demonstration else ""
    shown = Table(title=f"Labels for the accuracy of N random labels{mark}", min_width=60)
    for title in ("strategy", "regime", "first", "step"):
        shown.add_column(title, justify="right" if title in ("first", "step") else "left")
    for title in ("N", "accuracy", "labels", "95 %", "of N", "days saved", "seeds"):
        shown.add_column(title, justify="right")
    for row in table.to_dict("records"):
        shown.add_row(
            Text(row["strategy"]),
            row["retrain"],
            f"{row['initial']:,}",
            f"{row['step_size']:,}",
            f"{row['target_labels']:,}",
            f"{row['target_accuracy']:.3f}",
            row["reached"] if pd.isna(row["labels"]) else _at(row),
            _interval(row["low"], row["high"]),
            "–" if pd.isna(row["share"]) else f"{100 * row['share']:.0f} %",
            "–" if pd.isna(row["saved_days"]) else f"{round(row['saved_days'], 2) + 0.0:.2f}",
            str(row["seeds"]),
        )
    return shown


def _at(row: dict[Any, Any]) -> str:
    first = "≤ " if row["reached"] == "at the first step" else ""
    return f"{first}{row['labels']:,.0f}"


def _interval(low: float, high: float) -> str:
    if math.isnan(low):
        return "–"
    ends = ("not reached" if math.isinf(end) else f"{end:,.0f}" for end in (low, high))
    return "–".join(ends)


def _compact(options: argparse.Namespace, console: Console) -> int:
    def say(text: str) -> None:
        print(text, file=sys.stderr)

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
