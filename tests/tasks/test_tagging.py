"""Entities against numbers worked by hand, and against seqeval and nervaluate where these are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al_ray.corpus.entities import parse, to_tags, written
from al_ray.strategies import Outputs
from al_ray.tasks import task_of

ANSWERS = ("0-1:LC", "0-2:PS 3-5:LC", "O")
TASK = task_of("tagging", ANSWERS)


def sure_of(answers, lengths, p=0.9):
    """Outputs that put p on each character's tag of these answers."""
    n = len(TASK.classes)
    codes = TASK.targets(np.array(answers, object), np.array(lengths)).values
    chances = np.full((len(codes), n), (1 - p) / (n - 1))
    chances[np.arange(len(codes)), codes] = p
    return Outputs(np.log(chances)[None], units=np.array(lengths))


def evaluated(given, right, lengths):
    return TASK.evaluated(sure_of(given, lengths), np.array(right, object))


def test_classes():
    assert TASK.classes == ("O", "B-LC", "I-LC", "B-PS", "I-PS")
    assert TASK.kinds == ("LC", "PS")
    assert [TASK.marks(answer) for answer in ANSWERS] == [1, 2, 0]


def test_what_is_answered_is_what_is_believed():
    """At the ends, adjacent, of one character and of the whole text."""
    answers = ["O", "0-1:PS 1-2:PS 4-5:LC", "0-6:LC", "2-4:PS", "5-6:LC"]
    found, confidence = TASK.answered(sure_of(answers, [6] * 5))
    assert found.tolist() == answers
    np.testing.assert_allclose(confidence, 0.9**6)


def test_an_inside_without_a_beginning_is_not_answered():
    """The likeliest tags are O I-PS: of the legal ones O O is likelier than B-PS I-PS."""
    p = np.array([[0.7, 0.05, 0.05, 0.15, 0.05], [0.3, 0.05, 0.05, 0.05, 0.55]])
    outputs = Outputs(np.log(p)[None], units=np.array([2]))
    found, confidence = TASK.answered(outputs)
    assert found.tolist() == ["O"]
    assert confidence[0] == pytest.approx(0.7 * 0.3)


def test_by_hand():
    right = ["0-2:PS 3-5:LC", "1-3:PS", "O", "O"]
    given = ["0-2:PS 3-4:LC", "1-3:LC", "O", "0-1:PS"]
    found = evaluated(given, right, [6, 4, 3, 3])
    np.testing.assert_allclose(found.scores, [0.5, 0, 1, 0])  # of two and two, one is right
    assert found.score == pytest.approx(0.375)
    assert found.metrics["micro_f1"] == pytest.approx(2 * 1 / (3 + 4))
    assert found.metrics["f1:PS"] == pytest.approx(2 * 1 / (2 + 2))
    assert found.metrics["f1:LC"] == 0
    assert found.metrics["macro_f1"] == pytest.approx(0.25)
    assert found.metrics["ceiling"] == 1
    # Tags: B-PS 1 of 2 and 2, I-PS 1 of 2 and 1, B-LC 1 of 1 and 2, I-LC 0 of 1 and 1.
    assert found.metrics["character_f1"] == pytest.approx((2 / 4 + 2 / 3 + 2 / 3 + 0) / 4)


def test_what_is_cut_off_is_missed_and_lowers_the_ceiling():
    """Of 9 characters 4 have a token: the second entity cannot be found, the third is cut."""
    right = ["0-2:PS 6-8:LC", "3-5:LC"]
    found = evaluated(["0-2:PS", "3-4:LC"], right, [4, 4])
    np.testing.assert_allclose(found.scores, [2 / 3, 0])
    assert found.metrics["ceiling"] == pytest.approx(2 * 1 / (3 + 1))


def test_a_member_that_finds_nothing_has_collapsed():
    right = np.array(["0-2:PS", "O"], object)
    assert TASK.overview(np.array(["O", "O"], object), right).collapsed
    found = TASK.overview(np.array(["0-2:PS 3-4:PS", "O"], object), right)
    assert (found.counts, found.collapsed, found.confusion) == ([0, 2], False, None)


LENGTH = 12


@st.composite
def entities(draw):
    """An answer for a text of LENGTH characters."""
    found, place = [], 0
    while place < LENGTH:
        start = draw(st.integers(place, LENGTH))
        if start >= LENGTH:
            break
        end = draw(st.integers(start + 1, LENGTH))
        found.append(f"{start}-{end}:{draw(st.sampled_from(['LC', 'PS']))}")
        place = end
    return written(entity for answer in found for entity in parse(answer))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(entities(), entities()), min_size=1, max_size=6))
def test_is_seqevals_and_nervaluates(pairs):
    seqeval = pytest.importorskip("seqeval.metrics")
    scheme = pytest.importorskip("seqeval.scheme").IOB2
    right, given = (list(side) for side in zip(*pairs, strict=True))
    ours = evaluated(given, right, [LENGTH] * len(pairs)).metrics
    tags = [[to_tags(parse(answer), LENGTH) for answer in side] for side in (right, given)]
    if any(tag != "O" for side in tags for row in side for tag in row):
        for average in ("micro", "macro"):
            theirs = seqeval.f1_score(
                *tags, average=average, mode="strict", scheme=scheme, zero_division=0
            )
            assert ours[f"{average}_f1"] == pytest.approx(theirs)
        nervaluate = pytest.importorskip("nervaluate")
        judged = nervaluate.Evaluator(*tags, tags=["LC", "PS"], loader="list").evaluate()
        strict = judged["overall"]["strict"]
        assert ours["micro_f1"] == pytest.approx(strict.f1)
