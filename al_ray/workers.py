"""Who fits and who scores, in plain Python; `cluster/` puts each of these into an actor.

A member trains one model. A shard runs rows through weights that it is sent. Neither keeps
anything between calls that a result depends on, so that any of them can do any call, again.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from al_ray.config import Device, Training
from al_ray.strategies import Outputs, build, log_softmax

if TYPE_CHECKING:
    from al_ray.encoder.load import Weights

Ref = Any
"""Weights, or whatever stands for them until they are needed."""


@dataclass(frozen=True)
class Setup:
    """What members and shards are made from: paths and numbers, never the data itself."""

    encoder: Path
    tokens: Path
    n_labels: int
    training: Training
    device: Device


@dataclass(frozen=True)
class FitJob:
    """One member's fit at one step.

    Attributes:
        member: position of the member.
        rows: (rows,) to train on; `labels` is the oracle's answer for each.
        initial: weights to start from; None: the pretrained ones.
    """

    member: int
    rows: NDArray[np.int64]
    labels: NDArray[np.int32]
    learning_rate: float
    seed: int
    step: int
    initial: Ref | None


@dataclass(frozen=True)
class Fitted:
    """A member's model after a fit."""

    weights: Ref
    updates: int
    train_loss: float


@dataclass(frozen=True, eq=False)
class Scores:
    """What a strategy makes of some rows of the pool.

    Attributes:
        scores: float64 (rows,), larger is chosen first.
        predictions: int32 (members, rows).
        confidence: float64 (rows,), the evaluated member's probability of its prediction.
    """

    scores: NDArray[np.float64]
    predictions: NDArray[np.int32]
    confidence: NDArray[np.float64]


class Workers(Protocol):
    """What the loop asks for; in process, on Ray, or a stub."""

    def fit(self, jobs: Sequence[FitJob]) -> list[Fitted]:
        """Run the jobs, at the same time where that is possible; results in order."""

    def predict(self, rows: NDArray[np.int64], weights: Ref) -> NDArray[np.float64]:
        """Log-probabilities (rows, labels) of these rows."""

    def score(self, rows: NDArray[np.int64], weights: Sequence[Ref], evaluated: int) -> Scores:
        """Score these rows of the pool with each member's weights."""

    def put(self, weights: Weights) -> Ref:
        """Make weights available to all members and shards."""

    def get(self, ref: Ref) -> Weights:
        """The weights that a reference stands for."""

    @property
    def device(self) -> str:
        """The kind of device, for the record."""


class Member:
    """Trains one model, from pretrained or given weights."""

    def __init__(self, setup: Setup, seed: int) -> None:
        self._setup = setup
        self._module = _module(setup, seed)
        from al_ray.corpus.prepared import Tokens
        from al_ray.encoder.load import get_weights

        self._tokens = Tokens(setup.tokens)
        self._pretrained = get_weights(self._module)

    def fit(self, job: FitJob) -> tuple[Weights, Fitted]:
        """Weights apart from the report, so that each can travel its own way."""
        from al_ray.encoder.fit import fit
        from al_ray.encoder.load import get_weights, set_weights

        set_weights(self._module, self._pretrained if job.initial is None else job.initial)
        report = fit(
            self._module,
            self._tokens,
            job.rows,
            job.labels,
            self._setup.training,
            job.learning_rate,
            job.seed,
            job.step,
        )
        weights = get_weights(self._module)
        _free_device()
        return weights, Fitted(None, report.updates, report.train_loss)

    def device(self) -> str:
        """The name of the device this runs on."""
        return device_name(self._module)


class Shard:
    """Runs rows through weights, one chunk at a time."""

    def __init__(self, setup: Setup, seed: int, strategy: str, disagreement: str) -> None:
        from al_ray.corpus.prepared import Tokens

        self._setup = setup
        self._module = _module(setup, seed)
        self._tokens = Tokens(setup.tokens)
        self._strategy = build(strategy, disagreement) if strategy else None

    def predict(self, rows: NDArray[np.int64], weights: Weights) -> NDArray[np.float64]:
        """Log-probabilities (rows, labels)."""
        from al_ray.encoder.load import set_weights
        from al_ray.encoder.predict import logits

        set_weights(self._module, weights)
        return log_softmax(logits(self._module, self._tokens, rows, self._setup.training))

    def score(self, rows: NDArray[np.int64], weights: Sequence[Weights], evaluated: int) -> Scores:
        """Scores, predictions and confidence of these rows."""
        assert self._strategy is not None
        outputs = Outputs(np.stack([self.predict(rows, member) for member in weights]))
        predictions = outputs.log_probabilities.argmax(axis=2).astype(np.int32)
        confidence = np.exp(outputs.log_probabilities[evaluated].max(axis=1))
        _free_device()
        return Scores(self._strategy.score(outputs), predictions, confidence)


@dataclass
class LocalWorkers:
    """Members and shards in this process, one after another; for tests and for timing."""

    setup: Setup
    seed: int
    members: int
    strategy: str
    disagreement: str
    _members: list[Member] = field(init=False)
    _shard: Shard = field(init=False)

    def __post_init__(self) -> None:
        self._members = [Member(self.setup, self.seed) for _ in range(self.members)]
        self._shard = Shard(self.setup, self.seed, self.strategy, self.disagreement)

    def fit(self, jobs: Sequence[FitJob]) -> list[Fitted]:
        """One after another."""
        fitted = []
        for job in jobs:
            weights, report = self._members[job.member].fit(job)
            fitted.append(Fitted(weights, report.updates, report.train_loss))
        return fitted

    def predict(self, rows: NDArray[np.int64], weights: Ref) -> NDArray[np.float64]:
        """Chunk by chunk."""
        parts = [
            self._shard.predict(chunk, weights)
            for chunk in chunks(rows, self.setup.training.chunk_rows)
        ]
        return np.concatenate(parts)

    def score(self, rows: NDArray[np.int64], weights: Sequence[Ref], evaluated: int) -> Scores:
        """Chunk by chunk."""
        return join(
            [
                self._shard.score(chunk, weights, evaluated)
                for chunk in chunks(rows, self.setup.training.chunk_rows)
            ]
        )

    def put(self, weights: Weights) -> Ref:
        """As it is."""
        return weights

    def get(self, ref: Ref) -> Weights:
        """As it is."""
        weights: Weights = ref
        return weights

    @property
    def device(self) -> str:
        """The kind of device, for the record."""
        return self._members[0].device()


def chunks(rows: NDArray[np.int64], chunk_rows: int) -> Iterator[NDArray[np.int64]]:
    """Cut ascending rows at the lines of the global grid, whoever will take the pieces."""
    if len(rows):
        cells = rows // chunk_rows
        yield from np.split(rows, np.flatnonzero(np.diff(cells)) + 1)


def join(parts: Sequence[Scores]) -> Scores:
    """Scores of consecutive chunks as one."""
    return Scores(
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.predictions for part in parts], axis=1),
        np.concatenate([part.confidence for part in parts]),
    )


def device_name(module: Any) -> str:
    """`cpu`, or the GPU's name."""
    import torch

    device = next(module.parameters()).device
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device.type)


def _module(setup: Setup, seed: int) -> Any:
    import torch

    from al_ray.encoder.load import load

    torch.set_num_threads(setup.training.threads)
    return load(setup.encoder, setup.n_labels, seed).to(setup.device)


def _free_device() -> None:
    """Member and shard share a GPU in turns, so each leaves it what it does not hold."""
    import torch

    if torch.cuda.is_available() and torch.cuda.is_initialized():
        gc.collect()
        torch.cuda.empty_cache()
