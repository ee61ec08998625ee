"""Test rows that are no independent draws, such as the questions on one article."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Clusters:
    """Which rows were drawn together.

    Another test would have other articles, so that they are the sample. A mean over rows is a ratio
    of sums over clusters, whose variance is the jackknife's that leaves one out at a time (Cameron
    and Miller 2015; MacKinnon, Nielsen and Webb 2023, CV3). It errs on the safe side where sizes
    are unequal, as what takes the sums as they are does not.

    Attributes:
        of_row: (rows,), the number of each row's cluster, from 0.
    """

    of_row: NDArray[np.int64]

    @classmethod
    def named(cls, names: Sequence[str]) -> Clusters:
        """Of each row's cluster by its name (rows,)."""
        _, numbers = np.unique(np.asarray(names, object), return_inverse=True)
        return cls(numbers.astype(np.int64))

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """(clusters,), rows of each."""
        return np.bincount(self.of_row)

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def worth(self) -> int:
        """How many clusters of equal size they are worth: (sum of sizes)² / sum of squares (Kish
        1965), to the next number from 2 on; 1 of a single one, of which nothing is known of what
        another would change.
        """
        sizes = self.sizes.astype(np.float64)
        found = round(float(sizes.sum() ** 2 / (sizes**2).sum()))
        return min(len(self), max(2, found))

    def values(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """A value for each cluster of values (seeds, rows, columns), of the same means.

        Returns:
            (seeds, clusters, columns): each seed's mean over rows, plus what the cluster adds to
            it; the means alone (seeds, 1, columns), where there is one.
        """
        mean = rows.mean(axis=1, keepdims=True, dtype=np.float64)
        if len(self) == 1:
            return np.asarray(mean)
        order = np.argsort(self.of_row, kind="stable")
        first = np.cumsum(self.sizes) - self.sizes
        apart = np.add.reduceat(rows[:, order] - mean, first, axis=1)
        others = (len(self.of_row) - self.sizes)[:, np.newaxis]
        apart *= (len(self) - 1) / others
        return np.asarray(mean + apart - apart.mean(axis=1, keepdims=True))
