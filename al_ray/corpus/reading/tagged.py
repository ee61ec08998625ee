"""Files of named entities in: a character a line, as in KLUE, or a word, as in CoNLL."""

from __future__ import annotations

import codecs
import gzip
import os
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from itertools import accumulate
from pathlib import Path

from al_ray.corpus.entities import Entity, from_tags, parse, written
from al_ray.corpus.reading.bio import (
    SCHEMES,
    TAG,
    Sentence,
    TagFile,
    columns_of,
    lines_of,
    plain,
    read_tags,
    scheme_of,
    wrong,
)
from al_ray.corpus.reading.kept import Rows, row_ids
from al_ray.corpus.reading.sources import find, listed
from al_ray.corpus.reading.tables import opened, split_name
from al_ray.corpus.rows import Corpus
from al_ray.errors import CorpusError
from al_ray.language import tr

_HEAD, _LOOKED_AT = 2**16, 200  # bytes, lines


def read_tagged(path: Path, test: Path | None = None) -> Corpus:
    """The corpus of named entities in a file or a folder, as `sources.find` finds them.

    A line is a character and its BIO or BIOES tag, with a tab between (KLUE), or a word, anything
    else and its IOB1, BIO or BIOES tag, with tabs or blanks between (CoNLL), whose words are joined
    by a blank. Texts are not normalised: answers, as `entities.written` has them, count their
    characters.

    Args:
        path: a file, a train without tests, or a folder.
        test: a file of the sentences of the test, which `path` has not.

    Raises:
        CorpusError: one line that names the file, the line, and the remedy.
    """
    found, notes = find(path, test)
    files = {split: [read_tags(part) for part in parts] for split, parts in found.items()}
    every = [file for parts in files.values() for file in parts]
    characters = _one_form(every)
    scheme = scheme_of(
        [tags for file in every for tags in file.tags],
        [name for name in SCHEMES if name != "IOB1" or not characters],
    )
    for file in every:
        _check(file, scheme)
    form = (
        tr("a character a line") if characters else tr("a word a line, joined by a blank in texts")
    )
    notes += _encodings(every)
    notes.append(tr("Named entities in {scheme} tags, {form}.", scheme=scheme, form=form))
    notes += [
        tr(
            "{path}: {n:,} columns hold tags; the last is read, and what others mark is not.",
            path=file.path,
            n=file.tag_columns,
        )
        for file in every
        if file.tag_columns > 1
    ]
    rows = {split: _rows(split, parts, characters, notes) for split, parts in files.items()}
    _compare_kinds(found["train"][0], rows, notes)
    named = any(row_id for each in rows.values() for row_id in each.ids)
    id_of = row_ids(rows, "##" if named else None, notes)
    return Corpus.of_answers(
        path.resolve().name if os.path.isdir(path) else split_name(path.name)[0],
        "tagging",
        {
            split: [
                (id_of(split, number, row_id), text, answer)
                for number, row_id, text, answer in zip(
                    each.numbers, each.ids, each.texts, each.labels, strict=True
                )
            ]
            for split, each in rows.items()
        },
        notes,
        left_out={
            split: tuple(id_of(split, *row) for row in each.empty)
            for split, each in rows.items()
            if each.empty
        },
    )


def looks_tagged(path: Path) -> bool:
    """Whether the first 200 lines of a file, or of a folder's train, are those of `read_tagged`."""
    try:
        file = find(path)[0]["train"][0]
        with opened(file) as raw, gzip.open(raw) if _packed(file) else nullcontext(raw) as source:
            head = source.read(_HEAD)
    except (CorpusError, OSError, EOFError, zlib.error):
        return False
    wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    lines = lines_of(head.decode("utf-16" if wide else "utf-8-sig", "replace").rstrip("\r\n"))
    if len(head) == _HEAD:
        lines = lines[:-1]
    split = [columns_of(line) for line in lines[:_LOOKED_AT]]
    found = [columns for columns in split if columns]
    return all(len(columns) > 1 and TAG.fullmatch(columns[-1]) for columns in found) and (
        any(columns[-1] != "O" for columns in found) or (bool(found) and [] in split)
    )


