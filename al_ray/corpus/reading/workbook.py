"""Workbooks of Excel."""

from __future__ import annotations

import warnings
import zipfile
from datetime import date, time, timedelta
from pathlib import Path
from typing import IO, Any

from al_ray.corpus.reading import tables
from al_ray.corpus.reading.sources import listed
from al_ray.corpus.reading.tables import Table
from al_ray.errors import CorpusError

_OLD = bytes.fromhex("d0cf11e0")  # how .xls begins, and a workbook with a password


def workbook(path: Path, file: IO[bytes]) -> Table:
    """The first sheet of a workbook that has something in it; formulas are their last values.

    Empty lines are left out, as they are of a CSV file; dates are text.

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
        if sum(info.file_size for info in zipfile.ZipFile(file).infolist()) > tables.LARGEST:
            raise tables.too_large(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and the like
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
            sheets = book.worksheets
            lines: list[list[Any]] = []
            for sheet in sheets:
                sheet.reset_dimensions()  # which some programs write wrong
                rows = (list(row) for row in sheet.iter_rows(values_only=True))
                lines = [row for row in rows if any(value is not None for value in row)]
                if lines:
                    break
    except (CorpusError, MemoryError):
        raise
    except Exception:  # the library raises many kinds on a damaged file
        raise CorpusError(
            "{path}: not an .xlsx workbook, or damaged; save it in Excel once more", path=path
        ) from None
    if not lines:
        return Table(path, (), 0, lambda i: [])
    others = [each.title for each in sheets if each is not sheet]
    notes = (f"{path.name}: sheet {sheet.title!r} is read, and not {listed(others)}.",)
    names = ["" if name is None else str(name) for name in lines[0]]
    while not names[-1].strip():
        names.pop()
    tables.check_width(path, len(names))

    def fetch(i: int) -> list[object]:
        return [_plain(row[i]) if i < len(row) else None for row in lines[1:]]

    return Table(path, tuple(names), len(lines) - 1, fetch, notes=notes if others else ())


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, date | time | timedelta) else value
