"""Outputs of a model that is not there: random, of the shapes that a shard makes them in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from al_ray.strategies import Holder, Outputs, Sequential, log_softmax, pick, select

WIDTH, WORDS, PASSES = 12, 5, 4


def normal(rng, *shape):
    return rng.normal(scale=3, size=shape).astype(np.float32)


def outputs_of(rows, members=3, labels=7, seed=0, labelled=20):
    """All that any strategy may need."""
    rng = np.random.default_rng(seed)
    return Outputs(
        log_softmax(normal(rng, members, rows, labels)),
        vectors=normal(rng, rows, WIDTH),
        word_gradients=np.abs(normal(rng, rows, labels, WORDS)),
        predicted_loss=rng.normal(size=rows),
        dropout=log_softmax(normal(rng, PASSES, rows, labels)),
        labelled=outputs_of(labelled, 1, labels, seed + 1, 0) if labelled else None,
    )


def take(outputs, rows):
    """Outputs of some of the rows."""
    names = ("vectors", "word_gradients", "predicted_loss")
    given = {name: getattr(outputs, name) for name in names}
    return replace(
        outputs,
        log_probabilities=outputs.log_probabilities[:, rows],
        dropout=None if outputs.dropout is None else outputs.dropout[:, rows],
        **{name: value[rows] for name, value in given.items() if value is not None},
    )


def relabel(outputs, order):
    """The same outputs with the labels in another order."""
    return replace(
        outputs,
        log_probabilities=outputs.log_probabilities[:, :, order],
        word_gradients=outputs.word_gradients[:, order],
        dropout=outputs.dropout[:, :, order],
        labelled=relabel(outputs.labelled, order) if outputs.labelled else None,
    )


def choose(strategy, outputs, hashes, n, seed=0, step=1, cuts=(), holders=1):
    """Positions of the batch, in order, as loop and shards choose it.

    Args:
        cuts: where the rows are cut into chunks.
        holders: that hold the chunks in turns.
    """
    if not strategy.ranks:
        return select(None, hashes, n, seed, step).rows
    parts = np.split(np.arange(len(outputs)), list(cuts))
    if not isinstance(strategy, Sequential):
        scores = [strategy.score(take(outputs, part)) for part in parts]
        return select(np.concatenate(scores), hashes, n, seed, step).rows
    held = [Holder(strategy, seed, step) for _ in range(holders)]
    for i, part in enumerate(parts):
        held[i % holders].add(part, hashes[part], take(outputs, part))
    first = [holder.best() for holder in held]
    return pick(first, lambda chosen: [holder.take(chosen) for holder in held], n).rows
