"""One file of the corpus, TSV, CSV, JSON Lines or Parquet, as columns of strings."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from al_ray.errors import CorpusError

SUFFIXES = (".tsv", ".csv", ".jsonl", ".parquet", ".txt")


@dataclass(frozen=True)
class Table:
    """The columns of one file; `fetch(i)` gives the values of column i, one a data row."""

    path: Path
    names: tuple[str, ...]
    fetch: Callable[[int], Sequence[object]]

    def column(self, name: str) -> list[str | None]:
        """The values as strings, None where there is none; whole numbers without a point.

        Raises:
            CorpusError: two columns have this name, or a value is neither text nor a number.
        """
        if self.names.count(name) > 1:
            raise CorpusError(f"{self.path}: column {name!r} is there twice; rename one")
        values = []
        for row, value in enumerate(self.fetch(self.names.index(name)), start=1):
            try:
                values.append(_string(value))
            except ValueError:
                raise CorpusError(
                    f"{self.path}: data row {row} has neither text nor a number in column "
                    f"{name!r}, or half a character; correct it or name another column"
                ) from None
        return values


def open_table(path: Path) -> Table:
    """The table in a file, told by its suffix; `.tsv` and `.csv` have quoting, `.txt` has none.

    Raises:
        CorpusError: not a format that is read, not readable, not well-formed, or without rows.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise CorpusError(f"{path}: not a format that is read ({', '.join(SUFFIXES)}); convert it")
    try:
        if suffix == ".parquet":
            table = _parquet(path)
        elif suffix == ".jsonl":
            table = _json_lines(path, _utf8(path))
        else:
            table = _delimited(path, _utf8(path), suffix)
    except OSError as error:
        reason = error.strerror or "damaged"
        raise CorpusError(f"{path}: cannot be read ({reason}); check the file") from None
    if not table.names or len(table.fetch(0)) == 0:
        raise CorpusError(
            f"{path}: no rows; give it a line of column names and a line for each text"
        )
    return table


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


def _utf8(path: Path) -> bytes:
    data = path.read_bytes()
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"{path}: not UTF-8 at byte offset {error.start}; save the file as UTF-8"
        ) from None
    return data.removeprefix(codecs.BOM_UTF8)


def _delimited(path: Path, data: bytes, suffix: str) -> Table:
    quoted = suffix != ".txt"
    try:
        # Without header=None pandas takes a longer first row for an index; with lines ending in
        # \n alone, a stray \r stays a character of its text.
        frame = pd.read_csv(
            io.BytesIO(data.replace(b"\r\n", b"\n")),
            sep="," if suffix == ".csv" else "\t",
            header=None,
            dtype=str,
            na_filter=False,
            quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
            lineterminator="\n",
        )
    except pd.errors.EmptyDataError:
        return Table(path, (), lambda i: [])
    except pd.errors.ParserError as error:
        message = " ".join(str(error).split())
        remedy = "check the file"
        if ragged := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", message):
            note = " (a quoted text over several lines counts as one)" if quoted else ""
            message = f"line {ragged[2]}{note} has {ragged[3]} fields, not {ragged[1]}"
            remedy = "quote the text or remove the extra separators"
        elif unclosed := re.search(r"EOF inside string starting at row (\d+)", message):
            message = f"the quotation mark opened on line {int(unclosed[1]) + 1} is never closed"
            remedy = "close it, or name a tab-separated file without quoting .txt"
        raise CorpusError(f"{path}: {message}; {remedy}") from None
    names = tuple(frame.iloc[0].tolist())
    return Table(path, names, lambda i: frame[i].tolist()[1:])


def _json_lines(path: Path, data: bytes) -> Table:
    records: list[dict[str, object]] = []
    for number, line in enumerate(data.decode().split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict):
            raise CorpusError(f"{path}: line {number} is not a JSON object; write one on each line")
        records.append(record)
    names = tuple(dict.fromkeys(name for record in records for name in record))
    return Table(path, names, lambda i: [record.get(names[i]) for record in records])


def _parquet(path: Path) -> Table:
    try:
        # A parent folder such as lang=ko is no column.
        table = pq.read_table(path, partitioning=None)
    except pa.ArrowException:
        raise CorpusError(f"{path}: not a Parquet file, or damaged; write it again") from None
    return Table(path, tuple(table.column_names), lambda i: table.column(i).to_pylist())
