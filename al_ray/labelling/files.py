"""Batches as files and back: CSV and JSON Lines; Label Studio's are in `label_studio`."""

from __future__ import annotations

import codecs
import csv
import io
import json
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from al_ray.errors import UserError
from al_ray.io.files import atomic
from al_ray.io.reading import open_regular
from al_ray.labelling.answers.log import LONGEST_SECONDS, Said, is_time, now
from al_ray.labelling.desk import Item
from al_ray.language import mark, tr

COLUMNS = ("row_id", "text", "label", "annotator", "skipped", "seconds", "time", "annotation",
           "note")  # fmt: skip

NEEDED: Final = ("row_id", "label")
"""When a file is taken; of JSON Lines, in the first."""

BOM: Final = "\ufeff"

SKIPS = ("1", "x", "o", "y", "yes", "true", "skip", "skipped", "예", "건너뜀")
"""What a cell of `skipped` may hold, whatever the case; nothing: not skipped."""


@dataclass(frozen=True)
class Taken:
    """What a file says.

    Attributes:
        events: in the order of the file.
        timed: whether they have times of their own; otherwise that of taking.
        untouched: rows of which it says nothing.
    """

    events: list[Said]
    timed: bool
    untouched: int


def write_csv(path: Path, lines: Iterable[Sequence[object]]) -> None:
    """Lines of cells.

    Raises:
        UserError: as `write_text`.
    """
    write_text(path, csv_text(lines))


def csv_text(lines: Iterable[Sequence[object]]) -> str:
    """Lines of cells as CSV, after a byte order mark, without which Excel does not read Korean."""
    held = io.StringIO()
    csv.writer(held).writerows(lines)
    return BOM + held.getvalue()


def write_text(path: Path, text: str, check: Callable[[], object] | None = None) -> None:
    """A file that is there whole or not at all.

    Args:
        check: as of `atomic`.

    Raises:
        UserError: its folder is not there, or does not let it be written.
    """
    try:
        with atomic(path, check) as temp:
            Path(temp).write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise UserError(
            "{path}: cannot be written ({why}); give a file in a folder that you may write to",
            path=path,
            why=error.strerror,
        ) from None


def write_new(path: Path, text: str) -> None:
    """A file that was not there, or that has just this: what is in another is somebody's.

    Raises:
        UserError: as `is_there` or `write_text`.
    """
    if not is_there(path, text):
        write_text(path, text, check=lambda: is_there(path, text))  # it may have come since


def is_there(path: Path, text: str) -> bool:
    """Whether a file is there with this text.

    Raises:
        UserError: it is there with something else.
    """
    if not os.path.lexists(path):
        return False
    try:
        same = content(path) == text.removeprefix(BOM)
    except UserError:
        same = False
    if not same:
        raise UserError(
            "{path}: is there already, with something else; give another name, or take it away",
            path=path,
        )
    return True


def csv_batch(items: Sequence[Item]) -> str:
    """Rows to be filled in, as CSV."""
    empty = [""] * (len(COLUMNS) - 2)
    return csv_text([COLUMNS, *([item.row_id, item.text, *empty] for item in items)])


def jsonl_batch(items: Sequence[Item]) -> str:
    """Rows to be filled in, an object a line; what is to be filled in is null."""
    empty = dict.fromkeys(COLUMNS[2:])
    lines = (
        json.dumps({"row_id": item.row_id, "text": item.text, **empty}, ensure_ascii=False)
        for item in items
    )
    return "".join(line + "\n" for line in lines)


WRITERS: Final = {".csv": csv_batch, ".jsonl": jsonl_batch}
"""By the ending of a file's name."""


def read_csv(path: Path, annotator: str) -> Taken:
    """What was filled in.

    Raises:
        UserError: no such columns, or a cell that says nothing we know.
    """
    text = content(path)
    if "\n" not in text:  # as spreadsheets of old Macs end lines
        text = text.replace("\r", "\n")
    csv.field_size_limit(2**31 - 1)  # a text may be long
    try:
        head, _, rest = text.partition("\n")
        if re.fullmatch(r"sep=[,;\t]\r?", head):  # which some programs write for spreadsheets
            text, head = rest, rest.partition("\n")[0]
        delimiter = max(",;\t", key=head.count)  # as spreadsheets of some countries write it
        reader = csv.DictReader(io.StringIO(text), strict=True, delimiter=delimiter)
        _check_columns(path, reader.fieldnames or ())
        lines = list(reader)
    except csv.Error as error:
        raise UserError("{path}: {why}; save it as CSV again", path=path, why=error) from None
    for number, line in enumerate(lines, start=1):
        if any(line.get(None) or ()):
            raise UserError(
                "{path}: row {n} has more cells than columns; put a text that has {mark!r} in "
                "quotes",
                path=path,
                n=number,
                mark=delimiter,
            )
    return _taken(path, lines, annotator, "csv")


def read_jsonl(path: Path, annotator: str) -> Taken:
    """What was filled in.

    Raises:
        UserError: a line that is no object, or a value that says nothing we know.
    """
    lines: list[_Named] = []
    for number, line in enumerate(content(path).split("\n"), start=1):
        if line.strip():
            try:
                said = json.loads(line, object_pairs_hook=_Named)
            except (ValueError, RecursionError):
                said = None
            if not isinstance(said, _Named):
                raise UserError(
                    "{path}: line {n} is no JSON object; give one a line", path=path, n=number
                )
            _check_columns(path, said.written, needed=() if lines else NEEDED)
            lines.append(said)
    return _taken(path, lines, annotator, "jsonl")


