"""Texts with what is marked in them: the right answer, and what was said in its place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

_SPAN: Final = re.compile(r"(\d+)-(\d+)(?::(\S+))?")
_MOST: Final = 180
"""Characters of a text that is shown as it is; of a longer one, what is marked and around it."""

_AROUND: Final = 40
"""Characters beside a mark that are shown."""

Span = tuple[int, int, str]
"""First character, the one after the last, and what it is."""


@dataclass(frozen=True)
class Piece:
    """A part of a text.

    Attributes:
        text: of it.
        gold: what it is in the right answer; None: it is no part of it.
        said: the same of what was said.
    """

    text: str
    gold: str | None = None
    said: str | None = None


@dataclass(frozen=True)
class Marked:
    """A text, and its two answers in words.

    Attributes:
        pieces: in order.
        gold, said: what is marked, such as `PS 김철수`; '' where nothing is.
    """

    pieces: tuple[Piece, ...]
    gold: str
    said: str


def marked(text: str, gold: str, said: str, after_question: bool) -> Marked:
    """What two answers mark in a text.

    Args:
        text: of the row.
        gold, said: answers, as tables have them: `3-5:PS 10-13:LC`, or places in what follows a
            question.
        after_question: whether places are counted after the first line break.
    """
    begin = text.find("\n") + 1 if after_question else 0
    sides = [_spans(answer, begin, len(text)) for answer in (gold, said)]
    bounds = {0, len(text), begin, *(at for side in sides for span in side for at in span[:2])}
    pieces = [
        Piece(text[first:last], *(_of(side, first, last) for side in sides))
        for first, last in pairwise(sorted(bounds))
    ]
    names = ["; ".join(f"{kind} {text[a:b]}".strip() for a, b, kind in side) for side in sides]
    return Marked(tuple(_cut(pieces, begin > 0)), names[0], names[1])


def _spans(answer: str, begin: int, end: int) -> list[Span]:
    found = (_SPAN.fullmatch(part) for part in answer.split())
    spans = [(begin + int(one[1]), begin + int(one[2]), one[3] or "") for one in found if one]
    return [span for span in spans if span[0] < span[1] <= end]


def _of(spans: Sequence[Span], first: int, last: int) -> str | None:
    """What a piece is that no span crosses the ends of."""
    return next((kind for a, b, kind in spans if a <= first and last <= b), None)


def _cut(pieces: Sequence[Piece], keeps_first: bool) -> list[Piece]:
    """Without what is far from every mark; the question stays as it is."""
    if sum(len(piece.text) for piece in pieces) <= _MOST:
        return list(pieces)
    made: list[Piece] = []
    for place, piece in enumerate(pieces):
        plain = piece.gold is None and piece.said is None
        if not plain or (keeps_first and place == 0) or len(piece.text) <= 2 * _AROUND:
            made.append(piece)
            continue
        before = place > 0 and not (keeps_first and place == 1)
        head = piece.text[:_AROUND] if before else ""
        tail = piece.text[-_AROUND:] if place < len(pieces) - 1 else ""
        if not head and not tail:  # nothing is marked at all
            head = piece.text[:_MOST]
        made.append(Piece(f"{head}…{tail}"))
    return made
