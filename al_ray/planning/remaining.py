"""What is left of a study that runs, from what its steps took so far."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from al_ray.language import tr
from al_ray.planning.schedule import Room, Wanted, finish


@dataclass(frozen=True)
class Course:
    """How far a trajectory is.

    Attributes:
        left: steps that it still has to do; none of one that failed.
        seen: steps that were timed, and
        seconds: that these took.
        kinds: what its steps are like, the narrowest first: where none of its own was timed, those
            of its kind are what is known.
        running: whether it is at work, and
        since: seconds that its present step has taken.
    """

    left: int
    seen: int
    seconds: float
    kinds: tuple[Hashable, ...] = ()
    running: bool = False
    since: float = 0.0


def seconds_left(courses: Sequence[Course]) -> float | None:
    """Seconds until all are at their end, as many at once as run now; None: not known yet."""
    timed: dict[Hashable, tuple[int, float]] = defaultdict(lambda: (0, 0.0))
    for course in courses:
        for kind in (*enumerate(course.kinds), None):
            seen, seconds = timed[kind]
            timed[kind] = seen + course.seen, seconds + course.seconds
    if not timed[None][0]:
        return None
    wanted = []
    for course in sorted(courses, key=lambda course: not course.running):
        own = course.seen, course.seconds
        known = (own, *(timed[kind] for kind in (*enumerate(course.kinds), None)))
        seen, seconds = next(each for each in known if each[0])
        if course.left:
            wanted.append(Wanted(max(0.0, course.left * seconds / seen - course.since), 1))
    at_once = max(1, sum(course.running for course in courses))
    return finish(wanted, Room(at_once))


def about(seconds: float) -> str:
    """A time in words, as exact as an estimate is."""
    if seconds < 90:
        return tr("about {n:.0f} seconds", n=max(10, round(seconds, -1)))
    minutes = seconds / 60
    if minutes < 60:
        return tr("about {n:.0f} minutes", n=minutes)
    hours, rest = divmod(round(minutes / 10) * 10, 60)
    if hours < 48:
        whole = tr("about {n} h", n=hours)
        return tr("about {n} h {rest} min", n=hours, rest=rest) if rest else whole
    return tr("about {n:.1f} days", n=minutes / 60 / 24)


def study_line(courses: Sequence[Course], done: int) -> str:
    """A study as a whole in a line of at most 80 columns.

    Args:
        courses: of its trajectories.
        done: steps that are.
    """
    ended = sum(not course.left for course in courses)
    steps = done + sum(course.left for course in courses)
    seconds = seconds_left(courses)
    line = tr(
        "Study: {ended:,} of {of:,} trajectories, {done:,} of {steps:,} steps",
        ended=ended,
        of=len(courses),
        done=done,
        steps=steps,
    )
    if seconds is None or ended == len(courses):
        return line
    return line + "; " + tr("{time} left", time=about(seconds))
