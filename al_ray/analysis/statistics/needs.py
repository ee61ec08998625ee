"""Labels that an arm and random need for an accuracy, and what is saved.

Be N the most random labels, R and A the accuracies of random and of the arm.
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
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from al_ray.analysis.statistics.intervals import LEAST_SEEDS, Crossed, Floats
from al_ray.analysis.statistics.pairs import Effect, Pairs

REACHED: Final = "reached"
NOT_REACHED: Final = "not reached"
AT_FIRST: Final = "at the first step"

_POINTS = 8
"""Points between two steps at which tests are inverted."""


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
