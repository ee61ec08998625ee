"""The log of answers and what it comes to, against plain loops and worked by hand."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from al_ray.errors import UserError
from al_ray.labelling.answers import (
    Log,
    Said,
    check,
    conflicts,
    consensus,
    measured_by,
    new_words,
    paid,
    said_now,
    taken_back,
)
from al_ray.results import Store

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def said(row, who, answer, minute=0, **more):
    state = {"-": "skipped", "": "undone"}.get(answer, "answered")
    time = NOON + timedelta(minutes=minute)
    return Said(row, who, state, answer if state == "answered" else "", time, **more)


EVENTS = st.lists(
    st.builds(
        said,
        st.sampled_from("abc"),
        st.sampled_from(["가람", "나래", "다솜"]),
        st.sampled_from(["정치", "경제", "-", ""]),
        st.integers(0, 5),
        annotation=st.sampled_from(["1", "2", "3", "4"]),
    ),
    max_size=12,
)


@given(EVENTS, EVENTS)
def test_what_is_taken_twice_counts_once(first, second):
    """In any order of files, and with some of them taken again."""
    import tempfile

    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        log, again = Log(Store(one)), Log(Store(other))
        log.add(first)
        log.add([*second, *first])
        again.add(second)
        again.add(second)
        again.add(first)
        assert log.events() == again.events() == Log(Store(one)).events()
        assert len(log.events()) == len({each.id for each in [*first, *second]})


@given(EVENTS)
def test_rules_are_a_plain_loop(events):
    events = sorted({each.id: each for each in events}.values(), key=lambda e: (e.time, e.id))
    word = said_now(events)
    for row in "abc":
        last = {}
        for event in events:
            if event.row_id == row:
                last[event.annotator] = event
        last = {who: event for who, event in last.items() if event.state != "undone"}
        assert word.get(row, {}) == last
        votes = [event.answer for event in last.values() if event.state == "answered"]
        most = {answer for answer in votes if votes.count(answer) * 1.0 > max(
            [votes.count(other) for other in votes if other != answer], default=0)}  # fmt: skip
        assert consensus(word).get(row) == (most.pop() if most else None)
        assert (row in conflicts(word)) == (bool(votes) and row not in consensus(word))
    assert paid(word) == sum(len(by) for by in word.values())


def test_by_hand():
    word = said_now(
        [
            said("1", "가람", "정치", 0),
            said("1", "나래", "경제", 1),
            said("2", "가람", "-", 2),
            said("3", "가람", "정치", 3),
            said("3", "가람", "", 4),
            said("4", "가람", "정치", 5),
            said("4", "가람", "경제", 6),
            said("1", "다솜", "경제", 7),
        ]
    )
    assert consensus(word) == {"1": "경제", "4": "경제"}
    assert conflicts(word) == []
    assert paid(word) == 5  # three of row 1, a skip, and the changed one once


def test_times_of_any_zone_are_one_event():
    seoul = timezone(timedelta(hours=9))
    there = Said("1", "가람", "answered", "정치", NOON.astimezone(seoul))
    assert there.id == said("1", "가람", "정치").id


def test_a_file_without_times_says_what_is_new():
    known = [said("1", "가람", "정치", 0), said("2", "가람", "경제", 1), said("2", "가람", "", 2)]
    again = [said("1", "가람", "정치", 9), said("2", "가람", "경제", 9), said("3", "가람", "-", 9)]
    assert [each.row_id for each in new_words(again, known)] == ["2", "3"]
    changed = [said("1", "가람", "경제", 9)]
    back = [said("1", "가람", "정치", 10)]
    assert new_words(back, [*known, *changed]) == back  # there and back again


def test_refusals():
    check([said("1", "가람", "정치")], ["1"], ["정치"])
    with pytest.raises(UserError, match="has not asked for it"):
        check([said("9", "가람", "정치")], ["1"], ["정치"])
    with pytest.raises(UserError, match="none of the labels"):
        check([said("1", "가람", "정차")], ["1"], ["정치"])
    with pytest.raises(ValueError, match="without a zone"):
        Said("1", "가람", "skipped", "", datetime(2026, 1, 1))
    with pytest.raises(ValueError, match="with the answer"):
        Said("1", "가람", "skipped", "정치", NOON)


def test_an_annotation_that_is_gone_is_taken_back():
    """But not what was said elsewhere, nor twice."""
    first = said("1", "가람", "정치", 0, annotation="7", source="label-studio")
    other = said("2", "가람", "정치", 0, annotation="8", source="label-studio")
    page = said("3", "가람", "정치", 0, annotation="9", source="page")
    log = [first, other, page]
    (back,) = taken_back([other], log, "label-studio", NOON + timedelta(hours=1))
    assert (back.row_id, back.state, back.answer) == ("1", "undone", "")
    assert set(said_now([*log, back])) == {"2", "3"}
    assert taken_back([other], [*log, back], "label-studio") == []


def test_what_is_measured_on_does_not_lose_what_people_disagree_on():
    """The first answer counts there; a skip is none, and most still decide."""
    word = said_now(
        [
            said("1", "가람", "정치", 1),
            said("1", "나래", "경제", 0),
            said("2", "가람", "-", 0),
            said("3", "가람", "세계", 0),
            said("3", "나래", "정치", 1),
            said("3", "다솜", "정치", 2),
            said("4", "가람", "정치", 0),
        ]
    )
    assert measured_by(word, ["1", "2", "3", "5"]) == {"1": "경제", "3": "정치"}
