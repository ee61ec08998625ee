"""Means over few seeds, and over seeds and test rows at once, with intervals that cover."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import stdtr, stdtrit

from al_ray.analysis.statistics.clusters import Clusters

LEAST_SEEDS: Final = 5
"""Below this many seeds no interval is given and nothing is claimed.

A percentile bootstrap covers 72 % at 3 seeds where it says 95; t intervals cover, but at 2 or 3
seeds they are so wide, and their width itself so uncertain, that nobody is helped by them."""

Floats = NDArray[np.float64]


def t_interval(values: Any, level: float = 0.95) -> tuple[float, float]:
    """Student's interval for the mean of a few values; NaN where there are fewer than two."""
    sample = np.asarray(values, np.float64)
    if len(sample) < 2:
        return math.nan, math.nan
    half = stats.t.ppf((1 + level) / 2, len(sample) - 1) * sample.std(ddof=1)
    half /= math.sqrt(len(sample))
    return float(sample.mean() - half), float(sample.mean() + half)


def holm(p: Any) -> Floats:
    """Holm's step-down correction (Holm 1979) of those p that are numbers."""
    values = np.asarray(p, np.float64)
    corrected = np.full(len(values), math.nan)
    tested = np.flatnonzero(~np.isnan(values))
    order = tested[np.argsort(values[tested], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    corrected[order] = np.maximum.accumulate(values[order] * factors).clip(max=1)
    return corrected


@dataclass(frozen=True)
class Effects:
    """Contrasts of means, each tested against 0; arrays (contrasts,).

    Attributes:
        mean: of the contrast, over the seeds that are there.
        low, high: ends of the t interval.
        p: two-sided; 1 where all seeds and rows agree on 0.
    """

    mean: Floats
    low: Floats
    high: Floats
    p: Floats


@dataclass(frozen=True)
class Crossed:
    """Means of several columns that were measured on the same seeds and the same test rows.

    Seeds and rows are both samples, and crossed: each seed's model answers each row. The variance
    of a mean over both has three parts, of seeds, of rows and of their interaction, which the
    analysis of variance with two random factors estimates without bias; the same model underlies
    the comparison of readers over cases in radiology (Gallas 2006; Hillis 2007), and resampling
    seeds and rows together (the pigeonhole bootstrap of Owen 2007) estimates it with an upward
    bias. The rows' part is what another test set would change, and is never taken to be negative.

    A mean over its standard error follows no t distribution, since one part is known from a few
    seeds and the other from many rows. Satterthwaite's degrees of freedom are too many just where
    the seeds' part happens to look small (6.7 % of studies where 5 are meant, of four arms and five
    seeds). So p is the mean of the parts' own t tests, weighted by the variances, as Cochran and
    Cox (1950) do with the critical values, which errs on the safe side.

    Attributes:
        by_seed: (seeds, columns), each seed's own means over the rows.
        rows: (columns, columns), covariance of the means that the sample of test rows adds to
            that of the seeds; 0 where rows are not known.
        interaction: (columns, columns), the part of the seeds' covariance that more rows would
            take away.
        n_rows: test rows, or what their clusters are worth; 1 where they are not known.
    """

    by_seed: Floats
    rows: Floats
    interaction: Floats
    n_rows: int

    @classmethod
    def of(cls, values: NDArray[Any], clusters: Clusters | None = None) -> Crossed:
        """Of values (seeds, rows, columns), such as whether a row was answered rightly.

        Args:
            values: the same rows at all seeds.
            clusters: of rows that were drawn together; None: each is a draw of its own.

        Raises:
            ValueError: fewer than two seeds.
        """
        if len(values) < 2:
            raise ValueError(f"{len(values)} seeds: no variance over seeds")
        if clusters is not None and values.shape[1] > 1:
            values = clusters.values(values)
        n_seeds, n_rows, n_columns = values.shape
        by_seed = values.mean(axis=1, dtype=np.float64)
        nothing = np.zeros((n_columns, n_columns))
        if n_rows == 1:
            return cls(by_seed, nothing, nothing, 1)
        mean = by_seed.mean(axis=0)
        of_seeds = np.atleast_2d(np.cov(by_seed, rowvar=False)) / n_seeds
        by_row = values.mean(axis=0, dtype=np.float64)
        of_rows = np.atleast_2d(np.cov(by_row, rowvar=False)) / n_rows
        # Sums of squares and products about the means; the interaction is what is left over.
        whole = -n_seeds * n_rows * np.outer(mean, mean)
        for seed in values:  # not all at once: values may be of one byte each, and many
            flat = seed.astype(np.float64)
            whole += flat.T @ flat
        left = whole - n_seeds * n_rows * (of_seeds * (n_seeds - 1) + of_rows * (n_rows - 1))
        interaction = left / ((n_seeds - 1) * (n_rows - 1)) / (n_seeds * n_rows)
        return cls(
            by_seed, of_rows - interaction, interaction, clusters.worth if clusters else n_rows
        )

    @property
    def n_seeds(self) -> int:
        """Seeds."""
        return len(self.by_seed)

    @property
    def mean(self) -> Floats:
        """(columns,)."""
        return np.asarray(self.by_seed.mean(axis=0), np.float64)

    def effects(self, weights: Floats, level: float = 0.95, missing: int = 0) -> Effects:
        """Weighted sums of the means, with intervals and tests that hold for new seeds and rows.

        Seeds that are missing are not taken to be missing at random: for the lower end, and for a
        test of a sum above 0, each is given a sum as far below 0 as the best seed's is above (or as
        the worst one's is below, where that is further), and the reverse for the upper end.

        Args:
            weights: (contrasts, columns).
            level: of the intervals.
            missing: seeds that should be there and are not.
        """
        sums = self.by_seed @ weights.T
        of_rows = np.einsum("ij,jk,ik->i", weights, self.rows, weights).clip(0)
        mean = sums.mean(axis=0)
        worst = np.abs(sums).max(axis=0)
        below, half, p_below = self._tested(sums, -worst, missing, of_rows, level)
        low, high, p = below - half, below + half, p_below
        if missing:
            above, half, p_above = self._tested(sums, worst, missing, of_rows, level)
            high = above + half
            # What is missing may take a difference away, and never makes one.
            p = np.where(mean > 0, np.where(below > 0, p_below, 1), np.where(above < 0, p_above, 1))
        return Effects(mean, low, high, p)

    def error(self, weights: Floats, seeds: float, rows: float) -> tuple[float, float]:
        """Standard error of one contrast with other numbers, and the seeds' share of its square.

        Args:
            weights: (columns,).
            seeds: how many there would be.
            rows: how many test rows; it counts for nothing where rows are not known.
        """
        whole = float(np.var(self.by_seed @ weights, ddof=1)) / self.n_seeds
        mixed = min(whole, max(0.0, float(weights @ self.interaction @ weights)))
        of_rows = max(0.0, float(weights @ self.rows @ weights))
        more_rows = rows / self.n_rows if self.n_rows > 1 else 1.0
        of_seeds = (whole - mixed + mixed / more_rows) * self.n_seeds / seeds
        variance = of_seeds + of_rows / more_rows
        return math.sqrt(variance), of_seeds / variance if variance else 1.0

    def _tested(
        self, sums: Floats, worst: Floats, missing: int, of_rows: Floats, level: float
    ) -> tuple[Floats, Floats, Floats]:
        """Mean, half an interval and p of sums (seeds, contrasts) and the missing ones."""
        n = len(sums) + missing
        mean = (sums.sum(axis=0) + missing * worst) / n
        squares = ((sums - mean) ** 2).sum(axis=0) + missing * (worst - mean) ** 2
        of_seeds = squares / (n - 1) / n
        spread = np.sqrt(of_seeds + of_rows)
        share = np.divide(
            of_seeds, of_seeds + of_rows, out=np.ones_like(mean), where=of_seeds + of_rows > 0
        )
        half = critical(share, n, self.n_rows, level) * spread
        return mean, half, _two_sided(mean, spread, share, n, self.n_rows)


def critical(share: Any, seeds: int, rows: int, level: float) -> Floats:
    """Standard errors from the mean to the ends of an interval; see `Crossed`.

    Args:
        share: of the seeds' part in the variance, one or many.
        seeds: their number.
        rows: of the test; 1 where they are not known.
        level: of the interval.
    """
    grid, found = _critical(seeds, rows, level)
    return np.asarray(np.interp(share, grid, found), np.float64)


@cache
def _critical(seeds: int, rows: int, level: float) -> tuple[Floats, Floats]:
    """Shares of the seeds' part, and the critical value at each, by bisection."""
    share = np.linspace(0, 1, 257)
    ends = [float(stdtrit(freedom, (1 + level) / 2)) for freedom in _freedoms(seeds, rows)]
    low, high = np.full(len(share), min(ends)), np.full(len(share), max(ends))
    for _ in range(50):
        middle = (low + high) / 2
        inside = _mixed(middle, share, seeds, rows) > 1 - level
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return share, high


def _freedoms(seeds: int, rows: int) -> tuple[int, int]:
    """Of the two parts; that of rows counts for nothing where they are not known."""
    return seeds - 1, max(1, rows - 1)


def _mixed(t: Floats, share: Floats, seeds: int, rows: int) -> Floats:
    """Two-sided p of t."""
    parts = [stdtr(freedom, -t) for freedom in _freedoms(seeds, rows)]
    return np.asarray(2 * (share * parts[0] + (1 - share) * parts[1]), np.float64)


def _two_sided(mean: Floats, spread: Floats, share: Floats, seeds: int, rows: int) -> Floats:
    """p of t tests; of a mean without spread 0, or 1 where it is 0."""
    none = spread <= 1e-12 * np.maximum(1.0, np.abs(mean))  # equal to the last bits
    t = np.divide(np.abs(mean), spread, out=np.zeros_like(mean), where=~none)
    return np.where(none, np.where(np.abs(mean) <= 1e-12, 1.0, 0.0), _mixed(t, share, seeds, rows))
