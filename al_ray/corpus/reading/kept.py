"""Which rows of files are kept, and what is said of the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from al_ray.corpus.reading.columns import Columns
from al_ray.corpus.reading.labels import cleaned
from al_ray.corpus.reading.sources import listed
from al_ray.corpus.reading.tables import Table, split_name
from al_ray.errors import CorpusError
from al_ray.language import tr

_SEPARATORS = {".csv": ",", ".tsv": "\t"}


@dataclass(frozen=True)
class Rows:
    """The rows of one split that are kept; `numbers` are 1-based data rows of its files.

    Attributes:
        numbers, texts, labels, ids: one a row; an id is None where there is no column of them.
        empty: numbers and ids of the rows without a text.
        unlabelled: numbers, ids and texts of those with a text and no label.
    """

    numbers: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    ids: list[str | None] = field(default_factory=list)
    empty: list[tuple[int, str | None]] = field(default_factory=list)
    unlabelled: list[tuple[int, str | None, str]] = field(default_factory=list)


def place(tables: Sequence[Table], number: int) -> str:
    """File and data row in it of a row of the split."""
    for table in tables:
        if number <= table.rows:
            return tr("{path}: data row {number}", path=table.path, number=number)
        number -= table.rows
    raise ValueError(number)


def rows_of(
    split: str,
    tables: Sequence[Table],
    columns: Columns,
    notes: list[str],
    members: Collection[int] | None = None,
) -> Rows:
    """The rows of a split, and notes on what was changed or left out of them.

    Args:
        split: its name.
        tables: its files.
        columns: those of the corpus.
        notes: to which those on these rows are added.
        members: the data rows of the files that are of this split; None: all of them.

    Raises:
        CorpusError: a label or id with a NUL byte, or no row with a text.
    """
    rows = Rows()
    with_nul: list[int] = []
    changed: Counter[str] = Counter()
    seen = number = 0
    for table in tables:
        texts, labels = table.texts(columns.text), table.column(columns.label).values
        ids = table.column(columns.id).values if columns.id is not None else [None] * table.rows
        clean = {label: cleaned(label or "") for label in set(labels)}
        for text, written, row_id in zip(texts, labels, ids, strict=True):
            number += 1
            if members is not None and number not in members:
                continue
            seen += 1
            label = clean[written]
            if "\0" in label or (row_id and "\0" in row_id):
                raise CorpusError(
                    "{place} has a NUL byte in its label or id; remove it",
                    place=place(tables, number),
                )
            if text and "\0" in text:
                with_nul.append(number)
                text = text.replace("\0", "")
            if text is None or not text.strip():
                rows.empty.append((number, row_id))
                continue
            if not label:
                rows.unlabelled.append((number, row_id, text))
                continue
            if label != written:
                changed[str(written)] += 1
            rows.numbers.append(number)
            rows.texts.append(text)
            rows.labels.append(label)
            rows.ids.append(row_id)
    if not rows.texts and not rows.unlabelled:
        raise CorpusError(
            "{path}: no rows with a text in column {name!r}; name another with --text-column",
            path=tables[0].path,
            name=columns.text[0],
        )
    if rows.empty:
        notes.append(
            tr(
                "{split}: {n:,} of {of:,} rows have an empty text and are left out.",
                split=split,
                n=len(rows.empty),
                of=seen,
            )
        )
    if changed:
        notes.append(
            tr(
                "{split}: {n:,} labels are read without the blanks around them, and in composed "
                "letters (NFC): {labels}.",
                split=split,
                n=changed.total(),
                labels=listed([repr(label) for label in changed], 5),
            )
        )
    if with_nul:
        notes.append(
            tr(
                "{split}: NUL bytes are taken out of {n:,} texts (data row {rows}).",
                split=split,
                n=len(with_nul),
                rows=", ".join(map(str, with_nul[:3])) + " …" * bool(with_nul[3:]),
            )
        )
    return rows


def doubts(split: str, tables: Sequence[Table], columns: Columns) -> list[str]:
    """Notes on texts that may not be what was meant: numbers, and lines that ran together."""
    notes: list[str] = []
    for name in columns.text:
        if numbers := sum(table.column(name).numbers for table in tables):
            notes.append(
                tr(
                    "{split}: {n:,} values of the text column {name!r} are numbers, taken as they "
                    "are written.",
                    split=split,
                    n=numbers,
                    name=name,
                )
            )
    swallowed: list[int] = []
    done = 0
    for table in tables:
        swallowed += [done + number for number in _swallowed(table, columns.label)]
        done += table.rows
    if swallowed:
        more = tr(" (so have {n:,} more rows)", n=len(swallowed) - 1) if swallowed[1:] else ""
        note = tr(
            "{place} has lines within quotation marks that read as rows of their own{more}; if "
            "those marks are plain characters, rows are lost: quote their texts, and write the "
            "marks in them twice.",
            place=place(tables, swallowed[0]),
            more=more,
        )
        notes.append(note)
    quoted = [table for table in tables if split_name(table.path.name)[1][:4] == ".tsv"]
    lines = sum(
        "\n" in text
        for table in tables
        for text in (table.texts(columns.text) if quoted else ())
        if text and text.strip()
    )
    if lines:
        notes.append(
            tr(
                "{split}: {n:,} texts hold line breaks; if quotation marks are plain characters in "
                "{files}, name it .txt.",
                split=split,
                n=lines,
                files=listed([table.path.name for table in quoted]),
            )
        )
    return notes


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


def row_ids(
    kept: Mapping[str, Rows], column: str | None, notes: list[str]
) -> Callable[[str, int, str | None], str]:
    """From split, data row and id of a row to its id in the corpus.

    That is the id where the column names each row, else split and data row.
    """
    named = False
    if column is not None:
        ids = [row_id for rows in kept.values() for row_id in rows.ids]
        given = [row_id for row_id in ids if row_id]
        missing, repeated = len(ids) - len(given), len(given) - len(set(given))
        named = not missing and not repeated
        if not named:
            notes.append(
                tr(
                    "The id column {name!r} repeats an earlier id in {repeated:,} rows and is "
                    "empty in {empty:,}; row ids are split and line number instead.",
                    name=column,
                    repeated=repeated,
                    empty=missing,
                )
            )
    return lambda split, number, row_id: row_id if named and row_id else f"{split}:{number}"
