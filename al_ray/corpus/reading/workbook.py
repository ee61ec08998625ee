"""Workbooks of Excel: a sheet, whatever stands above its column names, and merged cells."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Sequence
from datetime import date, time, timedelta
from pathlib import Path
from typing import IO, Any

from al_ray.corpus.reading import tables
from al_ray.corpus.reading.sources import listed
from al_ray.corpus.reading.tables import Table
from al_ray.errors import CorpusError
from al_ray.language import tr

_OLD = bytes.fromhex("d0cf11e0")  # how .xls begins, and a workbook with a password


def workbook(path: Path, file: IO[bytes]) -> Table:
    """The first sheet of a workbook that has two columns; formulas are their last values.

    Empty lines are left out, as they are of a CSV file, and so are titles, which have one cell,
    above the names of the columns; dates are text. A value of cells that are merged downwards is
    that of all their rows.

    Raises:
        CorpusError: it is none, or damaged, locked by a password or too large.
    """
    import openpyxl  # is seldom needed

    if file.read(len(_OLD)) == _OLD:
        raise CorpusError(
            "{path}: is locked by a password, or an .xls under another name; save it in "
            "Excel as .xlsx without a password",
            path=path,
        )
    try:
        file.seek(0)
        packed = zipfile.ZipFile(file)
        if sum(info.file_size for info in packed.infolist()) > tables.LARGEST:
            raise tables.too_large(path)
        merged = any(b"<mergeCell " in packed.read(name) for name in _sheets(packed))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and the like
            book = openpyxl.load_workbook(file, read_only=not merged, data_only=True)
            sheet, lines = _first(book.worksheets)
    except (CorpusError, MemoryError):
        raise
    except Exception:  # the library raises many kinds on a damaged file
        raise CorpusError(
            "{path}: not an .xlsx workbook, or damaged; save it in Excel once more", path=path
        ) from None
    if not lines:
        return Table(path, (), 0, lambda i: [])
    notes = []
    if others := [each.title for each in book.worksheets if each is not sheet]:
        note = tr(
            "{file}: sheet {sheet!r} is read, and not {others}.",
            file=path.name,
            sheet=sheet.title,
            others=listed(others),
        )
        notes.append(note)
    if 0 < (titles := _titles(lines)) < len(lines):
        above = listed([str(_cells(line)[0]) for line in lines[:titles]])
        note = tr("{file}: above the names of the columns stands {titles}.", file=path.name,
                  titles=above)  # fmt: skip
        notes.append(note)
        lines = lines[titles:]
    if merged and any(span.min_col == span.max_col for span in sheet.merged_cells.ranges):
        note = tr("{file}: what merged cells hold is taken for all their rows.", file=path.name)
        notes.append(note)
    names = ["" if name is None else str(name) for name in lines[0]]
    while not names[-1].strip():
        names.pop()
    tables.check_width(path, len(names))

    def fetch(i: int) -> list[object]:
        return [_plain(row[i]) if i < len(row) else None for row in lines[1:]]

    return Table(path, tuple(names), len(lines) - 1, fetch, notes=tuple(notes))


def _sheets(packed: zipfile.ZipFile) -> list[str]:
    return [name for name in packed.namelist() if name.startswith("xl/worksheets/")]


def _first(sheets: Sequence[Any]) -> tuple[Any, list[list[Any]]]:
    """The first sheet that has two columns, or else one, and its lines."""
    narrow = []
    for sheet in sheets:
        lines = _lines(sheet)
        if _titles(lines) < len(lines):
            return sheet, lines
        narrow.append((sheet, lines))
    return next((each for each in narrow if each[1]), narrow[0])


def _lines(sheet: Any) -> list[list[Any]]:
    """The lines that have something in them."""
    if hasattr(sheet, "reset_dimensions"):
        sheet.reset_dimensions()  # which some programs write wrong
    lines = [list(row) for row in sheet.iter_rows(values_only=True)]
    full = [line for line in lines if _cells(line)]  # a merge may go on below the last row
    for span in getattr(sheet, "merged_cells", ()) and sheet.merged_cells.ranges:
        if span.min_col == span.max_col:
            value = lines[span.min_row - 1][span.min_col - 1]
            for line in lines[span.min_row : span.max_row]:
                line[span.min_col - 1] = value
    return full


def _cells(line: Sequence[Any]) -> list[Any]:
    """Those that have something in them."""
    return [value for value in line if value is not None and str(value).strip()]


def _titles(lines: Sequence[Sequence[Any]]) -> int:
    """How many lines of one cell stand above the first of several, which may not come."""
    several = (place for place, line in enumerate(lines) if len(_cells(line)) > 1)
    return next(several, len(lines))


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, date | time | timedelta) else value
