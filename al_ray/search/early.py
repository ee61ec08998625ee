"""How far early ranks can be trusted: on a study that has run all of a grid to its end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from al_ray.randomness import generator
from al_ray.search.recorded import Recorded, rungs
from al_ray.search.seen import Configuration

MOST_DRAWS = 2000
"""Sets of seeds that are looked at; of more a sample."""


@dataclass(frozen=True)
class Early:
    """What the order at a number of labels says of the final one.

    Attributes:
        labels: at which configurations are compared, by validation rows.
        seeds: that they have there.
        tau: Kendall's tau-b with the order of the area under the test curve; the mean over all
            sets of so many seeds.
        behind: of the one that is ahead here, how much less area it has than the one with the most;
            a share, the mean over all sets of so many seeds. The most is partly chance: of equal
            configurations, too, one has it.
        low, high: what that may be for new seeds, on these test rows (95 %; see `_regret`); NaN
            where there are fewer than all seeds, or one.
        overlap: of the rows that two configurations have chosen by then, their share of the rows
            that either has (Jaccard), the mean over pairs and seeds; NaN where none has chosen.
        alike: tau-b of these overlaps, pair by pair, with those at the end.
    """

    labels: int
    seeds: int
    tau: float
    behind: float
    low: float
    high: float
    overlap: float
    alike: float


def early(recorded: Recorded, seeds: int | None = None, seed: int = 0) -> list[Early]:
    """At each number of labels that all schedules reach, ascending.

    Args:
        recorded: of which.
        seeds: that a search would have at that rung; None: all.
        seed: of the sets of seeds, where there are too many.
    """
    from scipy.stats import kendalltau

    aim, every = recorded.aim, recorded.seeds
    number = len(every) if seeds is None else seeds
    counts = rungs(recorded)
    tested = np.array(
        [
            [aim.area(recorded.tested.curves[each, s].upto(counts[-1])) for s in every]
            for each in recorded.configurations
        ]
    )
    final, sets = tested.mean(axis=1), _sets(len(every), number, seed)
    shares = [_overlaps(recorded, labels) for labels in counts]
    found = []
    for labels, overlap in zip(counts, shares, strict=True):
        means = _table(recorded, labels)[:, sets].mean(axis=2)
        ahead = means == means.max(axis=0)  # of several any may be taken
        missed = final.max() - (ahead * final[:, np.newaxis]).sum(axis=0) / ahead.sum(axis=0)
        taus = [kendalltau(column, final).statistic for column in means.T]
        both = ~np.isnan(overlap) & ~np.isnan(shares[-1])
        alike = np.nan
        if both.sum() > 1:
            alike = kendalltau(overlap[both], shares[-1][both]).statistic
        low = high = float("nan")
        if number == len(every) > 1:
            low, high = _regret(tested, float(missed[0]))
        found.append(
            Early(
                labels,
                number,
                float(np.mean(taus)),
                float(missed.mean()),
                low,
                high,
                float("nan") if np.isnan(overlap).all() else float(np.nanmean(overlap)),
                float(alike),
            )
        )
    return found


def _sets(every: int, number: int, seed: int) -> NDArray[np.int64]:
    """(sets, number) places of seeds, without replacement."""
    if math.comb(every, number) <= MOST_DRAWS:
        return np.array(list(combinations(range(every), number)))
    draw = generator(seed, 0, "early ranks")
    return np.array([draw.permutation(every)[:number] for _ in range(MOST_DRAWS)])


def _regret(tested: NDArray[np.float64], behind: float, level: float = 0.95) -> tuple[float, float]:
    """By how much whichever was taken is behind the truly best one, for new seeds.

    All differences of two configurations are within Tukey's half width of their own, at once, so
    that it does not matter how the one was chosen (Hsu 1984). Residuals of configuration and seed
    are taken to vary alike.

    Args:
        tested: (configurations, seeds) areas under the test curve.
        behind: what it is observed to be.
        level: of the interval.
    """
    k, n = tested.shape
    left = tested - tested.mean(axis=1, keepdims=True) - tested.mean(axis=0) + tested.mean()
    freedom = (k - 1) * (n - 1)
    sd = math.sqrt(float((left**2).sum()) / freedom)
    half = _tukey(level, k, freedom) * sd / math.sqrt(n)
    return max(0.0, behind - half), behind + half


@cache
def _tukey(level: float, k: int, freedom: int) -> float:
    """A quantile of the studentized range, which takes a while."""
    from scipy.stats import studentized_range

    return float(studentized_range.ppf(level, k, freedom))


def first_rung(found: Sequence[Early], within: float = 0.01) -> int | None:
    """The fewest labels from which on so little is lost, as observed; None: at none."""
    rung = None
    for each in reversed(found):
        if each.behind > within:
            break
        rung = each.labels
    return rung


def _table(recorded: Recorded, labels: int) -> NDArray[np.float64]:
    """(configurations, seeds) areas under the validation curve up to there."""
    aim = recorded.aim
    return np.array(
        [
            [aim.area(recorded.seen.curves[each, seed].upto(labels)) for seed in recorded.seeds]
            for each in recorded.configurations
        ]
    )


def _overlaps(recorded: Recorded, labels: int) -> NDArray[np.float64]:
    """(pairs,) of configurations, means over seeds; NaN: neither has chosen anything."""
    found = []
    for one, other in combinations(recorded.configurations, 2):
        shares = []
        for seed in recorded.seeds:
            mine, theirs = (_chosen(recorded, each, seed, labels) for each in (one, other))
            if mine or theirs:
                shares.append(len(mine & theirs) / len(mine | theirs))
        found.append(float(np.mean(shares)) if shares else float("nan"))
    return np.array(found)


def _chosen(recorded: Recorded, which: Configuration, seed: int, labels: int) -> set[str]:
    initial, _ = recorded.schedules[which]
    return set(recorded.chosen.get((which, seed), ())[: labels - initial])
