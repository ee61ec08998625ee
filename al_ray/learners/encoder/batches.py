"""Rows to padded batches; NumPy alone, so that it can be tested and timed without a model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from al_ray.corpus.tokens.prepared import Tokens


def pad(tokens: Tokens, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Token ids and attention mask (sequences, longest), int64, of these rows.

    A row is one sequence, or its windows in their order.
    """
    lengths = tokens.read_together(rows)
    ids = np.full((len(lengths), int(lengths.max())), tokens.pad_id, np.int64)
    mask = (np.arange(ids.shape[1]) < lengths[:, None]).astype(np.int64)
    ids[mask.astype(bool)] = np.concatenate([tokens[row] for row in rows])
    return ids, mask


@dataclass(frozen=True, eq=False)
class Characters:
    """The characters of some rows, put end to end.

    Attributes:
        tokens: int64 (characters,), the token of each, of the rows' tokens put end to end.
        from_start: int64 (characters,), how far it is from the first character of its token.
        from_end: int64 (characters,), how far it is from the last.
    """

    tokens: NDArray[np.int64]
    from_start: NDArray[np.int64]
    from_end: NDArray[np.int64]


def characters(tokens: Tokens, rows: NDArray[np.int64]) -> Characters:
    """Of these rows in this order."""
    lengths = tokens.lengths[rows].astype(np.int64)
    first = np.cumsum(lengths) - lengths
    which = np.concatenate(
        [tokens.places(row) + begin for row, begin in zip(rows, first, strict=True)], dtype=np.int64
    )
    cuts = np.flatnonzero(np.diff(which)) + 1
    starts = np.concatenate([[0], cuts])
    runs = np.diff(np.concatenate([starts, [len(which)]]))
    from_start = np.arange(len(which)) - np.repeat(starts, runs)
    return Characters(which, from_start, np.repeat(runs, runs) - 1 - from_start)


def by_length(
    lengths: NDArray[np.signedinteger[Any]], token_budget: int
) -> Iterator[NDArray[np.int64]]:
    """Positions into `lengths` (rows,), grouped so that little is padded.

    Rows go longest first, ties in the given order; a batch holds at most `token_budget` tokens,
    padding included, and at least one row.
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        size = max(1, token_budget // max(1, int(lengths[order[start]])))
        yield order[start : start + size]
        start += size


def training_batches(
    rows: int, batch_size: int, updates: int, order: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """`updates` batches of positions in 0 … rows − 1, in passes that are shuffled anew."""
    done = 0
    while done < updates:
        permutation = order.permutation(rows)
        for start in range(0, rows, batch_size):
            if done == updates:
                return
            yield permutation[start : start + batch_size]
            done += 1


def at_most(pieces: list[NDArray[np.int64]], rows: int) -> list[NDArray[np.int64]]:
    """The same positions in the same order, in pieces of at most so many rows."""
    return [piece[i : i + rows] for piece in pieces for i in range(0, len(piece), rows)]


PART = 64
"""What one more pass of the model costs, in tokens: a batch is cut only where it saves more."""


def parts(lengths: NDArray[np.signedinteger[Any]], part: int = PART) -> list[NDArray[np.int64]]:
    """Positions into `lengths` (rows,), cut by length into the parts that cost least together.

    A part costs its padded tokens and `part` more. Rows go longest first, ties in the given order.
    """
    order = np.argsort(-lengths, kind="stable")
    return [order[start:end] for start, end in runs(lengths[order].astype(np.int64), part)]


def runs(lengths: NDArray[np.int64], part: int, power: int = 1) -> list[tuple[int, int]]:
    """Where to cut rows of these lengths (rows,), in their order, so that the runs cost least.

    A run costs `part`, and for each of its rows the longest one's length to this power. The best
    cuts are found exactly, by dynamic programming over how many rows are taken.
    """
    best, cuts = [0], [0]
    for end in range(1, len(lengths) + 1):
        longest = np.maximum.accumulate(lengths[:end][::-1])[::-1]
        cost = np.array(best) + (end - np.arange(end)) * longest**power + part
        cuts.append(int(cost.argmin()))
        best.append(int(cost[cuts[-1]]))
    ends = [len(lengths)]
    while ends[-1]:
        ends.append(cuts[ends[-1]])
    return list(pairwise(ends[::-1]))
