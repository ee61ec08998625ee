"""Which token each character of a text belongs to, for tasks that answer by characters.

A character belongs to the last token that begins at it or before it, so that one without a token
of its own, such as a blank, goes with what stands before it. A text's end that was cut has none.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from al_ray.corpus.tokens.tokenising import Encoded, flatten
from al_ray.errors import ModelError


def placed(starts: Sequence[int], tokens: ArrayLike, characters: int) -> NDArray[np.int64]:
    """The token of each of so many characters, (characters,).

    Args:
        starts: the character at which each token begins, ascending.
        tokens: the number of each of these within its row.
        characters: that are asked for; all are of the first token where there is no other.
    """
    if not len(starts):
        return np.zeros(characters, np.int64)
    which = np.searchsorted(np.asarray(starts), np.arange(characters), side="right") - 1
    return np.asarray(tokens, np.int64)[np.maximum(which, 0)]


def by_library(tokenizer: Any, texts: Sequence[str], max_length: int) -> Encoded:
    """Of a tokenizer that says at which character its tokens begin.

    Raises:
        ModelError: it does not.
    """
    _check_fast(tokenizer)
    said = tokenizer(list(texts), truncation=True, max_length=max_length, **_WANTED)
    rows = []
    for text, ids, spans, special in zip(
        texts, said["input_ids"], said["offset_mapping"], said["special_tokens_mask"], strict=True
    ):
        kept = [place for place, is_special in enumerate(special) if not is_special]
        rows.append(_of_tokens(text, spans, kept, len(ids) >= max_length))
    return flatten([row.tolist() for row in rows])


def pairs_by_library(
    tokenizer: Any, texts: Sequence[str], max_length: int
) -> tuple[Encoded, Encoded]:
    """See `Tokeniser.pairs`; a question of over half of the tokens is cut to that.

    Raises:
        ModelError: the tokenizer does not say at which character its tokens begin.
    """
    _check_fast(tokenizer)
    questions, contexts = zip(*(text.split("\n", 1) for text in texts), strict=True)
    asked = tokenizer(
        list(questions), truncation=True, max_length=max_length // 2, return_offsets_mapping=True
    )["offset_mapping"]
    shorter = [
        question[: max((end for _, end in spans), default=0)]
        for question, spans in zip(questions, asked, strict=True)
    ]
    said = tokenizer(shorter, list(contexts), **_WANTED)
    rows, places = [], []
    for row, (context, ids, spans) in enumerate(
        zip(contexts, said["input_ids"], said["offset_mapping"], strict=True)
    ):
        kept = [place for place, which in enumerate(said.sequence_ids(row)) if which == 1]
        begin, end = (kept[0], kept[-1] + 1) if kept else (len(ids), len(ids))
        whole, tokens = windowed(ids[:begin], ids[begin:end], ids[end:], max_length)
        rows.append(whole)
        starts = [spans[place][0] for place in kept]
        places.append(placed(starts, tokens, len(context)).tolist())
    return flatten(rows), flatten(places)


def windowed(
    before: Sequence[int], context: Sequence[int], after: Sequence[int], max_length: int
) -> tuple[list[int], NDArray[np.int64]]:
    """A row of as many windows as a context needs, and where in it each of its tokens is read.

    A window is what stands before, a part of the context, and what stands after; all but the last
    have `max_length` tokens, and each begins with the last quarter of the one before it. A token
    of two windows is read in that which has more around it.

    Args:
        before: ids of the question, and what marks its bounds.
        context: ids.
        after: ids.
        max_length: more than `before` and `after` have.
    """
    room = max_length - len(before) - len(after)
    overlap = min(max_length // 4, room // 2)
    step, n = room - overlap, len(context)
    windows = max(1, -(-(n - overlap) // step))
    ids: list[int] = []
    for begin in range(0, windows * step, step):
        ids += [*before, *context[begin : begin + room], *after]
    token = np.arange(n)
    window = np.clip((token - overlap // 2) // step, 0, windows - 1)
    return ids, token + window * (max_length - step) + len(before)


_WANTED = {
    "return_offsets_mapping": True,
    "return_special_tokens_mask": True,
    "return_attention_mask": False,
    "return_token_type_ids": False,
}


def _of_tokens(
    text: str, spans: Sequence[tuple[int, int]], kept: Sequence[int], full: bool
) -> NDArray[np.int64]:
    """Of these tokens of a text; its end was cut where the row is full."""
    starts = [spans[place][0] for place in kept]
    return placed(starts, kept, spans[kept[-1]][1] if full and kept else len(text))


def _check_fast(tokenizer: Any) -> None:
    if not tokenizer.is_fast:
        raise ModelError(
            "{folder}: its tokenizer does not say which characters its tokens are of; give --model "
            "an encoder with a tokenizer.json",
            folder=tokenizer.name_or_path,
        )


def by_pieces(text: str, pieces: Sequence[str], room: int) -> NDArray[np.int64]:
    """Of SentencePiece's pieces of a text, which it has normalised; the first piece is token 1.

    Text and pieces are compared as compatibility decompositions without marks and blanks, as
    KoBertTokenizer makes them; where they differ, by what they have in common.

    Args:
        text: as it was given.
        pieces: of all of it, with the text of what is unknown.
        room: pieces that are kept.
    """
    symbols, owners = _symbols(text)
    parts = [_symbols(piece.replace("\u2581", " "))[0] for piece in pieces]
    joined = "".join(parts)
    owner = owners if joined == symbols else _matched(symbols, owners, joined)
    begin = np.cumsum([0, *map(len, parts)])
    last = len(text)
    starts = [owner[at] if at < len(owner) else last for at in begin.tolist()]
    characters = starts[room] if len(pieces) > room else last
    kept = len(pieces[:room])
    return placed(starts[:kept], range(1, kept + 1), characters)


def _symbols(text: str) -> tuple[str, list[int]]:
    """A text as it is compared, and the character that each symbol is of."""
    found = [
        (symbol, at)
        for at, character in enumerate(text)
        for symbol in unicodedata.normalize("NFKD", character)
        if not unicodedata.combining(symbol) and not symbol.isspace()
    ]
    return "".join(symbol for symbol, _ in found), [at for _, at in found]


def _matched(symbols: str, owners: Sequence[int], joined: str) -> list[int]:
    """The character of each symbol of the pieces: its own, or that of the one before it."""
    owner = [-1] * len(joined)
    for block in SequenceMatcher(None, symbols, joined, autojunk=False).get_matching_blocks():
        owner[block.b : block.b + block.size] = owners[block.a : block.a + block.size]
    return list(_filled(owner))


def _filled(owner: Iterable[int]) -> Iterable[int]:
    last = 0
    for each in owner:
        last = max(last, each)
        yield last
