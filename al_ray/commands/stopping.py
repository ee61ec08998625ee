"""`al-ray stopping`: when one could have stopped labelling, by criteria that need no test."""

from __future__ import annotations

import argparse
import math
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.text import Text

from al_ray.io.table import LINE, NOTHING, Column, Row, Table
from al_ray.io.terminal import json_line
from al_ray.language import mark, tr
from al_ray.results import Store
from al_ray.study.knobs import check

NAMES = ("stopping",)

CALLED = {
    "": mark("to the end"),
    "agreement": mark("agreement"),
    "change of F": mark("change of F"),
    "classification change": mark("classification change"),
    "overall uncertainty": mark("overall uncertainty"),
    "validation gain": mark("validation gain"),
    "gain excluded": mark("gain excluded"),
}


def add_commands(commands: Any) -> None:
    """Add the parser of `stopping` to those of `al-ray`."""
    stopping = commands.add_parser(
        "stopping", help="when one could have stopped labelling, and what that would have lost"
    )
    stopping.add_argument("out", metavar="OUT", help="results folder")
    stopping.add_argument(
        "--point-worth",
        type=float,
        metavar="LABELS",
        help="labels that a point of accuracy is worth; default: 50",
    )
    stopping.add_argument("--json", action="store_true", help="for machines")


def run_command(options: argparse.Namespace, console: Console) -> int:
    """Run `stopping`.

    Raises:
        UserError: no study there, or one without a stop set.
    """
    from al_ray.search.account import called
    from al_ray.search.stops import WORTH, stops

    worth = WORTH if options.point_worth is None else options.point_worth
    check(
        math.isfinite(worth) and worth > 0,
        "--point-worth {labels:g}: give labels above 0",
        labels=worth,
    )
    found = stops(Store(options.out), worth)
    if options.json:
        said = [{**asdict(each), "configuration": dict(each.configuration)} for each in found]
        answer = {"point_worth": worth, "stopped": said}
        print(json_line(answer))
        return 0
    rows: list[Row] = []
    for each in found:
        if not each.criterion:
            rows += [LINE, (Text(called(each.configuration), style="bold"),)]
        known = not math.isnan(each.low)
        rows.append(
            (
                f"  {tr(CALLED[each.criterion])}",
                f"{each.fired}/{each.trajectories}" if each.criterion else NOTHING,
                f"{each.labels:,.0f}",
                _points(each.below),
                tr("{low} to {high}", low=_points(each.low), high=_points(each.high))
                if known
                else NOTHING,
                f"{each.regret:,.0f}",
            )
        )
    columns = (
        *(Column(tr("criterion")), Column(tr("says stop"), 1), Column(tr("labels"))),
        *(Column(tr("below the end")), Column(tr("95 %"), 3), Column(tr("regret"))),
    )
    title = tr("When one could have stopped labelling")
    caption = tr(
        "Means over seeds; below the end are points on the test, which no criterion sees. Regret: "
        "labels above the best step, where a point of accuracy is worth {worth:g} labels.",
        worth=worth,
    )
    console.print(Table(columns, rows, title, caption))
    return 0


def _points(value: float) -> str:
    return f"{value:.1f}".replace("-0.0", "0.0")
