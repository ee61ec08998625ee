"""The best of several trainings of an arm against the best of as many of random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from al_ray.analysis.statistics.clusters import Clusters
from al_ray.analysis.statistics.intervals import Crossed, Floats
from al_ray.analysis.statistics.pairs import Effect


@dataclass(frozen=True)
class Best:
    """What was chosen, and the difference.

    Attributes:
        arm, random: (seeds,), at each seed the training that is best over the other seeds.
        effect: of these at the seeds that they were not chosen on; the interval and p are of the
            truly best training of each.
    """

    arm: NDArray[np.intp]
    random: NDArray[np.intp]
    effect: Effect


def best_with_best(
    arm: Floats,
    random: Floats,
    level: float = 0.95,
    missing: int = 0,
    clusters: Clusters | None = None,
) -> Best:
    """Compare an arm at its best training with random at its own.

    What is chosen on the other seeds is chosen on the same test rows, and two seeds' choices share
    the seeds between them: a t interval of the differences holds 80 to 98 % where it says 95
    (`experiments/benchmarks/best.py`). So nothing is concluded from what was chosen. The best of an
    arm is better than the best of random by the largest, over the arm's trainings, of the least
    that one is above any of random's; whichever of random's is the best, the lower end of that is
    wrong only where one of as many intervals as there are trainings is, and so is the upper one.

    Args:
        arm: (trainings, seeds, rows), larger is better; one row where rows are not known.
        random: the same of random.
        level: of the interval.
        missing: seeds that should be there and are not; see `Crossed.effects`.
        clusters: of rows; see `Crossed.of`.

    Raises:
        ValueError: fewer than two seeds.
    """
    many = len(arm)
    means = [side.mean(axis=2) for side in (arm, random)]
    first, second = (np.argmax(side.sum(axis=1, keepdims=True) - side, axis=0) for side in means)
    seeds = np.arange(arm.shape[1])
    difference = float((means[0][first, seeds] - means[1][second, seeds]).mean())
    every = np.eye(many)
    weights = np.hstack([np.repeat(every, many, axis=0), -np.tile(every, (many, 1))])
    crossed = Crossed.of(np.concatenate([arm, random]).transpose(1, 2, 0), clusters)
    found = crossed.effects(weights, 1 - (1 - level) / many, missing)
    # (the arm's trainings, random's)
    mean, low, high, p = (
        each.reshape(many, many) for each in (found.mean, found.low, found.high, found.p)
    )
    # Of the two the one that what was chosen says, so that nothing is called worse by what is
    # evidence of better: an arm whose trainings fail each other's seeds may have both.
    said = (
        np.where(mean > 0, p, 1).max(axis=1).min()
        if difference > 0
        else np.where(mean < 0, p, 1).max(axis=0).min()
    )
    effect = Effect(
        difference,
        min(difference, float(low.min(axis=1).max())),
        max(difference, float(high.max(axis=0).min())),
        min(1.0, many * float(said)),
    )
    return Best(first, second, effect)
