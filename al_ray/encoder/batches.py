"""Rows to padded batches; NumPy alone, so that it can be tested and timed without a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from al_ray.corpus.prepared import Tokens


def pad(tokens: Tokens, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Token ids and attention mask (rows, longest), int64, of these rows."""
    lengths = tokens.lengths[rows]
    ids = np.full((len(rows), int(lengths.max())), tokens.pad_id, np.int64)
    mask = (np.arange(ids.shape[1]) < lengths[:, None]).astype(np.int64)
    ids[mask.astype(bool)] = np.concatenate([tokens[row] for row in rows])
    return ids, mask


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
