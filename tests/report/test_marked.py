"""What is marked in a text, by hand; and how well each kind of text is answered."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_studies import answered

from al_ray.analysis.described.strata import strata
from al_ray.report.marked import Piece, marked
from al_ray.tasks import TASKS
from al_ray.tasks.base import band


def test_entities_that_are_right_missed_and_made_up():
    found = marked("김철수가 서울에 갔다", "0-3:PS 5-7:LC", "0-3:PS 9-11:OG", False)
    assert found.pieces == (
        Piece("김철수", "PS", "PS"),
        Piece("가 "),
        Piece("서울", "LC", None),
        Piece("에 "),
        Piece("갔다", None, "OG"),
    )
    assert (found.gold, found.said) == ("PS 김철수; LC 서울", "PS 김철수; OG 갔다")


def test_answers_that_overlap():
    pieces = marked("가나다라마", "1-4", "2-5", False).pieces
    assert [(p.text, p.gold is not None, p.said is not None) for p in pieces] == [
        ("가", False, False),
        ("나", True, False),
        ("다라", True, True),
        ("마", False, True),
    ]


def test_places_are_those_of_the_context_and_what_is_far_from_them_is_left_out():
    text = "누가 썼나?\n" + "가" * 300 + "세종" + "나" * 300
    found = marked(text, "300-302", "-", True)
    assert [p.text for p in found.pieces] == [
        "누가 썼나?\n",
        "…" + "가" * 40,
        "세종",
        "나" * 40 + "…",
    ]
    assert (found.gold, found.said) == ("세종", "")


@pytest.mark.parametrize("answer", ["O", "-", "", "정치", "5-2:PS", "3-99:PS", "x-y"])
def test_what_marks_nothing(answer):
    assert marked("가나다라", answer, answer, False).pieces == (Piece("가나다라"),)


def test_a_text_without_marks_is_cut_at_its_end():
    (piece,) = marked("가" * 500, "O", "O", False).pieces
    assert piece.text == "가" * 180 + "…"


def test_bands():
    assert [band(n, (0, 1, 4)) for n in (0, 1, 2, 4, 5, 99)] == ["0", "1", "2–4", "2–4", "5+", "5+"]


def test_kinds_of_a_question_and_of_a_sentence():
    text = "누가 한글을 언제 만들었나?\n세종이 1443년에 만들었다."
    assert TASKS["reading"].strata(text, "4-9") == (
        "question word: 언제",
        "characters of the answer: 4–6",
        "characters of the context: 0–300",
    )
    assert TASKS["tagging"].strata("서울에 갔다", "0-2:LC") == (
        "entities: 1",
        "characters: 0–30",
    )
    assert TASKS["classification"].strata("글", "정치") == ()


def test_means_of_each_kind_are_those_of_its_rows():
    """Six rows of one kind are all right, six of the other never, at the last common step."""
    right = np.zeros((5, 12, 2), bool)
    right[:, :6, 1] = True
    study = answered({"random": right, "margin": ~right}, [10, 20])
    rows = pd.DataFrame(
        {
            "row_id": [f"t{i}" for i in range(12)],
            "split": "test",
            "label": "가",
            "text": "글",
            "tokens": 2,
            "strata": [["length: 10+" if i < 6 else "length: 2–9", "rare: yes"][: 2 if i < 2 else 1]
                       for i in range(12)],
        }
    )  # fmt: skip
    found = strata(replace(study, rows=pd.concat([study.rows, rows]), memory={}))
    mine = found[found.strategy == "random"]
    assert mine.stratum.tolist() == ["2–9", "10+"]  # of two rows nothing is said
    assert mine["mean"].tolist() == [0, 1]
    assert mine.n_labelled.tolist() == [20, 20]
    assert found[found.strategy == "margin"]["mean"].tolist() == [1, 0]
