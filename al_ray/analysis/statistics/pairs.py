"""An arm beside random on the same seeds and test rows: contrasts of their means.

Everything that is concluded follows from which test rows the models of an arm and of random
answered rightly, seed by seed: every difference is a contrast of means over seeds and test rows
(`Crossed`), so that what is claimed holds for new seeds and for another sample of test rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from al_ray.analysis.statistics.clusters import Clusters
from al_ray.analysis.statistics.intervals import Crossed, Floats


@dataclass(frozen=True)
class Pairs:
    """An arm and the random arm of its setting on the same seeds and test rows.

    Attributes:
        labels: (steps,), ascending numbers of labels that both have.
        arm: (seeds, rows, steps), whether a seed's model answers a test row rightly, or what else
            has a metric as its mean over rows; one row where only the metric itself is known.
        random: the same of random.
        missing: seeds that were asked for and that one of the two does not have.
        clusters: of test rows that were drawn together; None: each is a draw of its own.
    """

    labels: Floats
    arm: NDArray[Any]
    random: NDArray[Any]
    missing: int = 0
    clusters: Clusters | None = None

    @property
    def rows(self) -> int:
        """Test rows; 1 where they are not known, or all of one article."""
        fixed = self.clusters is not None and len(self.clusters) == 1
        return 1 if fixed else self.arm.shape[1]

    @property
    def articles(self) -> int | None:
        """That the test rows are of; None: each is a draw of its own."""
        return None if self.clusters is None else len(self.clusters)

    @cached_property
    def crossed(self) -> Crossed:
        """Means of the arm's steps, then of random's; of two seeds or more."""
        return Crossed.of(np.concatenate([self.arm, self.random], axis=2), self.clusters)


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
