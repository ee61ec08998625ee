"""Scores of answers: by hand from what is published, and against twins that count otherwise."""

from __future__ import annotations

import string
from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al_ray.tasks.answers import exact, f1, normalised, rouge_w


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("《삼국사기》", "삼국사기"),
        ("‘한국’의 수도", "한국 의 수도"),  # a quote becomes a blank
        ("한·미", "한·미"),  # a mark of Korean is not among those that go
        ("3,000명", "3000명"),
        ("U.S.-China", "uschina"),
        ("(주)카카오", "주 카카오"),
        ("  A \n\t B\u3000C ", "a b c"),
        ("“네”", "“네”"),  # double curly quotes stay, single ones go
        ("ＡＢＣ（가）", "ａｂｃ（가）"),  # full width: lower case, but no ASCII
        ("<>()'\"", ""),
        ("-.-", ""),
        ("ΑΣ", "ας"),
    ],
)
def test_normalised_by_hand(text: str, left: str) -> None:
    assert normalised(text) == left


def test_exact_by_hand() -> None:
    assert exact("1989년 2월 15일", ["1989년 2월 15일"]) == 1.0
    assert exact("'1989년' 2월 15일.", ["1989년 2월 15일"]) == 1.0
    assert exact("1989년2월 15일", ["1989년 2월 15일"]) == 0.0  # a blank counts here
    assert exact("서울에", ["서울", "서울에"]) == 1.0
    assert exact("서울에", ["서울"]) == 0.0


def test_f1_by_hand() -> None:
    # 서울 of 서울에서: 2 shared, 4 given, 2 gold: 2 * 2 / 6.
    assert f1("서울에서", ["서울"]) == pytest.approx(2 / 3)
    assert f1("1989년2월", ["1989년 2월"]) == 1.0  # blanks do not count
    # 가가나 and 가나나 share 가 once and 나 once: 2 * 2 / 6.
    assert f1("가가나", ["가나나"]) == pytest.approx(2 / 3)
    assert f1("나가", ["가나"]) == 1.0  # nor does the order
    assert f1("서울에서", ["부산", "서울", "서울에"]) == pytest.approx(6 / 7)  # the largest
    assert f1("부산", ["서울"]) == 0.0
    assert f1("ａ", ["a"]) == 0.0
    # thecat and cats, as a quote is a blank: 3 shared, 6 given, 4 gold.
    assert f1("The cat", ["cat's"]) == pytest.approx(2 * 3 / 10)


def test_no_answer_and_nothing_left() -> None:
    for score in (exact, f1, rouge_w):
        assert score("", []) == 1.0
        assert score("서울", []) == 0.0
        assert score("", ["서울"]) == 0.0
        assert score("", ["()"]) == 0.0  # even where nothing is left of the gold answer
    assert (exact("'", ["()"]), f1("'", ["()"]), rouge_w("'", ["()"])) == (1.0, 0.0, 1.0)


def test_the_longest_run_by_hand() -> None:
    # 울에 of 4 and 3: 2 * 2 / 7.
    assert rouge_w("서울에서", ["저울에"]) == pytest.approx(4 / 7)
    assert rouge_w("가나다라", ["가나 다라"]) == pytest.approx(2 * 2 / 9)  # a blank ends the run
    assert rouge_w("서울", ["부산", "서울"]) == 1.0
    assert rouge_w("서울", ["부산"]) == 0.0


# --- Twins --------------------------------------------------------------------------------------

TEXTS = st.text(alphabet="가나다 aA.'()《》‘’\n\u3000（Ａ", max_size=8)


def steps(text: str) -> str:
    """The published steps, a character at a time."""
    for mark in ("'", '"', "《", "》", "<", ">", "〈", "〉", "(", ")", "‘", "’"):
        text = text.replace(mark, " ")
    kept = "".join(c for c in text.lower() if c not in string.punctuation)
    words: list[str] = [""]
    for c in kept:
        if c.isspace():
            words.append("")
        else:
            words[-1] += c
    return " ".join(word for word in words if word)


def shared(a: str, b: str) -> int:
    """Characters of one that can be crossed out in the other, each once."""
    left = list(b)
    n = 0
    for c in a:
        if c in left:
            left.remove(c)
            n += 1
    return n


def longest(a: str, b: str) -> int:
    pieces = {a[i:j] for i in range(len(a)) for j in range(i + 1, len(a) + 1)}
    return max((len(piece) for piece in pieces if piece in b), default=0)


def harmonic(common: int, a: int, b: int) -> Fraction:
    if not common:
        return Fraction(0)
    precision, recall = Fraction(common, a), Fraction(common, b)
    return 2 * precision * recall / (precision + recall)


@settings(deadline=None)
@given(said=TEXTS.filter(bool), gold=st.lists(TEXTS.filter(bool), min_size=1, max_size=3))
def test_scores_are_what_counting_gives(said: str, gold: list[str]) -> None:
    a, golds = steps(said), [steps(each) for each in gold]
    assert exact(said, gold) == float(a in golds)
    letters = a.replace(" ", "")
    each = [
        harmonic(shared(letters, g), len(letters), len(g))
        for g in (g.replace(" ", "") for g in golds)
    ]
    assert f1(said, gold) == pytest.approx(float(max(each)))
    runs = [harmonic(longest(a, g), len(a), len(g)) if g else Fraction(not a) for g in golds]
    assert rouge_w(said, gold) == pytest.approx(float(max(runs)))
    for order in permutations(gold):
        assert f1(said, order) == f1(said, gold)
