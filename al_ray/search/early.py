"""How far early ranks can be trusted: on a study that has run all of a grid to its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from al_ray.randomness import generator
from al_ray.search.recorded import Recorded, rungs
from al_ray.search.replay import areas
from al_ray.search.seen import Configuration

RESAMPLED = 2000
"""Draws of seeds for an interval."""


@dataclass(frozen=True)
class Early:
    """What the order at a number of labels says of the final one.

    Attributes:
        labels: at which configurations are compared, by validation rows.
        seeds: that they have there.
        tau: Kendall's tau-b with the final order, which is that of the area under the test curve.
        regret: by how much the one that is ahead here is behind the best in the end; a share, the
            mean over draws of so many seeds.
        low, high: where 95 % of the draws are.
        overlap: of the rows that two configurations have chosen by then, their share of the rows
            that either has (Jaccard), the mean over pairs and seeds; NaN where none has chosen.
        alike: tau-b of these overlaps, pair by pair, with those at the end.
    """

    labels: int
    seeds: int
    tau: float
    regret: float
    low: float
    high: float
    overlap: float
    alike: float


def early(recorded: Recorded, seeds: int | None = None, seed: int = 0) -> list[Early]:
    """At each number of labels that all schedules reach, ascending.

    Args:
        recorded: of which.
        seeds: that a search would have at that rung; None: all.
        seed: of the draws.
    """
    from scipy.stats import kendalltau

    configurations = recorded.configurations
    number = len(recorded.seeds) if seeds is None else seeds
    truth = areas(recorded)
    final = np.array([truth[each] for each in configurations])
    counts = rungs(recorded)
    draw = generator(seed, 0, "early ranks")
    shares = [_overlaps(recorded, labels) for labels in counts]
    found = []
    for labels, overlap in zip(counts, shares, strict=True):
        table = _table(recorded, labels)
        picked = draw.integers(table.shape[1], size=(RESAMPLED, number))
        means = table[:, picked].mean(axis=2)
        ahead = means == means.max(axis=0)  # of several any may be taken
        missed = final.max() - (ahead * final[:, np.newaxis]).sum(axis=0) / ahead.sum(axis=0)
        # Of so many seeds, by all draws; its tau by the mean of all seeds where all are had.
        taus = [kendalltau(column, final).statistic for column in means[:, :200].T]
        whole = kendalltau(table.mean(axis=1), final).statistic
        low, high = np.quantile(missed, [0.025, 0.975])
        alike = kendalltau(overlap, shares[-1]).statistic if len(overlap) > 1 else np.nan
        found.append(
            Early(
                labels,
                number,
                float(whole if number == table.shape[1] else np.mean(taus)),
                float(missed.mean()),
                float(low),
                float(high),
                float(overlap.mean()) if len(overlap) else float("nan"),
                float(alike),
            )
        )
    return found


def first_rung(found: Sequence[Early], within: float = 0.01) -> int | None:
    """The fewest labels from which on the regret is so small, on average; None: at none."""
    rung = None
    for each in reversed(found):
        if each.regret > within:
            break
        rung = each.labels
    return rung


def _table(recorded: Recorded, labels: int) -> NDArray[np.float64]:
    """(configurations, seeds) areas under the validation curve up to there."""
    return np.array(
        [
            [recorded.seen.curves[each, seed].upto(labels).area() for seed in recorded.seeds]
            for each in recorded.configurations
        ]
    )


def _overlaps(recorded: Recorded, labels: int) -> NDArray[np.float64]:
    """(pairs,) of configurations, means over seeds; of those that have chosen something."""
    found = []
    for one, other in combinations(recorded.configurations, 2):
        shares = []
        for seed in recorded.seeds:
            mine, theirs = (_chosen(recorded, each, seed, labels) for each in (one, other))
            if mine or theirs:
                shares.append(len(mine & theirs) / len(mine | theirs))
        if shares:
            found.append(float(np.mean(shares)))
    return np.array(found)


def _chosen(recorded: Recorded, which: Configuration, seed: int, labels: int) -> set[str]:
    initial, _ = recorded.schedules[which]
    return set(recorded.chosen.get((which, seed), ())[: labels - initial])
