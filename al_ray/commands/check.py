"""`al-ray check`: what is in a corpus, what is wrong with it, and the corpus without that."""

from __future__ import annotations

import argparse
import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from al_ray.commands.options import is_demonstration, is_known, read_corpus
from al_ray.commands.parser import add_columns, whole, word
from al_ray.corpus.facts import Findings, Problem
from al_ray.corpus.findings import findings
from al_ray.corpus.tokens.lengths import token_lengths
from al_ray.corpus.written import check_new, write
from al_ray.errors import UserError
from al_ray.io import terminal
from al_ray.io.storage import said
from al_ray.io.table import LINE, NOTHING, Column, Row, Table
from al_ray.language import tr
from al_ray.learners.encoder.source import resolve
from al_ray.tasks import TASKS

NAMES = ("check",)

_APART: Final = 0.05
_LABELS: Final = 30


def add_commands(commands: Any) -> None:
    """Add the parser of `check` to those of `al-ray`."""
    check = commands.add_parser("check", help="what is in a corpus, and what is wrong with it")
    check.add_argument(
        "data", type=word, metavar="DATA", help="folder or file, embedded, nsmc or ynat"
    )
    add_columns(check)
    check.add_argument("--model", metavar="MODEL", help="count tokens as this encoder does")
    check.add_argument("--max-length", type=whole, metavar="N", help="tokens; default: 128")
    check.add_argument(
        "--fix",
        dest="out",
        type=word,
        metavar="OUT",
        help="write the corpus, as it is read, to this new folder: label variants joined, rows "
        "without a label apart",
    )
    check.add_argument("--json", action="store_true", help="for machines")


def run_command(options: argparse.Namespace, console: Console) -> int:
    """Run `check`.

    Raises:
        UserError: an option or the corpus cannot be used, or the folder to write is none.
    """
    length = 128 if options.max_length is None else options.max_length
    if length < 1:
        raise UserError("--max-length {length}: too short; give at least 1", length=length)
    if options.max_length is not None and options.model is None:
        raise UserError("--max-length {length}: whose tokens? give --model too", length=length)
    if options.out is not None and is_demonstration(options):
        raise UserError(
            "--fix {out}: generated text needs none; give a file or folder", out=options.out
        )
    fixed = None if options.out is None else check_new(options.out)
    if fixed is not None and options.label_variants is None:
        options.label_variants = None if is_known(options) else "join"
    corpus = read_corpus(options, keep_unlabelled=fixed is not None)
    tokens = None
    if options.model is not None:
        folder = Path(options.model).expanduser()
        with tempfile.TemporaryDirectory() as cache:
            if not folder.is_dir():  # where there is one its tokenizer is enough
                folder = resolve(options.model, corpus, Path(cache)).folder
            tokens = token_lengths(corpus, folder)
    task = TASKS[corpus.task]
    found = findings(corpus, tokens, length, task.head == "context")
    files = {} if fixed is None else write(corpus, fixed)
    if options.json:
        model = {"model": said(options.model), "max_length": length} if options.model else {}
        written = {"files": {str(path): rows for path, rows in files.items()}} if files else {}
        answer = {**asdict(found), **model, "notes": corpus.notes, **written}
        print(terminal.json_line(answer))
        return 0
    for note in corpus.notes:
        terminal.say(console, note)
    longer = tr("in windows of {n:,}") if task.head == "context" else tr("cut at {n:,}")
    console.print(_facts(found, longer.format(n=length), task.facts(corpus)))
    wrong = tr("What is wrong, worst first:") if found.problems else tr("Nothing is wrong.")
    terminal.say(console, wrong)
    for problem in found.problems:
        line = tr("{message}: {remedy}.", message=problem.message, remedy=problem.remedy)
        terminal.say(console, f"- {line}{_shown(problem)}")
    if files:
        terminal.say(
            console,
            tr(
                "Written; to study it: al-ray run {folder} --model ENCODER",
                folder=shlex.quote(str(fixed)),
            ),
        )
    for path, rows in files.items():
        split = path.stem.removeprefix("unlabelled-")
        line = tr("{path}, {n:,} rows.", path=path, n=rows)
        if split != path.stem:
            line = tr(
                "{path}, {n:,} rows: fill in their labels, and put them into {split}.csv.",
                path=path,
                n=rows,
                split=split,
            )
        terminal.say(console, f"- {line}")
    return 0


def _facts(found: Findings, longer: str, of_task: Sequence[Row]) -> Table:
    """Train and tests side by side, and what a task says of them.

    Args:
        longer: what becomes of texts that are longer than the model takes.
    """
    splits = found.splits
    rows: list[Row] = [
        (tr("rows"), *(f"{split.rows:,}" for split in splits)),
        (tr("empty, left out"), *(f"{split.empty:,}" for split in splits)),
        (tr("duplicates"), *(f"{split.duplicates:,}" for split in splits)),
        LINE,
    ]
    units = [(tr("characters, median"), [split.characters for split in splits])]
    counted = [split.tokens for split in splits if split.tokens is not None]
    if counted:
        units.append((tr("tokens, median"), [cut.lengths for cut in counted]))
    for place, (unit, lengths) in enumerate(units):
        rows += [
            (unit, *(f"{each.median:,}" for each in lengths)),
            (tr("95 % have up to"), *(f"{each.most:,}" for each in lengths)),
            (tr("longest"), *(f"{each.longest:,}" for each in lengths)),
            *([LINE] if not place else []),
        ]
    if counted:
        rows += [
            (
                longer,
                *(tr("{share:.1f} %", share=100 * cut.share) for cut in counted),
            ),
            (tr("texts looked at, seeded"), *(f"{cut.sampled:,}" for cut in counted)),
            LINE,
        ]
    rows += [*of_task, *([LINE] if of_task else [])]
    order = sorted(range(len(found.labels)), key=lambda code: -splits[0].labels[code])
    apart = False
    for code in sorted(order[:_LABELS]):
        cells = []
        shares = [split.labels[code] / max(1, sum(split.labels)) for split in splits]
        for split, share in zip(splits, shares, strict=True):
            differs = abs(share - shares[0]) > _APART
            apart |= differs
            mark = "!" if differs else " "
            cells.append(
                tr("{n:,}  {share:5.1f} %", n=split.labels[code], share=100 * share) + f" {mark}"
            )
        rows.append((found.labels[code], *cells))
    rows += [LINE] if found.labels else []
    if len(order) > _LABELS:
        rows += [(tr("and {n:,} rarer labels", n=len(order) - _LABELS),), LINE]
    shifts = (f"{split.shift:.3f}" for split in splits[1:])
    if found.labels:
        rows.append((tr("total variation from train"), NOTHING, *shifts))
    return Table(
        [
            Column(""),
            *(Column(split.name, max(0, place - 1)) for place, split in enumerate(splits)),
        ],
        rows,
        tr("Corpus {name}", name=found.corpus),
        tr("! differs from train by more than 5 points") if apart else "",
    )


def _shown(problem: Problem) -> str:
    shown = [
        " = ".join(each.rows) + f" {each.text!r}" * bool(each.text) for each in problem.examples
    ]
    return " " + tr("For example {rows}.", rows=", ".join(shown)) if shown else ""
