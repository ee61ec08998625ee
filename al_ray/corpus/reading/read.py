"""Files in: a file, or a folder of them, in whatever format becomes a checked `Corpus`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from al_ray.corpus.reading.columns import choose, has_known_text, named
from al_ray.corpus.reading.divided import divided
from al_ray.corpus.reading.formats import open_table
from al_ray.corpus.reading.kept import Rows, doubts, place, row_ids, rows_of
from al_ray.corpus.reading.labels import (
    Variants,
    empty_words,
    integers,
    no_classes,
    variants,
)
from al_ray.corpus.reading.questions import looks_like_questions, read_questions
from al_ray.corpus.reading.sources import find, listed
from al_ray.corpus.reading.tables import Table, split_name
from al_ray.corpus.reading.tagged import looks_tagged, read_tagged
from al_ray.corpus.rows import Corpus, Split, Unlabelled
from al_ray.errors import CorpusError
from al_ray.language import tr


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
    columns_asked = {
        "text-column": text_column,
        "label-column": label_column,
        "id-column": id_column,
        "split-column": split_column,
        "label-variants": label_variants,
    }
    if keep_unlabelled and (looks_tagged(path) or looks_like_questions(path)):
        raise CorpusError(
            "{path}: --fix writes no entities and no questions; leave it out", path=path
        )
    if looks_tagged(path):
        _refuse_columns(path, columns_asked)
        return read_tagged(path, test)
    if looks_like_questions(path):
        _refuse_columns(path, columns_asked)
        return read_questions(path, test)
    files, notes = find(path, test)
    tables = {split: _open(parts) for split, parts in files.items()}
    every = [table for parts in tables.values() for table in parts]
    try:
        columns = choose(every, text_column, label_column, id_column, split_column)
    except CorpusError as error:
        told = " ".join(note.removesuffix(".") for each in every for note in each.notes)
        if not told:
            raise
        raise CorpusError("{error}; {told}", error=error, told=told) from None
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
            n = len(rows.unlabelled)
            notes.append(tr("{split}: {n:,} rows without a label are left out.", split=split, n=n))
        else:
            others = len(rows.unlabelled) - 1
            raise CorpusError(
                "{place} has no label in column {label!r}{more}; fill it in or remove "
                "the row, or have such rows set apart: al-ray check DATA --fix OUT",
                place=place(tables[members[split][0]], rows.unlabelled[0][0]),
                label=columns.label,
                more=tr(" (nor have {n:,} more rows)", n=others) if others else "",
            )
    for split, rows in kept.items():
        if not rows.labels and (split == "train" or not keep_unlabelled):
            raise CorpusError(
                "{path}: no row of {split} has a label in column {label!r}; fill some in, or name "
                "another with --label-column",
                path=tables[members[split][0]][0].path,
                split=split,
                label=columns.label,
            )
    train = tables[members["train"][0]][0].path
    column = tr("{path}: column {name!r}", path=train, name=columns.label)
    kept = _one_spelling(kept, label_variants, column, notes)
    if why := no_classes(Counter(kept["train"].labels)):
        raise CorpusError(
            "{path}: column {label!r} {why}", path=train, label=columns.label, why=why
        )
    counts = Counter(kept["train"].labels)
    if columns.label in counts and not has_known_text(columns):
        raise CorpusError(
            "{path}: the first line calls a column {label!r}, which {n:,} rows have as their "
            "label; put a line of column names above the rows",
            path=train,
            label=columns.label,
            n=counts[columns.label],
        )
    if words := empty_words(counts):
        said = listed([f"{word!r} ({counts[word]:,})" for word in words])
        notes.append(tr("Labels that may stand for none: {labels}; if so, empty these cells.",
                        labels=said))  # fmt: skip
    names = sorted(set(kept["train"].labels), key=_label_order(kept["train"].labels))
    if len(names) < 2:
        raise CorpusError(
            "{path}: only one label, {name!r}, in column {label!r}; a study needs at "
            "least two, or --label-column must name another column",
            path=train,
            name=names[0],
            label=columns.label,
        )
    id_of = row_ids(kept, columns.id, notes)
    codes = {name: code for code, name in enumerate(names)}
    splits = []
    for split, rows in kept.items():
        unknown = [row for row, label in enumerate(rows.labels) if label not in codes]
        if unknown:
            others = len(unknown) - 1
            raise CorpusError(
                "{place} has the label {label!r}, which no row of train has{more}; "
                "correct the label or remove its rows",
                place=place(tables[members[split][0]], rows.numbers[unknown[0]]),
                label=rows.labels[unknown[0]],
                more=tr(" (as have {n:,} more rows a label)", n=others) if others else "",
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


def _refuse_columns(path: Path, asked: Mapping[str, object]) -> None:
    """Files of entities and of questions have no columns to be named."""
    for option, value in asked.items():
        if value is not None:
            raise CorpusError(
                "{path}: entities or questions, whose columns are known; leave out --{option}",
                path=path,
                option=option,
            )


def _open(files: Sequence[Path]) -> list[Table]:
    """The files of a split; of several, some may be without rows."""
    tables = [open_table(file) for file in files]
    tables = [replace(table, names=tuple(map(named, table.names))) for table in tables]
    full = [table for table in tables if table.rows]
    if not full:
        raise CorpusError(
            "{path}: no rows; give it a line of column names and a line for each text",
            path=files[0],
        )
    return full


def _encodings(tables: Sequence[Table]) -> list[str]:
    files: dict[str, list[str]] = {}
    for table in tables:
        if table.encoding:
            files.setdefault(table.encoding, []).append(table.path.name)
    if len(files) < 2:
        return [tr("Encoding: {encoding}.", encoding=tr(encoding)) for encoding in files]
    said = (
        tr("{encoding} in {files}", encoding=tr(encoding), files=listed(names))
        for encoding, names in files.items()
    )
    return [tr("Encoding: {encoding}.", encoding="; ".join(said))]


def _label_order(labels: Iterable[str]) -> Callable[[str], tuple[int, str]]:
    numbers = integers(labels)
    return lambda label: (int(label) if numbers else 0, label)


def _one_spelling(
    kept: dict[str, Rows], label_variants: Variants | None, column: str, notes: list[str]
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
            "{column} has labels that differ in case, width or blanks alone: {said}; "
            "--label-variants join makes one label of each group, --label-variants keep "
            "leaves them",
            column=column,
            said=said,
        )
    note = tr(
        "Labels that differ in case, width or blanks alone are one, as most rows have it: "
        "{labels}.",
        labels=said,
    )
    notes.append(note)
    one = {label: group[0] for group in groups for label in group}
    return {
        split: replace(rows, labels=[one.get(label, label) for label in rows.labels])
        for split, rows in kept.items()
    }
