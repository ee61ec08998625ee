"""Which rows people are asked about, and in what order: pure functions of what is on disk.

A batch is what the strategy chose, in its order, with rows between that were drawn at random. Those
are of a tenth of the corpus that is kept apart from the start, so that no strategy chooses them and
no model learns them: whatever was chosen before, they stand for all texts. Where they are among the
others is drawn, too, so that nobody answers them otherwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from al_ray.randomness import generator

AUDIT = 10
"""One label in so many is of a row that was drawn at random."""


def audit_of(size: int) -> int:
    """How many rows of a batch of so many are drawn at random."""
    return max(1, round(size / AUDIT))


def reserve_of(rows: int, size: int) -> int:
    """How many rows of a corpus are kept apart for that."""
    return min(math.ceil(rows / AUDIT), audit_of(size) * (rows // size))


@dataclass(frozen=True, eq=False)
class Batch:
    """What is asked at once.

    Attributes:
        number: from 0.
        rows: int64 (rows,), in the order in which they are asked.
        audit: bool (rows,), which of them were drawn at random.
    """

    number: int
    rows: NDArray[np.int64]
    audit: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.rows)


def batch_of(
    number: int, chosen: NDArray[np.int64], reserve: NDArray[np.int64], size: int, seed: int
) -> Batch:
    """The batch of this number.

    Args:
        number: from 0.
        chosen: (rows,) by the strategy, in rank order.
        reserve: (rows,) kept apart, in their drawn order; each batch has the next few.
        size: labels a batch.
        seed: of the project.
    """
    few = audit_of(size)
    audit = reserve[number * few : (number + 1) * few]
    n = len(chosen) + len(audit)
    places = generator(seed, number, "audit places").choice(n, len(audit), replace=False)
    is_audit = np.zeros(n, np.bool_)
    is_audit[places] = True
    rows = np.empty(n, np.int64)
    rows[is_audit], rows[~is_audit] = audit, chosen
    return Batch(number, rows, is_audit)
