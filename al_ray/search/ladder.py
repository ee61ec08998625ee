"""Synchronous halving: at each rung all that are left are compared, and the best go on.

A rung is a number of labels that every schedule reaches and a number of seeds, and is decided when
all have come to it (Jamieson & Talwalkar 2016 on a budget that is labels times seeds). Nothing
depends on who comes first, as it does where halving is asynchronous.

One rung is the rival of Egele et al. (2023): after a constant budget all but the best are let go.
No rung but the last is random search, or all of a grid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from al_ray.search.rounds import Round, Spending, Stop
from al_ray.search.seen import Aim, Configuration, Seen


@dataclass(frozen=True)
class Rung:
    """Where configurations are compared.

    Attributes:
        labels: to which their trajectories run.
        seeds: how many of these each has.
        keep: how many go on.
    """

    labels: int
    seeds: int
    keep: int


@dataclass(frozen=True)
class Ladder:
    """Configurations that climb rungs, fewer on each; see `Search`.

    Attributes:
        configurations: at its foot.
        seeds: in the order in which they are given out.
        rungs: labels and seeds ascending.
        aim: what is better.
        seconds: of devices, after which no rung is begun.
    """

    configurations: tuple[Configuration, ...]
    seeds: tuple[int, ...]
    rungs: tuple[Rung, ...]
    aim: Aim
    seconds: float = math.inf

    def next(self, seen: Seen) -> Round:
        """See `Search.next`."""
        left, stopped = list(self.configurations), dict[Configuration, Stop]()
        spending, at = Spending(self.seconds), 0
        for rung in self.rungs:
            if spending.used_up(seen):
                return Round((), tuple(left), stopped, done=True, cut=True, at=at)
            at, seeds = rung.labels, self.seeds[: rung.seeds]
            if runs := spending.missing(seen, left, seeds, rung.labels):
                return Round(runs, tuple(left), stopped)
            left, gone = ranked(seen, left, seeds, rung, self.aim)
            stopped |= gone
        return Round((), tuple(left), stopped, done=True)


def ranked(
    seen: Seen,
    configurations: Sequence[Configuration],
    seeds: Sequence[int],
    rung: Rung,
    aim: Aim,
) -> tuple[list[Configuration], dict[Configuration, Stop]]:
    """Those that go on from a rung which all have come to, best first, and those that do not."""
    found = {
        each: [curve for seed in seeds if (curve := seen.curve(each, seed, rung.labels))]
        for each in configurations
    }
    order = aim.order(found)
    whole = [each for each in order if not any(curve.failed for curve in found[each])]
    kept = whole[: rung.keep]
    return kept, {
        each: Stop(rung.labels, len(seeds), place, len(order), len(kept))
        for place, each in enumerate(order, 1)
        if each not in kept
    }


def halving(
    configurations: Sequence[Configuration],
    seeds: Sequence[int],
    labels: Sequence[int],
    aim: Aim,
    reduction: float = 3.0,
) -> Ladder:
    """A ladder with a rung at each of these numbers of labels, the last one the whole budget.

    Args:
        configurations: to choose from.
        seeds: all are had at the last rung, and at one before it fewer, one at least.
        labels: ascending.
        aim: what is better.
        reduction: of those at a rung, one in so many goes on.
    """
    rungs, left = [], len(configurations)
    for number, n in enumerate(labels, 1):
        left = 1 if number == len(labels) else max(1, math.ceil(left / reduction))
        rungs.append(Rung(n, max(1, math.floor(len(seeds) * number / len(labels))), left))
    return Ladder(tuple(configurations), tuple(seeds), tuple(rungs), aim)


def one_rung(
    configurations: Sequence[Configuration],
    seeds: Sequence[int],
    first: int,
    labels: int,
    aim: Aim,
    seeds_first: int = 1,
) -> Ladder:
    """All to a constant budget, the best of them to the end."""
    rungs = (Rung(first, seeds_first, 1), Rung(labels, len(seeds), 1))
    return Ladder(tuple(configurations), tuple(seeds), rungs, aim)


def all_the_way(
    configurations: Sequence[Configuration], seeds: Sequence[int], labels: int, aim: Aim
) -> Ladder:
    """All to the end: of a random part of a space this is random search."""
    return Ladder(tuple(configurations), tuple(seeds), (Rung(labels, len(seeds), 1),), aim)


def reached_by_all(schedules: Sequence[tuple[int, int]], budget: int) -> list[int]:
    """Numbers of labels, up to a budget, at which every schedule fits.

    Args:
        schedules: first draw and step size of each.
        budget: labels at the end, which need not be one of them.
    """
    counts = [set(range(initial, budget + 1, size)) for initial, size in schedules]
    return sorted(set.intersection(*counts)) if counts else []


def rungs_of(reached: Sequence[int], most: int = 3, reduction: float = 3.0) -> list[int]:
    """The last number of labels, and up to `most` - 1 before it, each about a part of the next.

    Args:
        reached: ascending; see `reached_by_all`.
        most: rungs.
        reduction: what one rung's labels are of the next one's.
    """
    rungs = [reached[-1]]
    while len(rungs) < most:
        wanted = rungs[0] / reduction
        before = [n for n in reached if n < rungs[0]]
        if not before:
            break
        rungs.insert(0, min(before, key=lambda n: (abs(math.log(n / wanted)), n)))
    return rungs
