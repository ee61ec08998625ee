"""The log of answers and what it comes to, against plain loops and worked by hand."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from al_ray.errors import UserError
from al_ray.labelling.answers.log import (
    Log,
    Said,
    check,
    conflicts,
    consensus,
    measured_by,
    new_words,
    paid,
    reconciled,
    said_now,
)
from al_ray.results import Store
from al_ray.tasks.classification import Classification
from al_ray.tasks.tagging import Tagging

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


def named(own, place):
    """Whether an undo names an annotation that stands when it comes."""
    standing = set()
    for event in own[:place]:
        if event.state != "undone":
            standing.add(event.annotation)
        elif event.annotation in standing:
            standing.discard(event.annotation)
        else:
            standing.clear()
    return own[place].annotation in standing


@given(EVENTS)
def test_rules_are_a_plain_loop(events):
    events = sorted({each.id: each for each in events}.values(), key=lambda e: (e.time, e.id))
    word = said_now(events)
    for row in "abc":
        last = {}
        for who in {event.annotator for event in events}:
            own = [e for e in events if (e.row_id, e.annotator) == (row, who)]
            stays = [
                e for i, e in enumerate(own)
                if e.state != "undone" and not any(
                    later.annotation == e.annotation
                    or (later.state == "undone" and not named(own, i + 1 + j))
                    for j, later in enumerate(own[i + 1 :])
                )
            ]  # fmt: skip
            if stays:
                last[who] = stays[-1]
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


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("O", ""),
        ("0-3:PS 5-7:LC", ""),
        ("0-3:PS 3-4:PS", ""),  # adjacent
        ("5-7:LC 0-3:PS", "'5-7:LC 0-3:PS' is not written as 0-3:PS 5-7:PS, in their order"),
        ("0-3:PS 2-4:LC", "0-3:PS and 2-4:LC lie over each other"),
        ("0-3:PS 0-3:PS", "0-3:PS and 0-3:PS lie over each other"),
        ("9-12:LC", "9-12:LC: the text ends at 11"),
        ("0-1:PS " * 9 + "5-7:XX", "5-7:XX: 'XX' is none of the labels (PS, LC)"),
        ("3-3:PS", "'3-3:PS' is not written as 0-3:PS 5-7:PS"),
        ("00-3:PS", "'00-3:PS' is not written as 0-3:PS 5-7:PS"),
        ("PS", "'PS' is not written as 0-3:PS 5-7:PS"),
    ],
)
def test_what_may_be_marked(answer, why):
    text = "김철수가 서울에 갔다"
    assert Tagging.refused(answer, text, ("PS", "LC")).startswith(why)
    if why:
        with pytest.raises(UserError, match="^row '1': " + re.escape(why)):
            check([said("1", "가람", answer)], {"1": text}, ("PS", "LC"), Tagging)
    else:
        check([said("1", "가람", answer)], {"1": text}, ("PS", "LC"), Tagging)


def test_refusals():
    check([said("1", "가람", "정치")], {"1": "글"}, ["정치"], Classification)
    with pytest.raises(UserError, match="has not asked for it"):
        check([said("9", "가람", "정치")], {"1": "글"}, ["정치"], Classification)
    with pytest.raises(UserError, match="none of the labels"):
        check([said("1", "가람", "정차")], {"1": "글"}, ["정치"], Classification)
    far = Said("1", "가람", "answered", "정치", datetime(2199, 1, 1, tzinfo=UTC))
    with pytest.raises(UserError, match="still to come"):
        check([far], {"1": "글"}, ["정치"], Classification)
    with pytest.raises(UserError, match="printable"):
        check([said("1", "a\nb", "정치")], {"1": "글"}, ["정치"], Classification)
    with pytest.raises(ValueError, match="without a zone"):
        Said("1", "가람", "skipped", "", datetime(2026, 1, 1))
    with pytest.raises(ValueError, match="with the answer"):
        Said("1", "가람", "skipped", "정치", NOON)


def test_a_source_that_has_all_its_annotations():
    """What is gone is taken back, whatever its clock; what is there again counts again."""
    later, soon = NOON + timedelta(hours=1), NOON + timedelta(hours=2)
    first = said("1", "가람", "정치", 0, annotation="7", source="there")
    second = said("1", "가람", "경제", 1, annotation="8", source="there")
    ahead = said("2", "가람", "정치", 90, annotation="9", source="there")  # its clock is ahead
    elsewhere = said("3", "가람", "정치", 0, annotation="1", source="elsewhere")
    log = [first, second, elsewhere]

    def add(events, at):
        new = reconciled(events, log, "there", at)
        log.extend(new)
        log.sort(key=lambda each: (each.time, each.id))
        return len(new)

    def word():
        return {row: by["가람"].answer for row, by in said_now(log).items()}

    assert add([first, second, ahead], later) == 1
    assert add([first, second, ahead], later) == 0
    assert word() == {"1": "경제", "2": "정치", "3": "정치"}
    assert add([first], later) == 2  # the second of row 1, and row 2
    assert word() == {"1": "정치", "3": "정치"}
    assert add([first], soon) == 0
    assert add([first, ahead], soon) == 1
    assert word() == {"1": "정치", "2": "정치", "3": "정치"}


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
