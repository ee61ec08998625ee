"""The embedded corpus: generated Korean news in seven sections, for runs with no download.

Every text is written by this module from the words and patterns of `news_words`; nothing
measured on it says anything about real news.

A section is a set of topics, a few of them frequent and many rare, and a topic is a dozen cue
words. A text keeps to one topic, amid words and patterns that all sections share. 경제, 사회 and
문화 have many more topics and few patterns of their own, and borrow cue words from one
another, so that they are learnt late and more labels of exactly these help. 오피니언 writes about
every topic in a register of its own, which a few labels give away. The others lie between.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

import numpy as np

from al_ray.corpus.embedded import news_words as words
from al_ray.corpus.embedded.writing import Dice, attach, check_size
from al_ray.corpus.embedded.writing import words as words_of
from al_ray.corpus.rows import Corpus, Split
from al_ray.errors import CorpusError
from al_ray.language import tr

Item = TypeVar("Item")
Topic = Mapping[str, tuple[str, ...]]

HARD = ("경제", "사회", "문화")
SHARES = {
    "경제": 0.20,
    "사회": 0.21,
    "문화": 0.17,
    "정치": 0.15,
    "스포츠": 0.12,
    "국제": 0.08,
    "오피니언": 0.07,
}
LABELS = tuple(sorted(SHARES))
# How often a sentence is in a pattern of its section, and a cue word of the text's own topic.
_OWN_PATTERN = {
    **dict.fromkeys(HARD, 0.15),
    **dict.fromkeys(("정치", "국제", "스포츠"), 0.35),
    "오피니언": 0.93,
}
_OWN_WORD = 0.8
_BORROWED = 0.12
_TOPIC_SKEW, _WORD_SKEW = 3, 2
_FILLER = 0.1
_HEADLINE = 0.6
_LENGTHS = (1, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 5, 5, 6, 7, 8)
_NOISE_IN_HARD = 0.8
# "부산 국회" is no place.
_WITHOUT_REGION = ("정치", "국제")
_CUE_SLOTS = ("일", "이", "곳")

_SLOT = re.compile(r"\{(\w+)(?::(\w+)/(\w+))?\}")


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines())


def _topics(text: str) -> tuple[Topic, ...]:
    lines = iter(_lines(text))
    return tuple(
        dict(zip(_CUE_SLOTS, map(words_of, (matters, *rest.split("|"))), strict=True))
        for matters, rest in zip(lines, lines, strict=True)
    )


_TOPICS = {section: _topics(text) for section, text in words.TOPICS.items()}
_ANY_TOPIC = tuple(topic for topics in _TOPICS.values() for topic in topics)
_COMMON = {slot: words_of(text) for slot, text in words.COMMON.items()}
_FILLERS = {slot: words_of(text) for slot, text in words.FILLERS.items()}
_OWN = {section: _lines(text) for section, text in words.OWN.items()}
_SHARED, _PLAIN = _lines(words.SHARED), _lines(words.PLAIN)
_NEWS_HEADLINES, _OPINION_HEADLINES = _lines(words.NEWS_HEADLINES), _lines(words.OPINION_HEADLINES)


class _Writer:
    """Writes texts of one section after another from one stream of draws."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice

    def text(self, section: str) -> str:
        """A headline, or one to eight sentences, on one topic."""
        dice = self._dice
        topic = dice.pick_skewed(_TOPICS.get(section, _ANY_TOPIC), _TOPIC_SKEW)
        length = dice.pick(_LENGTHS)
        if length == 1 and dice.uniform() < _HEADLINE:
            headlines = _OPINION_HEADLINES if section == "오피니언" else _NEWS_HEADLINES
            return self._fill(dice.pick(headlines), section, topic)
        patterns: list[str] = []
        while len(patterns) < length:
            pattern = self._pattern(section, first=not patterns)
            if pattern not in patterns:
                patterns.append(pattern)
        return " ".join(self._fill(pattern, section, topic) for pattern in patterns)

    def _pattern(self, section: str, first: bool) -> str:
        dice = self._dice
        if dice.uniform() < _OWN_PATTERN[section]:
            return dice.pick(_OWN[section])
        return dice.pick(_PLAIN if not first and dice.uniform() < _FILLER else _SHARED)

    def _fill(self, pattern: str, section: str, topic: Topic) -> str:
        def fill(match: re.Match[str]) -> str:
            slot, closed, opened = match.groups()
            word = self._word(slot, section, topic)
            return attach(word, closed, opened) if closed else word

        return _SLOT.sub(fill, pattern)

    def _word(self, slot: str, section: str, topic: Topic) -> str:
        dice = self._dice
        if slot in _CUE_SLOTS:
            return dice.pick_skewed(self._source(section, topic)[slot], _WORD_SKEW)
        match slot:
            case "현장":
                place = self._word("곳", section, topic)
                region = "" if section in _WITHOUT_REGION else dice.pick(_FILLERS["지역"]) + " "
                return region + place
            case "이름":
                return dice.pick(_FILLERS["성"]) + dice.pick(_FILLERS["이름"])
            case "날":
                return f"{dice.whole(1, 29)}일"
            case "수":
                return str(dice.whole(11, 400))
            case "점":
                return str(dice.whole(11, 40))
            case "억":
                return str(dice.whole(2, 90))
            case "퍼":
                return f"{dice.whole(2, 40)}.{dice.whole(1, 10)}"
            case "기간":
                return f"{dice.whole(2, 12)}{dice.pick(('개월', '년', '주'))}"
        return dice.pick(_FILLERS[slot])

    def _source(self, section: str, topic: Topic) -> Topic:
        """Where the next cue word comes from: the text's topic, another section's, or no one's."""
        dice = self._dice
        u = dice.uniform()
        if u < _OWN_WORD:
            return topic
        if section in HARD and u < _OWN_WORD + _BORROWED:
            return dice.pick_skewed(
                _TOPICS[dice.pick([s for s in HARD if s != section])], _TOPIC_SKEW
            )
        return _COMMON


