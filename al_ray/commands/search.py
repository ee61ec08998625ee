"""A search before a study: what it found, in words; and `al-ray search`, which says it again."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from al_ray.commands.parser import whole, word
from al_ray.commands.replays import print_replays
from al_ray.errors import UserError
from al_ray.io.storage import within
from al_ray.io.table import LINE, NOTHING, Column, Row, Table
from al_ray.io.terminal import json_line, say
from al_ray.language import tr
from al_ray.results import Store
from al_ray.results.folder import SEARCH
from al_ray.study.knobs import check

if TYPE_CHECKING:
    from al_ray.corpus import Corpus
    from al_ray.learners.encoder.source import ModelSource
    from al_ray.search.account import Entry
    from al_ray.study.config import StudyConfig
    from al_ray.study.running import RunConfig

NAMES = ("search",)


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
        check(
            folder_of(options.out) == options.out,
            "{out}: came out of a search, and holds what that left; give a study that ran all of a "
            "grid",
            out=options.out,
        )
        return print_replays(Store(options.out), options.replays, options.json, console)
    store = Store(folder_of(options.out))
    check(
        not store.study_json.get("trajectories").get("tests"),
        "{out}: no search there; run the study with --search, or see what one would have done on "
        "it with --replays 100",
        out=options.out,
    )
    entries = account(store)
    if options.json:
        said = [
            {"name": called(e.configuration), **asdict(e), "configuration": dict(e.configuration)}
            for e in entries
        ]
        print(json_line({"configurations": said}))
        return 0
    print_account(entries, console)
    return 0


def _journal(options: argparse.Namespace, console: Console) -> int:
    from al_ray.search.journal import write_journal
    from al_ray.search.recorded import read

    path = Path(options.journal)
    check(
        not os.path.lexists(path),
        "--journal {path}: is there already; give another",
        path=path,
    )
    recorded = read(Store(folder_of(options.out)))
    try:
        write_journal(recorded, path)
    except OSError as error:
        raise UserError(
            "--journal {path}: cannot be written ({reason}); give another",
            path=path,
            reason=error.strerror or type(error).__name__,
        ) from None
    if options.json:
        print(json_line({"journal": str(path)}))
        return 0
    say(console, tr("Journal: {path}; to see it: optuna-dashboard {path}", path=path))
    return 0


def folder_of(out: str) -> str:
    """Of a search: that of its study, or the one in it."""
    there = within(out, SEARCH)
    return there if Store(there).study_json.read() is not None else out


def print_account(entries: Sequence[Entry], console: Console) -> None:
    """A table of configurations, in two halves."""
    from al_ray.search.account import STATES, called, told

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
                told(entry.why) or NOTHING,
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


def final_lines(store: Store) -> list[str]:
    """What the comparison at its end came to, of a study that came out of a search."""
    from al_ray.analysis.searched import lines
    from al_ray.analysis.study import load

    if store.storage.local is None or not (store.folder / SEARCH).is_dir():
        return []
    loaded = load(store.folder)
    return [] if loaded.curves().empty else lines(loaded)


def searched(
    study: StudyConfig,
    where: RunConfig,
    corpus: Corpus,
    models: Mapping[str, ModelSource],
    console: Console,
) -> StudyConfig:
    """Search first, over a corpus without its tests; what is left is compared on them.

    Raises:
        UserError: no configuration came to its end.
    """
    from al_ray.cluster.search import run_search
    from al_ray.search.account import account, called

    alone, there = replace(corpus, tests=()), replace(where, out=within(where.out, SEARCH))
    found = run_search(study, there, alone, models, console)
    if not found.done:
        raise UserError(
            "{out}: no configuration came to its end; mend what al-ray search {out} says, and give "
            "the same command again",
            out=there.out,
        )
    if any(each.cut for each in found.rounds.values()):
        say(console, tr("--budget-hours are used up: the search ends before its last rung."))
    entries = account(Store(there.out))
    print_account(entries, console)
    line = tr(
        "The search took {hours:.2f} device-hours, and saw no test row. Compared on the test now, "
        "on seeds {seeds}: {best}.",
        hours=sum(entry.seconds for entry in entries) / 3600,
        seeds=", ".join(map(str, study.seeds)),
        best=tr(" and ").join(called(each.order[0]) for each in found.rounds.values()),
    )
    say(console, line)
    return found.final()
