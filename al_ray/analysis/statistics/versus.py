"""An arm against random: the verdict that tests of areas, steps and savings bear, over all arms.

`experiments/benchmarks/coverage.py` shows whether it keeps its word.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import nctdtr

from al_ray.analysis.statistics.intervals import LEAST_SEEDS, Crossed, critical, holm
from al_ray.analysis.statistics.needs import Saving, mean_saving, saving
from al_ray.analysis.statistics.pairs import Effect, Pairs, area_weights, contrast

Kind = Literal["saves", "saves on the way", "better", "no difference", "worse", "cannot tell"]

POWER: Final = 0.8
"""How often a difference would have been seen that is said to have been detectable."""

_MOST_SEEDS = 1000
_MOST_ROWS = 1_000_000


@dataclass(frozen=True)
class Judgement:
    """What the numbers bear of one arm.

    Attributes:
        kind: the verdict.
        seeds: that both have.
        missing: that one of the two does not have.
        rows: test rows; 1 where they are taken as fixed.
        articles: that these are of; None: each is a draw of its own.
        area: mean over the labels of the difference, by trapezoids.
        steps: at each number of labels, each by itself; the first, which is shared, too.
        saving: at the most labels.
        on_the_way: labels saved on average over the accuracies from the first draw's to that of
            the most random labels, with `difference` the mean; nothing is known of them where
            random's own gain is not shown.
        begins: the least number of labels from which on the arm is better at every step, all of
            these steps tested at once; None: nowhere.
        worst: no step costs more than this much accuracy, all steps tested at once; 0 or below.
        detectable: smallest true difference of areas that would have been seen 8 times in 10,
            after correction over the arms.
        seeds_for, rows_for: seeds, or else test rows (articles, where there are), that would show
            a difference of areas of `gain` 8 times in 10; None where they alone would not.
    """

    kind: Kind
    seeds: int
    missing: int
    rows: int
    articles: int | None
    area: Effect
    steps: tuple[Effect, ...]
    saving: Saving
    on_the_way: Effect
    begins: float | None
    worst: float
    detectable: float
    seeds_for: int | None
    rows_for: int | None


def judge(pairs: Sequence[Pairs], level: float = 0.95, gain: float = 0.01) -> list[Judgement]:
    """Judge the distinct arms of a study, together.

    Holm's correction over the arms holds for areas, savings and savings on the way alike.

    Args:
        pairs: one for each arm, none of which is another one under another name.
        level: of the intervals; differences are found at 1 - level.
        gain: a difference that one would like to see; see `Judgement.seeds_for`.
    """
    found = [_measured(each, level) for each in pairs]
    ways = [mean_saving(each, level) for each in pairs]
    of_areas = holm([area.p for area, _, _ in found])
    of_ways = holm([way.p for way in ways])
    of_savings = holm([saved.p for _, _, saved in found])
    tested = max(1, sum(not math.isnan(area.p) for area, _, _ in found))
    made = []
    for place, (each, (area, steps, saved)) in enumerate(zip(pairs, found, strict=True)):
        area = replace(area, p_holm=float(of_areas[place]))
        way = replace(ways[place], p_holm=float(of_ways[place]))
        saved = replace(saved, p_holm=float(of_savings[place]))
        begins, worst = _begins_and_worst(each, level)
        made.append(
            Judgement(
                decide(area, saved, way, len(each.arm), each.missing, level),
                len(each.arm),
                each.missing,
                each.rows,
                each.articles,
                area,
                steps,
                saved,
                way,
                begins,
                worst,
                *_power(each, 1 - (1 - level) / tested, gain),
            )
        )
    return made


def decide(
    area: Effect, saving: Saving, way: Effect, seeds: int, missing: int, level: float = 0.95
) -> Kind:
    """The verdict that corrected tests bear; savings are asked for first."""
    if seeds < LEAST_SEEDS or math.isnan(area.p_holm):
        return "cannot tell"
    if saving.p_holm < 1 - level:
        return "saves"
    if area.p_holm < 1 - level and area.difference > 0:
        # The same area in labels, where what random gains is known: no chance more to be wrong.
        return "saves on the way" if way.p_holm < 1 - level and way.low > 0 else "better"
    if area.p_holm < 1 - level:
        return "worse"
    return "no difference" if missing == 0 else "cannot tell"


def _measured(pairs: Pairs, level: float) -> tuple[Effect, tuple[Effect, ...], Saving]:
    weights = np.vstack([area_weights(pairs.labels), np.eye(len(pairs.labels))])
    area, *steps = contrast(pairs, weights, level)
    values: NDArray[Any] | Crossed = np.concatenate([pairs.arm, pairs.random], axis=2)
    if len(pairs.arm) >= 2:
        values = pairs.crossed
    found = saving(pairs.labels, pairs.labels, values, level, pairs.missing)
    return area, tuple(steps), found


def _begins_and_worst(pairs: Pairs, level: float) -> tuple[float | None, float]:
    steps = len(pairs.labels) - 1
    if len(pairs.arm) < LEAST_SEEDS or not steps:
        return None, math.nan
    at_once = 1 - (1 - level) / steps
    found = contrast(pairs, np.eye(steps + 1)[1:], at_once)
    above = [effect.low > 0 for effect in found]
    first = steps
    while first and above[first - 1]:
        first -= 1
    begins = float(pairs.labels[first + 1]) if first < steps else None
    return begins, min(0.0, *(effect.low for effect in found))


def _power(pairs: Pairs, level: float, gain: float) -> tuple[float, int | None, int | None]:
    """`detectable`, `seeds_for` and `rows_for` of `Judgement`."""
    if len(pairs.arm) < LEAST_SEEDS:
        return math.nan, None, None
    crossed, weights = pairs.crossed, area_weights(pairs.labels)
    weights = np.hstack([weights, -weights])

    def detectable(seeds: int, rows: int) -> float:
        error, share = crossed.error(weights, seeds, rows)
        return error * _shift(share, seeds, rows, level)

    seeds, rows = crossed.n_seeds, crossed.n_rows
    seeds_for = _least(lambda n: detectable(n, rows) <= gain, seeds, _MOST_SEEDS)
    rows_for = None
    if rows > 1:
        rows_for = _least(lambda n: detectable(seeds, n) <= gain, rows, _MOST_ROWS)
    return detectable(seeds, rows), seeds_for, rows_for


def _shift(share: float, seeds: int, rows: int, level: float) -> float:
    """True difference, in standard errors, that the two-sided test sees with POWER.

    The mean over its error is taken to be a noncentral t of Satterthwaite's degrees of freedom.
    """
    end = float(critical(share, seeds, rows, level))
    freedom = 1 / (share**2 / (seeds - 1) + (1 - share) ** 2 / max(1, rows - 1))

    def lacking(shift: float) -> float:
        return 1 - float(nctdtr(freedom, shift, end)) - POWER

    return float(brentq(lacking, 0.0, 3 * end + 10))


def _least(enough: Callable[[int], bool], least: int, most: int) -> int | None:
    """The least number from `least` to `most` that is enough, to 2 %; None where none is."""
    numbers = np.unique(np.geomspace(least, most, 600).astype(int)).tolist()
    place = bisect_left(numbers, True, key=enough)
    return None if place == len(numbers) else int(numbers[place])
