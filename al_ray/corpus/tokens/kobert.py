"""KoBERT's tokeniser: the ids of `KoBertTokenizer`, many texts at a time.

`kobert_transformers.KoBertTokenizer` walks through every text character by character in Python.
Here a batch is prepared by a few calls that run in C, and SentencePiece is given the whole of it.
Texts for which a rule of its own matters are given to the class itself.
"""

from __future__ import annotations

import hashlib
import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from al_ray.corpus.tokens.places import by_pieces, windowed
from al_ray.corpus.tokens.tokenising import (
    Encoded,
    flatten,
    plainly,
    quiet_transformers,
    refuse_broken,
    unusable,
)
from al_ray.errors import ModelError

MODEL_FILE = "tokenizer_78b3253a26.model"
PAD_ID = 1

PROVEN = {"17dc471055592d3cc9e0a5831e769246a8a001a4d27551c9ed79668173c7b407"}
"""SHA-256 of SentencePiece models for which two short cuts are known to change nothing.

1. KoBertTokenizer decomposes a text (NFKD) and SentencePiece's own normalisation composes it
again, which takes most of the time. That replaces the longest prefix that is a key of its table,
and among all 224,679 keys of KoBERT's:
- over SAFE characters as they are, those of more than one character are a consonant and a vowel
  (to their syllable), and those of one leave syllables alone and turn letters (ㅋ) into jamo;
- over SAFE characters decomposed, those of more than one character are exactly the syllables';
- none of more than one character holds a space.
Hence what is replaced begins and ends at the same SAFE characters either way and is replaced by
the same, and a word that has others can be decomposed alone.

2. Of a long text only the first words are needed. A space begins a piece and stands nowhere else
in one, and alone is a piece; pieces are chosen by a unigram model, left to right. So the pieces of
words do not depend on what follows them.
"""

SAFE = (
    "\n -~"  # the line feed stands between texts; ASCII is its own decomposition
    "가-힣ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎㅏ-ㅣ"  # no ㄳ: it joins syllables
    "·‘-‟†-•\u2500-\u26ff\u2701-\u27bf、。〈-】\u4e00-\u9fff"
    "\U0001f300-\U0001f64f\U0001f900-\U0001f9ff"
)
"""Hangul, and characters that NFKD leaves alone and that are no combining marks."""

_OTHER = re.compile(f"[^{SAFE}]+")
_SPACE = re.compile("[ \n]")
_ENOUGH = 3
"""Characters that mostly hold more than one piece; where they do not, the whole text is read."""


