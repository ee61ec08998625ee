"""Which rows are taken: a total order over the candidates, whatever order they come in."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from al_ray import randomness
from al_ray.errors import AlRayError, NotNumbers


@dataclass(frozen=True, eq=False)
class Selection:
    """The rows taken.

    Attributes:
        rows: int64 (taken,), positions among the candidates, in rank order.
        tie_share: the share of them that is in by the tie rule and not by its score; None where
            no score ranks.
        values: float64 (taken,), each when it was taken, where that differs from its score.
    """

    rows: NDArray[np.int64]
    tie_share: float | None
    values: NDArray[np.float64] | None = None


def select(
    scores: NDArray[np.float64] | None,
    hashes: NDArray[np.uint64],
    n: int,
    seed: int,
    step: int,
) -> Selection:
    """The first n candidates, or all of them if there are fewer.

    The order is total: score, the larger first, then a random key of (seed, step, row id).
    Without scores it is the seed's one permutation, in which the step has no part: the initial
    draw, random arms and controls are prefixes of it.

    Args:
        scores: (candidates,), infinities allowed, or None.
        hashes: (candidates,) of the row ids, from `randomness.row_hashes`.
        n: how many to take.
        seed: of the trajectory.
        step: of the trajectory.

    Raises:
        AlRayError: the scores are not one a candidate.
        NotNumbers: some are not numbers; it counts them as positions among the candidates.
        ValueError: n is negative.
    """
    if n < 0:
        raise ValueError(f"cannot select {n} rows")
    n = min(n, len(hashes))
    if scores is None:
        return Selection(_draw(randomness.keys(hashes, seed, 0, "draw"), n), None)

    scores = np.asarray(scores, dtype=np.float64)
    if scores.shape != hashes.shape:
        raise AlRayError(
            "scores of shape {shape} for {n} candidates",
            shape=scores.shape,
            n=len(hashes),
        )
    if len(bad := np.flatnonzero(np.isnan(scores))):
        raise NotNumbers(f"{len(bad)} of {len(scores)} rows have scores", bad.tolist())
    if n == 0:
        return Selection(np.empty(0, np.int64), 0.0)

    # A million candidates are cut by the n-th best score; only what reaches it is sorted.
    threshold = np.partition(scores, len(scores) - n)[len(scores) - n]
    reach = np.flatnonzero(scores >= threshold)
    order = np.lexsort((randomness.keys(hashes[reach], seed, step, "tie"), -scores[reach]))[:n]
    places = n - int((scores > threshold).sum())
    contested = len(reach) > n
    return Selection(reach[order], places / n if contested else 0.0)


def drawn(hashes: NDArray[np.uint64], seed: int) -> NDArray[np.int64]:
    """The seed's one permutation of these rows: positions (rows,)."""
    return _draw(randomness.keys(hashes, seed, 0, "draw"), len(hashes))


def _draw(keys: NDArray[np.uint64], n: int) -> NDArray[np.int64]:
    """Positions of the n smallest keys, ascending."""
    if n == 0:
        return np.empty(0, np.int64)
    reach = np.flatnonzero(keys <= np.partition(keys, n - 1)[n - 1])
    return reach[np.argsort(keys[reach], kind="stable")][:n]


def picks_digest(row_ids: Sequence[str]) -> str:
    """16 hex digits that name these ids in this order."""
    digest = hashlib.blake2b(digest_size=8)
    for row_id in row_ids:
        encoded = row_id.encode("utf-8", "surrogatepass")
        # The length goes first, so that no id can imitate a boundary between two.
        digest.update(len(encoded).to_bytes(8, "little") + encoded)
    return digest.hexdigest()