def _sections(rows: int, dice: Dice) -> list[str]:
    """As many rows of each section as its share says (largest remainders), shuffled."""
    exact = {section: share * rows for section, share in SHARES.items()}
    counts = {section: int(count) for section, count in exact.items()}
    by_remainder = sorted(exact, key=lambda section: counts[section] - exact[section])
    for section in by_remainder[: rows - sum(counts.values())]:
        counts[section] += 1
    ordered = [section for section, count in counts.items() for _ in range(count)]
    return [section for _, section in sorted((dice.uniform(), s) for s in ordered)]


def _flip(sections: list[str], share: float, dice: Dice) -> list[str]:
    """The labels with this share of them wrong, four in five within the hard three."""
    order = [row for _, row in sorted((dice.uniform(), row) for row in range(len(sections)))]
    wrong = round(share * len(sections))
    hard = [row for row in order if sections[row] in HARD][: round(_NOISE_IN_HARD * wrong)]
    taken = set(hard)
    others = [row for row in order if row not in taken][: wrong - len(hard)]
    flipped = list(sections)
    for rows, choices in ((hard, HARD), (others, LABELS)):
        for row in rows:
            flipped[row] = dice.pick([label for label in choices if label != sections[row]])
    return flipped


def _split(name: str, rows: int, seed: int, noise: float, seen: set[str]) -> Split:
    sections = _sections(rows, Dice(seed, f"embedded {name} sections"))
    writer = _Writer(Dice(seed, f"embedded {name} texts"))
    texts = []
    for section in sections:
        text = writer.text(section)
        while text in seen:
            text = writer.text(section)
        seen.add(text)
        texts.append(text)
    labels = _flip(sections, noise, Dice(seed, f"embedded {name} noise"))
    return Split(
        name,
        tuple(f"{name}:{row}" for row in range(rows)),
        tuple(texts),
        np.array([LABELS.index(label) for label in labels], np.int32),
    )


def generate(train: int = 4200, test: int = 1400, seed: int = 0, noise: float = 0.03) -> Corpus:
    """Generated Korean news in the sections 정치 경제 사회 문화 국제 스포츠 오피니언.

    The same arguments give the same corpus on every machine; the train rows do not depend on
    `test`. No text occurs twice, within a split or across them. The sections have the same shares
    in both splits before the noise.

    Args:
        train: rows of the pool, with ids `train:0`, `train:1`, and so on.
        test: rows of the only test, `test:0` and so on; their labels are clean.
        seed: another seed is another corpus.
        noise: share of the train labels that are wrong, mostly confusions among 경제, 사회 and
            문화; the texts do not depend on it.

    Raises:
        CorpusError: fewer rows than sections are asked of a split, or noise is not in [0, 1].
    """
    for name, rows in (("train", train), ("test", test)):
        check_size(name, rows, len(LABELS))
    if not 0 <= noise <= 1:
        raise CorpusError(
            "embedded: noise {noise} is not a share; give a number from 0 to 1", noise=noise
        )
    seen: set[str] = set()
    pool = _split("train", train, seed, noise, seen)
    held = _split("test", test, seed, 0.0, seen)
    note = tr(
        "generated text, for demonstration only; {n} train labels are wrong",
        n=round(noise * train),
    )
    return Corpus("embedded", LABELS, pool, (held,), (note,))
