"""Files in: a file or folder of TSV, CSV, JSON Lines or Parquet becomes a checked `Corpus`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from al_ray.corpus.rows import Corpus, Split
from al_ray.corpus.tables import SUFFIXES, Table, open_table
from al_ray.errors import CorpusError

# Known column names, the first found is taken; compared without case.
TEXT_COLUMNS = (
    "document title text sentence content review comment headline body "
    "본문 제목 문장 내용 텍스트 기사 리뷰"
)
LABEL_COLUMNS = "label topic category section class sentiment 분류 라벨 레이블 카테고리 주제 섹션"
COMPANION_COLUMNS = f"{LABEL_COLUMNS} label_text label_name"
ID_COLUMNS = "id guid row_id uid doc_id 번호"

SPLITS = {"train": "train", "ratings_train": "train", "test": "test", "ratings_test": "test"}
SPLITS["dev"] = "dev"  # the order of this mapping is the order of the splits

_INTEGER = re.compile(r"[+-]?[0-9]+")


def read(
    path: Path,
    text_column: str | None = None,
    label_column: str | None = None,
    id_column: str | None = None,
) -> Corpus:
    """The corpus in a file (a train without tests) or a folder (`train.*`, `test.*`, `dev.*`).

    `.tsv` and `.csv` have CSV quoting; `.txt` is tab-separated without quoting, as NSMC is.
    Columns not named are detected. What was detected or left out is in `Corpus.notes`.

    Raises:
        CorpusError: one line that names the file, the row or column, and the remedy.
    """
    files, notes = _find(path)
    tables = {split: open_table(file) for split, file in files.items()}
    columns = _choose(list(tables.values()), text_column, label_column, id_column)
    notes += columns.notes

    kept = {split: _rows(split, table, columns, notes) for split, table in tables.items()}
    names = sorted(set(kept["train"].labels), key=_label_order(kept["train"].labels))
    if len(names) < 2:
        raise CorpusError(
            f"{files['train']}: only one label, {names[0]!r}, in column {columns.label!r}; "
            "a study needs at least two, or --label-column must name another column"
        )
    row_ids = _row_ids(kept, columns.id, notes)
    codes = {name: code for code, name in enumerate(names)}
    splits = []
    for split, rows in kept.items():
        for number, label in zip(rows.numbers, rows.labels, strict=True):
            if label not in codes:
                raise CorpusError(
                    f"{files[split]}: data row {number} has the label {label!r}, which "
                    f"{files['train'].name} lacks; correct the label or remove its rows"
                )
        labels = np.array([codes[label] for label in rows.labels], np.int32)
        splits.append(Split(split, tuple(row_ids[split]), tuple(rows.texts), labels))
    name = path.resolve().name if path.is_dir() else path.stem
    return Corpus(name, tuple(names), splits[0], tuple(splits[1:]), tuple(notes))


def _find(path: Path) -> tuple[dict[str, Path], list[str]]:
    """The file of each split, train first, and a note on files that are none."""
    if path.is_file():
        return {"train": path}, []
    if not path.is_dir():
        raise CorpusError(f"{path}: no such file or folder; check --data")
    try:
        entries = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise CorpusError(f"{path}: cannot be listed ({error.strerror}); check --data") from None
    found: dict[str, Path] = {}
    aside = []
    for entry in entries:
        split = SPLITS.get(entry.stem.lower())
        if split is None or entry.suffix.lower() not in SUFFIXES or not entry.is_file():
            aside.append(entry.name)
        elif split in found:
            raise CorpusError(
                f"{path}: both {found[split].name} and {entry.name} are the {split} rows; keep one"
            )
        else:
            found[split] = entry
    if "train" not in found:
        raise CorpusError(
            f"{path}: no train file; name one train.tsv, train.csv, train.jsonl, train.parquet "
            f"or ratings_train.txt (there is: {_listed([e.name for e in entries])})"
        )
    notes = [f"Files not read: {_listed(aside)}."] if aside else []
    return {
        split: found[split] for split in dict.fromkeys(SPLITS.values()) if split in found
    }, notes


def _listed(names: Sequence[str], most: int = 12) -> str:
    """Names on one line, however many and however long they are."""
    shown = [" ".join(name.split())[:40] or "''" for name in names[:most]]
    rest = f" and {len(names) - most:,} more" if len(names) > most else ""
    return (", ".join(shown) + rest) or "nothing"


# --- columns and rows ---------------------------------------------------------------------------


@dataclass(frozen=True)
class _Columns:
    text: str
    label: str
    id: str | None
    notes: tuple[str, ...]


def _choose(
    tables: list[Table], text: str | None, label: str | None, row_id: str | None
) -> _Columns:
    """The columns that were asked for or, where none was, the first known name in train."""
    train = tables[0]
    taken = {text, label, row_id}

    def detect(known: str) -> list[str]:
        names = {name.strip().lower(): name for name in reversed(train.names) if name not in taken}
        return [names[name] for name in known.split() if name in names]

    texts = [text] if text is not None else detect(TEXT_COLUMNS)
    labels = [label] if label is not None else detect(LABEL_COLUMNS)
    ids = [row_id] if row_id is not None else detect(ID_COLUMNS)
    asked_ids = ids if row_id is not None else []
    for role, found in (("text", texts), ("label", labels), ("id", asked_ids)):
        if not found and role != "id":
            raise CorpusError(
                f"{train.path}: which column holds the {role} is not clear; name it with "
                f"--{role}-column (the columns are: {_listed(train.names)})"
            )
        for table in tables:
            if found and found[0] not in table.names:
                raise CorpusError(
                    f"{table.path}: no column {found[0]!r} for --{role}-column; "
                    f"the columns are: {_listed(table.names)}"
                )
    text, label = texts[0], labels[0]
    if text == label:
        raise CorpusError(f"--text-column and --label-column are both {text!r}; name two")
    row_id = next((name for name in ids if all(name in table.names for table in tables)), None)
    notes = []
    if len(texts) > 1:
        notes.append(f"More than one text column: --text-column can name {_listed(texts[1:])}.")
    if label not in taken:
        taken |= {text, label, row_id}
        if readable := _readable(tables, label, detect(COMPANION_COLUMNS)):
            notes.append(f"Label names are from {readable!r}, one to one with {label!r}.")
            label = readable
    said = f"Columns: text {text!r}, label {label!r}, id {row_id!r}."
    return _Columns(text, label, row_id, (said, *notes))


def _readable(tables: list[Table], label: str, companions: Sequence[str]) -> str | None:
    """The first companion that names the integer labels one to one in every file."""
    candidates = [name for name in companions if all(name in table.names for table in tables)]
    if not candidates:
        return None
    codes = [code for table in tables for code in table.column(label)]
    if not _integers(codes):
        return None
    for candidate in candidates:
        names = [name for table in tables for name in table.column(candidate)]
        if not all(name and name.strip() for name in set(names)) or _integers(names):
            continue
        if len(set(codes)) == len(set(names)) == len(set(zip(codes, names, strict=True))):
            return candidate
    return None


def _integers(values: Iterable[str | None]) -> bool:
    return all(value and _INTEGER.fullmatch(value) for value in set(values))


def _label_order(labels: Iterable[str]) -> Callable[[str], tuple[int, str]]:
    integers = _integers(labels)
    return lambda label: (int(label) if integers else 0, label)


@dataclass(frozen=True)
class _Rows:
    """The rows of one split that are kept; `numbers` are 1-based data rows of the file."""

    numbers: list[int]
    texts: list[str]
    labels: list[str]
    ids: list[str | None]


def _rows(split: str, table: Table, columns: _Columns, notes: list[str]) -> _Rows:
    texts = table.column(columns.text)
    labels = table.column(columns.label)
    ids = table.column(columns.id) if columns.id is not None else [None] * len(texts)
    rows = _Rows([], [], [], [])
    values = zip(texts, labels, ids, strict=True)
    for number, (text, label, row_id) in enumerate(values, start=1):
        if label is None or not label.strip():
            raise CorpusError(
                f"{table.path}: data row {number} has no label in column {columns.label!r}; "
                "fill it in or remove the row"
            )
        if text is not None and text.strip():
            rows.numbers.append(number)
            rows.texts.append(text)
            rows.labels.append(label)
            rows.ids.append(row_id)
    if empty := len(texts) - len(rows.texts):
        notes.append(
            f"{split}: {empty:,} of {len(texts):,} rows have an empty text and are left out."
        )
    lines = sum("\n" in text for text in rows.texts)
    if lines and table.path.suffix.lower() == ".tsv":
        notes.append(
            f"{split}: {lines:,} texts hold line breaks; if quotation marks are plain characters "
            f"in {table.path.name}, name it .txt."
        )
    if not rows.texts:
        raise CorpusError(
            f"{table.path}: no rows with a text in column {columns.text!r}; "
            "name another with --text-column"
        )
    return rows


def _row_ids(kept: dict[str, _Rows], column: str | None, notes: list[str]) -> dict[str, list[str]]:
    """The id column where it names each row of the corpus, else split and data row."""
    if column is not None:
        ids = [row_id for rows in kept.values() for row_id in rows.ids]
        named = [row_id for row_id in ids if row_id]
        missing, repeated = len(ids) - len(named), len(named) - len(set(named))
        if not missing and not repeated:
            return {split: [row_id or "" for row_id in rows.ids] for split, rows in kept.items()}
        notes.append(
            f"The id column {column!r} repeats an earlier id in {repeated:,} rows and is empty in "
            f"{missing:,}; row ids are split and line number instead."
        )
    return {split: [f"{split}:{n}" for n in rows.numbers] for split, rows in kept.items()}
