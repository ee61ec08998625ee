"""`al-ray label`: from texts without labels to labelled texts and a model, with people."""

from __future__ import annotations

import argparse
import json
import math
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

import rich.progress
from rich.console import Console

from al_ray.commands.like import winner
from al_ray.commands.parser import whole, word
from al_ray.corpus.reading.remote import fetched
from al_ray.errors import UserError
from al_ray.io import terminal
from al_ray.io.storage import is_remote
from al_ray.io.table import NOTHING, Column, Row, Table
from al_ray.language import tr
from al_ray.study.knobs import add_knobs, given
from al_ray.study.learner import Head
from al_ray.study.training import Recipe, Training

if TYPE_CHECKING:
    from al_ray.labelling.answers import Said
    from al_ray.labelling.label_studio_api import Studio
    from al_ray.labelling.project import Project
    from al_ray.labelling.status import Status

NAMES = ("label",)

PORT: Final = 8642
"""Always the same, so that a page finds its server again that was begun anew."""

SHOWN: Final = 10
"""Doubts, conflicts and pairs that are listed."""


def add_commands(commands: Any) -> None:
    """Add the parser of `label` to those of `al-ray`."""
    label = commands.add_parser("label", help="label your texts with people, by the same loop")
    label.set_defaults(out=None)
    actions = label.add_subparsers(dest="action", required=True, metavar="ACTION")

    def add(name: str, help: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = actions.add_parser(name, help=help)
        parser.add_argument("project", type=word, metavar="PROJECT", help="its folder")
        return parser

    new = add("new", "begin a project on texts without labels, and choose the first batch")
    new.add_argument("--data", type=word, required=True, metavar="DATA", help="file or folder")
    new.add_argument("--labels", nargs="+", required=True, metavar="LABEL")
    new.add_argument("--text-column", nargs="+", metavar="NAME", help="default: detected, and said")
    new.add_argument("--id-column", metavar="NAME", help="default: detected, and said")
    new.add_argument("--guideline", type=word, metavar="FILE", help="text for annotators")
    new.add_argument(
        "--model",
        type=word,
        default=None,
        metavar="MODEL",
        help="kobert (default), a folder or a hub id",
    )
    new.add_argument("--strategy", type=word, metavar="NAME", help="default: margin")
    new.add_argument(
        "--step-size",
        type=whole,
        metavar="N",
        help="labels a batch, one in ten of them of texts drawn at random; default: 50",
    )
    new.add_argument(
        "--head",
        choices=get_args(Head),
        help="of the model that chooses; default: frozen where the encoder is pretrained",
    )
    new.add_argument(
        "--first",
        choices=("diverse", "random"),
        help="the first batch; default: diverse where the head is frozen",
    )
    new.add_argument("--seed", type=whole, default=0, metavar="SEED")
    new.add_argument("--recipe", choices=get_args(Recipe))
    new.add_argument(
        "--like",
        type=word,
        metavar="OUT",
        help="label as the winner of this study did; what is given takes its place",
    )
    add_knobs(new, Training, {int: whole})

    following = add("next", "learn what was answered, and choose the next batch")
    following.add_argument(
        "--now", action="store_true", help="though rows of this batch were not spoken of"
    )
    batch = add("batch", "write the batch that is asked now to a file")
    batch.add_argument(
        "--to",
        required=True,
        type=word,
        metavar="FILE",
        help=".csv, .jsonl, .json for Label Studio, or the address of a server of it",
    )
    batch.add_argument(
        "--annotator",
        type=word,
        metavar="NAME",
        help="who is to answer: of the texts drawn at random also those that others have answered",
    )
    batch.add_argument(
        "--again",
        type=whole,
        metavar="N",
        help="in place of the batch, N texts that were answered and that one more person should "
        "see: those in conflict, then by ActiveLab",
    )
    take = add("take", "read answers from a file")
    take.add_argument(
        "file",
        type=word,
        metavar="FILE",
        help=".csv, .jsonl, Label Studio's full JSON, or the address of its server",
    )
    take.add_argument(
        "--annotator",
        type=word,
        default="annotator",
        metavar="NAME",
        help="who answered, where the file does not say",
    )
    serve = add("serve", "a page to label in, on this machine alone")
    serve.add_argument("--port", type=whole, default=PORT, metavar="PORT", help=f"default: {PORT}")
    serve.add_argument("--annotators", nargs="+", default=[], metavar="NAME")
    status = add("status", "how the project stands")
    status.add_argument("--json", action="store_true", help="for machines")
    add("finish", "labelled rows, a model, and its answers to all other rows")


def run_command(options: argparse.Namespace, console: Console) -> int:
    """Run one of them.

    Raises:
        UserError: an option, a file or a project that cannot be used.
    """
    action: Callable[[argparse.Namespace, Console], int] = {
        "new": _new,
        "next": _next,
        "batch": _batch,
        "take": _take,
        "serve": _serve,
        "status": _status,
        "finish": _finish,
    }[options.action]
    return action(options, console)


def _new(options: argparse.Namespace, console: Console) -> int:
    from al_ray.corpus.reading.texts import read_texts
    from al_ray.labelling.begin import SIZE, STRATEGY, begin
    from al_ray.labelling.files import content

    training = {n: v[0] if isinstance(v, list) else v for n, v in given(options, Training).items()}
    several = [n for n, v in given(options, Training).items() if isinstance(v, list) and len(v) > 1]
    if several:
        raise UserError(
            "--{name}: a project has one value; give one", name=several[0].replace("_", "-")
        )
    if options.recipe:
        training["recipe"] = options.recipe
    like = winner(options.like) if options.like else {}
    with ExitStack() as stack:
        where = options.data
        path = stack.enter_context(fetched(where)) if is_remote(where) else Path(where)
        train, notes = read_texts(path, options.text_column, options.id_column)
    for note in notes:
        terminal.say(console, note)
    project = begin(
        Path(options.project),
        train,
        options.labels,
        options.model or like.get("model") or "kobert",
        options.strategy or like.get("strategy") or STRATEGY,
        like.get("size", SIZE) if options.step_size is None else options.step_size,
        options.head or like.get("head"),
        options.first,
        options.seed,
        {**like.get("training", {}), **training},
        guideline=content(Path(options.guideline)) if options.guideline else "",
        like=options.like or "",
    )
    terminal.say(
        console,
        tr(
            "Project {folder}: {n:,} texts, {labels} labels; {strategy} with {model}, {size} "
            "labels a batch, one in ten of texts drawn at random.",
            folder=project.folder,
            n=len(train),
            labels=len(options.labels),
            strategy=project.config.spec,
            model=project.config.learner.model.name,
            size=project.facts.size,
        ),
    )
    return _go_on(project, console)


def _opened(options: argparse.Namespace) -> Project:
    from al_ray.labelling.project import Project

    return Project(options.project)


def _next(options: argparse.Namespace, console: Console) -> int:
    """Choose the next batch; where another process is at it, a code of its own says so."""
    from al_ray.labelling.project import Busy
    from al_ray.labelling.work import BUSY

    try:
        return _go_on(_opened(options), console, options.now)
    except Busy as busy:
        print(terminal.one_line(f"al-ray: {busy}"), file=sys.stderr)
        return BUSY


def _go_on(project: Project, console: Console, early: bool = False) -> int:
    """Learn and choose until people must be waited for, and say what came of it."""
    with _bar(console, tr("Tokens")) as tokens, _bar(console, tr("Vectors")) as vectors:
        for step in project.advance(early, tokens, vectors):
            accuracy = (
                ""
                if math.isnan(step.accuracy)
                else tr(
                    "; accuracy on texts drawn at random {share:.0f} %", share=100 * step.accuracy
                )
            )
            terminal.say(
                console,
                tr(
                    "Model {number}: learnt {n:,} labels in {seconds:.0f} s{accuracy}.",
                    number=step.step + 1,
                    n=step.n_labelled,
                    seconds=step.seconds,
                    accuracy=accuracy,
                ),
            )
    batch = project.batches()[-1]
    left = len(project.left(batch, project.word))
    if project.finished and not left:
        terminal.say(
            console,
            tr(
                "All was asked. To have the model: {command}",
                command="al-ray label finish " + shlex.quote(str(project.folder)),
            ),
        )
        return 0
    terminal.say(
        console,
        tr(
            "Batch {number}: {n:,} texts to label, {left:,} left. In a page: al-ray label serve "
            "{folder}; in a file: al-ray label batch {folder} --to FILE",
            number=batch.number + 1,
            n=len(batch),
            left=left,
            folder=shlex.quote(str(project.folder)),
        ),
    )
    if 0 < left < len(batch):
        terminal.say(
            console,
            tr(
                "To go on without the rest: al-ray label next {folder} --now",
                folder=shlex.quote(str(project.folder)),
            ),
        )
    return 0


def _batch(options: argparse.Namespace, console: Console) -> int:
    """To a file, or to a server of Label Studio."""
    from al_ray.labelling import label_studio
    from al_ray.labelling.desk import Item
    from al_ray.labelling.doubts import again
    from al_ray.labelling.files import write_batch, write_jsonl, write_text
    from al_ray.labelling.work import suggestions

    project, path = _opened(options), Path(options.to)
    server = options.to.startswith(("http://", "https://"))
    if not project.batches():
        raise UserError(
            "{folder}: no batch is chosen yet; give: al-ray label next {folder}",
            folder=project.folder,
        )
    batch, word = project.batches()[-1], project.word
    if not server:
        _check_unfilled(path)
    if options.again is None:
        rows = project.left(batch, word, options.annotator)
    else:
        rows = again(project, word, options.again)
    items = [Item(row, project.texts[row]) for row in rows]
    if not items and options.again is not None:
        raise UserError(
            "{folder}: too few answers to tell what to ask again; label more", folder=project.folder
        )
    if not items and project.finished:
        raise UserError(
            "{folder}: all was asked; to have the model: al-ray label finish {folder}",
            folder=project.folder,
        )
    if not items:
        raise UserError(
            "{folder}: nothing of this batch is left; choose the next: al-ray label next {folder}",
            folder=project.folder,
        )
    kind = path.suffix.lower()
    version = f"batch-{batch.number + 1}"
    if server:
        studio, number = _studio(project, options.to, make=True)
        new = studio.push(number, label_studio.tasks(items, suggestions(project), version))
        terminal.say(
            console,
            tr(
                "{address}: {new:,} of {n:,} rows are new there, in project {number}.",
                address=options.to,
                new=new,
                n=len(items),
                number=number,
            ),
        )
        return 0
    if kind == ".csv":
        write_batch(path, items)
    elif kind == ".jsonl":
        write_jsonl(path, items)
    elif kind == ".json":
        told = label_studio.tasks(items, suggestions(project), version)
        write_text(path, json.dumps(told, ensure_ascii=False, indent=1))
        write_text(path.with_suffix(".xml"), label_studio.config(project.facts.labels))
    else:
        raise UserError(
            "--to {path}: end its name in .csv, .jsonl or .json, or give http://HOST:PORT of a "
            "Label Studio",
            path=path,
        )
    terminal.say(console, tr("{path}, {n:,} rows.", path=path, n=len(items)))
    return 0


def _take(options: argparse.Namespace, console: Console) -> int:
    from al_ray.labelling import label_studio
    from al_ray.labelling.answers import now, reconciled
    from al_ray.labelling.files import content, read_csv, read_jsonl, warning
    from al_ray.labelling.project import Busy

    project, path = _opened(options), Path(options.file)
    kind, timed = path.suffix.lower(), True
    notes: list[str] = []
    events: Sequence[Said]
    taken_of: int | None = None
    if options.file.startswith(("http://", "https://")):
        studio, number = _studio(project, options.file, make=False)
        events, notes = label_studio.answers(studio.pull(number))
        source = f"label-studio {options.file.rstrip('/')} {number}"
        events = [replace(said, source=source) for said in events]
        taken_of = len(events)
        events = reconciled(events, project.log.events(), source, now())
    elif kind in (".csv", ".jsonl"):
        taken = (read_csv if kind == ".csv" else read_jsonl)(path, options.annotator)
        events, timed = taken.events, taken.timed
        _check_texts(path, project, taken.texts)
        notes += [warning()] if kind == ".csv" else []
        if taken.untouched:
            notes.append(tr("{n:,} rows are not filled in.", n=taken.untouched))
    elif kind == ".json":
        try:
            export = json.loads(content(path))
        except (ValueError, RecursionError):
            raise UserError("{path}: no JSON; export it again", path=path) from None
        events, notes = label_studio.answers(export)
    else:
        raise UserError("{path}: give .csv, .jsonl, or Label Studio's full JSON (.json)", path=path)
    new = project.take(events, timed)
    for note in notes:
        terminal.say(console, note)
    terminal.say(
        console,
        tr(
            "{n:,} answers and skips taken, {new:,} of them new.",
            n=len(events) if taken_of is None else taken_of,
            new=len(new),
        ),
    )
    try:
        return _go_on(project, console)
    except Busy as busy:
        terminal.say(console, str(busy))
        return 0


def _check_texts(path: Path, project: Project, texts: Mapping[str, str]) -> None:
    """A program that opens tables may take an id for a number, and so make it another's.

    Raises:
        UserError: a row has another text here than in the project.
    """
    for row, text in texts.items():
        if row in project.texts and text.split() != project.texts[row].split():
            raise UserError(
                "{path}: row {row!r} has the text of another; keep the columns of the batch as "
                "they are",
                path=path,
                row=row[:60],
            )


def _check_unfilled(path: Path) -> None:
    """Refuse to write over what somebody has filled in.

    Raises:
        UserError: the file holds answers.
    """
    from al_ray.labelling.files import read_csv, read_jsonl

    kind = {".csv": read_csv, ".jsonl": read_jsonl}.get(path.suffix.lower())
    if kind is None or not path.exists():
        return
    try:
        filled = bool(kind(path, "annotator").events)
    except UserError:
        filled = True  # what cannot be read may be somebody's work, too
    if filled:
        raise UserError(
            "{path}: is there, and filled in; take it first, or give another name", path=path
        )


def _studio(project: Project, address: str, make: bool) -> tuple[Studio, int]:
    """The server, and the number that the project has there; it is kept in the project's folder.

    Raises:
        UserError: no token, no project there, or as `Studio`.
    """
    from al_ray.labelling.files import write_text
    from al_ray.labelling.label_studio_api import Studio

    token = os.environ.get("LABEL_STUDIO_TOKEN", "")
    if not token:
        raise UserError(
            "{address}: LABEL_STUDIO_TOKEN is not set; put a token of your account there into it",
            address=address,
        )
    studio, path = Studio(address, token), project.folder / "label-studio.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    number = known.get(address.rstrip("/"))
    if number is not None:
        studio.check(number, project.facts.labels)
    elif make:
        number = studio.make(project.facts.name, project.facts.labels, project.guideline)
        write_text(path, json.dumps({**known, address.rstrip("/"): number}))
    else:
        raise UserError(
            "{address}: nothing of this project is there; send a batch: al-ray label batch "
            "{folder} --to {address}",
            address=address,
            folder=project.folder,
        )
    return studio, number


def _serve(options: argparse.Namespace, console: Console) -> int:
    from al_ray.labelling.page.server import serve
    from al_ray.labelling.work import Learning, Work, next_batch_of

    project = _opened(options)
    learning = Learning(next_batch_of(options.project))
    work = Work(project, learning)
    work.go_on()

    def listening(address: str) -> None:
        terminal.say(
            console, tr("To label: {address} (Ctrl-C ends; nothing is lost)", address=address)
        )

    try:
        serve(
            work,
            port=options.port,
            token=project.token(),
            names=options.annotators or None,
            listening=listening,
            wanted=work.go_on,
        )
    finally:
        learning.stop()
    return 0


def _status(options: argparse.Namespace, console: Console) -> int:
    from al_ray.labelling.status import status

    project = _opened(options)
    found = status(project)
    if options.json:
        print(terminal.json_line(asdict(found)))
        return 0
    _say_status(project, found, console)
    return 0


def _say_status(project: Project, found: Status, console: Console) -> None:
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
    console.print(
        Table([Column(""), Column("")], rows, title=tr("Project {name}", name=project.facts.name))
    )
    if found.curve:
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
                caption=tr(
                    "as people answer them, on texts drawn at random that no model has learnt; "
                    "{n} of these were skipped, and do not count",
                    n=found.unmeasured,
                ),
            )
        )
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
                    Column(tr("an hour")),
                ],
                people,
            )
        )
    for pair in found.pairs[:SHOWN]:
        apart = ", ".join(f"{a}/{b} {n}" for a, b, n in pair.apart[:3])
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


