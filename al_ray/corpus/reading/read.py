"""Files in: a file, or a folder of them, in whatever format becomes a checked `Corpus`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from al_ray.corpus.reading.columns import choose
from al_ray.corpus.reading.divided import divided
from al_ray.corpus.reading.formats import open_table
from al_ray.corpus.reading.kept import Rows, doubts, place, row_ids, rows_of
from al_ray.corpus.reading.labels import (
    Variants,
    cleaned,
    integers,
    no_classes,
    variants,
)
from al_ray.corpus.reading.sources import find, listed
from al_ray.corpus.reading.tables import Table, split_name
from al_ray.corpus.rows import Corpus, Split, Unlabelled
from al_ray.errors import CorpusError


def read(
    path: Path,
    text_column: str | Sequence[str] | None = None,
    label_column: str | None = None,
    id_column: str | None = None,
    split_column: str | None = None,
    label_variants: Variants | None = None,
    test: Path | None = None,
    keep_unlabelled: bool = False,
) -> Corpus:
    """The corpus in a file or a folder (`train.*`, `test.*`, `dev.*`, or one file).

    `.tsv` and `.csv` have CSV quoting; `.txt` is tab-separated without quoting, as NSMC is.
    A split may be numbered parts or a sub-folder, which count as one file; a column of a file may
    say of which split each row is. Columns not named and encodings are detected; the texts of
    several columns are joined by a blank. Labels are in NFC, without blanks around them. What was
    detected, changed or left out is in `Corpus.notes`.

    Args:
        path: a file, a train without tests, or a folder.
        text_column, label_column, id_column, split_column: their names; None: detected.
        label_variants: what labels are that differ in case, width or inner blanks alone; None:
            refused.
        test: a file of the rows of the test, which `path` has not.
        keep_unlabelled: have rows without a label in `Corpus.unlabelled` instead of refusing them.

    Raises:
        CorpusError: one line that names the file, the row or column, and the remedy.
    """
    name = path.resolve().name if os.path.isdir(path) else split_name(path.name)[0]
    if any("\ud800" <= character <= "\udfff" for character in name):
        shown = str(path).encode(errors="backslashreplace").decode()
        raise CorpusError(
            "{shown}: its name is not UTF-8, and goes into the tables; rename it", shown=shown
        )
    files, notes = find(path, test)
    tables = {split: _open(parts) for split, parts in files.items()}
    every = [table for parts in tables.values() for table in parts]
    columns = choose(every, text_column, label_column, id_column, split_column)
    notes += [*_encodings(every), *columns.said, *(note for each in every for note in each.notes)]

    members = divided(tables, columns.split, notes)
    kept = {
        split: rows_of(split, tables[source], columns, notes, only)
        for split, (source, only) in members.items()
    }
    for split, parts in tables.items():
        notes += doubts(split, parts, columns)
    for split, rows in kept.items():
        if not rows.unlabelled:
            continue
        if keep_unlabelled or all(table.partly for table in tables[members[split][0]]):
            notes.append(f"{split}: {len(rows.unlabelled):,} rows without a label are left out.")
        else:
            raise CorpusError(
                "{tables} has no label in column {label!r}{more}; fill it in or remove "
                "the row, or have such rows set apart: al-ray check DATA --fix OUT",
                tables=place(tables[members[split][0]], rows.unlabelled[0][0]),
                label=columns.label,
                more=_more("nor have", rows.unlabelled),
            )
    train = tables[members["train"][0]][0].path
    kept = _one_spelling(kept, label_variants, f"{train}: column {columns.label!r}", notes)
    if not kept["train"].labels:
        raise CorpusError(
            "{train}: no row has a label in column {label!r}; fill some in, or name "
            "another with --label-column",
            train=train,
            label=columns.label,
        )
    if why := no_classes(Counter(kept["train"].labels)):
        raise CorpusError(
            "{train}: column {label!r} {why}", train=train, label=columns.label, why=why
        )
    names = sorted(set(kept["train"].labels), key=_label_order(kept["train"].labels))
    if len(names) < 2:
        raise CorpusError(
            "{train}: only one label, {names!r}, in column {label!r}; a study needs at "
            "least two, or --label-column must name another column",
            train=train,
            names=names[0],
            label=columns.label,
        )
    id_of = row_ids(kept, columns.id, notes)
    codes = {name: code for code, name in enumerate(names)}
    splits = []
    for split, rows in kept.items():
        unknown = [row for row, label in enumerate(rows.labels) if label not in codes]
        if unknown:
            more = f" (as have {len(unknown) - 1:,} more rows a label)" if unknown[1:] else ""
            raise CorpusError(
                "{tables} has the label {labels!r}, which no row of train has{more}; "
                "correct the label or remove its rows",
                tables=place(tables[members[split][0]], rows.numbers[unknown[0]]),
                labels=rows.labels[unknown[0]],
                more=more,
            )
        ids = (id_of(split, *row) for row in zip(rows.numbers, rows.ids, strict=True))
        labels = np.array([codes[label] for label in rows.labels], np.int32)
        splits.append(Split(split, tuple(ids), tuple(rows.texts), labels))
    return Corpus(
        name,
        tuple(names),
        splits[0],
        tuple(splits[1:]),
        tuple(notes),
        {
            split: tuple(id_of(split, *row) for row in rows.empty)
            for split, rows in kept.items()
            if rows.empty
        },
        tuple(
            Unlabelled(split, id_of(split, number, row_id), text)
            for split, rows in kept.items()
            for number, row_id, text in rows.unlabelled
        ),
    )


def _more(verb: str, rows: Sequence[object]) -> str:
    return f" ({verb} {len(rows) - 1:,} more rows)" if rows[1:] else ""


def _open(files: Sequence[Path]) -> list[Table]:
    """The files of a split; of several, some may be without rows."""
    tables = [open_table(file) for file in files]
    tables = [replace(table, names=tuple(map(cleaned, table.names))) for table in tables]
    full = [table for table in tables if table.rows]
    if not full:
        raise CorpusError(
            "{files}: no rows; give it a line of column names and a line for each text",
            files=files[0],
        )
    return full


def _encodings(tables: Sequence[Table]) -> list[str]:
    files: dict[str, list[str]] = {}
    for table in tables:
        if table.encoding:
            files.setdefault(table.encoding, []).append(table.path.name)
    if len(files) < 2:
        return [f"Encoding: {encoding}." for encoding in files]
    return [f"Encoding: {'; '.join(f'{e} in {listed(names)}' for e, names in files.items())}."]


def _label_order(labels: Iterable[str]) -> Callable[[str], tuple[int, str]]:
    numbers = integers(labels)
    return lambda label: (int(label) if numbers else 0, label)


def _one_spelling(
    kept: dict[str, Rows], label_variants: Variants | None, place: str, notes: list[str]
) -> dict[str, Rows]:
    """The rows of all splits, with labels that are written in several ways as they are to be."""
    counts = Counter(label for rows in kept.values() for label in rows.labels)
    groups = variants(counts)
    if not groups or label_variants == "keep":
        return kept
    said = listed(
        [" = ".join(f"{label!r} ({counts[label]:,})" for label in group) for group in groups], 3, 80
    )
    if label_variants is None:
        raise CorpusError(
            "{place} has labels that differ in case, width or blanks alone: {said}; "
            "--label-variants join makes one label of each group, --label-variants keep "
            "leaves them",
            place=place,
            said=said,
        )
    notes.append(
        f"Labels that differ in case, width or blanks alone are one, as most rows have it: {said}."
    )
    one = {label: group[0] for group in groups for label in group}
    return {
        split: replace(rows, labels=[one.get(label, label) for label in rows.labels])
        for split, rows in kept.items()
    }
