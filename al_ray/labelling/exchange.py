"""Where batches go and answers come from: a file, or a server of Label Studio."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from al_ray.corpus.entities import bare, moved, parse, written
from al_ray.errors import UserError
from al_ray.labelling.advance import learnable
from al_ray.labelling.answers.log import Said, now, reconciled
from al_ray.labelling.desk import Item
from al_ray.labelling.doubts import again
from al_ray.labelling.files import (
    READERS,
    WRITERS,
    content,
    is_there,
    read_csv,
    warning,
    write_new,
    write_text,
)
from al_ray.labelling.label_studio.api import Studio
from al_ray.labelling.label_studio.exports import answers
from al_ray.labelling.label_studio.formats import config, tasks
from al_ray.labelling.project import PULLING, Project
from al_ray.labelling.work import suggestions
from al_ray.language import mark, tr


def hand_out(project: Project, to: str, annotator: str | None, second: int | None) -> str:
    """Write what is asked now; answers with what is said of it.

    Args:
        project: whose batch.
        to: a file, by the ending of its name, or the address of a server.
        annotator: who is to answer; None: anybody.
        second: in place of the batch, so many rows that one more person should see.

    Raises:
        UserError: nothing is to be asked, or it cannot be written there.
    """
    path, server = Path(to), _is_address(to)
    if not project.batches():
        raise UserError(
            "{folder}: no batch is chosen yet; give: al-ray label next {folder}",
            folder=project.folder,
        )
    items = [Item(row, project.texts[row]) for row in _rows(project, annotator, second)]
    version, task = f"batch-{len(project.batches())}", project.facts.task
    if server:
        studio, number = _studio(project, to, make=True)
        new = studio.push(number, tasks(items, suggestions(project), version, task))
        return tr(
            "{address}: {new:,} of {n:,} rows are new there, in project {number}.",
            address=to,
            new=new,
            n=len(items),
            number=number,
        )
    kind = path.suffix.lower()
    if write := WRITERS.get(kind):
        write_new(path, write(items))
    elif kind == ".json":
        told = tasks(items, suggestions(project), version, task)
        text = json.dumps(told, ensure_ascii=False, indent=1)
        is_there(path, text)  # or it is refused, before either is written
        write_new(path.with_suffix(".xml"), config(project.facts.labels, task))
        write_new(path, text)
    else:
        raise UserError(
            "--to {path}: end its name in .csv, .jsonl or .json, or give http://HOST:PORT of a "
            "Label Studio",
            path=path,
        )
    return tr("{path}, {n:,} rows.", path=path, n=len(items))


def _rows(project: Project, annotator: str | None, second: int | None) -> list[str]:
    """What is to be asked.

    Raises:
        UserError: nothing.
    """
    word = project.word
    if second is not None and second < 1:
        raise UserError("--again {n}: give 1 or more", n=second)
    if second is not None:
        rows = again(project, word, second)
        why = TOO_FEW if project.task.few else NO_CONFLICT
    else:
        rows = project.left(project.batches()[-1], word, annotator)
        if not rows and not learnable(project, word):  # or nobody would be asked anything again
            rows = [row for row in project.ids(project.batches()[-1].rows) if row in word]
        why = ALL_ASKED if project.finished else NONE_LEFT
    if not rows:
        raise UserError(why, folder=project.folder)
    return rows


TOO_FEW = mark("{folder}: too few answers to tell what to ask again; label more")
NO_CONFLICT = mark(
    "{folder}: nothing is in conflict, and of marks nothing else can be told to ask again; go on "
    "with: al-ray label batch {folder} --to FILE"
)
ALL_ASKED = mark("{folder}: all was asked; to have the model: al-ray label finish {folder}")
NONE_LEFT = mark(
    "{folder}: nothing of this batch is left; choose the next: al-ray label next {folder}"
)


def take(project: Project, source: str, annotator: str) -> list[str]:
    """Keep what was answered; answers with what is said of it.

    Args:
        project: of which.
        source: a file, by the ending of its name, or the address of a server.
        annotator: who answered, where a file does not say.

    Raises:
        UserError: it cannot be read, or an answer is none of this project's; nothing is kept then.
    """
    if not _is_address(source):
        return _taken(project, source, annotator)
    with project.locked(PULLING):  # what a server says now is set against what it said before
        return _taken(project, source, annotator)


def _taken(project: Project, source: str, annotator: str) -> list[str]:
    path, timed = Path(source), True
    kind = path.suffix.lower()
    notes: list[str] = []
    events: Sequence[Said]
    export: Sequence[Mapping[str, object]]
    if _is_address(source):
        studio, number = _studio(project, source, make=False)
        export = studio.pull(number)
        told, notes = answers(export, project.facts.task)
        named = f"label-studio {source.rstrip('/')} {number}"
        told = [replace(said, source=named) for said in told]
        told = _on_own_texts(source, project, told)
        events = reconciled(told, project.log.events(), named, now())
    elif read := READERS.get(kind):
        taken = read(path, annotator)
        timed = taken.timed
        events = told = _on_own_texts(source, project, taken.events)
        notes += [warning()] if read is read_csv else []
        if taken.untouched:
            notes.append(tr("{n:,} rows are not filled in.", n=taken.untouched))
    elif kind == ".json":
        export = _json(path)
        told, notes = answers(export, project.facts.task)
        events = told = _on_own_texts(source, project, told)
    else:
        raise UserError("{path}: give .csv, .jsonl, or Label Studio's full JSON (.json)", path=path)
    try:
        project.check(events)
    except UserError as error:
        raise UserError("{path}: {why}", path=source, why=error) from None
    new = project.take(events, timed)
    said = tr("{n:,} answers and skips taken, {new:,} of them new.", n=len(told), new=len(new))
    return [*notes, said]


def _json(path: Path) -> list[Mapping[str, object]]:
    try:
        found: list[Mapping[str, object]] = json.loads(content(path))
    except (ValueError, RecursionError):
        raise UserError("{path}: no JSON; export it again", path=path) from None
    return found


def _is_address(where: str) -> bool:
    return where.startswith(("http://", "https://"))


def _on_own_texts(source: str, project: Project, events: Sequence[Said]) -> list[Said]:
    """What was said of copies of the texts, said of the texts.

    A program may take an id for a number, and so make it another's; and it may change blanks and
    the ends of lines, which moves what is behind them.

    Args:
        source: of the events, for a message.
        project: whose texts.
        events: any of them.

    Raises:
        UserError: a row has another text there than in the project.
    """
    few, made = project.task.few, []
    for said in events:
        here = project.texts.get(said.row_id)
        there = said.text
        if there is None or (few and not bare(there)):  # it has none, or somebody took it out
            there = here
        if here is not None and there is not None and bare(there) != bare(here):
            raise UserError(
                mark(
                    "{path}: row {row!r} has another text than the project; if the program that "
                    "wrote it changed the text, take the column 'text' out, else correct its row "
                    "ids"
                )
                if few
                else mark(
                    "{path}: row {row!r} has another text than the project, so that its marks "
                    "cannot be placed; correct its text or its row id, or label the row anew"
                ),
                path=source,
                row=said.row_id[:60],
            )
        answer = said.answer
        if answer and not few and here is not None and there is not None and there != here:
            try:
                answer = written(moved(parse(answer), there, here))
            except ValueError:
                raise UserError(
                    "{path}: row {row!r}: {answer!r} cannot be placed in its text, whose blanks "
                    "were changed there; correct it, or label the row anew",
                    path=source,
                    row=said.row_id[:60],
                    answer=answer[:60],
                ) from None
        made.append(said if answer == said.answer else replace(said, answer=answer))
    return made


def _studio(project: Project, address: str, make: bool) -> tuple[Studio, int]:
    """The server, and the number that the project has there; it is kept in the project's folder.

    Raises:
        UserError: no token, no project there, or as `Studio`.
    """
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
        studio.check(number, project.facts.labels, project.facts.task)
    elif make:
        facts = project.facts
        number = studio.make(facts.name, facts.labels, project.guideline, facts.task)
        write_text(path, json.dumps({**known, address.rstrip("/"): number}))
    else:
        raise UserError(
            "{address}: nothing of this project is there; send a batch: al-ray label batch "
            "{folder} --to {address}",
            address=address,
            folder=project.folder,
        )
    return studio, number
