"""What Label Studio writes: the export of what was said, as events.

Made for Label Studio 1.23.2, community edition.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from al_ray.corpus.entities import Entity, bare, written
from al_ray.errors import UserError
from al_ray.labelling.answers.log import LONGEST_SECONDS, Said, is_time
from al_ray.labelling.label_studio.formats import CONTROL, OBJECT, ROW
from al_ray.language import tr, trn
from al_ray.tasks.classification import Classification

GROUND_TRUTH: Final = "ground truth"
EMPTY: Final = "empty submission"
"""Notes of events that were so marked, or had no choice; in English, since they are kept."""


def answers(
    export: Sequence[Mapping[str, Any]], task: str = Classification.name
) -> tuple[list[Said], list[str]]:
    """What an export says, and notes on what was left out or is special.

    Every annotation is an event: by the e-mail address of its annotator, or by their number where
    the export has no address (a file has numbers, `Studio.pull` gives addresses: take one project
    by one of the two); at the time of its last change. One that was changed since has its id and a
    later time, so it is a new event. One that was deleted is in no export: nothing is said of it.

    Args:
        export: the full JSON export, as parsed.
        task: what an answer is. In tagging a submission without a mark says that there is nothing
            to mark.

    Returns:
        The events in the export's order, each once; and notes for a person.

    Raises:
        UserError: it is no such export, or of a project that was configured otherwise.
    """
    given: Any = export
    if not isinstance(given, Sequence) or isinstance(given, str | bytes):
        raise UserError(
            "Label Studio export: is no list of tasks; export the project as JSON, not as CSV or "
            "CoNLL"
        )
    events: dict[str, Said] = {}
    seen: Counter[str] = Counter()
    read = _answer if task == Classification.name else _marks
    for number, entry in enumerate(given, 1):
        row, annotations = _task(entry, number)
        drafts = entry.get("drafts")
        seen["drafts"] += len(drafts) if isinstance(drafts, list) else 0
        seen["untouched"] += not annotations
        own = entry["data"].get(OBJECT)
        text = None if own is None else str(own)
        for annotation in annotations:
            said = _event(row, annotation, partial(read, row, text=text or ""), text)
            if said is None:
                seen["nobody"] += 1
            elif said.id not in events:  # an export to a storage may repeat them
                events[said.id] = said
                seen["empty"] += said.note.endswith(EMPTY)
                seen["ground truth"] += said.note.startswith(GROUND_TRUTH)
    return list(events.values()), _notes(seen)


def _notes(seen: Mapping[str, int]) -> list[str]:
    said = {
        "untouched": trn(
            "{n} task has no answer yet", "{n} tasks have no answer yet", seen["untouched"]
        ),
        "drafts": trn(
            "{n} draft is left out: it was not submitted",
            "{n} drafts are left out: they were not submitted",
            seen["drafts"],
        ),
        "empty": trn(
            "{n} submission without a choice counts as skipped",
            "{n} submissions without a choice count as skipped",
            seen["empty"],
        ),
        "ground truth": trn(
            "{n} annotation is marked as ground truth, and counts as any other",
            "{n} annotations are marked as ground truth, and count as any other",
            seen["ground truth"],
        ),
        "nobody": trn(
            "{n} annotation is left out: its annotator is no more",
            "{n} annotations are left out: their annotators are no more",
            seen["nobody"],
        ),
    }
    return [note for kind, note in said.items() if seen[kind]]


def _task(task: Any, number: int) -> tuple[str, list[Any]]:
    """The row and the annotations of an entry of an export."""
    data = task.get("data") if isinstance(task, Mapping) else None
    annotations = task.get("annotations") if isinstance(task, Mapping) else None
    if not isinstance(data, Mapping) or not isinstance(annotations, list):
        raise UserError(
            "Label Studio export, entry {n}: has no 'data' and 'annotations'; export the project "
            "as JSON, which keeps skips and annotators, not as JSON-MIN or CSV",
            n=number,
        )
    row = data.get(ROW)
    if isinstance(row, bool) or not isinstance(row, str | int) or row == "":
        raise UserError(
            "Label Studio export, task {task}: its data have no {field}; give an export of the "
            "project that al_ray filled",
            task=task.get("id", number),
            field=ROW,
        )
    return str(row), annotations


def _event(
    row: str, annotation: Any, read: Callable[[Mapping[str, Any]], str], text: str | None
) -> Said | None:
    """None where it is not known whose it is."""
    if not isinstance(annotation, Mapping):
        raise UserError(
            "Label Studio export, row {row!r}: an annotation cannot be read; export the project "
            "as JSON",
            row=row[:60],
        )
    name = _annotator(annotation.get("completed_by"))
    if not name:
        return None
    skipped = annotation.get("was_cancelled") is True
    answer = "" if skipped else read(annotation)
    notes = [GROUND_TRUTH] if annotation.get("ground_truth") is True else []
    if not (skipped or answer):
        notes.append(EMPTY)
    return Said(
        row_id=row,
        annotator=name,
        state="answered" if answer else "skipped",
        answer=answer,
        time=_time(row, annotation),
        annotation=str(annotation.get("id", "")),
        seconds=_seconds(annotation.get("lead_time")),
        note=", ".join(notes),
        source="label-studio",
        text=text,
    )


def _annotator(completed_by: Any) -> str:
    if isinstance(completed_by, Mapping):
        completed_by = completed_by.get("email") or completed_by.get("id")
    return str(completed_by or "")


def _answer(row: str, annotation: Mapping[str, Any], text: str) -> str:
    """The one choice of an annotation; '' where nothing was chosen."""
    parts = _parts(row, annotation)
    chosen = [name for part in parts for name in _named_by(row, annotation, part, "choices")]
    if len(chosen) > 1:
        raise UserError(
            "Label Studio export, row {row!r}, annotation {id}: has {n} choices, and one is asked "
            "for; label with the configuration that al_ray made",
            row=row[:60],
            id=annotation.get("id", "?"),
            n=len(chosen),
        )
    return chosen[0] if chosen else ""


def _marks(row: str, annotation: Mapping[str, Any], text: str) -> str:
    """The marks of an annotation, which may be none."""
    marks: list[Entity] = []
    for part in _parts(row, annotation):
        kinds, value = _named_by(row, annotation, part, "labels"), part["value"]
        found = _mark(value, kinds[0], text) if len(kinds) == 1 else None
        if found is None:
            raise UserError(
                "Label Studio export, row {row!r}, annotation {id}: a mark from {start} to {end} "
                "({labels}) is no part of the text with one label; make it anew there",
                row=row[:60],
                id=annotation.get("id", "?"),
                start=str(value.get("start"))[:20],
                end=str(value.get("end"))[:20],
                labels=", ".join(kinds)[:60],
            )
        marks.append(found)
    return written(marks)


def _parts(row: str, annotation: Mapping[str, Any]) -> list[Any]:
    found = annotation.get("result") or []
    if not isinstance(found, list):
        raise _foreign(row, annotation, found)
    return found


def _named_by(row: str, annotation: Mapping[str, Any], part: Any, control: str) -> list[str]:
    """The labels that a part of an annotation names.

    Args:
        row, annotation: of which it is a part.
        part: as exported.
        control: of which kind ours is, and the field that has the labels.

    Raises:
        UserError: it is of another control, or cannot be read.
    """
    value = part.get("value") if isinstance(part, Mapping) else None
    found: Any = value.get(control) if isinstance(value, Mapping) else None
    ours = isinstance(found, list) and all(isinstance(each, str) for each in found)
    if not ours or part.get("type") != control or part.get("from_name") != CONTROL:
        raise _foreign(row, annotation, part)
    named: list[str] = found
    return named


def _foreign(row: str, annotation: Mapping[str, Any], part: Any) -> UserError:
    return UserError(
        "Label Studio export, row {row!r}, annotation {id}: was made with {control}, and answers "
        "of {ours!r} alone can be read; label with the configuration that al_ray made",
        row=row[:60],
        id=annotation.get("id", "?"),
        control=_named(part),
        ours=CONTROL,
    )


def _mark(value: Mapping[str, Any], kind: str, text: str) -> Entity | None:
    """None where it is no part of this text."""
    start, end, said = (value.get(name) for name in ("start", "end", "text"))
    if type(start) is not int or type(end) is not int or not 0 <= start < end:
        return None
    if len(kind.split()) != 1:  # it would be read as another mark
        return None
    # Places are as a browser counts them, or as another program does that has made the mark.
    for first, last in (_places(text, start, end), (start, end)):
        marked = bare(text[first:last]) if 0 <= first < last <= len(text) else ""
        # Its page writes the two signs of an escape where a line ends.
        if marked and (said is None or bare(str(said).replace("\\n", "\n")) == marked):
            return Entity(first, last, unicodedata.normalize("NFC", kind))
    return None


def _places(text: str, start: int, end: int) -> tuple[int, int]:
    """Of characters, where a browser counts these; (0, 0) within one, or behind the text."""
    raw = text.encode("utf-16-le", "surrogatepass")
    if 2 * end > len(raw):
        return 0, 0
    try:
        before, inside = (
            raw[2 * a : 2 * b].decode("utf-16-le") for a, b in ((0, start), (start, end))
        )
    except UnicodeDecodeError:
        return 0, 0
    return len(before), len(before) + len(inside)


def _named(part: Any) -> str:
    if not isinstance(part, Mapping):
        return repr(part)[:60]
    name = str(part.get("from_name", "?"))[:60]
    return tr("{name!r} ({type})", name=name, type=str(part.get("type", "?"))[:60])


def _time(row: str, annotation: Mapping[str, Any]) -> datetime:
    said = annotation.get("updated_at") or annotation.get("created_at")
    try:
        time = datetime.fromisoformat(said)  # type: ignore[arg-type]
        if not is_time(time):
            raise ValueError(said)
    except (TypeError, ValueError):
        raise UserError(
            "Label Studio export, row {row!r}, annotation {id}: has no time that can be read "
            "({time!r}); export the project as JSON",
            row=row[:60],
            id=annotation.get("id", "?"),
            time=str(said)[:60],
        ) from None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def _seconds(lead_time: Any) -> float | None:
    if isinstance(lead_time, bool) or not isinstance(lead_time, int | float):
        return None
    return float(lead_time) if 0 <= lead_time < LONGEST_SECONDS else None