def _packed(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def _one_form(files: Sequence[TagFile]) -> bool:
    """Whether a line is a character, in all of the files."""
    forms = {file.characters: file.path for file in files}
    if len(forms) > 1:
        raise CorpusError(
            "{path}: has a character a line, and {other} a word; bring both into one form",
            path=forms[True],
            other=forms[False].name,
        )
    return next(iter(forms))


def _check(file: TagFile, scheme: str) -> None:
    """Refuse tags that are not legal in the scheme."""
    if not (found := wrong(file.tags, scheme)):
        return
    number, place, legal = found[0]
    sentence, others = file.sentences[number], len(found) - 1
    raise CorpusError(
        "{path}: line {line} has the tag {tag!r} where {scheme} needs {legal!r}, given the tags "
        "beside it{more}; correct it, or those",
        path=file.path,
        line=sentence.lines[place],
        tag=sentence.tags[place],
        scheme=scheme,
        legal=legal,
        more=tr(" (so have {n:,} more lines)", n=others) if others else "",
    )


def _encodings(files: Sequence[TagFile]) -> list[str]:
    names: dict[str, list[str]] = {}
    for file in files:
        names.setdefault(file.encoding, []).append(file.path.name)
    said = [
        tr("{encoding} in {files}", encoding=tr(encoding), files=listed(of))
        if names.keys() - {encoding}
        else tr(encoding)
        for encoding, of in names.items()
    ]
    return [tr("Encoding: {encoding}.", encoding="; ".join(said))]


def _rows(split: str, files: Sequence[TagFile], characters: bool, notes: list[str]) -> Rows:
    """The sentences of a split that have a text."""
    rows = Rows()
    sentences = [sentence for file in files for sentence in file.sentences]
    for number, sentence in enumerate(sentences, start=1):
        text, entities = _spread(sentence, "" if characters else " ")
        if not text.strip():
            rows.empty.append((number, sentence.row_id))
            continue
        rows.numbers.append(number)
        rows.texts.append(text)
        rows.labels.append(written(entities))
        rows.ids.append(sentence.row_id)
    if not rows.texts:
        raise CorpusError(
            "{path}: no sentence has a character other than blanks; give it some",
            path=files[0].path,
        )
    if rows.empty:
        notes.append(
            tr(
                "{split}: {n:,} of {of:,} rows have an empty text and are left out.",
                split=split,
                n=len(rows.empty),
                of=len(sentences),
            )
        )
    return rows


def _spread(sentence: Sentence, joint: str) -> tuple[str, list[Entity]]:
    """The text, and the entities by its characters."""
    ends = list(accumulate(len(unit) + len(joint) for unit in sentence.units))
    starts = [0, *ends]
    return joint.join(sentence.units), [
        Entity(starts[entity.start], ends[entity.end - 1] - len(joint), entity.kind)
        for entity in from_tags(plain(sentence.tags))
    ]


def _compare_kinds(path: Path, rows: dict[str, Rows], notes: list[str]) -> None:
    """Refuse a train without entities, and note what kinds only others have."""
    kinds = {split: _kinds(each.labels) for split, each in rows.items()}
    if not kinds["train"]:
        raise CorpusError(
            "{path}: no sentence has an entity; mark some with B- and I-, in the last column",
            path=path,
        )
    for split, counts in kinds.items():
        if unknown := counts.keys() - kinds["train"].keys():
            notes.append(
                tr(
                    "{split}: {n:,} entities are of kinds that train has none of: {kinds}.",
                    split=split,
                    n=sum(counts[kind] for kind in unknown),
                    kinds=listed(sorted(unknown)),
                )
            )


def _kinds(answers: Iterable[str]) -> Counter[str]:
    return Counter(entity.kind for answer in answers for entity in parse(answer))
