"""`al-ray compare`: studies side by side, in a terminal and on a page of their own."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from al_ray.commands.parser import word
from al_ray.commands.tables import effect
from al_ray.errors import UserError
from al_ray.io.table import LINE, NOTHING, Column, Row, Table
from al_ray.io.terminal import json_line, say
from al_ray.language import tr

if TYPE_CHECKING:
    from al_ray.analysis.side_by_side import Beside, Pair

NAMES = ("compare",)


def add_commands(commands: Any) -> None:
    """Add the parser of `compare` to those of `al-ray`."""
    compare = commands.add_parser("compare", help="studies side by side, on a page of their own")
    compare.add_argument("outs", nargs="+", metavar="OUT", help="results folders, two or more")
    compare.add_argument(
        "--into",
        type=word,
        metavar="FOLDER",
        help="of the page; default: reports/ and the studies' names",
    )
    compare.add_argument("--no-report", action="store_true", help="without the page")
    compare.add_argument("--json", action="store_true", help="for machines")


def run_command(options: argparse.Namespace, console: Console) -> int:
    """Run `compare`.

    Raises:
        UserError: fewer than two studies, no study there, or nothing of one is complete yet.
    """
    # SciPy, scikit-learn and what draws take a second to load; other commands need none of it.
    from al_ray.analysis.side_by_side import beside
    from al_ray.analysis.study import load
    from al_ray.report.beside import differing, write_comparison
    from al_ray.report.content import called

    if len(options.outs) < 2:
        raise UserError("compare {out}: give two results folders or more", out=options.outs[0])
    studies = [load(out) for out in options.outs]
    found = beside(studies)
    differences = differing(studies)
    page = None
    if not options.no_report:
        page = write_comparison(studies, found, differences, options.into)
    if options.json:
        print(json_line(_for_machines(found, differences, page)))
        return 0
    for name, answer in zip(found.names, found.answers, strict=True):
        console.print(f"{name}: {answer.sentence}.", soft_wrap=not console.is_terminal)
    console.print(_ends(found))
    for pair in found.pairs:
        if pair.why:
            say(console, pair.why + ".")
        else:
            console.print(_contrasts(pair))
    for what, values in differences:
        each = "; ".join(map(": ".join, zip(found.names, values, strict=True)))
        say(console, f"{called(what)} – {each}")
    if page is not None:
        say(console, tr("Page: {page}", page=page))
    return 0


def _ends(found: Beside) -> Table:
    rows: list[Row] = []
    for name, ends in zip(found.names, found.ends, strict=True):
        rows += [LINE, (Text(name, style="bold"),)]
        for row in ends.to_dict("records"):
            known = not math.isnan(row["n_labelled"])
            rows.append(
                (
                    f"  {row['name']}",
                    f"{row['n_labelled']:,.0f}" if known else NOTHING,
                    f"{row['final_mean']:.3f}" if known else NOTHING,
                    *effect(row),
                    tr(row["kind"]) if row["kind"] else NOTHING,
                )
            )
    columns = (
        *(Column(tr("arm")), Column(tr("labels"), 2), Column(tr("accuracy"))),
        *(Column(tr("points")), Column(tr("95 %"), 1), Column(tr("verdict"), left=True)),
    )
    title = tr("Each study: accuracy at the end, and points from its random over the curve")
    return Table(columns, rows, title)


def _contrasts(pair: Pair) -> Table:
    from al_ray.analysis.wording import test_rows

    columns = (
        *(Column(tr("arm")), Column(tr("labels"), 2), Column(tr("points")), Column(tr("95 %"))),
        *(Column(tr("found"), left=True), Column(tr("seeds"), 1, tr("{} seeds"))),
    )
    rows = [
        (
            one.name,
            f"{one.first:,}–{one.last:,}",
            *effect(vars(one.area)),
            one.found,
            f"{one.seeds} + {one.missing}" if one.missing else str(one.seeds),
        )
        for one in pair.contrasts
    ]
    title = tr(
        "{other} against {one} on the same {rows}, points of accuracy over the curve",
        other=pair.other,
        one=pair.one,
        rows=test_rows(pair.contrasts[0].rows, pair.contrasts[0].articles),
    )
    caption = tr("What is found is corrected over these arms (Holm); intervals are each arm's own.")
    if any(one.missing for one in pair.contrasts):
        caption += " " + tr("Seeds are those of both, + those that one of them lacks.")
    return Table(columns, rows, title, caption)


def _for_machines(
    found: Beside, differences: Sequence[tuple[str, Sequence[str]]], page: Any
) -> dict[str, Any]:
    return {
        "studies": [
            {
                "name": name,
                "conclusion": answer.as_dict(),
                "arms": json.loads(ends.to_json(orient="records")),
            }
            for name, answer, ends in zip(found.names, found.answers, found.ends, strict=True)
        ],
        "pairs": [pair.as_dict() for pair in found.pairs],
        "differences": [{"what": what, "values": values} for what, values in differences],
        "page": None if page is None else str(page),
    }
