"""What a search says when it is asked: run this next, or this is the best; and what it let go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from al_ray.search.seen import Configuration, Seen


@dataclass(frozen=True, order=True)
class Run:
    """A trajectory that is to come to so many labels, from wherever its tables end."""

    labels: int
    seed: int
    configuration: Configuration


@dataclass(frozen=True)
class Stop:
    """Why a configuration goes on no more.

    Attributes:
        rung: labels at which that was decided.
        seeds: that it had by then.
        place: its, counted from 1.
        of: how many there were.
        kept: how many went on.
    """

    rung: int
    seeds: int
    place: int
    of: int
    kept: int


@dataclass(frozen=True)
class Round:
    """A search's answer.

    Attributes:
        runs: what it needs to decide anything more, and has not seen; empty at its end.
        order: those that are still in it, the best first as far as that is known.
        stopped: those that are not.
        done: whether it is at its end, and `order` begins with the winner.
        cut: whether that is since its hours were used up.
        at: labels at which `order` was decided, where it was cut.
    """

    runs: tuple[Run, ...]
    order: tuple[Configuration, ...] = ()
    stopped: Mapping[Configuration, Stop] = field(default_factory=dict)
    done: bool = False
    cut: bool = False
    at: int = 0


class Spending:
    """What a search has asked for up to a decision, and what that took."""

    def __init__(self, limit: float) -> None:
        self._limit, self._asked = limit, dict[tuple[Configuration, int], int]()

    def missing(
        self, seen: Seen, configurations: Sequence[Configuration], seeds: Sequence[int], labels: int
    ) -> tuple[Run, ...]:
        """What of this is not seen yet, in a fixed order."""
        wanted = [Run(labels, seed, each) for each in configurations for seed in seeds]
        for run in wanted:
            key = run.configuration, run.seed
            self._asked[key] = max(labels, self._asked.get(key, 0))
        return tuple(
            run for run in wanted if seen.curve(run.configuration, run.seed, labels) is None
        )

    def used_up(self, seen: Seen) -> bool:
        """Whether what was asked for so far took all that there is, so that nothing is begun."""
        if self._limit == float("inf"):
            return False
        curves = (seen.curve(which, seed, n) for (which, seed), n in self._asked.items())
        return sum(sum(curve.seconds) for curve in curves if curve) >= self._limit


class Search(Protocol):
    """Which configurations deserve more labels: a pure function of what has been seen.

    So it is the same whatever the order in which runs end, after any kill, and on the tables of an
    old study.
    """

    def next(self, seen: Seen) -> Round:
        """What to run, or the winner."""


@dataclass(frozen=True)
class Apart:
    """Searches side by side, each in a part of the space that is its own, as hard as the others.

    Attributes:
        parts: by their names.
    """

    parts: Mapping[str, Search]

    def each(self, seen: Seen) -> dict[str, Round]:
        """What each part says."""
        return {name: part.next(seen) for name, part in self.parts.items()}

    def next(self, seen: Seen) -> Round:
        """All of them together; `order` begins with each part's first."""
        said = list(self.each(seen).values())
        return Round(
            tuple(run for each in said for run in each.runs),
            tuple(
                configuration
                for place in range(max((len(each.order) for each in said), default=0))
                for each in said
                for configuration in each.order[place : place + 1]
            ),
            {which: stop for each in said for which, stop in each.stopped.items()},
            all(each.done for each in said),
        )
