"""Which files of a folder are the rows of train and of each test."""

from __future__ import annotations

import os
import re
import shlex
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from al_ray.corpus.reading.tables import SUFFIXES, split_name
from al_ray.errors import CorpusError
from al_ray.language import mark, tr

SPLITS = {
    **dict.fromkeys(("train", "ratings_train", "학습", "훈련"), "train"),
    **dict.fromkeys(("test", "ratings_test", "평가", "테스트"), "test"),
    **dict.fromkeys(("dev", "검증"), "dev"),
}
"""Names of files and sub-folders, to those of splits."""
WORDS = {
    **SPLITS,
    **dict.fromkeys(("training", "tr"), "train"),
    **dict.fromkeys(("eval", "evaluation", "시험"), "test"),
    **dict.fromkeys(("validation", "valid", "val", "development", "개발"), "dev"),
}
"""What else people call them, in a column or in a folder of `save_to_disk`."""
IN_ORDER = tuple(dict.fromkeys(SPLITS.values()))

# train-00000-of-00002.parquet (and with the hash that the hub once added), train.1.csv.gz,
# train_part-3.tsv. Without a number a name says nothing: train-old.csv is no part of train.
_PART = re.compile(
    r"(?P<name>.+?)[-._](?:part[-._]?)?[0-9]+(?:-of-(?P<of>[0-9]+))?(?:-[0-9a-f]{8,})?"
)


_FACTS = ("dataset_dict.json", "dataset_info.json", "state.json")  # of `save_to_disk`


def find(path: Path, test: Path | None = None) -> tuple[dict[str, list[Path]], list[str]]:
    """The files of each split in order, train first, and notes on parts and files not read.

    A split is one file (`train.tsv`), numbered parts (`train-00000-of-00002.parquet`,
    `train.1.csv.gz`) or a sub-folder (`train/`). A single file is a train without tests, and so is
    the only file of a folder, whatever its name.

    Args:
        path: a file or a folder.
        test: a file of test rows, which a folder then has none of.

    Raises:
        CorpusError: nothing there, no train, a split that is there twice, or parts missing.
    """
    if test is not None and not os.path.isfile(test):
        raise CorpusError("{path}: no such file; give --test a file", path=test)
    given = {} if test is None else {"test": [test]}
    if os.path.isfile(path):  # which has no error of its own, unlike Path's
        return {"train": [path], **given}, []
    if os.path.exists(path) and not os.path.isdir(path):
        raise CorpusError("{path}: is no regular file; give a file or a folder of files", path=path)
    if not os.path.isdir(path):
        raise CorpusError("{path}: no such file or folder; check its path", path=path)
    entries = _entries(path)
    words = WORDS if os.path.exists(path / "dataset_dict.json") else SPLITS
    # The sources of a split by name; a sub-folder or the parts of one prefix are one source.
    found: dict[str, dict[str, list[Path]]] = {}
    others: dict[str, list[Path]] = {}
    aside: list[str] = []
    for entry in entries:
        stem, suffix = split_name(entry.name)
        part = _PART.fullmatch(stem)
        split = _split(stem, words)
        source, files = entry.name, [entry] * bool(entry.is_file() and suffix)
        if split and not entry.exists():
            raise CorpusError(
                "{path}: a link to what is not there; mend it, or remove it", path=entry
            )
        if split and entry.is_dir():
            source = f"{entry.name}/"
            inside = _entries(entry)
            for file in inside:
                if split_name(file.name)[1]:
                    _check_regular(file)
            files = [file for file in inside if file.is_file() and split_name(file.name)[1]]
            aside += [f"{source}{file.name}" for file in inside if file not in files]
        elif part is not None and not split and (_split(part["name"], words) or part["of"]):
            split, source = _split(part["name"], words), f"{part['name']}-*{suffix}"
        if split and suffix:
            _check_regular(entry)
        if split and files:
            found.setdefault(split, {}).setdefault(source, []).extend(files)
        else:
            aside.append(entry.name)
            if files:
                others.setdefault(source, []).extend(files)
    notes = []
    if not found and len(others) == 1:
        found["train"] = others
        (files,) = others.values()
        aside = [name for name in aside if name not in [file.name for file in files]]
        note = tr("train: {file}, as no other file here can be read.", file=next(iter(others)))
        notes.append(note)
    if "train" not in found:
        convertible = [entry for entry in entries if _conversion(entry)]
        if convertible and not found and not others:
            raise CorpusError(
                "{path}: no train file: {why}",
                path=convertible[0],
                why=foreign(convertible[0]),
            )
        raise CorpusError(
            "{path}: no train file; name one train, as train.csv, or give the "
            "file itself, and --test that of the test if there is one (there is: "
            "{entries})",
            path=path,
            entries=listed([entry.name for entry in entries]),
        )
    if test is not None and "test" in found:
        _refuse_both(path, "test", [str(test), *found["test"]])
    if aside:
        notes.insert(0, tr("Files not read: {files}.", files=listed(aside)))
    chosen = dict(given)
    for split, sources in found.items():
        files = chosen[split] = _only(path, split, sources)
        if len(files) > 1:
            said = listed([file.name for file in files])
            notes.append(
                tr("{split}: {n:,} files, {files}.", split=split, n=len(files), files=said)
            )
    return {split: chosen[split] for split in IN_ORDER if split in chosen}, notes


