"""An arm against random: one inference for areas, single steps and labels saved.

Everything follows from which test rows the models of an arm and of random answered rightly, seed by
seed: every difference is a contrast of means over seeds and test rows (`Crossed`), so that what is
claimed holds for new seeds and for another sample of test rows.

**Labels saved.** Be N the most random labels, R and A the accuracies of random and of the arm.
Random's own need n is where R first comes to R(N), which is before N where its curve has become
flat; the arm's need m is where A first comes to it; n - m labels are saved. The interval inverts
tests, twice. That random needs n is possible as long as R(N) is not above R(n) beyond doubt. Given
n, that the arm needs m is possible unless A(m) and R(n) differ beyond doubt, there and up to the
arm's end (Fieller's idea for a ratio). What is saved at least is the least of n - m over all of
these n. So a flat curve, or a first draw that both share, cannot look like a saving. A t interval
over the seeds' own crossings, or a bootstrap of them, would need every seed to cross and its
crossings to be about normal; differences of accuracies are, and where nothing can be shown the
interval is open. `experiments/benchmarks/coverage.py` has the figures.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import nctdtr
from sklearn.isotonic import IsotonicRegression

from al_ray.analysis.intervals import LEAST_SEEDS, Crossed, Floats, critical, holm

Kind = Literal["saves", "saves on the way", "better", "no difference", "worse", "cannot tell"]

REACHED: Final = "reached"
NOT_REACHED: Final = "not reached"
AT_FIRST: Final = "at the first step"

POWER: Final = 0.8
"""How often a difference would have been seen that is said to have been detectable."""

_POINTS = 8
"""Points between two steps at which tests are inverted."""

_MOST_SEEDS = 1000
_MOST_ROWS = 1_000_000


@dataclass(frozen=True)
class Pairs:
    """An arm and the random arm of its setting on the same seeds and test rows.

    Attributes:
        labels: (steps,), ascending numbers of labels that both have.
        arm: (seeds, rows, steps), whether a seed's model answers a test row rightly, or what else
            has a metric as its mean over rows; one row where only the metric itself is known.
        random: the same of random.
        missing: seeds that were asked for and that one of the two does not have.
    """

    labels: Floats
    arm: NDArray[Any]
    random: NDArray[Any]
    missing: int = 0

    @cached_property
    def crossed(self) -> Crossed:
        """Means of the arm's steps, then of random's; of two seeds or more."""
        return Crossed.of(np.concatenate([self.arm, self.random], axis=2))


@dataclass(frozen=True)
class Effect:
    """A difference from random; NaN for what cannot be known, p and interval below two seeds.

    Attributes:
        difference: mean over the seeds.
        low, high: of its interval, over seeds and test rows.
        p: two-sided.
        p_holm: of as many tests as there are distinct arms.
    """

    difference: float
    low: float
    high: float
    p: float
    p_holm: float = math.nan


@dataclass(frozen=True)
class Saving:
    """Labels saved at the accuracy of N random labels.

    Attributes:
        target: N.
        accuracy: random's mean there.
        need: labels with which random itself first has that accuracy, by its isotonic mean curve.
        labels: the arm's; NaN where it is not reached.
        reached: REACHED, NOT_REACHED or AT_FIRST.
        saved: need - labels.
        low: at least so many are saved; minus infinity where it was not shown that any are not
            lost.
        high: at most so many; minus infinity where the arm does not get there beyond doubt.
        p: two-sided, of none being saved; only a saving can make it small.
        p_holm: of as many tests as there are distinct arms.
    """

    target: float
    accuracy: float
    need: float
    labels: float
    reached: str
    saved: float
    low: float
    high: float
    p: float
    p_holm: float = math.nan


@dataclass(frozen=True)
class Judgement:
    """What the numbers bear of one arm.

    Attributes:
        kind: the verdict.
        seeds: that both have.
        missing: that one of the two does not have.
        rows: test rows; 1 where they are not known.
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
        seeds_for, rows_for: seeds, or else test rows, that would show a difference of areas of
            `gain` 8 times in 10; None where they alone would not.
    """

    kind: Kind
    seeds: int
    missing: int
    rows: int
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
    of_savings = holm([saving.p for _, _, saving in found])
    tested = max(1, sum(not math.isnan(area.p) for area, _, _ in found))
    made = []
    for place, (each, (area, steps, saving)) in enumerate(zip(pairs, found, strict=True)):
        area = replace(area, p_holm=float(of_areas[place]))
        way = replace(ways[place], p_holm=float(of_ways[place]))
        saving = replace(saving, p_holm=float(of_savings[place]))
        begins, worst = _begins_and_worst(each, level)
        made.append(
            Judgement(
                decide(area, saving, way, len(each.arm), each.missing, level),
                len(each.arm),
                each.missing,
                each.arm.shape[1],
                area,
                steps,
                saving,
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


def area_weights(labels: Floats) -> Floats:
    """What makes a mean over the labels, by trapezoids, of values at these (steps,); sums to 1."""
    if len(labels) == 1:
        return np.ones(1)
    widths = np.diff(labels)
    weights = np.zeros(len(labels))
    weights[:-1] += widths / 2
    weights[1:] += widths / 2
    return np.asarray(weights / weights.sum(), np.float64)


def contrast(pairs: Pairs, weights: Floats, level: float = 0.95) -> list[Effect]:
    """Weighted sums of the differences at each step; weights (contrasts, steps).

    Below two seeds there are means alone.
    """
    if len(pairs.arm) < 2:
        gaps = weights @ (pairs.arm - pairs.random.astype(np.float64)).mean(axis=1).mean(axis=0)
        return [Effect(float(gap), math.nan, math.nan, math.nan) for gap in gaps]
    found = pairs.crossed.effects(np.hstack([weights, -weights]), level, pairs.missing)
    return [
        Effect(*(float(value) for value in each))
        for each in zip(found.mean, found.low, found.high, found.p, strict=True)
    ]


def saving(
    labels: Floats,
    base_labels: Floats,
    values: NDArray[Any] | Crossed,
    level: float = 0.95,
    missing: int = 0,
) -> Saving:
    """Labels saved at the accuracy of the last of `base_labels`.

    Args:
        labels: (steps,) of the arm, ascending.
        base_labels: (points,) of random, ascending.
        values: (seeds, rows, steps + points), or the means of these: the arm's, then random's.
        level: of the interval, which is given from LEAST_SEEDS seeds.
        missing: seeds that are not there.
    """
    if isinstance(values, Crossed):
        crossed: Crossed | None = values
        mean = values.mean
    else:
        crossed = Crossed.of(values) if len(values) >= 2 else None
        mean = values.mean(axis=(0, 1), dtype=np.float64)
    own, base = mean[: len(labels)], mean[len(labels) :]
    target = float(_isotonic(base_labels, base)[-1])
    need, _ = _first(base_labels, base, target)
    at, reached = _first(labels, own, target)
    facts = (float(base_labels[-1]), float(base[-1]), need, at, reached, need - at)
    if crossed is None or crossed.n_seeds < LEAST_SEEDS:
        return Saving(*facts, math.nan, math.nan, math.nan)
    return Saving(*facts, *_interval(labels, base_labels, crossed, level, missing))


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


# Labels needed


def mean_saving(pairs: Pairs, level: float = 0.95) -> Effect:
    """What random needs less what the arm needs, on average over the accuracies that random gains.

    That is the area between the curves, with accuracies above random's last counted as that, over
    what random gains: the same area is crossed by columns and by rows. Its interval is Fieller's,
    of all means that the test of area - mean * gain allows. Where the arm's curve reaches random's
    last accuracy is estimated; the area is level there, so that to miss it a little costs nothing.
    """
    labels, nothing = pairs.labels, Effect(math.nan, math.nan, math.nan, math.nan)
    if len(pairs.arm) < LEAST_SEEDS or len(labels) < 2:
        return nothing
    crossed, steps = pairs.crossed, len(labels)
    own, base = crossed.mean[:steps], crossed.mean[steps:]
    reached = _first(labels, own, float(_isotonic(labels, base)[-1]))[0]
    until = labels[-1] if math.isnan(reached) else reached
    last, first = np.eye(steps)[-1], np.eye(steps)[0]
    area = np.hstack(
        [_integral(labels, until), (labels[-1] - until) * last - _integral(labels, labels[-1])]
    )
    gain = np.hstack([np.zeros(steps), last - first])
    gained = crossed.effects(gain[None], level, pairs.missing)
    if gained.low[0] <= 0:
        return nothing
    saved = np.linspace(-labels[-1], labels[-1], 1601)
    found = crossed.effects(area - saved[:, None] * gain, level, pairs.missing)
    of_none = crossed.effects(area[None], level, pairs.missing)
    return Effect(
        float(crossed.mean @ area / gained.mean[0]),
        _falls(saved, found.low),
        _falls(saved, found.high),
        float(of_none.p[0]),
    )


def _falls(at: Floats, values: Floats) -> float:
    """Where falling values pass 0; infinite where they do so nowhere."""
    below = np.flatnonzero(values <= 0)
    if not len(below) or not below[0]:
        return math.inf if not len(below) else -math.inf
    right = int(below[0])
    part = values[right - 1] / (values[right - 1] - values[right])
    return float(at[right - 1] + part * (at[right] - at[right - 1]))


def _integral(labels: Floats, until: float) -> Floats:
    """Weights (steps,) of the area under a curve, straight between steps, from the first on."""
    place = np.clip(until, labels[:-1], labels[1:])
    widths, part = np.diff(labels), place - labels[:-1]
    weights = np.zeros(len(labels))
    weights[1:] += part**2 / 2 / widths
    weights[:-1] += part - part**2 / 2 / widths
    return weights


def _interval(
    labels: Floats, base_labels: Floats, crossed: Crossed, level: float, missing: int
) -> tuple[float, float, float]:
    """Low, high and p of `Saving`."""
    own_at, own = _between(np.log(labels), _POINTS)
    base_at, base = _between(np.log(base_labels), _POINTS // 2)
    none_own, none_base = np.zeros((len(base), own.shape[1])), np.zeros((len(own), base.shape[1]))
    # That random needs n labels is possible from where its accuracy is not below the end's.
    gains = crossed.effects(np.hstack([none_own, base[-1] - base]), level, missing)
    first = int(np.flatnonzero(gains.low <= 0)[0])
    low, high, p = math.inf, -math.inf, 0.0
    for at, weights in zip(base_at[first:], base[first:], strict=True):
        against = np.hstack([own, none_base - weights])
        found = crossed.effects(against, level, missing)
        needed = math.exp(at)
        low = min(low, needed - _high(own_at, found.low))
        high = max(high, needed - _low(own_at, found.high))
        there = own_at >= at - 1e-9
        above = np.where(found.mean > 0, found.p, 1.0)[there]
        p = max(p, float(above.max()) if len(above) else 1.0)
    return low, high, p


def _isotonic(labels: Floats, mean: Floats) -> Floats:
    """The mean curve that does not fall; a running maximum would take the luckiest step."""
    return np.asarray(IsotonicRegression().fit_transform(np.log(labels), mean), np.float64)


def _first(labels: Floats, mean: Floats, target: float) -> tuple[float, str]:
    """Where the isotonic curve, straight over the logarithm, first reaches the target."""
    at, curve = np.log(labels), _isotonic(labels, mean)
    # A mean of equal numbers need not be that number to the last bit.
    there = np.flatnonzero(curve >= target - 1e-12)
    if not len(there):
        return math.nan, NOT_REACHED
    step = int(there[0])
    if step == 0:
        return float(labels[0]), AT_FIRST
    rise = curve[step] - curve[step - 1]
    part = min(1.0, (target - curve[step - 1]) / rise)
    return float(np.exp(at[step - 1] + part * (at[step] - at[step - 1]))), REACHED


def _between(at: Floats, points: int) -> tuple[Floats, Floats]:
    """Points on and, so many, between the steps (points,), and their weights (points, steps)."""
    if len(at) == 1:
        return at, np.ones((1, 1))
    place = np.linspace(0, len(at) - 1, (len(at) - 1) * points + 1)
    weights = (1 - np.abs(place[:, None] - np.arange(len(at)))).clip(0)
    return weights @ at, weights


def _low(points: Floats, above: Floats) -> float:
    """The first point that is not below beyond doubt; infinite where all are."""
    maybe = np.flatnonzero(above >= 0)
    if not len(maybe):
        return math.inf
    return _root(points, above, int(maybe[0]))


def _high(points: Floats, below: Floats) -> float:
    """The first point from which all are above beyond doubt; infinite where the last is not."""
    doubtful = np.flatnonzero(below <= 0)
    last = int(doubtful[-1]) if len(doubtful) else -1
    return math.inf if last == len(points) - 1 else _root(points, below, last + 1)


def _root(points: Floats, values: Floats, right: int) -> float:
    """Where values change their sign just left of a point."""
    if right == 0:
        return float(np.exp(points[0]))
    before, after = values[right - 1], values[right]
    part = -before / (after - before) if after != before else 1.0
    return float(np.exp(points[right - 1] + part * (points[right] - points[right - 1])))


# Power


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
