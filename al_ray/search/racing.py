"""Racing: seeds are given out one by one, and who is shown to be worse gets no more of them.

As in F-race (Birattari et al. 2002) and irace, configurations are compared on the same instances,
which are seeds here; the tests are Student's, paired by seed. Each look and each comparison has its
share of the error (Bonferroni), so that the chance that the best one is let go at any time is
`alpha` at most, as far as differences between seeds are normal. One with a trajectory that failed
is let go without a test, and where single fits collapse the best may be let go.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from al_ray.search.rounds import Round, Spending, Stop
from al_ray.search.seen import Aim, Configuration, Curve, Seen


@dataclass(frozen=True)
class Racing:
    """Configurations that race over seeds; see `Search`.

    Attributes:
        configurations: at the start.
        seeds: in the order in which they are given out.
        labels: to which trajectories run.
        aim: what is better; its first objective is tested.
        first: seeds before the first look, two at least.
        alpha: chance that the best one is let go.
        seconds: of devices, after which no seed is begun.
    """

    configurations: tuple[Configuration, ...]
    seeds: tuple[int, ...]
    labels: int
    aim: Aim
    first: int = 2
    alpha: float = 0.1
    seconds: float = math.inf

    def next(self, seen: Seen) -> Round:
        """See `Search.next`."""
        left, stopped = list(self.configurations), dict[Configuration, Stop]()
        spending = Spending(self.seconds)
        looks = range(min(self.first, len(self.seeds)), len(self.seeds) + 1)
        for n in looks:
            if spending.used_up(seen):
                return Round((), tuple(left), stopped, done=True, cut=True, at=self.labels)
            seeds = self.seeds[:n]
            if runs := spending.missing(seen, left, seeds, self.labels):
                return Round(runs, tuple(left), stopped)
            curves = {
                each: [c for seed in seeds if (c := seen.curve(each, seed, self.labels))]
                for each in left
            }
            order = self.aim.order(curves)
            share = self.alpha / (len(looks) * max(1, len(self.configurations) - 1))
            gone = [
                each
                for each in order
                if any(curve.failed for curve in curves[each])
                or (each != order[0] and self._worse(curves, each, order[0], share))
            ]
            left = [each for each in order if each not in gone]
            stopped |= {
                each: Stop(self.labels, n, order.index(each) + 1, len(order), len(left))
                for each in gone
            }
            if len(left) <= 1:
                break
        return Round((), tuple(left), stopped, done=True)

    def _worse(
        self,
        curves: dict[Configuration, list[Curve]],
        one: Configuration,
        leader: Configuration,
        level: float,
    ) -> bool:
        """Whether one is shown to be worse than the leader, on the same seeds."""
        mine, best = (
            np.array([self.aim.values([curve])[0] for curve in curves[each]])
            for each in (one, leader)
        )
        # A target that a seed never reaches would take the whole race's labels, at least.
        mine, best = (np.minimum(each, self.labels) for each in (mine, best))
        return len(mine) > 1 and p_greater(mine - best) <= level


def p_greater(differences: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """That a mean above 0 is chance, one-sided, by Student's test.

    1 where all differences are one number: of what they vary by, nothing is known.

    Args:
        differences: (seeds,), two or more.
    """
    from scipy.stats import t

    n, mean, sd = len(differences), differences.mean(), differences.std(ddof=1)
    if sd < 1e-12:
        return 1.0
    return float(t.sf(mean / sd * math.sqrt(n), n - 1))