_OFFICE = mark("save it as .xlsx, or: soffice --headless --convert-to xlsx {file}")
_CONVERSIONS = {
    (".xls", ".xlsb", ".xlsm", ".ods", ".numbers"): _OFFICE,
    (".zip",): mark("unpack it: python -m zipfile -e {file} {stem}"),
    (".tar", ".tar.gz", ".tgz"): mark("unpack it: tar xf {file}"),
    (".hwp", ".hwpx", ".doc", ".docx", ".pdf"): mark(
        "copy its table into a spreadsheet, save as .xlsx"
    ),
    (".feather",): mark("name it .arrow"),
}
"""What to do with files of these suffixes."""


def foreign(path: Path) -> str:
    """Why a file is not read, and how to convert it."""
    if how := _conversion(path):
        return tr("not a format that is read; convert it ({how})", how=how)
    formats = ", ".join(SUFFIXES)
    return tr(
        "not a format that is read ({formats}, and .gz of the text ones); convert it",
        formats=formats,
    )


def _conversion(path: Path) -> str | None:
    for suffixes, how in _CONVERSIONS.items():
        if path.name.lower().endswith(suffixes):
            file, stem = (shlex.quote(str(each)) for each in (path, path.with_suffix("")))
            return tr(how, file=file, stem=stem)
    return None


def _split(name: str, words: Mapping[str, str]) -> str | None:
    """The split of a file's or sub-folder's name; macOS composes Korean names differently."""
    return words.get(unicodedata.normalize("NFC", name).lower())


def _check_regular(path: Path) -> None:
    """Refuse pipes, devices and sockets: a note that they were not read is soon overlooked."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise CorpusError("{path}: is no regular file; give one, or remove it", path=path)


def listed(names: Sequence[str], most: int = 12, width: int = 40) -> str:
    """Names on one line, however many and however long they are."""
    shown = [" ".join(name.split())[:width] or "''" for name in names[:most]]
    shown = [name.encode(errors="backslashreplace").decode() for name in shown]
    rest = tr(" and {n:,} more", n=len(names) - most) if len(names) > most else ""
    return (", ".join(shown) + rest) or tr("nothing")


def _entries(folder: Path) -> list[Path]:
    """What is in a folder, 2 before 10, without what is nobody's rows, such as hidden files."""
    try:
        entries = [
            entry
            for entry in folder.iterdir()
            if entry.name[0] not in "._" and entry.name not in _FACTS
            if not re.fullmatch(r"cache-.+\.arrow", entry.name)  # what `datasets` has computed
        ]
    except OSError as error:
        raise CorpusError(
            "{path}: cannot be listed ({reason}); check its path",
            path=folder,
            reason=error.strerror,
        ) from None
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
                "{path}: {n:,} of {of:,} parts of {split} are there ({there}); "
                "add the missing ones",
                path=path,
                n=len(there),
                of=int(number),
                split=split,
                there=listed(there, 3),
            )
    return files


def _refuse_both(path: Path, split: str, names: Iterable[str]) -> None:
    first, second = list(names)[:2]
    raise CorpusError(
        "{path}: both {first} and {second} are the {split} rows; keep one",
        path=path,
        first=first,
        second=second,
        split=split,
    )
