"""Where the verdict is tried: kinds of noise, and population curves of random and of arms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from parts import Floats, Normal, Spoilt, Student, TwoKinds
from worlds import LABELS, Noise, World

Curve = Callable[[Floats], Floats]


def rising(labels: Floats) -> Floats:
    """0.60 with 100 labels, 0.79 with 900."""
    return 0.86 - 0.26 * (100 / labels) ** 0.6


def until(end: float, curve: Curve = rising) -> Curve:
    """Flat from so many labels on."""
    return lambda labels: curve(np.minimum(labels, end))


def flat(labels: Floats) -> Floats:
    return np.full(len(labels), 0.7)


def nearly_flat(labels: Floats) -> Floats:
    """Gains 0.4 points on the whole way: truly never at its end before, and nobody can see it."""
    return 0.7 + 0.004 * np.log(labels / labels[0]) / np.log(labels[-1] / labels[0])


def nearly_until(end: float) -> Curve:
    """Almost flat from so many labels on: half a point is left to gain."""

    def curve(labels: Floats) -> Floats:
        late = np.log(np.maximum(labels, end) / end) / np.log(LABELS[-1] / end)
        return until(end)(labels) + 0.005 * late

    return curve


def easy(labels: Floats) -> Floats:
    """0.95 with 100 labels, 0.985 with 900: 300 test rows show five mistakes."""
    return 0.995 - 0.045 * (100 / labels) ** 0.7


def worth(factor: float, curve: Curve = rising, labels: Floats = LABELS) -> Floats:
    """Labels beyond the first draw are worth `factor` random ones."""
    return curve(labels[0] + (labels - labels[0]) * factor)


def early(gain: float, end: float, curve: Curve = rising, labels: Floats = LABELS) -> Floats:
    """Better by `gain` at most before `end`, equal from there on."""
    place = np.clip(np.log(labels / labels[0]) / np.log(end / labels[0]), 0, 1)
    return curve(labels) + gain * np.sin(np.pi * place)


def crossing(gain: float, curve: Curve = rising, labels: Floats = LABELS) -> Floats:
    """Better by `gain` at first, worse by as much in the end."""
    place = np.log(labels / labels[0]) / np.log(labels[-1] / labels[0])
    return curve(labels) + gain * np.sin(1.5 * np.pi * place)


HEAVY = Noise(path=Student(0.1), fit=Student(0.2), row=Student(2.0), affinity=Student(0.9))
CORRELATED = Noise(carried=0.8)
COLLAPSE = Noise(fit=Spoilt(0.2, 0.1, 1.5))
RARE_COLLAPSE = Noise(fit=Spoilt(0.2, 0.05, 3.0))
SKEW = Noise(row=TwoKinds(1.0, 6.0, 0.6))
LOST_PATHS = Noise(path=Spoilt(0.1, 0.1, 3.0))
"""One trajectory in ten goes wrong after its first step and stays so."""
STEADY = Noise(seed=Normal(0.05), path=Normal(0.05), fit=Normal(0.05))
"""As a frozen head: nearly all that differs is which rows are answered rightly."""


def alike(noise: Noise, factors: Sequence[float], curve: Curve = rising) -> World:
    """Random and arms of these factors."""
    return World(curve(LABELS), tuple(worth(factor, curve) for factor in factors), noise)


def noises() -> dict[str, Noise]:
    return {
        "plain": Noise(),
        "heavy tails": HEAVY,
        "correlated over steps": CORRELATED,
        "collapse 1 in 10": COLLAPSE,
        "collapse 1 in 20": RARE_COLLAPSE,
        "lost paths 1 in 10": LOST_PATHS,
        "skewed rows": SKEW,
        "steady fits": STEADY,
    }


def shapes() -> dict[str, World]:
    """One arm each; the truth of their savings is in the table."""
    level = flat(LABELS)
    made = {
        "plateau from 500, factor 1": alike(Noise(), [1.0], until(500)),
        "plateau from 500, factor 2": alike(Noise(), [2.0], until(500)),
        "half a point after 500, factor 2": alike(Noise(), [2.0], nearly_until(500)),
        "flat": World(level, (level,)),
        "nearly flat": World(nearly_flat(LABELS), (nearly_flat(LABELS),)),
        "early, then equal": World(rising(LABELS), (early(0.03, 600),)),
        "early, then equal plateau": World(until(500)(LABELS), (early(0.03, 500, until(500)),)),
        "early, then worse": World(rising(LABELS), (crossing(0.02),)),
        "late, else equal": World(rising(LABELS), (rising(LABELS) + 0.01 * (LABELS > 800),)),
        "easy, factor 1": alike(Noise(), [1.0], easy),
        "easy, factor 2": alike(Noise(), [2.0], easy),
        "an equal arm that collapses": World(
            rising(LABELS), (rising(LABELS),), arms_noise=COLLAPSE
        ),
        "factor 2 that collapses": World(rising(LABELS), (worth(2.0),), arms_noise=COLLAPSE),
        "an equal arm that loses its way": World(
            rising(LABELS), (rising(LABELS),), arms_noise=LOST_PATHS
        ),
        "which then fails": World(
            rising(LABELS), (rising(LABELS),), arms_noise=LOST_PATHS, lost=0.1
        ),
        "survivors, factor 1": World(rising(LABELS), (rising(LABELS),), lost=0.2),
        "survivors, factor 2": World(rising(LABELS), (worth(2.0),), lost=0.2),
    }
    return made


def nulls() -> dict[str, World]:
    """Ten arms each that save nothing."""

    def ten(random: NDArray[np.float64], arm: NDArray[np.float64], **more: Any) -> World:
        return World(random, (arm,) * 10, **more)

    up, level = rising(LABELS), flat(LABELS)
    plateau = until(500)
    return {
        "equal": ten(up, up),
        "equal, heavy tails": ten(up, up, noise=HEAVY),
        "equal, collapse 1 in 10": ten(up, up, noise=COLLAPSE),
        "equal, steady": ten(up, up, noise=STEADY),
        "early, then equal": ten(up, early(0.03, 600)),
        "early, then equal, steady": ten(up, early(0.03, 600), noise=STEADY),
        "early, then worse": ten(up, crossing(0.02)),
        "flat": ten(level, level),
        "nearly flat": ten(nearly_flat(LABELS), nearly_flat(LABELS)),
        "plateau, equal": ten(plateau(LABELS), plateau(LABELS)),
        "plateau, early": ten(plateau(LABELS), early(0.03, 500, plateau)),
        "survivors": ten(up, up, lost=0.2),
        "arms that lose their way": ten(up, up, arms_noise=LOST_PATHS),
        "which then fail": ten(up, up, arms_noise=LOST_PATHS, lost=0.1),
    }
