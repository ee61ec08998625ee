"""Which files of a folder are the rows of train and of each test."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from al_ray.corpus.reading.tables import split_name
from al_ray.errors import CorpusError

SPLITS = {"train": "train", "ratings_train": "train", "test": "test", "ratings_test": "test"}
SPLITS["dev"] = "dev"  # the order of this mapping is the order of the splits

# train-00000-of-00002.parquet (and with the hash that the hub once added), train.1.csv.gz,
# train_part-3.tsv. Without a number a name says nothing: train-old.csv is no part of train.
_PART = re.compile(
    r"(?P<name>.+?)[-._](?:part[-._]?)?[0-9]+(?:-of-(?P<of>[0-9]+))?(?:-[0-9a-f]{8,})?"
)


def find(path: Path) -> tuple[dict[str, list[Path]], list[str]]:
    """The files of each split in order, train first, and notes on parts and files not read.

    A split is one file (`train.tsv`), numbered parts (`train-00000-of-00002.parquet`,
    `train.1.csv.gz`) or a sub-folder (`train/`); a single file is a train without tests.

    Raises:
        CorpusError: nothing there, no train, a split that is there twice, or parts missing.
    """
    if os.path.isfile(path):  # which has no error of its own, unlike Path's
        return {"train": [path]}, []
    if os.path.exists(path) and not os.path.isdir(path):
        raise CorpusError(f"{path}: is no regular file; give --data a file or a folder of files")
    if not os.path.isdir(path):
        raise CorpusError(f"{path}: no such file or folder; check --data")
    entries = _entries(path)
    # The sources of a split by name; a sub-folder or the parts of one prefix are one source.
    found: dict[str, dict[str, list[Path]]] = {}
    aside: list[str] = []
    for entry in entries:
        stem, suffix = split_name(entry.name)
        part = _PART.fullmatch(stem)
        if stem.lower() in SPLITS and not entry.exists():
            raise CorpusError(f"{entry}: a link to what is not there; mend it, or remove it")
        if suffix and (part["name"] if part else stem).lower() in SPLITS:
            _check_regular(entry)
        if entry.is_dir() and stem.lower() in SPLITS:
            split, source = SPLITS[stem.lower()], f"{entry.name}/"
            inside = _entries(entry)
            for file in inside:
                if split_name(file.name)[1]:
                    _check_regular(file)
            files = [file for file in inside if file.is_file() and split_name(file.name)[1]]
            aside += [f"{source}{file.name}" for file in inside if file not in files]
        elif not entry.is_file() or not suffix:
            split, source, files = None, "", []
        elif stem.lower() in SPLITS:
            split, source, files = SPLITS[stem.lower()], entry.name, [entry]
        elif part is not None and part["name"].lower() in SPLITS:
            split = SPLITS[part["name"].lower()]
            source, files = f"{part['name']}-*{suffix}", [entry]
        else:
            split, source, files = None, "", []
        if split is None or not files:
            aside.append(entry.name)
        else:
            found.setdefault(split, {}).setdefault(source, []).extend(files)
    if "train" not in found:
        raise CorpusError(
            f"{path}: no train file; name one train.tsv, train.csv, train.jsonl, train.parquet "
            f"or ratings_train.txt (there is: {listed([entry.name for entry in entries])})"
        )
    notes = [f"Files not read: {listed(aside)}."] if aside else []
    chosen = {}
    for split in dict.fromkeys(SPLITS.values()):
        if split in found:
            files = chosen[split] = _only(path, split, found[split])
            if len(files) > 1:
                notes.append(f"{split}: {len(files):,} files, {listed([f.name for f in files])}.")
    return chosen, notes


def _check_regular(path: Path) -> None:
    """Refuse pipes, devices and sockets: a note that they were not read is soon overlooked."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise CorpusError(f"{path}: is no regular file; give one, or remove it")


def listed(names: Sequence[str], most: int = 12, width: int = 40) -> str:
    """Names on one line, however many and however long they are."""
    shown = [" ".join(name.split())[:width] or "''" for name in names[:most]]
    shown = [name.encode(errors="backslashreplace").decode() for name in shown]
    rest = f" and {len(names) - most:,} more" if len(names) > most else ""
    return (", ".join(shown) + rest) or "nothing"


def _entries(folder: Path) -> list[Path]:
    """What is in a folder, 2 before 10; hidden files and Spark's _SUCCESS are nobody's rows."""
    try:
        entries = [entry for entry in folder.iterdir() if entry.name[0] not in "._"]
    except OSError as error:
        raise CorpusError(f"{folder}: cannot be listed ({error.strerror}); check --data") from None
    return sorted(entries, key=lambda entry: (_natural(entry.name), entry.name))


def _natural(name: str) -> list[tuple[int, str]]:
    return [
        (int(piece), "") if piece.isdecimal() else (-1, piece)
        for piece in re.split(r"([0-9]+)", name)
    ]


def _only(path: Path, split: str, sources: dict[str, list[Path]]) -> list[Path]:
    """The files of the split's only source, none of them missing or there in two formats."""
    if len(sources) > 1:
        _refuse_both(path, split, sources)
    files = next(iter(sources.values()))
    stems: dict[str, str] = {}
    for file in files:
        stem = split_name(file.name)[0]
        if stem in stems:
            _refuse_both(path, split, (stems[stem], file.name))
        stems[stem] = file.name
    parts = [_PART.fullmatch(stem) for stem in stems]
    for number in {part["of"] for part in parts if part is not None and part["of"]}:
        there = [name for name, part in zip(stems, parts, strict=True) if part and part["of"]]
        if len(there) != int(number):
            raise CorpusError(
                f"{path}: {len(there):,} of {int(number):,} parts of {split} are there "
                f"({listed(there, 3)}); add the missing ones"
            )
    return files


def _refuse_both(path: Path, split: str, names: Iterable[str]) -> None:
    first, second = list(names)[:2]
    raise CorpusError(f"{path}: both {first} and {second} are the {split} rows; keep one")
