"""Texts that nobody has labelled: a file, or a folder's train, as rows with ids."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from al_ray.corpus.reading.columns import ID_COLUMNS, TEXT_COLUMNS, folded, named
from al_ray.corpus.reading.formats import open_table
from al_ray.corpus.reading.kept import Rows, row_ids
from al_ray.corpus.reading.sources import find, listed
from al_ray.corpus.reading.tables import Table
from al_ray.corpus.rows import Split
from al_ray.errors import CorpusError
from al_ray.language import tr


def read_texts(
    path: Path, text_column: Sequence[str] | None = None, id_column: str | None = None
) -> tuple[Split, list[str]]:
    """Rows with a text, none of which has a label (-1), and notes on what was detected or left out.

    Of a folder it is what would be the train; columns are detected as `read` does it, and one of
    labels is not looked at.

    Raises:
        CorpusError: one line that names the file, the column, and the remedy.
    """
    files, notes = find(path, None)
    tables = [table for file in files["train"] if (table := open_table(file)).rows]
    if not tables:
        raise CorpusError(
            "{path}: no rows; give it a line of column names and a line for each text", path=path
        )
    texts = [named(name) for name in text_column or _only_text(tables[0])]
    ids = id_column or next((n for n in tables[0].names if n.lower() in ID_COLUMNS.split()), None)
    for table in tables:
        for name in [*texts, *([ids] if ids else [])]:
            if name not in table.names:
                raise CorpusError(
                    "{path}: no column {name!r}; the columns are: {names}",
                    path=table.path,
                    name=name,
                    names=listed(table.names),
                )
    rows, seen = Rows(), set()
    repeated = number = 0
    for table in tables:
        given = table.column(ids).values if ids else [None] * table.rows
        for text, row_id in zip(table.texts(texts), given, strict=True):
            number += 1
            text = (text or "").replace("\0", "")
            if not text.strip():
                rows.empty.append((number, row_id))
                continue
            repeated += text in seen
            seen.add(text)
            rows.numbers.append(number)
            rows.texts.append(text)
            rows.ids.append(row_id)
    if not rows.texts:
        raise CorpusError(
            "{path}: no rows with a text in column {name!r}; name another with --text-column",
            path=tables[0].path,
            name=texts[0],
        )
    joined = tr(" and ").join(map(repr, texts))
    notes.append(tr("Columns: text {text}, id {id}.", text=joined, id=repr(ids) if ids else "-"))
    if rows.empty:
        notes.append(tr("{n:,} rows have an empty text and are left out.", n=len(rows.empty)))
    if repeated:
        notes.append(
            tr(
                "{n:,} rows repeat the text of an earlier row: each copy may be asked for; keep "
                "one of each to save labels.",
                n=repeated,
            )
        )
    id_of = row_ids({"train": rows}, ids, notes)
    made = (id_of("train", *row) for row in zip(rows.numbers, rows.ids, strict=True))
    split = Split("train", tuple(made), tuple(rows.texts), np.full(len(rows.texts), -1, np.int32))
    return split, notes


def _only_text(table: Table) -> list[str]:
    """The column of a known name, or the only one that is not of ids."""
    known = set(map(folded, TEXT_COLUMNS.split()))
    found = [name for name in table.names if folded(name) in known]
    others = [name for name in table.names if name.lower() not in ID_COLUMNS.split()]
    if len(found or others) == 1:
        return found or others
    raise CorpusError(
        "{path}: which column holds the text is not clear; name it with --text-column (the "
        "columns are: {names})",
        path=table.path,
        names=listed(table.names),
    )