READERS: Final = {".csv": read_csv, ".jsonl": read_jsonl}
"""By the ending of a file's name."""


def content(path: Path) -> str:
    """A file's text.

    Raises:
        UserError: there is none, or it is not UTF-8.
    """
    try:
        with open_regular(path) as file:
            data: bytes = file.read()
    except ValueError as error:
        raise UserError("{path}: {why}; give a file", path=path, why=error) from None
    except OSError as error:
        raise UserError(
            "{path}: cannot be read ({why}); check the file", path=path, why=error.strerror
        ) from None
    tried: Sequence[str] = ("utf-8", "cp949")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # "Unicode text"
        tried = ("utf-16",)
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):  # of which one begins so, too
        tried = ("utf-32", *tried)
    for encoding in tried:
        try:
            return data.decode(encoding).lstrip(BOM)  # some programs add one more
        except UnicodeDecodeError:
            continue
    raise UserError("{path}: neither UTF-8 nor CP949; save it as UTF-8", path=path)


class _Named(dict[str, Any]):
    """An object of JSON, and its names as they were written."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.written = [name for name, _ in pairs]


def _plain(name: object) -> str:
    return str(name).strip().casefold()


def _check_columns(path: Path, names: Sequence[str], needed: Sequence[str] = NEEDED) -> None:
    found = [name for name in map(_plain, names) if name]
    for name in found:
        if found.count(name) > 1:
            raise UserError(
                "{path}: column {name!r} is there twice; leave one", path=path, name=name
            )
    for name in needed:
        if name not in found:
            raise UserError(
                "{path}: no column {name!r}; keep the columns of the batch", path=path, name=name
            )


def _taken(path: Path, lines: Sequence[Mapping[str, Any]], annotator: str, source: str) -> Taken:
    lines = [{_plain(name): x for name, x in line.items()} for line in lines]
    events: dict[object, Said] = {}
    timed, taken_at, untouched = 0, now(), 0
    for number, line in enumerate(lines, start=1):

        def cell(name: str, line: Mapping[str, Any] = line) -> str:
            value = line.get(name)
            return "" if value is None else str(value).strip()

        answer, skip = cell("label"), cell("skipped").casefold()
        if skip not in ("", "0", "false", "no", *SKIPS):
            raise UserError(
                "{path}: row {n}: {value!r} in column 'skipped'; write x, or leave it empty",
                path=path,
                n=number,
                value=skip[:40],
            )
        skipped = skip in SKIPS
        if skipped and answer:
            raise UserError(
                "{path}: row {n}: skipped, and labelled {answer!r}; leave one empty",
                path=path,
                n=number,
                answer=answer[:40],
            )
        if not (answer or skipped):
            untouched += 1
            continue
        row = "" if line.get("row_id") is None else str(line["row_id"])
        text = line.get("text")
        time = _time(path, number, cell("time"))
        timed += time is not None
        who = unicodedata.normalize("NFC", cell("annotator") or annotator).strip()
        said = Said(
            row_id=row,
            annotator=who,
            state="skipped" if skipped else "answered",
            answer=unicodedata.normalize("NFC", answer),
            time=time or taken_at,
            annotation=cell("annotation"),
            seconds=_seconds(path, number, cell("seconds")),
            note=cell("note"),
            source=source,
            text=None if text is None else str(text),
        )
        # Of two lines that say the same when, or neither when, nobody knows which is meant.
        earlier = events.setdefault((row, who, time), said)
        if (said.state, said.answer) != (earlier.state, earlier.answer):
            raise UserError(
                "{path}: row {row!r} is there twice, as {one!r} and as {other!r} by {who}; leave "
                "one",
                path=path,
                row=row[:60],
                one=(earlier.answer or earlier.state)[:40],
                other=(answer or said.state)[:40],
                who=who[:60],
            )
    return Taken(list(events.values()), bool(events) and timed == len(events), untouched)


def _time(path: Path, number: int, said: str) -> datetime | None:
    if not said:
        return None
    try:
        found = datetime.fromisoformat(said)
        found = found if found.tzinfo else found.astimezone()
    except (ValueError, OverflowError):
        found = None
    if found is None or not is_time(found):
        raise UserError(
            "{path}: row {n}: {value!r} is no time; write 2026-01-31T09:30:00+09:00, or leave it "
            "empty",
            path=path,
            n=number,
            value=said[:40],
        )
    return found


def _seconds(path: Path, number: int, said: str) -> float | None:
    if not said:
        return None
    try:
        found = float(said)
    except ValueError:
        found = -1.0
    if not 0 <= found < LONGEST_SECONDS:
        raise UserError(
            "{path}: row {n}: {value!r} is no number of seconds; correct it, or leave it empty",
            path=path,
            n=number,
            value=said[:40],
        )
    return found


CSV_WARNING = mark(
    "CSV does not tell a changed answer from a new one, nor who gave it but by the column "
    "'annotator'; Label Studio's full JSON does."
)


def warning() -> str:
    """What is said where a CSV is taken."""
    return tr(CSV_WARNING)
