"""What is in a corpus of questions: counts, lengths, question words, and articles in two splits."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from al_ray.corpus.facts import Lengths
from al_ray.corpus.rows import Corpus, Split
from al_ray.corpus.spans import parse

_WORDS = {
    "누구": "누구|누가(?!복음)",
    "언제": "언제(?!나)",
    "어디": "어디",
    "무엇": "무엇|무슨|뭐|뭘|뭔",
    "왜": r"\b왜(?:\b|(?=인가|일까|냐))",
    "어떻게": "어떻게",
    "몇": "(?<!몇)몇(?!몇)|얼마",
    "어느": "어느|어떤",
}
_ANY = re.compile("|".join(f"({word})" for word in _WORDS.values()))

OTHER = "other"
QUESTION_WORDS = (*_WORDS, OTHER)
"""How questions are counted, each by one word and its variants, or as `other`."""


@dataclass(frozen=True)
class QuestionFacts:
    """What one split holds.

    Attributes:
        name: of the split.
        questions: its rows.
        articles: that these are of.
        contexts: different ones.
        answers: gold answers of the question that has fewest, and of that which has most.
        unanswered: questions without an answer.
        answer_characters: lengths of all gold answers.
        context_characters: lengths of the different contexts.
        words: questions of each of `QUESTION_WORDS`; of several in a question the last counts.
        leaked: questions whose article is one of train's; 0 for train.
    """

    name: str
    questions: int
    articles: int
    contexts: int
    answers: tuple[int, int]
    unanswered: int
    answer_characters: Lengths
    context_characters: Lengths
    words: Mapping[str, int]
    leaked: int


def question_facts(corpus: Corpus, articles: Mapping[str, str]) -> tuple[QuestionFacts, ...]:
    """Facts of train, then of each test.

    Args:
        corpus: of the task `reading`.
        articles: of each row id.

    Raises:
        KeyError: a row has no article.
    """
    trained = {articles[row_id] for row_id in corpus.train.row_ids}
    return tuple(
        _of_a_split(corpus, split, articles, set() if split is corpus.train else trained)
        for split in corpus.splits
    )


def _of_a_split(
    corpus: Corpus, split: Split, articles: Mapping[str, str], trained: set[str]
) -> QuestionFacts:
    given = [articles[row_id] for row_id in split.row_ids]
    pairs = [text.partition("\n") for text in split.texts]
    contexts = {context for _, _, context in pairs}
    answers = [parse(corpus.labels[label]) for label in split.labels]
    counts = [len(spans) for spans in answers]
    words = Counter(question_word(question) for question, _, _ in pairs)
    return QuestionFacts(
        name=split.name,
        questions=len(split),
        articles=len(set(given)),
        contexts=len(contexts),
        answers=(min(counts, default=0), max(counts, default=0)),
        unanswered=counts.count(0),
        answer_characters=Lengths.of(end - start for spans in answers for start, end in spans),
        context_characters=Lengths.of(map(len, contexts)),
        words={word: words[word] for word in QUESTION_WORDS},
        leaked=sum(article in trained for article in given),
    )


def question_word(question: str) -> str:
    """The last question word, as one of `QUESTION_WORDS`; those before it are seldom what is asked.

    They are looked for in the text, not in its grammar: 왜 must be a word of its own, or 왜군 would
    count; 언제나, 몇몇 and 누가복음 ask nothing.
    """
    word = OTHER
    for found in _ANY.finditer(question):
        word = QUESTION_WORDS[(found.lastindex or 0) - 1]
    return word
