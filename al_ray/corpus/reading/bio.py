"""Files of tags: a character or word a line with its tag, IOB1, BIO (IOB2) or BIOES."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from al_ray.corpus.reading.tables import content, opened, utf8
from al_ray.errors import CorpusError

TAG = re.compile(r"O|[BIES]-.+")
"""What may be a tag."""

SCHEMES = ("BIO", "IOB1", "BIOES")

_ID = re.compile(r"## (\S+)\t")
_UNFIT = re.compile(r"[\s:]")  # in a kind, as answers have it
_COMMENT = re.compile(r"# |## |##[^\t]*$")


@dataclass
class Sentence:
    """A character or word, its tag and the number of its line; all three of one length."""

    row_id: str | None = None
    units: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class TagFile:
    """A file of tags as it was read, which says nothing of whether they are legal.

    Attributes:
        path: of the file.
        encoding: as it is said to the user.
        sentences: in order; one may be without characters where only its id is there.
        tag_columns: how many columns look like tags, of which the last was read.
    """

    path: Path
    encoding: str
    sentences: list[Sentence]
    tag_columns: int

    @property
    def characters(self) -> bool:
        """Whether a line is a character: there are blanks among them, or nothing longer."""
        units = [unit for sentence in self.sentences for unit in sentence.units]
        return " " in units or all(len(unit) == 1 for unit in units)

    @property
    def tags(self) -> list[list[str]]:
        """Of each sentence."""
        return [sentence.tags for sentence in self.sentences]


def lines_of(text: str) -> list[str]:
    """Ended by line feeds alone, as other ends of lines may be characters of a text."""
    return [line.removesuffix("\r") for line in text.split("\n")]


def columns_of(line: str) -> list[str] | None:
    """The columns of a line, none of one between sentences; None of a comment."""
    if not line.strip(" ") or line.startswith("-DOCSTART-"):
        return []
    tab = line.find("\t", 1)  # the first character may be a tab itself
    if tab > 0:
        columns = [line[:tab], *line[tab + 1 :].split("\t")]
    else:
        columns = re.split(" +", line.strip(" "))
    if _ID.match(line) or (_COMMENT.match(line) and not TAG.fullmatch(columns[-1])):
        return None
    return columns


def read_tags(path: Path) -> TagFile:
    """The sentences of a file.

    Raises:
        CorpusError: no lines, or one that is not a character or word and a tag.
    """
    with opened(path) as file:
        data, encoding = utf8(path, content(path, file))
    sentences: list[Sentence] = []
    between: list[list[str]] = []
    ended = True
    width = 0
    for number, line in enumerate(lines_of(data.decode()), start=1):
        columns = columns_of(line)
        if columns is None:
            if named := _ID.match(line):
                sentences.append(Sentence(named[1]))
                ended = False
            continue
        if not columns:
            ended = True
            continue
        width = width or len(columns)
        _check_line(path, number, columns, width)
        if ended:
            sentences.append(Sentence())
            ended = False
        sentences[-1].units.append(columns[0])
        sentences[-1].tags.append(columns[-1])
        sentences[-1].lines.append(number)
        between.append(columns[1:-1])
    if not between:
        raise CorpusError(
            "{path}: no rows; give it a line for each character or word, with a tab and its tag",
            path=path,
        )
    others = sum(
        all(map(TAG.fullmatch, column)) and set(column) != {"O"}
        for column in zip(*between, strict=True)
    )
    return TagFile(path, encoding, sentences, 1 + others)


def _check_line(path: Path, number: int, columns: Sequence[str], width: int) -> None:
    tag = columns[-1]
    if len(columns) < 2:
        raise CorpusError(
            "{path}: line {line} has no tag; write a tab and O, or B- or I- and a kind, after its "
            "character or word",
            path=path,
            line=number,
        )
    if len(columns) != width:
        raise CorpusError(
            "{path}: line {line} has {n:,} columns, not {of:,}; correct it",
            path=path,
            line=number,
            n=len(columns),
            of=width,
        )
    if not TAG.fullmatch(tag):
        raise CorpusError(
            "{path}: line {line} has {tag!r} in place of a tag; write O, or B-, I-, E- or S- and "
            "a kind",
            path=path,
            line=number,
            tag=tag[:40],
        )
    if _UNFIT.search(tag):
        raise CorpusError(
            "{path}: line {line} has a kind with a blank or a colon, {kind!r}; rename it",
            path=path,
            line=number,
            kind=tag[2:42],
        )
    if "\0" in columns[0] or "\0" in tag:
        raise CorpusError("{path}: line {line} has a NUL byte; remove it", path=path, line=number)


def plain(tags: Sequence[str]) -> list[str]:
    """The BIO tags of a sentence in any scheme; what continues nothing begins an entity."""
    return [
        tag if tag == "O" else ("B" if tag[0] in "BS" or tag[1:] != before[1:] else "I") + tag[1:]
        for before, tag in zip(("O", *tags), tags, strict=False)
    ]


def told(tags: Sequence[str], scheme: str) -> list[str]:
    """Legal BIO tags of a sentence in one of `SCHEMES`."""
    if scheme == "BIO":
        return list(tags)
    if scheme == "IOB1":
        return [
            f"I{tag[1:]}" if tag[0] == "B" and before[1:] != tag[1:] else tag
            for before, tag in zip(("O", *tags), tags, strict=False)
        ]
    return [
        {"B": "S", "I": "E"}.get(tag[0], tag[0]) + tag[1:] if after[0] != "I" else tag
        for tag, after in zip(tags, [*tags, "O"][1:], strict=True)
    ]


def wrong(sentences: Sequence[Sequence[str]], scheme: str) -> list[tuple[int, int, str]]:
    """Sentence, place and what the scheme has there, of each tag that is not legal in it."""
    return [
        (number, place, legal)
        for number, tags in enumerate(sentences)
        for place, (tag, legal) in enumerate(zip(tags, told(plain(tags), scheme), strict=True))
        if tag != legal
    ]


def scheme_of(sentences: Sequence[Sequence[str]], schemes: Sequence[str]) -> str:
    """The first of the schemes in which the fewest tags are not legal: none, in a sound file."""
    return min(schemes, key=lambda scheme: len(wrong(sentences, scheme)))
