"""A file as columns of strings; and the files that are text, as TSV and CSV are."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pandas as pd

from al_ray.errors import CorpusError
from al_ray.io.reading import open_regular
from al_ray.language import mark, tr

TAGGED = (".conll", ".bio", ".iob", ".iob2", ".bioes")
"""Files of named entities, which are no tables; some are called .tsv or .txt."""
SUFFIXES = (".tsv", ".csv", ".jsonl", ".json", ".parquet", ".arrow", ".xlsx", ".txt", *TAGGED)
BINARY = (".parquet", ".arrow", ".xlsx")
"""Those that are packed already, so that there is no `.gz` of them."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", mark("UTF-8 with a byte order mark")),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),  # begins as UTF-16's does, so it comes first
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
LARGEST = 2**30
"""Bytes of a file, unpacked. It is held in memory several times over, and a small file may unfold
to as much as it likes."""

WIDEST = 1000
"""Columns of a delimited file: every row, however short, takes room and time for each of them."""

_PIECE = 2**20

# pandas ends a value at a NUL without a word, so it is written as two characters. The first is no
# character in use; where a file has it nevertheless, that is written as two as well.
_ESCAPES = (("\uffff", "\uffff0"), ("\0", "\uffff1"))


@dataclass(frozen=True)
class Column:
    """The values of one column, one a data row.

    Attributes:
        values: as strings, None where there is none; whole numbers without a point.
        numbers: how many of the values were numbers, not text.
    """

    values: list[str | None]
    numbers: int


@dataclass(frozen=True)
class Table:
    """The columns of one file; `fetch(i)` gives the values of column i, one a data row.

    Attributes:
        path: of the file.
        names: of the columns.
        rows: data rows, without the line of names.
        fetch: of a column's number.
        encoding: as it is said to the user; '' where the format has but one.
        notes: on what the format brings along.
        partly: whether rows may be without a label, as tasks are that nobody has come to.
    """

    path: Path
    names: tuple[str, ...]
    rows: int
    fetch: Callable[[int], Sequence[object]]
    encoding: str = ""
    notes: tuple[str, ...] = ()
    partly: bool = False

    def column(self, name: str) -> Column:
        """One column by name.

        Raises:
            CorpusError: two columns have this name, or a value is neither text nor a number.
        """
        if self.names.count(name) > 1:
            raise CorpusError(
                "{path}: column {name!r} is there twice; rename one", path=self.path, name=name
            )
        values: list[str | None] = []
        wrong: list[int] = []
        numbers = 0
        for row, value in enumerate(self.fetch(self.names.index(name)), start=1):
            try:
                values.append(_string(value))
            except ValueError:
                wrong.append(row)
            else:
                numbers += not isinstance(value, str) and values[-1] is not None
        if wrong:
            others = len(wrong) - 1
            raise CorpusError(
                "{path}: data row {row} has neither text nor a number in column "
                "{name!r}, or half a character{more}; correct it or name another column",
                path=self.path,
                row=wrong[0],
                name=name,
                more=tr(" (so have {n:,} more rows)", n=others) if others else "",
            )
        return Column(values, numbers)

    def texts(self, names: Sequence[str]) -> list[str | None]:
        """What is in these columns, one text a data row: joined by a blank where there is more.

        Raises:
            CorpusError: as of `column`.
        """
        columns = [self.column(name).values for name in names]
        if len(columns) == 1:
            return columns[0]
        return [
            " ".join(part for part in parts if part and part.strip())
            for parts in zip(*columns, strict=True)
        ]


def split_name(name: str) -> tuple[str, str]:
    """A file's name as stem and suffix, `.gz` included; the suffix is '' where it is not read."""
    lower = name.lower()
    gz = ".gz" if lower.endswith(".gz") else ""
    for suffix in SUFFIXES:
        if lower.endswith(suffix + gz) and not (gz and suffix in BINARY):
            return name[: -len(suffix + gz)], suffix + gz
    return name, ""


def opened(path: Path) -> IO[bytes]:
    """A file for reading, or one line on why it is none."""
    try:
        return open_regular(path)
    except ValueError as error:
        raise CorpusError(
            "{path}: {why}; give a file, or a folder of files", path=path, why=error
        ) from None
    except OSError as error:
        raise CorpusError(
            "{path}: cannot be read ({reason}); check the file",
            path=path,
            reason=error.strerror,
        ) from None


def content(path: Path, file: IO[bytes]) -> bytes:
    """All of a text file, unpacked."""
    pieces: list[bytes] = []
    packed = path.suffix.lower() == ".gz"
    try:
        with gzip.open(file) if packed else nullcontext(file) as source:
            while piece := source.read(_PIECE):
                pieces.append(piece)
                if sum(map(len, pieces)) > LARGEST:
                    raise too_large(path)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or tr("damaged")
        raise CorpusError(
            "{path}: cannot be read ({reason}); check the file", path=path, reason=reason
        ) from None
    return b"".join(pieces)


def too_large(path: Path) -> CorpusError:
    """What is raised of a file of more than `LARGEST` bytes."""
    return CorpusError(
        "{path}: holds more than {most:,} bytes unpacked, or than there is memory "
        "for; give fewer rows, or make numbered parts of it",
        path=path,
        most=LARGEST,
    )


def _string(value: object) -> str | None:
    if value is None or isinstance(value, str):
        if value:
            value.encode()  # JSON can hold half of an emoji, which no table or tokenizer takes
        return value
    if isinstance(value, float):
        # Integer labels became floats where their column had gaps.
        return None if value != value else str(int(value) if value.is_integer() else value)
    if isinstance(value, int):
        return str(value)
    raise ValueError


