"""A corpus as files that people can open, and that read as that corpus again."""

from __future__ import annotations

import csv
import os
import shutil
import uuid
from collections.abc import Iterable
from pathlib import Path

from al_ray.corpus.entities import parse, to_tags
from al_ray.corpus.rows import Corpus
from al_ray.errors import CorpusError, UserError
from al_ray.io.storage import is_remote


def check_new(folder: str) -> Path:
    """A folder that is to be written, which is not there yet or is empty.

    Raises:
        UserError: it is something else.
    """
    path = Path(folder)
    if is_remote(folder) or (path.exists() and not (path.is_dir() and not any(path.iterdir()))):
        raise UserError(
            "--fix {folder}: is no new folder here; name one that is not there yet", folder=folder
        )
    return path


def write(corpus: Corpus, folder: Path) -> dict[Path, int]:
    """Write a corpus into a new folder: `train.csv`, and a file for each test.

    They have the columns id, text and label, in UTF-8 with the mark by which Excel knows it; lines
    end as Excel's do, those within texts with a newline alone. Rows without a label,
    `corpus.unlabelled`, are in `unlabelled-train.csv` and so on, with the same columns. All files
    are there, or none.

    Returns:
        The files, and their rows.

    Raises:
        CorpusError: the folder cannot be written.
    """
    tables: dict[str, list[tuple[str, str, str]]] = {}
    for split in filter(len, corpus.splits):  # of one, all rows may be without a label
        labels = (corpus.labels[code] for code in split.labels)
        tables[split.name] = list(zip(split.row_ids, split.texts, labels, strict=True))
    for row in corpus.unlabelled:
        tables.setdefault(f"unlabelled-{row.split}", []).append((row.row_id, row.text, ""))
    made = folder.parent / f".al_ray-{uuid.uuid4().hex}"
    try:
        made.mkdir(parents=True)
        for name, rows in tables.items():
            _write(made / f"{name}.csv", rows)
        os.replace(made, folder)  # onto an empty one, too
    except OSError as error:
        raise CorpusError(
            "{folder}: cannot be written ({reason}); give --fix another folder",
            folder=folder,
            reason=error.strerror,
        ) from None
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return {folder / f"{name}.csv": len(rows) for name, rows in tables.items()}


def _write(path: Path, rows: Iterable[tuple[str, str, str]]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")  # so that a lone \r is quoted, too
        writer.writerow(("id", "text", "label"))
        for row_id, text, label in rows:
            writer.writerow((row_id, text.replace("\r\n", "\n"), label))


def tag_lines(row_id: str, text: str, answer: str) -> str:
    """A text as KLUE's files have it: a character a line, with its tag; an end of line is a blank
    there.
    """
    plain = "".join(" " if sign in "\r\n" else sign for sign in text)
    tags = zip(plain, to_tags(parse(answer), len(text)), strict=True)
    named = f"## {row_id}\t{plain}\n" if len(row_id.split()) == 1 else ""
    return named + "".join(f"{sign}\t{tag}\n" for sign, tag in tags)
