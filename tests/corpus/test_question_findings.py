"""What is in a corpus of questions, counted by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from al_ray.corpus.facts import Lengths
from al_ray.corpus.question_findings import QUESTION_WORDS, question_facts, question_word
from al_ray.corpus.reading.questions import read_with_articles
from al_ray.corpus.rows import Corpus, Split

KORQUAD = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "korquad"


@pytest.mark.parametrize(
    ("question", "word"),
    [
        ("대표로 파견된 사람은 누구인가?", "누구"),
        ("이 곡을 누가 썼나?", "누구"),
        ("누가복음의 저자로 전해지는 인물은?", "other"),
        ("언제부터 시작했나?", "언제"),
        ("언제나 배를 곯던 인물의 이름은?", "other"),
        ("수도는 어디?", "어디"),
        ("무슨 상을 받았나?", "무엇"),
        ("이것은 뭘까?", "무엇"),
        ("별명이 뭔가요?", "무엇"),
        ("왜 떠났는가?", "왜"),
        ("떠난 까닭은 왜인가?", "왜"),
        ("왜군이 처음 온 해는?", "other"),
        ("왜곡한 인물은?", "other"),
        ("어떻게 평가했는가?", "어떻게"),
        ("총몇명이 갔나?", "몇"),
        ("얼마나 걸렸나?", "몇"),
        ("몇몇 나라가 낸 것은?", "other"),
        ("어느 대학을 나왔나?", "어느"),
        ("어떤 악기를 켰나?", "어느"),
        ("지명수배된 날은?", "other"),
        ("'아랑은 왜'를 낸 곳은 어디인가?", "어디"),  # the last is what is asked
        ("누가 무엇을 언제 했나?", "언제"),
        ("", "other"),
    ],
)
def test_question_words(question: str, word: str) -> None:
    assert word in QUESTION_WORDS
    assert question_word(question) == word


def split(name: str, *rows: tuple[str, str, int]) -> Split:
    return Split(
        name,
        tuple(f"{name}-{i}" for i in range(len(rows))),
        tuple(f"{question}\n{context}" for question, context, _ in rows),
        np.array([label for _, _, label in rows], np.int32),
    )


def test_facts_by_hand() -> None:
    labels = ("-", "3-5", "3-5 10-17", "4-5")
    long, short = "길다\n" * 10, "짧다"
    train = split("train", ("누구?", long, 1), ("언제?", long, 2), ("왜?", short, 0))
    test = split("test", ("누가?", long, 3), ("것은?", "또", 3), ("것은?", "또", 0))
    corpus = Corpus("made", labels, train, (test, split("dev")), task="reading")
    articles = {"train-0": "가", "train-1": "가", "train-2": "나"}
    articles |= {"test-0": "나", "test-1": "다", "test-2": "다"}
    of_train, of_test, of_dev = question_facts(corpus, articles)

    assert (of_train.name, of_train.questions, of_train.articles) == ("train", 3, 2)
    assert (of_train.contexts, of_train.answers, of_train.unanswered) == (2, (0, 2), 1)
    assert of_train.answer_characters == Lengths(2, 7, 7)  # 2, 2 and 7
    assert of_train.context_characters == Lengths(30, 30, 30)  # 2 and 30: the higher
    assert {word: n for word, n in of_train.words.items() if n} == {"누구": 1, "언제": 1, "왜": 1}
    assert tuple(of_train.words) == QUESTION_WORDS
    assert of_train.leaked == 0

    assert (of_test.articles, of_test.contexts, of_test.answers) == (2, 2, (0, 1))
    assert (of_test.unanswered, of_test.leaked) == (1, 1)
    assert of_test.answer_characters == Lengths(1, 1, 1)
    assert {word: n for word, n in of_test.words.items() if n} == {"누구": 1, "other": 2}

    assert (of_dev.questions, of_dev.answers, of_dev.unanswered) == (0, (0, 0), 0)
    assert of_dev.answer_characters == of_dev.context_characters == Lengths(0, 0, 0)
    with pytest.raises(KeyError):
        question_facts(corpus, {})


@pytest.mark.shared
@pytest.mark.skipif(not KORQUAD.exists(), reason="no KorQuAD beside the project")
def test_korquad() -> None:
    read = read_with_articles(KORQUAD)
    (facts,) = question_facts(read.corpus, read.articles)
    assert (facts.questions, facts.articles, facts.unanswered) == (5774, 140, 0)
    assert facts.answers == (1, 1)
    assert facts.answer_characters == Lengths(5, 12, 43)
    # Of the file's 964 paragraphs one has no question, and three repeat another's context.
    assert facts.contexts == 960
    assert facts.context_characters == Lengths(458, 928, 2946)
    assert sum(facts.words.values()) == 5774
