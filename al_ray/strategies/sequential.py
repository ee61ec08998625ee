"""Choosing row by row over rows that are spread out: one arg-max over all holders a pick.

A holder has some chunks of the candidates, on one shard. Only the best row of each holder, and what
the others must know of the chosen one, travel. The order is total, as in `selection`, and a chunk's
field depends on nothing but its rows, so the picks are those of one holder that has everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from al_ray import randomness
from al_ray.errors import NotNumbers
from al_ray.strategies.base import Field, Outputs, Sequential


@dataclass(frozen=True, eq=False)
class Best:
    """The row that a holder would choose next.

    Attributes:
        value: of its field.
        key: random, of (seed, step, row id); the smaller goes first where values are equal.
        row: its number in the corpus.
        ties: rows of this holder with this value.
        centre: what the others must know of it.
    """

    value: float
    key: int
    row: int
    ties: int
    centre: Any


@dataclass(eq=False)
class _Chunk:
    rows: NDArray[np.int64]
    keys: NDArray[np.uint64]
    left: NDArray[np.bool_]
    field: Field


class Holder:
    """Some of the candidates, and what the strategy keeps of them.

    Args:
        strategy: that chooses.
        seed: of the trajectory.
        step: of the trajectory.
        threads: that look at chunks at the same time; they change nothing else.
    """

    def __init__(self, strategy: Sequential, seed: int, step: int, threads: int = 1) -> None:
        self._strategy, self._seed, self._step = strategy, seed, step
        self._chunks: list[_Chunk] = []
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None

    def add(
        self, rows: NDArray[np.int64], hashes: NDArray[np.uint64], outputs: Outputs
    ) -> NDArray[np.float64]:
        """Hold these rows, too; answers with their values before the first pick."""
        purpose = f"{self._strategy.name} noise"

        def draw(pick: int) -> NDArray[np.float64]:
            keys = randomness.keys(hashes, self._seed, self._step, f"{purpose} {pick}")
            return ((keys >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53

        field = self._strategy.begin(outputs, draw)
        keys = randomness.keys(hashes, self._seed, self._step, "tie")
        self._chunks.append(_Chunk(rows, keys, np.ones(len(rows), bool), field))
        return field.values()

    def best(self) -> Best | None:
        """The row to choose next, or None where none is left.

        Raises:
            NotNumbers: a value is not a number.
        """
        return self._first_of(_offer)

    def take(self, chosen: Best) -> Best | None:
        """A row has been chosen, here or elsewhere; answers with `best` after it."""

        def after(chunk: _Chunk) -> Best | None:
            place = int(np.searchsorted(chunk.rows, chosen.row))
            if place < len(chunk.rows) and chunk.rows[place] == chosen.row:
                chunk.left[place] = False
            chunk.field.take(chosen.centre)
            return _offer(chunk)

        return self._first_of(after)

    def _first_of(self, offer: Callable[[_Chunk], Best | None]) -> Best | None:
        with _one_thread():
            offers: Iterable[Best | None] = (self._pool.map if self._pool else map)(
                offer, self._chunks
            )
            return _first([best for best in offers if best is not None])


def _offer(chunk: _Chunk) -> Best | None:
    """The best row that is left of a chunk."""
    left = np.flatnonzero(chunk.left)
    if not len(left):
        return None
    values = chunk.field.values()[left]
    if (bad := np.isnan(values)).any():
        rows = chunk.rows[left[bad]].tolist()
        raise NotNumbers(f"{len(rows)} rows have values", rows)
    most = values.max()
    top = left[values == most]
    row = int(top[chunk.keys[top].argmin()])
    return Best(
        float(most),
        int(chunk.keys[row]),
        int(chunk.rows[row]),
        len(top),
        chunk.field.centre(row),
    )


def _one_thread() -> AbstractContextManager[Any]:
    """Keep BLAS from sharing out the product of one chunk, which takes half a millisecond.

    Its threads wait for each other after every one, tens of milliseconds where cores are busy.
    """
    return _controller().limit(limits=1, user_api="blas")  # type: ignore[no-any-return]


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


@dataclass(frozen=True, eq=False)
class Picks:
    """A batch that was chosen row by row.

    Attributes:
        rows: int64 (picks,), numbers in the corpus, in the order in which they were chosen.
        values: float64 (picks,), each when it was chosen.
        tie_share: of the picks, those that were decided by the tie rule.
    """

    rows: NDArray[np.int64]
    values: NDArray[np.float64]
    tie_share: float


def pick(
    first: Sequence[Best | None], take: Callable[[Best], Sequence[Best | None]], n: int
) -> Picks:
    """Choose n rows, or all where there are fewer.

    Args:
        first: what each holder would choose.
        take: tells every holder what has been chosen, and answers with what each would choose then.
        n: how many.
    """
    chosen: list[Best] = []
    ties = 0
    offers = first
    while len(chosen) < n:
        best = _first([offer for offer in offers if offer is not None])
        if best is None:
            break
        chosen.append(best)
        ties += best.ties > 1
        if len(chosen) < n:
            offers = take(best)
    return Picks(
        np.array([best.row for best in chosen], np.int64),
        np.array([best.value for best in chosen]),
        ties / len(chosen) if chosen else 0.0,
    )


def _first(offers: Sequence[Best]) -> Best | None:
    """The one to choose; `ties` counts all that have its value."""
    if not offers:
        return None
    best = min(offers, key=lambda offer: (-offer.value, offer.key))
    ties = sum(offer.ties for offer in offers if offer.value == best.value)
    return Best(best.value, best.key, best.row, ties, best.centre)