class Kobert:
    """See `Tokeniser`; `pad_id` is 1.

    Raises:
        ModelError: the folder's tokenizer cannot be loaded, or is not KoBERT's.
    """

    def __init__(self, folder: Path) -> None:
        model = _model_file(folder)
        self._slow = _load(folder, model)
        self.pad_id: int = self._slow.pad_token_id
        if self.pad_id != PAD_ID or self._slow.pad_token != "[PAD]":
            raise ModelError(
                "{path}: {token} has id {id}, but KoBERT is trained with [PAD] "
                "as 1, the second line; fetch the model's own files again",
                path=folder / "vocab.txt",
                token=self._slow.pad_token,
                id=self.pad_id,
            )
        self.size = 1 + max(self._slow.get_vocab().values())
        self.special_ids = frozenset(self._slow.all_special_ids) - {self._slow.unk_token_id}
        self._pieces = self._slow.sp_model
        self._proven = hashlib.sha256(model.read_bytes()).hexdigest() in PROVEN
        self._special = re.compile("|".join(map(re.escape, self._slow.added_tokens_encoder)))
        # Options that a tokenizer_config.json may set; no published KoBERT does.
        self._usual = (
            self._slow.remove_space
            and not self._slow.keep_accents
            and not self._slow.do_lower_case
            and not self._slow.split_special_tokens
            and self._slow.truncation_side == "right"
        )
        names = [self._pieces.id_to_piece(i) for i in range(self._pieces.get_piece_size())]
        ids = self._slow.convert_tokens_to_ids(names)
        # What the slow way answers is put in beside SentencePiece's ids, shifted by their number.
        self._shift = len(names)
        self._ids: NDArray[np.int32] = np.array([*ids, *range(self.size)], np.int32)
        self._ruled = self._ruled_pieces(names)

    def _ruled_pieces(self, names: list[str]) -> NDArray[np.bool_]:
        """Which of `_ids` may stand for text that SentencePiece alone does not settle."""
        # KoBertTokenizer divides a piece that ends in a digit and a comma once more.
        ruled = [len(name) > 1 and name[-1] == "," and name[-2].isdigit() for name in names]
        # SentencePiece makes one piece of characters it does not know, and keeps their text. That
        # ends in a comma only if a comma is not known, and is in vocab.txt only if that has more.
        comma = self._pieces.piece_to_id(",")
        unknown = self._pieces.unk_id()
        known = {
            name
            for i, name in enumerate(names)
            if not self._pieces.is_control(i) and not self._pieces.is_unused(i)
        }
        settled = comma != unknown and "," in known and set(self._slow.get_vocab()) <= known
        ruled[unknown] = not settled
        return np.array([*ruled, *[False] * self.size])

    def encode(self, texts: Sequence[str], max_length: int) -> Encoded:
        """See `Tokeniser`."""
        if not (self._usual and texts) or max_length < 3:  # the library then cuts nothing
            return plainly(self._slow, texts, max_length)
        room = max_length - 2
        enough = _ENOUGH * room if self._proven else sys.maxsize
        rows = self._divided(texts, enough)
        short = [
            row
            for row, (text, ids) in enumerate(zip(texts, rows, strict=True))
            if len(ids) < room and len(text) > enough
        ]
        if short:
            whole = self._divided([texts[row] for row in short], sys.maxsize)
            for row, ids in zip(short, whole, strict=True):
                rows[row] = ids
        rows = [row[:room] if len(row) > room else row for row in rows]
        if self._special.search("\n".join(texts)):
            special = [i for i, text in enumerate(texts) if self._special.search(text)]
            self._slowly(rows, texts, special, max_length)
        lengths, pieces = flatten(rows)
        ruled = self._ruled[pieces]
        if ruled.any():
            where = np.unique(np.repeat(np.arange(len(rows)), lengths)[ruled])
            self._slowly(rows, texts, where.tolist(), max_length)
            lengths, pieces = flatten(rows)
        return self._framed(lengths, self._ids[pieces])

    def places(self, texts: Sequence[str], max_length: int) -> Encoded:
        """See `Tokeniser`."""
        rows = [by_pieces(text, self._slow.tokenize(text), max_length - 2) for text in texts]
        return flatten([row.tolist() for row in rows])

    def pairs(self, texts: Sequence[str], max_length: int) -> tuple[Encoded, Encoded]:
        """See `Tokeniser`; questions and contexts as BERT has them, [CLS] q [SEP] c [SEP]."""
        ids, places = [], []
        for text in texts:
            question, context = text.split("\n", 1)
            asked = self._slow.tokenize(question)[: max_length // 2]
            pieces = self._slow.tokenize(context)
            one, two = map(self._slow.convert_tokens_to_ids, (asked, pieces))
            end = [self._slow.sep_token_id]
            row, tokens = windowed([self._slow.cls_token_id, *one, *end], two, end, max_length)
            ids.append(row)
            piece = by_pieces(context, pieces, len(pieces)) - 1
            places.append((tokens[piece] if pieces else piece + 1).tolist())
        return flatten(ids), flatten(places)

    def _divided(self, texts: Sequence[str], enough: int) -> list[list[int]]:
        """SentencePiece's ids; of texts of more than `enough` characters, of words before that."""
        try:
            rows: list[list[int]] = self._pieces.encode(self._ready(texts, enough), num_threads=1)
        except (RuntimeError, TypeError, ValueError):
            refuse_broken(texts)
            raise
        return rows

    def _slowly(
        self, rows: list[list[int]], texts: Sequence[str], where: Iterable[int], max_length: int
    ) -> None:
        """Put what KoBertTokenizer itself answers in the place of these rows."""
        for row in where:
            _, ids = plainly(self._slow, [texts[row]], max_length)
            rows[row] = (ids[1:-1] + self._shift).tolist()

    def _framed(self, lengths: NDArray[np.int32], ids: NDArray[np.int32]) -> Encoded:
        """With [CLS] before and [SEP] after every row."""
        lengths = lengths + np.int32(2)
        ends = np.cumsum(lengths, dtype=np.int64)
        values = np.empty(int(ends[-1]), np.int32)
        inner = np.ones(len(values), np.bool_)
        for places, token in (
            (ends - lengths, self._slow.cls_token_id),
            (ends - 1, self._slow.sep_token_id),
        ):
            values[places] = token
            inner[places] = False
        values[inner] = ids
        return lengths, values

    def _ready(self, texts: Sequence[str], enough: int) -> list[str]:
        """What SentencePiece shall be given: `preprocess_text`, or what it takes for the same."""
        # No text holds a line feed once its spaces are folded, and no rule reaches across one.
        joined = "\n".join(
            [
                " ".join(text.split() if len(text) <= enough else text[:enough].split()[:-1])
                for text in texts
            ]
        )
        joined = joined.replace("``", '"').replace("''", '"')
        return (_decompose_words if self._proven else _decompose)(joined).split("\n")


def _decompose_words(text: str) -> str:
    """Decompose the words that hold a character that is not safe."""
    parts = []
    done = 0
    for match in _OTHER.finditer(text):
        start, end = match.span()
        if start < done:
            continue  # of the word before
        start = max(done, 1 + text.rfind(" ", done, start), 1 + text.rfind("\n", done, start))
        found = _SPACE.search(text, end)
        end = found.start() if found else len(text)
        parts += [text[done:start], _decompose(text[start:end])]
        done = end
    return "".join([*parts, text[done:]])


def _decompose(text: str) -> str:
    """NFKD, without combining characters."""
    text = unicodedata.normalize("NFKD", text)
    marks = [ord(character) for character in set(text) if unicodedata.combining(character)]
    return text.translate(dict.fromkeys(marks)) if marks else text


def _model_file(folder: Path) -> Path:
    """SentencePiece's model; `vocab.txt` must be beside it."""
    named = folder / MODEL_FILE
    model = named if named.exists() else min(folder.glob("tokenizer_*.model"), default=named)
    for path in (model, folder / "vocab.txt"):
        if not path.is_file():
            raise ModelError(
                "{path}: KoBERT's tokenizer needs this file; fetch the model's files again",
                path=path,
            )
    return model


def _load(folder: Path, model: Path) -> Any:
    quiet_transformers()
    from kobert_transformers.tokenization_kobert import KoBertTokenizer

    try:
        tokenizer = KoBertTokenizer.from_pretrained(
            folder, vocab_file=str(model), vocab_txt=str(folder / "vocab.txt")
        )
        if not tokenizer:  # Transformers keeps what SentencePiece says of a file to itself
            raise ValueError(f"{model.name} is no SentencePiece model")
    except Exception as error:  # of SentencePiece, of Transformers and of the file system
        raise unusable(folder, error) from error
    return tokenizer
