"""Files in: a file or folder of TSV, CSV, JSON Lines or Parquet becomes a checked `Corpus`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from al_ray.corpus.reading.columns import Columns, choose
from al_ray.corpus.reading.labels import (
    Variants,
    cleaned,
    integers,
    no_classes,
    spelling,
    variants,
)
from al_ray.corpus.reading.sources import find, listed
from al_ray.corpus.reading.tables import Table, open_table, split_name
from al_ray.corpus.rows import Corpus, Split
from al_ray.errors import CorpusError

_SEPARATORS = {".csv": ",", ".tsv": "\t"}


def read(
    path: Path,
    text_column: str | None = None,
    label_column: str | None = None,
    id_column: str | None = None,
    label_variants: Variants | None = None,
) -> Corpus:
    """The corpus in a file (a train without tests) or a folder (`train.*`, `test.*`, `dev.*`).

    `.tsv` and `.csv` have CSV quoting; `.txt` is tab-separated without quoting, as NSMC is.
    A split may be numbered parts or a sub-folder, which count as one file. Columns not named and
    encodings are detected. Labels are in NFC, without blanks around them; what then differs in
    case, width or inner blanks alone is refused, unless `label_variants` says what it is. What was
    detected, changed or left out is in `Corpus.notes`.

    Raises:
        CorpusError: one line that names the file, the row or column, and the remedy.
    """
    name = path.resolve().name if os.path.isdir(path) else split_name(path.name)[0]
    if any("\ud800" <= character <= "\udfff" for character in name):
        shown = str(path).encode(errors="backslashreplace").decode()
        raise CorpusError(f"{shown}: its name is not UTF-8, and goes into the tables; rename it")
    files, notes = find(path)
    tables = {split: _open(parts) for split, parts in files.items()}
    every = [table for parts in tables.values() for table in parts]
    columns = choose(every, text_column, label_column, id_column)
    notes += [*_encodings(every), *columns.said]

    kept = {split: _rows(split, parts, columns, notes) for split, parts in tables.items()}
    place = f"{files['train'][0]}: column {columns.label!r}"
    kept = _one_spelling(kept, label_variants, place, notes)
    if why := no_classes(Counter(kept["train"].labels)):
        raise CorpusError(f"{place} {why}")
    names = sorted(set(kept["train"].labels), key=_label_order(kept["train"].labels))
    if len(names) < 2:
        raise CorpusError(
            f"{files['train'][0]}: only one label, {names[0]!r}, in column {columns.label!r}; "
            "a study needs at least two, or --label-column must name another column"
        )
    row_ids, left_out = _row_ids(kept, columns.id, notes)
    codes = {name: code for code, name in enumerate(names)}
    splits = []
    for split, rows in kept.items():
        unknown = [row for row, label in enumerate(rows.labels) if label not in codes]
        if unknown:
            more = f" (as have {len(unknown) - 1:,} more rows a label)" if unknown[1:] else ""
            raise CorpusError(
                f"{_place(tables[split], rows.numbers[unknown[0]])} has the label "
                f"{rows.labels[unknown[0]]!r}, which {files['train'][0].name} lacks{more}; "
                "correct the label or remove its rows"
            )
        labels = np.array([codes[label] for label in rows.labels], np.int32)
        splits.append(Split(split, tuple(row_ids[split]), tuple(rows.texts), labels))
    return Corpus(name, tuple(names), splits[0], tuple(splits[1:]), tuple(notes), left_out)


def _open(files: Sequence[Path]) -> list[Table]:
    """The files of a split; of several, some may be without rows."""
    tables = [open_table(file) for file in files]
    tables = [replace(table, names=tuple(map(cleaned, table.names))) for table in tables]
    full = [table for table in tables if table.rows]
    if not full:
        raise CorpusError(
            f"{files[0]}: no rows; give it a line of column names and a line for each text"
        )
    return full


def _place(tables: Sequence[Table], number: int) -> str:
    """File and data row in it of a row of the split."""
    for table in tables:
        if number <= table.rows:
            return f"{table.path}: data row {number}"
        number -= table.rows
    raise ValueError(number)


def _encodings(tables: Sequence[Table]) -> list[str]:
    files: dict[str, list[str]] = {}
    for table in tables:
        if table.encoding:
            files.setdefault(table.encoding, []).append(table.path.name)
    if len(files) < 2:
        return [f"Encoding: {encoding}." for encoding in files]
    return [f"Encoding: {'; '.join(f'{e} in {listed(names)}' for e, names in files.items())}."]


# --- rows --------------------------------------------------------------------------------------


def _label_order(labels: Iterable[str]) -> Callable[[str], tuple[int, str]]:
    numbers = integers(labels)
    return lambda label: (int(label) if numbers else 0, label)


def _one_spelling(
    kept: dict[str, _Rows], label_variants: Variants | None, place: str, notes: list[str]
) -> dict[str, _Rows]:
    """The rows of all splits, with labels that are written in several ways as they are to be."""
    groups = variants(label for rows in kept.values() for label in rows.labels)
    if not groups or label_variants == "keep":
        return kept
    counts = Counter(label for rows in kept.values() for label in rows.labels)
    said = listed(
        [" = ".join(f"{label!r} ({counts[label]:,})" for label in group) for group in groups], 3, 80
    )
    if label_variants is None:
        raise CorpusError(
            f"{place} has labels that differ in case, width or blanks alone: {said}; "
            "--label-variants join makes one label of each group, --label-variants keep leaves them"
        )
    one = spelling(groups, counts)
    notes.append(
        f"Labels that differ in case, width or blanks alone are one, the most frequent: {said}."
    )
    return {
        split: replace(rows, labels=[one.get(label, label) for label in rows.labels])
        for split, rows in kept.items()
    }


@dataclass(frozen=True)
class _Rows:
    """The rows of one split that are kept; `numbers` are 1-based data rows of the split."""

    numbers: list[int]
    texts: list[str]
    labels: list[str]
    ids: list[str | None]
    empty: list[tuple[int, str | None]]
    """Numbers and ids of those without a text."""


def _rows(split: str, tables: Sequence[Table], columns: Columns, notes: list[str]) -> _Rows:
    rows = _Rows([], [], [], [], [])
    unlabelled: list[int] = []
    with_nul: list[int] = []
    swallowed: list[int] = []
    changed: Counter[str] = Counter()
    done = numbers = 0
    for table in tables:
        column, labels = table.column(columns.text), table.column(columns.label).values
        clean = {label: cleaned(label or "") for label in set(labels)}
        ids = table.column(columns.id).values if columns.id is not None else [None] * table.rows
        values = zip(column.values, labels, ids, strict=True)
        for number, (text, label, row_id) in enumerate(values, start=done + 1):
            label, written = clean[label], label
            if not label:
                unlabelled.append(number)
                continue
            if label != written:
                changed[str(written)] += 1
            if "\0" in label or (row_id and "\0" in row_id):
                raise CorpusError(
                    f"{_place(tables, number)} has a NUL byte in its label or id; remove it"
                )
            if text and "\0" in text:
                with_nul.append(number)
                text = text.replace("\0", "")
            if text is None or not text.strip():
                rows.empty.append((number, row_id))
                continue
            rows.numbers.append(number)
            rows.texts.append(text)
            rows.labels.append(label)
            rows.ids.append(row_id)
        swallowed += [done + number for number in _swallowed(table, columns.label)]
        done += table.rows
        numbers += column.numbers
    if unlabelled:
        more = f" (nor have {len(unlabelled) - 1:,} more rows)" if unlabelled[1:] else ""
        raise CorpusError(
            f"{_place(tables, unlabelled[0])} has no label in column {columns.label!r}{more}; "
            "fill it in or remove the row"
        )
    if not rows.texts:
        raise CorpusError(
            f"{tables[0].path}: no rows with a text in column {columns.text!r}; "
            "name another with --text-column"
        )
    if rows.empty:
        notes.append(
            f"{split}: {len(rows.empty):,} of {done:,} rows have an empty text and are left out."
        )
    if numbers:
        notes.append(
            f"{split}: {numbers:,} values of the text column {columns.text!r} are numbers, taken "
            "as they are written."
        )
    if changed:
        notes.append(
            f"{split}: {changed.total():,} labels are read without the blanks around them, and in "
            f"composed letters (NFC): {listed([repr(label) for label in changed], 5)}."
        )
    if with_nul:
        notes.append(
            f"{split}: NUL bytes are taken out of {len(with_nul):,} texts (data row "
            f"{', '.join(map(str, with_nul[:3]))}{' …' if with_nul[3:] else ''})."
        )
    if swallowed:
        more = f" (so have {len(swallowed) - 1:,} more rows)" if swallowed[1:] else ""
        notes.append(
            f"{_place(tables, swallowed[0])} has lines within quotation marks that read as rows of "
            f"their own{more}; if those marks are plain characters, rows are lost: quote their "
            "texts, and write the marks in them twice."
        )
    lines = sum("\n" in text for text in rows.texts)
    quoted = [table.path.name for table in tables if split_name(table.path.name)[1][:4] == ".tsv"]
    if lines and quoted:
        notes.append(
            f"{split}: {lines:,} texts hold line breaks; if quotation marks are plain characters "
            f"in {listed(quoted)}, name it .txt."
        )
    return rows


def _swallowed(table: Table, label: str) -> list[int]:
    """Data rows of a quoted file in which a pair of stray quotation marks may hold whole rows.

    A quoted value may well have line breaks. But where a mark that is a plain character opens a
    value, it goes on to the next mark, however many rows later. Then the lines in between, the
    first with what stands before the value and the last with what stands after it, are rows: each
    has as many fields as there are columns, and a label that other rows have. That a real text has
    such a line is rare, since it needs the separators and, alone between two of them, a label. Of
    the first line the label is told only where it stands in the value or after it, and of the last
    where it stands in it or before.
    """
    separator = _SEPARATORS.get(split_name(table.path.name)[1].removesuffix(".gz"))
    if not separator:
        return []
    width, where = len(table.names), table.names.index(label)
    labels = {value for value in table.fetch(where) if isinstance(value, str)}

    def holds_row(lines: list[list[str]], i: int) -> bool:
        """Of the lines, in fields, of a value of column i."""
        first, *middle, last = lines
        return (
            (i <= where and len(first) == width - i and first[where - i] in labels)
            or any(len(line) == width and line[where] in labels for line in middle)
            or (i >= where and len(last) == i + 1 and last[where] in labels)
        )

    return sorted(
        {
            row
            for i in range(width)
            for row, value in enumerate(table.fetch(i), start=1)
            if isinstance(value, str)
            and "\n" in value
            and holds_row([line.split(separator) for line in value.split("\n")], i)
        }
    )


def _row_ids(
    kept: dict[str, _Rows], column: str | None, notes: list[str]
) -> tuple[dict[str, list[str]], dict[str, tuple[str, ...]]]:
    """The id column where it names each row of the corpus, else split and data row.

    Returns:
        Ids of the rows kept, and of those without a text.
    """
    named = False
    if column is not None:
        ids = [row_id for rows in kept.values() for row_id in rows.ids]
        given = [row_id for row_id in ids if row_id]
        missing, repeated = len(ids) - len(given), len(given) - len(set(given))
        named = not missing and not repeated
        if not named:
            notes.append(
                f"The id column {column!r} repeats an earlier id in {repeated:,} rows and is empty "
                f"in {missing:,}; row ids are split and line number instead."
            )

    def name(split: str, number: int, row_id: str | None) -> str:
        return row_id if named and row_id else f"{split}:{number}"

    of_rows = {
        split: [name(split, n, i) for n, i in zip(rows.numbers, rows.ids, strict=True)]
        for split, rows in kept.items()
    }
    left_out = {
        split: tuple(name(split, *row) for row in rows.empty)
        for split, rows in kept.items()
        if rows.empty
    }
    return of_rows, left_out
