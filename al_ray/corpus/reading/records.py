"""JSON: a record a line, an array of records, and what Label Studio exports."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from al_ray.corpus.reading.tables import Table
from al_ray.errors import CorpusError
from al_ray.io.reading import parse_json
from al_ray.language import tr

_ABOUT: Final = {
    *("annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement"),
    *("inner_id", "total_annotations", "cancelled_annotations", "total_predictions", "history"),
}
"""What Label Studio's JSON-MIN says of an annotation, not of the text."""

Record = dict[str, Any]


def json_lines(path: Path, data: bytes, encoding: str) -> Table:
    """A JSON object on each line.

    Raises:
        CorpusError: a line that is none.
    """
    records: list[Record] = []
    for number, line in enumerate(data.decode().split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = parse_json(line)
        except ValueError:
            record = None
        if not isinstance(record, dict):
            raise CorpusError(
                "{path}: line {number} is not a JSON object; write one on each line",
                path=path,
                number=number,
            )
        records.append(record)
    return _table(path, records, encoding)


def json_file(path: Path, data: bytes, encoding: str) -> Table:
    """An array of JSON objects, JSON Lines by another name, or an export of Label Studio.

    Raises:
        CorpusError: something else.
    """
    if not data.strip():
        return _table(path, [], encoding)
    try:
        found = parse_json(data)
    except ValueError as error:
        if data.lstrip().startswith(b"{") and b"}\n" in data.replace(b"\r", b""):
            return json_lines(path, data, encoding)
        said = " ".join(str(error).split())[:80]
        raise CorpusError(
            "{path}: not JSON, or damaged ({said}); write it again", path=path, said=said
        ) from None
    if isinstance(found, dict) and not _rows_in(found):
        found = [found]  # one line of JSON Lines
    if not isinstance(found, list) or not all(isinstance(record, dict) for record in found):
        raise _without_rows(path, found)
    try:
        if any("data" in task and {"annotations", "completions"} & set(task) for task in found):
            return _annotated(path, [_task(task) for task in found], encoding)
        if any("annotation_id" in task for task in found):
            return _annotated(path, _by_task(found), encoding)
    except (AttributeError, KeyError, TypeError):
        raise CorpusError(
            "{path}: an export of Label Studio whose choices are not understood; choose "
            "CSV where it exports",
            path=path,
        ) from None
    return _table(path, found, encoding)


def _flat(records: Sequence[Record]) -> list[Record]:
    """With `doc.body` for what all have in an object `doc`, and what lists of one value hold."""
    values: dict[str, list[Any]] = {}
    for record in records:
        for name, value in record.items():
            if value is not None:
                values.setdefault(name, []).append(value)
    nested = {name for name, each in values.items() if all(isinstance(v, dict) for v in each)}
    single = {name for name, each in values.items() if all(map(_is_single, each))}
    if not nested | single:
        return [*records]
    flat: list[Record] = []
    for record in records:
        flat.append({})
        for name, value in record.items():
            if name in nested:
                flat[-1] |= {f"{name}.{inner}": each for inner, each in (value or {}).items()}
            else:
                flat[-1][name] = value[0] if name in single and value else value
    return _flat(flat)


def _is_single(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 1 and not isinstance(value[0], list)


def _table(path: Path, records: Sequence[Record], encoding: str) -> Table:
    records = _flat(records)
    names = tuple(dict.fromkeys(name for record in records for name in record))

    def fetch(i: int) -> list[object]:
        return [record.get(names[i]) for record in records]

    return Table(path, names, len(records), fetch, encoding)


def _rows_in(found: Record) -> str | None:
    """The first name under which an object holds an array of objects."""
    return next(
        (
            name
            for name, value in found.items()
            if isinstance(value, list) and value and all(isinstance(each, dict) for each in value)
        ),
        None,
    )


def _without_rows(path: Path, found: object) -> CorpusError:
    name = _rows_in(found) if isinstance(found, dict) else None
    if name is None:
        return CorpusError(
            "{path}: holds no rows; write an array of objects, each with a text and a label",
            path=path,
        )
    there, key, to = (
        json.dumps(str(each), ensure_ascii=False)
        for each in (path, name, path.with_suffix(".jsonl"))
    )
    code = (
        f'import json, pandas; pandas.DataFrame(json.load(open({there}, encoding="utf-8"))[{key}])'
        f'.to_json({to}, orient="records", lines=True, force_ascii=False)'
    )
    return CorpusError(
        "{path}: holds no rows, but perhaps under {name!r}; convert it: {command}",
        path=path,
        name=name,
        command=shlex.join(["python", "-c", code]),
    )


# --- Label Studio -------------------------------------------------------------------------------

Task = tuple[Record, list[Record]]
"""What is given of a text, and what each annotation says of it."""


def _task(task: Record) -> Task:
    """Of the export JSON: an annotation says a choice under the name of its control."""
    said: list[Record] = []
    for annotation in task.get("annotations") or task.get("completions") or ():
        if annotation.get("was_cancelled"):
            continue
        said.append({})
        for region in annotation.get("result") or ():
            if region.get("type") == "choices":
                said[-1][region.get("from_name")] = _only(region["value"]["choices"])
    return {"id": task.get("id"), **(task.get("data") or {})}, said


def _by_task(rows: Iterable[Record]) -> list[Task]:
    """Of the export JSON-MIN: a row is an annotation, and has the text, too."""
    tasks: dict[str, list[Record]] = {}
    for number, row in enumerate(rows):
        tasks.setdefault(str(row.get("id", f"row {number}")), []).append(
            {name: _only(value) for name, value in row.items() if name not in _ABOUT}
        )
    return [({}, said) for said in tasks.values()]


def _only(value: Any) -> Any:
    """One choice; None where there are several, which are no label of one class."""
    choices = value.get("choices") if isinstance(value, dict) else value
    if isinstance(choices, list):
        choices = choices[0] if len(choices) == 1 else None
    return None if isinstance(choices, dict | list) else choices


def _annotated(path: Path, tasks: Sequence[Task], encoding: str) -> Table:
    """A row for each task; what most of its annotations say counts, a tie says nothing."""
    records: list[Record] = []
    settled = tied = 0
    for given, said in tasks:
        record = dict(given)
        votes = {name: Counter(each.get(name) for each in said) for each in said for name in each}
        for name, counts in votes.items():
            counts.pop(None, None)
            (first, most), *others = counts.most_common() or [(None, 0)]
            tie = any(count == most for _, count in others)
            record[name] = None if tie else first
            tied += tie
            settled += bool(others) and not tie
        records.append(record)
    if not any(each for _, said in tasks for each in said):
        raise CorpusError(
            "{path}: none of its {n:,} tasks has a choice; give an export of tasks "
            "that are annotated",
            path=path,
            n=len(tasks),
        )
    notes = []
    if settled or tied:
        note = tr(
            "{file}: the annotations of {n:,} tasks disagree; what most of them say is taken for "
            "{settled:,}, and {tied:,} are left without a label.",
            file=path.name,
            n=settled + tied,
            settled=settled,
            tied=tied,
        )
        notes.append(note)
    table = _table(path, records, encoding)
    return Table(path, table.names, table.rows, table.fetch, encoding, tuple(notes), partly=True)