def check_width(path: Path, columns: int) -> None:
    """Refuse a file of more than `WIDEST` columns."""
    if columns > WIDEST:
        raise CorpusError(
            "{path}: has {n:,} columns, more than {most:,}; keep those that are needed",
            path=path,
            n=columns,
            most=WIDEST,
        )


def utf8(path: Path, data: bytes) -> tuple[bytes, str]:
    """The text as UTF-8 without a mark, and the encoding it was in; nothing is ever replaced."""
    for start, codec, said in _MARKS:
        if data.startswith(start):
            try:
                return data.decode(codec).encode(), said
            except UnicodeDecodeError as error:
                raise CorpusError(
                    "{path}: begins as {encoding} but is not at byte offset {offset}; save the "
                    "file as UTF-8",
                    path=path,
                    encoding=tr(said),
                    offset=error.start,
                ) from None
    # Separators, digits and Latin letters have a zero byte each, at every other place.
    if b"\0" in data and max(data[::2].count(0), data[1::2].count(0)) * 20 > len(data):
        raise CorpusError(
            "{path}: full of zero bytes, as UTF-16 without a byte order mark is; save the file "
            "as UTF-8",
            path=path,
        )
    try:
        data.decode()
        return data, "UTF-8"
    except UnicodeDecodeError as error:
        offset = error.start
    # Some damaged UTF-8 is also well-formed CP949, as other words.
    lenient = data.decode(errors="replace")
    broken = lenient.count("\ufffd")
    if sum(character > "\x7f" for character in lenient) > 2 * broken:
        raise CorpusError(
            "{path}: damaged UTF-8 at byte offset {offset}; save the file as UTF-8",
            path=path,
            offset=offset,
        )
    try:
        return data.decode("cp949").encode(), "CP949 (EUC-KR)"
    except UnicodeDecodeError as error:
        raise CorpusError(
            "{path}: neither UTF-8 (not from byte offset {offset}) nor CP949 (not from "
            "byte offset {other}); save the file as UTF-8",
            path=path,
            offset=offset,
            other=error.start,
        ) from None


def delimited(path: Path, data: bytes, encoding: str, suffix: str) -> Table:
    """Values with commas or tabs between them; quoted, but in `.txt`.

    Raises:
        CorpusError: not well-formed.
    """
    quoted = suffix != ".txt"
    if b"\n" not in data:
        data = data.replace(b"\r", b"\n")  # as Macs once ended lines
    separator = "," if suffix == ".csv" else "\t"
    check_width(path, data.partition(b"\n")[0].count(separator.encode()) + 1)
    with_nul = b"\0" in data
    if with_nul:
        for character, escape in _ESCAPES:
            data = data.replace(character.encode(), escape.encode())
    try:
        # Without header=None pandas takes a longer first row for an index; with lines ending in
        # \n alone, a stray \r stays a character of its text.
        frame = pd.read_csv(
            io.BytesIO(data.replace(b"\r\n", b"\n")),
            sep=separator,
            header=None,
            dtype=str,
            na_filter=False,
            quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
            lineterminator="\n",
        )
    except pd.errors.EmptyDataError:
        return Table(path, (), 0, lambda i: [], encoding)
    except pd.errors.ParserError as error:
        reason = " ".join(str(error).split())
        if ragged := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", reason):
            if ragged[1] == "1":
                raise _unnamed(path, data) from None
            others = _longer(data, separator, quoted, int(ragged[1])) - 1
            raise CorpusError(
                "{path}: line {line}{note} has {n} fields, not {of}{more}; quote the text or "
                "remove the extra separators",
                path=path,
                line=ragged[2],
                note=tr(" (a quoted text over several lines counts as one)") if quoted else "",
                n=ragged[3],
                of=ragged[1],
                more=tr(", and {n:,} more lines have too many", n=others) if others else "",
            ) from None
        if unclosed := re.search(r"EOF inside string starting at row (\d+)", reason):
            raise CorpusError(
                "{path}: the quotation mark opened on line {line} is never closed; close it, or "
                "name a tab-separated file without quoting .txt",
                path=path,
                line=int(unclosed[1]) + 1,
            ) from None
        raise CorpusError("{path}: {reason}; check the file", path=path, reason=reason) from None

    def fetch(i: int) -> list[object]:
        values = frame[i].tolist()[1:]
        return [_restored(value) for value in values] if with_nul else values

    names = tuple(_restored(name) if with_nul else name for name in frame.iloc[0].tolist())
    return Table(path, names, len(frame) - 1, fetch, encoding)


def _unnamed(path: Path, data: bytes) -> CorpusError:
    """Of a file whose first line is one value, and others are not."""
    first = data.partition(b"\n")[0].decode()
    if ";" in first:
        return CorpusError(
            "{path}: its values are separated by semicolons; save it with commas, or as .xlsx",
            path=path,
        )
    return CorpusError(
        "{path}: the first line, {line!r}, does not name as many columns as others have values; "
        "remove what stands above the names of the columns, or add them",
        path=path,
        line=first[:40],
    )


def _longer(data: bytes, separator: str, quoted: bool, width: int) -> int:
    """How many lines have more fields than there are columns; 1 where it cannot be told."""
    lines = io.StringIO(data.decode(), newline="\n")
    try:
        rows = csv.reader(
            lines, delimiter=separator, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
        )
        return max(1, sum(len(row) > width for row in rows))
    except csv.Error:
        return 1


def _restored(value: Any) -> Any:
    if isinstance(value, str):
        for character, escape in reversed(_ESCAPES):
            value = value.replace(escape, character)
    return value
