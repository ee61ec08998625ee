"""A search before a study: what it found, in words; and `al-ray search`, which says it again."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from al_ray.commands.parser import whole, word
from al_ray.io.storage import within
from al_ray.io.table import LINE, NOTHING, Column, Row, Table
from al_ray.io.terminal import plain, say
from al_ray.language import mark, tr
from al_ray.results import Store
from al_ray.results.folder import SEARCH
from al_ray.study.config import StudyConfig, union
from al_ray.study.knobs import check

if TYPE_CHECKING:
    from al_ray.cluster.search import Found
    from al_ray.search.account import Entry
    from al_ray.search.early import Early

NAMES = ("search",)

STATES = {
    "best": mark("best"),
    "stopped": mark("let go"),
    "failed": mark("failed"),
    "left": mark("going on"),
}


def add_commands(commands: Any) -> None:
    """Add the parser of `search` to those of `al-ray`."""
    search = commands.add_parser(
        "search", help="what a search compared by validation rows, and whom it let go where"
    )
    search.add_argument("out", metavar="OUT", help="results folder")
    search.add_argument(
        "--replays",
        type=whole,
        metavar="N",
        help="of a study that ran all of a grid: how far its early order can be trusted, and what "
        "each search, replayed so often with seeds in other orders, would have cost and missed",
    )
    search.add_argument(
        "--journal",
        type=word,
        metavar="FILE",
        help="write a journal of Optuna's, which optuna-dashboard FILE opens; a search has one in "
        "OUT/search/optuna.journal",
    )
    search.add_argument("--json", action="store_true", help="for machines")


def run_command(options: argparse.Namespace, console: Console) -> int:
    """Run `search`.

    Raises:
        UserError: no search there.
    """
    from al_ray.search.account import account, called

    if options.journal is not None:
        return _journal(options, console)
    if options.replays is not None:
        return _replayed(options, console)
    store = Store(folder_of(options.out))
    check(
        not store.study_json.get("trajectories").get("tests"),
        "{out}: no search there; run the study with --search, or see what one would have done on "
        "it with --replays 100",
        out=options.out,
    )
    entries = account(store)
    if options.json:
        said = [{"name": called(e.configuration), **asdict(e)} for e in entries]
        for each in said:
            each["configuration"] = dict(each["configuration"])
        print(plain(json.dumps({"configurations": said}, ensure_ascii=False)))
        return 0
    print_account(entries, console)
    return 0


def _journal(options: argparse.Namespace, console: Console) -> int:
    from al_ray.search.journal import write_journal
    from al_ray.search.recorded import read

    path = Path(options.journal)
    check(
        not path.exists() and path.parent.is_dir(),
        "--journal {path}: is there already, or its folder is not; give another",
        path=path,
    )
    write_journal(read(Store(folder_of(options.out))), path)
    say(console, tr("Journal: {path}; to see it: optuna-dashboard {path}", path=path))
    return 0


def _replayed(options: argparse.Namespace, console: Console) -> int:
    from al_ray.search.early import early, first_rung
    from al_ray.search.recorded import read
    from al_ray.search.replay import methods, replay, spread

    check(options.replays >= 1, "--replays {n}: give 1 or more", n=options.replays)
    recorded = read(Store(options.out))
    check(
        len(recorded.configurations) > 1 and bool(recorded.seeds) and bool(recorded.tested.curves),
        "{out}: a replay needs two configurations or more that have a seed in common, and a test; "
        "give a study that has",
        out=options.out,
    )
    one, every = early(recorded, 1), early(recorded)
    found = {
        name: replay(recorded, make, options.replays) for name, make in methods(recorded).items()
    }
    seconds = spread([each.seconds for each in found["all"]])[0]
    rung = first_rung(every)
    if options.json:
        said = {
            "early": [asdict(each) for each in [*one, *every]],
            "first_rung": rung,
            "replays": {
                name: {
                    "share_of_seconds": [each.seconds / seconds for each in of],
                    "regret": [each.regret for each in of],
                    "fits": [each.fits for each in of],
                }
                for name, of in found.items()
            },
        }
        print(plain(json.dumps(said, ensure_ascii=False).replace("NaN", "null")))
        return 0
    console.print(_early_table(one, every))
    if rung is None:
        say(console, tr("No number of labels puts the first within a point of the best."))
    else:
        say(console, tr("First rung: {labels} labels.", labels=rung))
    columns = (
        *(Column(tr("search")), Column(tr("time")), Column(tr("90 % of these"), 2)),
        *(Column(tr("fits"), 1), Column(tr("regret")), Column(tr("90 % of these"), 3)),
    )
    rows = []
    for name, of in found.items():
        share, low, high = spread([each.seconds / seconds for each in of])
        regret, least, most = (100 * x for x in spread([each.regret for each in of]))
        rows.append(
            (
                name,
                f"{share:.2f}",
                f"{low:.2f}–{high:.2f}",
                f"{sum(each.fits for each in of) / len(of):,.0f}",
                f"{regret:.2f}",
                f"{least:.2f}–{most:.2f}",
            )
        )
    title = tr(
        "Searches among {n} configurations and {seeds} seeds, {times} replays each",
        n=len(recorded.configurations),
        seeds=len(recorded.seeds),
        times=options.replays,
    )
    caption = tr(
        "Time: of devices, beside that of all. Regret: points of area under the test curve by "
        "which the winner is behind the best; that of all is what validation rows would choose."
    )
    console.print(Table(columns, rows, title, caption))
    return 0


def _early_table(one: Sequence[Early], every: Sequence[Early]) -> Table:
    columns = (
        *(Column(tr("labels")), Column(tr("seeds")), Column("τ-b")),
        *(Column(tr("regret")), Column(tr("95 %"), 1)),
        *(Column(tr("rows in common"), 2), Column(tr("τ-b of these"), 3)),
    )

    def number(value: float) -> str:
        return NOTHING if math.isnan(value) else f"{value:.2f}"

    rows = [
        (
            f"{each.labels:,}",
            str(each.seeds),
            number(each.tau),
            f"{100 * each.regret:.2f}",
            f"{100 * each.low:.2f}–{100 * each.high:.2f}",
            number(each.overlap),
            number(each.alike),
        )
        for each in (*one, *every)
    ]
    title = tr("How far the order at so many labels can be trusted")
    caption = tr(
        "τ-b: Kendall's, of the order by validation rows there with that of the area under the "
        "test curve. Regret: points that stopping there would have missed, over draws of seeds. "
        "Rows in common: of those that two configurations have chosen."
    )
    return Table(columns, rows, title, caption)


def folder_of(out: str) -> str:
    """Of a search: that of its study, or the one in it."""
    there = within(out, SEARCH)
    return there if Store(there).study_json.read() is not None else out


def print_account(entries: Sequence[Entry], console: Console) -> None:
    """A table of configurations, in two halves."""
    from al_ray.search.account import called

    rows: list[Row] = []
    for half in (False, True):
        here = [entry for entry in entries if entry.random == half]
        if not here:
            continue
        title = tr("random, tuned as hard") if half else tr("strategies")
        rows += [LINE, (Text(title, style="bold"),)]
        rows += [
            (
                f"  {called(entry.configuration)}",
                tr(STATES[entry.state]),
                f"{entry.labels:,}" if entry.labels else NOTHING,
                str(entry.seeds),
                f"{entry.accuracy:.3f}" if entry.seeds else NOTHING,
                f"{entry.area:.3f}" if entry.seeds else NOTHING,
                entry.why or NOTHING,
            )
            for entry in here
        ]
    columns = (
        Column(tr("configuration")),
        Column(tr("state"), left=True),
        Column(tr("labels")),
        Column(tr("seeds"), 2),
        Column(tr("accuracy"), 1),
        Column(tr("area")),
        Column(tr("why"), 3, left=True),
    )
    title = tr("The search, by validation rows: means over seeds, as far as each was run")
    caption = tr("Numbers at different numbers of labels are not to be compared.")
    console.print(Table(columns, rows, title, caption))


def final_study(study: StudyConfig, found: Found) -> StudyConfig:
    """What is compared on the test, on seeds that the search has not seen.

    The best of the strategies, random at its own best and, where that is another training, random
    at the strategy's, without which nobody could tell what the training gains from what it saves.
    """
    asked = found.asked
    best = [asked.at(each.order[0]) for each in found.rounds.values()]
    beside = [replace(part, strategies=("random",)) for part in best]
    parts = list(dict.fromkeys(map(_Whole, [*best, *beside])))
    return union([part.study for part in parts])


class _Whole:
    """A study, equal to those that have the same trajectories."""

    def __init__(self, study: StudyConfig) -> None:
        self.study = study
        frozen = study.heads == ("frozen",)
        self._key = repr(replace(study, training=study.frozen_training) if frozen else study)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Whole) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


def final_lines(store: Store) -> list[str]:
    """What the comparison at its end came to, of a study that came out of a search."""
    from al_ray.analysis.searched import lines
    from al_ray.analysis.study import load

    if store.storage.local is None or not (store.folder / SEARCH).is_dir():
        return []
    loaded = load(store.folder)
    return [] if loaded.curves().empty else lines(loaded)


def say_found(found: Found, out: str, console: Console) -> None:
    """Who goes on to the test, and what the search took."""
    from al_ray.search.account import account, called
    from al_ray.search.journal import write_journal
    from al_ray.search.recorded import read

    store = Store(out)
    if store.storage.local is not None:
        write_journal(read(store), store.folder / "optuna.journal")
    entries = account(store)
    print_account(entries, console)
    hours = sum(entry.seconds for entry in entries) / 3600
    line = tr(
        "The search took {hours:.2f} device-hours, and saw no test row. Compared on the test now, "
        "on seeds {seeds}: {best}.",
        hours=hours,
        seeds=", ".join(map(str, found.asked.study.seeds)),
        best=tr(" and ").join(called(each.order[0]) for each in found.rounds.values()),
    )
    say(console, line)