def _finish(options: argparse.Namespace, console: Console) -> int:
    from al_ray.labelling.finish import finish

    project = _opened(options)
    said = {"learning": tr("Fine-tuning the encoder …"), "answering": tr("Answering all rows …")}
    found = finish(project, lambda what: terminal.say(console, said[what]))
    at = found.measured
    if at.rows:
        terminal.say(
            console,
            tr(
                "Accuracy {share:.1f} % (95 %: {low:.1f} to {high:.1f} %) on {n:,} texts drawn at "
                "random, which it did not learn.",
                share=100 * at.accuracy,
                low=100 * at.low,
                high=100 * at.high,
                n=at.rows,
            ),
        )
    terminal.say(
        console,
        tr(
            "{folder}: labelled.csv ({labelled:,} rows), predictions.csv ({predicted:,} rows), "
            "model (transformers.pipeline opens it), README.md.",
            folder=found.folder,
            labelled=found.labelled,
            predicted=found.predicted,
        ),
    )
    return 0


@contextmanager
def _bar(console: Console, title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar with the time left, where there is somebody to see it."""
    columns = (
        rich.progress.TextColumn(title),
        rich.progress.BarColumn(),
        rich.progress.MofNCompleteColumn(),
        rich.progress.TimeRemainingColumn(),
    )
    bar = rich.progress.Progress(*columns, console=console, transient=True)
    task = bar.add_task("", total=None)

    def progress(done: int, total: int) -> None:
        if console.is_terminal:
            bar.start()
            bar.update(task, completed=done, total=total)

    try:
        yield progress
    finally:
        if bar.live.is_started:
            bar.stop()
