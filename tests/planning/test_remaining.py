"""The time that is left of a study, worked out by hand."""

from __future__ import annotations

import pytest

from al_ray.planning.remaining import Course, seconds_left, study_line


def test_nothing_is_known_before_the_first_step():
    assert seconds_left([Course(left=3, seen=0, seconds=0.0, running=True)]) is None
    assert study_line([Course(3, 0, 0.0, running=True)], 0) == (
        "Study: 0 of 1 trajectories, 0 of 3 steps"
    )


@pytest.mark.parametrize(
    ("courses", "seconds"),
    [
        # 2 steps of 10 s, of which 4 s have gone by
        ([Course(2, 1, 10.0, running=True, since=4.0)], 16.0),
        # two at once, of 20 s and 40 s; then one of the first's kind, 3 steps of 10 s, after 20 s
        (
            [
                Course(2, 1, 10.0, ("a",), running=True),
                Course(1, 1, 40.0, ("b",), running=True),
                Course(3, 0, 0.0, ("a",)),
            ],
            50.0,
        ),
        # of a kind nobody has seen: the wider one, 10 s, not the mean of all
        (
            [
                Course(0, 2, 20.0, ("a", "slow")),
                Course(0, 2, 2.0, ("b", "fast")),
                Course(2, 0, 0.0, ("c", "slow"), running=True),
            ],
            20.0,
        ),
        # of no kind: the mean of all, 22 s in 4 steps
        ([Course(0, 2, 20.0, ("a",)), Course(0, 2, 2.0, ("b",)), Course(2, 0, 0.0, ("c",))], 11.0),
        # what failed has nothing left
        ([Course(0, 1, 9.0), Course(0, 0, 0.0)], 0.0),
    ],
)
def test_by_hand(courses: list[Course], seconds: float):
    assert seconds_left(courses) == pytest.approx(seconds)


def test_the_study_in_a_line():
    courses = [Course(0, 3, 300.0), Course(1, 2, 200.0, running=True), Course(3, 0, 0.0)]
    assert study_line(courses, 5) == (
        "Study: 1 of 3 trajectories, 5 of 9 steps; about 7 minutes left"
    )
    many = [Course(50, 50, 3e5, running=place < 8) for place in range(1_000)]
    assert len(study_line(many, 50_000)) <= 80
