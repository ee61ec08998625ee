"""A search replayed on a study that has run all of a grid: what it would have cost, and missed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from al_ray.randomness import derive, generator
from al_ray.search.ladder import all_the_way, halving, one_rung, rungs_of
from al_ray.search.proposing import Proposing
from al_ray.search.racing import Racing
from al_ray.search.recorded import Recorded, rungs_after_first_draw
from al_ray.search.rounds import Search
from al_ray.search.seen import Configuration, Curve, Seen

Making = Callable[[Sequence[Configuration], Sequence[int], int], Search]
"""A search from configurations, seeds, both in the order to be used, and a number for its draws."""


@dataclass(frozen=True)
class Replayed:
    """What a search would have done.

    Attributes:
        winner: which it would have named.
        seconds: of devices.
        fits: made.
        behind: by how much the winner's area under the test curve, over all seeds, is behind that
            of the best; a share.
    """

    winner: Configuration
    seconds: float
    fits: int
    behind: float


def methods(recorded: Recorded) -> dict[str, Making]:
    """The searches that can be replayed on a study, by name, all and a third at random among them.

    Optuna's are there where the configurations are full grids.
    """
    reached, n = rungs_after_first_draw(recorded), len(recorded.configurations)
    some, end, aim = rungs_of(reached), reached[-1], recorded.aim
    third = max(1, round(n / 3))
    made: dict[str, Making] = {
        "all": lambda c, s, _: all_the_way(c, s, end, aim),
        "random": lambda c, s, _: all_the_way(c[:third], s, end, aim),
        "one-rung": lambda c, s, _: one_rung(c, s, some[0], end, aim),
        "halving": lambda c, s, _: halving(c, s, some, aim),
    }
    if len(recorded.seeds) > 1:
        made["racing"] = lambda c, s, _: Racing(tuple(c), tuple(s), end, aim)
    space = recorded.space
    if space is not None:
        made["optuna"] = lambda c, s, draw: Proposing(
            space, third, tuple(s), end, aim, rung=some[0] if len(some) > 1 else None, seed=draw
        )
    return made


def replay(recorded: Recorded, make: Making, times: int, seed: int = 0) -> list[Replayed]:
    """Replay a search so often, each time with seeds and configurations in another order.

    Args:
        recorded: a study with every trajectory that may be asked for.
        make: the search.
        times: how often.
        seed: of the orders.
    """
    configurations, seeds = recorded.configurations, recorded.seeds
    truth = areas(recorded)
    best, found = max(truth.values()), []
    for number in range(times):
        draw = generator(seed, number, "replay")
        order = [configurations[i] for i in draw.permutation(len(configurations))]
        given = [seeds[i] for i in draw.permutation(len(seeds))]
        search = make(order, given, derive(seed, number, "replay"))
        seen = run(recorded, search)
        (winner, *_) = search.next(seen).order
        fits = sum(len(curve.labels) for curve in seen.curves.values())
        found.append(Replayed(winner, seen.seconds(), fits, best - truth[winner]))
    return found


def run(recorded: Recorded, search: Search) -> Seen:
    """All that a search would have had run until its end."""
    seen: dict[tuple[Configuration, int], Curve] = {}
    while runs := search.next(Seen(seen)).runs:
        for each in runs:
            key = (each.configuration, each.seed)
            curve = recorded.seen.curves[key].upto(each.labels)
            if not curve.reaches(each.labels):
                raise ValueError(f"{key}: the study ends before {each.labels} labels")
            before = seen.get(key)
            if before is None or len(before.labels) < len(curve.labels):
                seen[key] = curve
    return Seen(seen)


def areas(recorded: Recorded) -> dict[Configuration, float]:
    """Under the test curve, means over seeds."""
    aim = recorded.aim
    return {
        each: -aim.values([recorded.tested.curves[each, seed] for seed in recorded.seeds])[0]
        for each in recorded.configurations
    }


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean, and the 5 % and 95 % points."""
    low, high = np.quantile(values, [0.05, 0.95])
    return float(np.mean(values)), float(low), float(high)
