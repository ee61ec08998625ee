"""`al-ray label`: from texts without labels to labelled texts and a model, with people."""

from __future__ import annotations

import argparse
import math
import shlex
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

from rich.console import Console

from al_ray.analysis.metrics import score_of
from al_ray.commands.label_status import say_status
from al_ray.commands.like import winner
from al_ray.commands.parser import whole, word
from al_ray.corpus.reading.remote import fetched
from al_ray.errors import Damaged, UserError
from al_ray.io import terminal
from al_ray.io.bars import row_bar
from al_ray.io.storage import is_remote
from al_ray.language import mark, tr
from al_ray.study.knobs import add_knobs, given
from al_ray.study.learner import Head
from al_ray.study.training import Recipe, Training

if TYPE_CHECKING:
    from al_ray.labelling.project import Project

NAMES = ("label",)

PORT: Final = 8642
"""Always the same, so that a page finds its server again that was begun anew."""


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
    new.add_argument(
        "--task",
        choices=("classification", "tagging"),
        default="classification",
        help="what is answered: a label a text (default), or which characters are what, such as "
        "names of people",
    )
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
    new.add_argument(
        "--strategy", type=word, metavar="NAME", help="default: margin; of tagging mnlp"
    )
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
    try:
        return action(options, console)
    except Damaged as error:  # a study does it anew; what people said, nobody can
        raise UserError(
            "{path}: is damaged or was cut short; put it back from a copy of the project",
            path=error.values["path"],
        ) from None


def _new(options: argparse.Namespace, console: Console) -> int:
    from al_ray.corpus.reading.texts import read_texts
    from al_ray.labelling.begin import SIZE, begin
    from al_ray.labelling.files import content

    training = {n: v[0] if isinstance(v, list) else v for n, v in given(options, Training).items()}
    several = [n for n, v in given(options, Training).items() if isinstance(v, list) and len(v) > 1]
    if several:
        raise UserError(
            "--{name}: a project has one value; give one", name=several[0].replace("_", "-")
        )
    if options.recipe:
        training["recipe"] = options.recipe
    like = winner(options.like, options.model) if options.like else {}
    with ExitStack() as stack:
        where = options.data
        path = stack.enter_context(fetched(where)) if is_remote(where) else Path(where)
        train, notes = read_texts(path, options.text_column, options.id_column)
    for note in notes:
        terminal.say(console, note)
    if like and not like["won"] and not options.strategy:
        terminal.say(
            console,
            tr(
                "{out}: no strategy won there, so texts are chosen at random; --strategy NAME "
                "chooses another.",
                out=options.like,
            ),
        )
    project = begin(
        Path(options.project),
        train,
        options.labels,
        options.model or like.get("model") or "kobert",
        options.strategy or like.get("strategy") or "",
        like.get("size", SIZE) if options.step_size is None else options.step_size,
        options.head or like.get("head"),
        options.first,
        options.seed,
        {**like.get("training", {}), **training},
        guideline=content(Path(options.guideline)) if options.guideline else "",
        like=options.like or "",
        task=options.task,
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
    from al_ray.labelling.advance import Busy
    from al_ray.labelling.work import BUSY

    try:
        return _go_on(_opened(options), console, options.now)
    except Busy as busy:
        print(terminal.one_line(f"al-ray: {busy}"), file=sys.stderr)
        return BUSY


def _go_on(project: Project, console: Console, early: bool = False) -> int:
    """Learn and choose until people must be waited for, and say what came of it."""
    from al_ray.labelling.advance import advance

    score = tr(score_of({"score": project.task.score}))
    with (
        row_bar(console, tr("Tokens")) as tokens,
        row_bar(console, tr("Vectors")) as vectors,
        row_bar(console, tr("Fine-tuning"), "") as fitting,
        row_bar(console, tr("Texts"), "") as scoring,
    ):
        for step in advance(project, early, tokens, vectors, fitting, scoring):
            accuracy = (
                ""
                if math.isnan(step.accuracy)
                else tr(
                    "; {score} on texts drawn at random {share:.0f} %",
                    score=score,
                    share=100 * step.accuracy,
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
    from al_ray.labelling.exchange import hand_out

    terminal.say(console, hand_out(_opened(options), options.to, options.annotator, options.again))
    return 0


def _take(options: argparse.Namespace, console: Console) -> int:
    """Keep the answers, and go on; where another process is at that, it is left to it."""
    from al_ray.labelling.exchange import take

    project = _opened(options)
    for line in take(project, options.file, options.annotator):
        terminal.say(console, line)
    try:
        return _go_on(project, console)
    except UserError as error:  # what was said is kept all the same
        terminal.say(console, tr("The answers are kept. {why}", why=error))
        return 0


def _serve(options: argparse.Namespace, console: Console) -> int:
    from al_ray.labelling.page import Server
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
        Server(
            work,
            project.token(),
            options.port,
            options.annotators or None,
            listening=listening,
            wanted=work.go_on,
        ).run()
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
    say_status(project, found, console)
    return 0


def _finish(options: argparse.Namespace, console: Console) -> int:
    from al_ray.labelling.finish import finish

    project = _opened(options)
    updates = mark("{title}: {n:,} updates")
    with (
        row_bar(console, tr("Answers")) as answering,
        row_bar(console, tr("Fine-tuning"), updates) as fitting,
    ):
        found = finish(project, fitting, answering)
    at = found.measured
    if at.rows:
        terminal.say(
            console,
            tr(
                "On {n:,} texts drawn at random, which it did not learn: {score} {share:.1f} % "
                "(95 %: {low:.1f} to {high:.1f} %).",
                score=tr(score_of({"score": project.task.score})),
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
            "model (README.md says what opens it).",
            folder=found.folder,
            labelled=found.labelled,
            predicted=found.predicted,
        ),
    )
    return 0
