"""What one step of a trajectory asks of its members and shards: updates, tokens, calls."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from al_ray.learners.encoder.batches import by_length
from al_ray.randomness import generator
from al_ray.strategies import AHEAD, Sequential, Strategy, build
from al_ray.study.config import stop_set_of
from al_ray.study.training import Training
from al_ray.study.trajectory import TrajectoryConfig

BACKWARD = 1.5
"""A backward pass to the word embeddings, in forward passes: no gradients of weights, but small
batches, whose activations are kept."""

ITERATIONS = 60
"""Of the optimiser of a frozen head."""

PRODUCT = 0.1
"""One multiplication within a product of matrices, where reading a number of a vector is 1."""

DRAW = 64
"""One row's random number for one of badge's picks, in numbers read."""

_SAMPLED_BATCHES = 64
_SAMPLED_ROWS = 4096


@dataclass(frozen=True)
class Tokens:
    """Tokens of a row; means.

    Attributes:
        packed: its own.
        whole: in training, with what pads it to the longest of its batch.
        scored: in a forward pass over many rows; padding included, unless they are packed.
    """

    packed: float
    whole: float
    scored: float


@dataclass(frozen=True)
class Facts:
    """What there is to train on and to score.

    Attributes:
        pool: rows of train.
        tests: rows of each test.
        train: tokens of the pool's rows.
        tested: tokens of a row of each test, in a forward pass.
        labels: of the corpus.
        width: of the vectors.
        packs: whether rows are put end to end, and not padded.
        stop_set: rows of train that are predicted at every step.
    """

    pool: int
    tests: Mapping[str, int]
    train: Tokens
    tested: Mapping[str, float]
    labels: int
    width: int
    packs: bool
    stop_set: int = 0


def facts_of(
    lengths: Mapping[str, NDArray[np.signedinteger[Any]]],
    training: Training,
    labels: int,
    width: int,
    packs: bool,
    stop_set: int | None = 0,
) -> Facts:
    """The facts of a tokenised corpus.

    Args:
        lengths: tokens of each row (rows,), by split, train first.
        training: the recipe, its token budget settled.
        labels: of the corpus.
        width: of the encoder.
        packs: whether rows are put end to end.
        stop_set: rows of train that are predicted at every step.
    """
    (_, train), *tests = lengths.items()
    order = generator(0, 0, "plan")
    whole = rows = 0.0
    for _ in range(_SAMPLED_BATCHES):
        batch = train[order.choice(len(train), min(training.batch_size, len(train)), replace=False)]
        whole += len(batch) * int(batch.max())
        rows += len(batch)
    return Facts(
        pool=len(train),
        tests={name: len(each) for name, each in tests},
        train=Tokens(
            float(train.mean()) if len(train) else 0.0,
            whole / rows,
            _scored(train, training, packs),
        ),
        tested={name: _scored(each, training, packs) for name, each in tests},
        labels=labels,
        width=width,
        packs=packs,
        stop_set=stop_set_of(stop_set, len(train)),
    )


def passed(lengths: NDArray[np.signedinteger[Any]], token_budget: int, packs: bool) -> int:
    """Tokens of one forward pass over rows of these lengths, their padding included."""
    if packs:
        return int(lengths.sum())
    return sum(len(batch) * int(lengths[batch].max()) for batch in by_length(lengths, token_budget))


def _scored(lengths: NDArray[np.signedinteger[Any]], training: Training, packs: bool) -> float:
    """Tokens of a row, from a chunk that stands for all rows."""
    assert training.token_budget is not None
    if not len(lengths):
        return 0.0
    size = min(len(lengths), training.chunk_rows, _SAMPLED_ROWS)
    chunk = np.sort(lengths)[np.linspace(0, len(lengths) - 1, size).astype(np.int64)]
    return passed(chunk, training.token_budget, packs) / size


@dataclass(frozen=True)
class Sums:
    """Numbers that are added up field by field."""

    def __add__(self, other: Self) -> Self:
        return type(self)(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


@dataclass(frozen=True)
class Work(Sums):
    """Of one step, or added up.

    Attributes:
        fits: models trained, all members counted.
        updates: of one member; the members of a committee train at the same time.
        train_tokens: of one member, as `Tokens` counts them.
        rows_tested: test and validation rows, and the stop set, whose predictions are made.
        test_tokens: of these.
        test_calls: chunks of these.
        rows_scored: of the pool.
        score_tokens: times the passes that the strategy asks for.
        score_calls: chunks, times the weights that each is scored with.
        fit_numbers: read of vectors by a frozen head's fit.
        score_numbers: by its scoring.
        select_numbers: by choosing row by row, or among neighbours.
    """

    fits: int = 0
    updates: int = 0
    train_tokens: float = 0.0
    rows_tested: int = 0
    test_tokens: float = 0.0
    test_calls: int = 0
    rows_scored: int = 0
    score_tokens: float = 0.0
    score_calls: int = 0
    fit_numbers: float = 0.0
    score_numbers: float = 0.0
    select_numbers: float = 0.0


def step_work(config: TrajectoryConfig, facts: Facts, step: int) -> Work:
    """What a trajectory does at one step."""
    available = facts.pool - config.validation
    labelled, before = (min(config.schedule.labelled(s), available) for s in (step, step - 1))
    rows = labelled - before if config.schedule.retrain == "warm-new" else labelled
    strategy = build(config.spec) if config.query else None
    work = _fit(config, facts, rows, strategy) + _evaluate(config, facts)
    if step == config.schedule.steps - 1 or strategy is None or not strategy.ranks:
        return work
    return work + _score(config, facts, labelled, available - labelled, strategy)


def _fit(config: TrajectoryConfig, facts: Facts, rows: int, strategy: Strategy | None) -> Work:
    members, training = len(config.learner.rates), config.learner.training
    if config.learner.head == "frozen":
        numbers = PRODUCT * 2 * ITERATIONS * rows * facts.width * facts.labels
        return Work(fits=members, fit_numbers=numbers)
    updates = training.updates_for(rows)
    whole = not facts.packs or (strategy is not None and "predicted-loss" in strategy.needs)
    each = facts.train.whole if whole else facts.train.packed
    return Work(
        fits=members,
        updates=updates,
        train_tokens=_seen(rows, training.batch_size, updates) * each,
    )


def _seen(rows: int, batch_size: int, updates: int) -> int:
    """Rows in so many batches: the last one of a pass may be smaller."""
    passes, rest = divmod(updates, math.ceil(rows / batch_size))
    return passes * rows + min(rest * batch_size, rows)


def _evaluate(config: TrajectoryConfig, facts: Facts) -> Work:
    parts = [(n, facts.tested[name]) for name, n in facts.tests.items()]
    if config.validation:
        parts.append((config.validation, facts.train.scored))
    if config.asked and facts.stop_set:
        parts.append((facts.stop_set, facts.train.scored))
    rows = sum(n for n, _ in parts)
    if config.learner.head == "frozen":
        return Work(rows_tested=rows, score_numbers=rows * facts.width)
    return Work(
        rows_tested=rows,
        test_tokens=sum(n * tokens for n, tokens in parts),
        test_calls=sum(_chunks(n, config.learner.training) for n, _ in parts),
    )


def _score(
    config: TrajectoryConfig, facts: Facts, labelled: int, pool: int, strategy: Strategy
) -> Work:
    """What the strategy makes of the pool, and the choice."""
    query, rows = config.query, pool
    assert query is not None, "it has a strategy"
    if query.candidates is not None:
        rows = min(pool, query.candidates)
    passes = len(config.learner.rates) if strategy.committee else 1
    tokens: float = rows * passes
    calls = _chunks(rows, config.learner.training) * passes
    if "dropout" in strategy.needs:
        tokens += rows * strategy.passes
    if "word-gradients" in strategy.needs:
        tokens += rows * (1 + BACKWARD * facts.labels)
    numbers = 0.0
    if "labelled" in strategy.needs:
        tokens += labelled
        calls += _chunks(labelled, config.learner.training)
        numbers += PRODUCT * rows * labelled * facts.width
    if isinstance(strategy, Sequential):
        drawn = 0 if "labelled" in strategy.needs else DRAW
        numbers += config.schedule.step_size * rows * (facts.width + drawn)
    if query.diversity is not None:
        tokens += AHEAD * config.schedule.step_size
        calls += 1
    work = Work(rows_scored=rows, select_numbers=numbers)
    if config.learner.head == "frozen":
        return work + Work(score_numbers=tokens * facts.width)
    return work + Work(score_tokens=tokens * facts.train.scored, score_calls=calls)


def _chunks(rows: int, training: Training) -> int:
    return math.ceil(rows / training.chunk_rows)
