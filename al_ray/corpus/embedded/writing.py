"""What the writers of generated text share: dice, and particles that fit their word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from al_ray.corpus.rows import Corpus
from al_ray.errors import CorpusError
from al_ray.language import tr
from al_ray.randomness import generator

Item = TypeVar("Item")

_SYLLABLES = range(0xAC00, 0xD7A4)
_RIEUL = 8
# Final consonants of the digits as they are read: 영 일 이 삼 사 오 육 칠 팔 구.
_DIGIT_FINALS = (21, 8, 0, 16, 0, 0, 1, 8, 8, 0)


def final_consonant(word: str) -> int:
    """Which final consonant a word is read with: 0 none, 8 ㄹ, else its place in Unicode's order.

    Other scripts and signs count as ending in a vowel (% is read 퍼센트).
    """
    last = word[-1:]
    if last and ord(last) in _SYLLABLES:
        return (ord(last) - 0xAC00) % 28
    return _DIGIT_FINALS[int(last)] if last.isascii() and last.isdigit() else 0


def attach(word: str, closed: str, opened: str) -> str:
    """The word with its particle: `closed` after a final consonant, else `opened`.

    으로/로 takes 로 after ㄹ too.
    """
    final = final_consonant(word)
    takes_closed = final != 0 and not (closed == "으로" and final == _RIEUL)
    return word + (closed if takes_closed else opened)


class Dice:
    """Draws from doubles in [0, 1) alone, whose stream NumPy keeps from version to version."""

    def __init__(self, seed: int, purpose: str) -> None:
        self._generator = generator(seed, 0, purpose)
        self._block: list[float] = []

    def uniform(self) -> float:
        """From 0 to 1, without 1."""
        if not self._block:
            self._block = self._generator.random(4096).tolist()
        return self._block.pop()

    def whole(self, low: int, high: int) -> int:
        """An integer from low to high - 1."""
        return low + int(self.uniform() * (high - low))

    def pick(self, items: Sequence[Item]) -> Item:
        """Each as often."""
        return items[self.whole(0, len(items))]

    def pick_skewed(self, items: Sequence[Item], power: int) -> Item:
        """The first items more often: the chance falls with the rank to 1 - 1/power."""
        u = share = self.uniform()
        for _ in range(power - 1):
            share *= u
        return items[int(share * len(items))]


def words(text: str) -> tuple[str, ...]:
    """Those between commas, white space folded."""
    return tuple(" ".join(word.split()) for word in text.split(","))


def check_size(split: str, rows: int, least: int = 2) -> None:
    """Refuse a split of fewer rows.

    Raises:
        CorpusError: naming it.
    """
    if rows < least:
        raise CorpusError(
            "embedded: {name} of {rows} rows is too small; ask for {least} or more",
            name=split,
            rows=rows,
            least=least,
        )


def generated(name: str, task: str, rows: Mapping[str, Sequence[tuple[str, str]]]) -> Corpus:
    """A corpus of texts and their answers, of each split; ids are `train:0`, and so on."""
    numbered = {
        split: [(f"{split}:{place}", *row) for place, row in enumerate(each)]
        for split, each in rows.items()
    }
    note = tr("generated text, for demonstration only")
    return Corpus.of_answers(name, task, numbered, (note,))
