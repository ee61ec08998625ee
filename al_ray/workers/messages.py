"""What the loop and its workers say to each other: plain values, and the protocol."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from al_ray.io.node_files import NodeFiles
from al_ray.strategies import Need, Outputs, Picks
from al_ray.study.training import Device, Training
from al_ray.tasks.base import Answers, Task
from al_ray.tasks.classification import Classification

if TYPE_CHECKING:
    from al_ray.learners.encoder.load import Weights

Ref = Any
"""Weights, or whatever stands for them until they are needed."""


@dataclass(frozen=True)
class Setup:
    """What members and shards are made from: paths and numbers, never the data itself.

    Attributes:
        n_labels: outputs of the head, of each of its units.
        vectors: of all rows, for frozen heads.
        fits: folder of fits that several trajectories need; None: each makes its own.
        shared: where the study is remote: the paths are then names of files that every machine
            has a copy of.
        task: what is learnt.
    """

    encoder: Path
    tokens: Path
    n_labels: int
    training: Training
    device: Device
    vectors: Path | None = None
    fits: Path | None = None
    shared: NodeFiles | None = None
    task: Task = field(default_factory=Classification)

    @property
    def labels(self) -> int | None:
        """Of the corpus; None: its answers are no labels."""
        return self.n_labels if self.task.few else None

    def here(self) -> Setup:
        """With paths of this machine; what it lacks is fetched."""
        if self.shared is None:
            return self
        vectors = None if self.vectors is None else self.shared.here(self.vectors.name)
        encoder, tokens = self.shared.here(self.encoder.name), self.shared.here(self.tokens.name)
        return replace(self, encoder=encoder, tokens=tokens, vectors=vectors, shared=None)


@dataclass(frozen=True)
class FitJob:
    """One member's fit at one step.

    Attributes:
        member: position of the member.
        learning_rate: to begin with.
        seed: of the member: its initialisation, data order and dropout.
        rows: (rows,) to train on; `labels` is the oracle's answer for each.
        initial: weights to start from; None: the pretrained ones.
        halvings: how often the learning rate may be halved where training diverges.
        kept: the name of a fit that other trajectories need, too; None: none does.
    """

    member: int
    rows: NDArray[np.int64]
    labels: Answers
    learning_rate: float
    seed: int
    step: int
    initial: Ref | None
    halvings: int = 0
    kept: str | None = None


@dataclass(frozen=True)
class Fitted:
    """A member's model after a fit.

    Attributes:
        learning_rate: where it is not the job's, since training diverged with that.
        part_rows: the largest part of a batch that the device's memory left; None: it was enough.
        seconds: that it took, where other trajectories have it, too.
        shared: whether another trajectory had made it.
    """

    weights: Ref
    updates: int
    train_loss: float
    learning_rate: float | None = None
    part_rows: int | None = None
    seconds: float | None = None
    shared: bool = False


@dataclass(frozen=True)
class Predictions:
    """What a model says of some rows.

    Attributes:
        log_probabilities: float64 (units, labels).
        predicted_loss: float64 (rows,), where a loss-prediction module is trained.
        units, spans: see `Outputs`.
    """

    log_probabilities: NDArray[np.float64]
    predicted_loss: NDArray[np.float64] | None = None
    units: NDArray[np.int64] | None = None
    spans: NDArray[np.int64] | None = None

    @property
    def outputs(self) -> Outputs:
        """As a task reads them."""
        logs = self.log_probabilities[np.newaxis]
        return Outputs(logs, units=self.units, spans=self.spans)


@dataclass(frozen=True, eq=False)
class Question:
    """What the loop asks of the pool at one step.

    Attributes:
        weights: each member's.
        evaluated: position of the member that is evaluated.
        seed: of the trajectory.
        step: of the trajectory.
        labelled: Outputs of the labelled rows, or what stands for them; None where nobody asks.
    """

    weights: Sequence[Ref]
    evaluated: int
    seed: int
    step: int
    labelled: Ref | None = None


@dataclass(frozen=True, eq=False)
class Scores:
    """What a strategy makes of some rows of the pool.

    Attributes:
        scores: float64 (rows,), larger is chosen first.
        predictions: (members, rows), each member's answers.
        confidence: float64 (rows,), the evaluated member's probability of its prediction.
    """

    scores: NDArray[np.float64]
    predictions: NDArray[Any]
    confidence: NDArray[np.float64]


class Workers(Protocol):
    """What the loop asks for; in process, on Ray, or a stub. Rows are ascending."""

    def fit(self, jobs: Sequence[FitJob]) -> list[Fitted]:
        """Run the jobs, at the same time where that is possible; results in order."""

    def predict(self, rows: NDArray[np.int64], weights: Ref) -> Predictions:
        """What the model says of these rows."""

    def observe(self, rows: NDArray[np.int64], weights: Ref, needs: frozenset[Need]) -> Outputs:
        """What these weights say of these rows: log-probabilities, and `vectors` if asked for."""

    def score(self, rows: NDArray[np.int64], question: Question) -> Scores:
        """Score these rows of the pool."""

    def hold(
        self, rows: NDArray[np.int64], hashes: NDArray[np.uint64], question: Question
    ) -> Scores:
        """Score these rows by a sequential strategy, and hold them for `pick`.

        Args:
            hashes: (rows,) of the row ids.
        """

    def pick(self, n: int) -> Picks:
        """Choose n of the rows held, one by one, and let go of the others."""

    def put(self, value: Any) -> Ref:
        """Make weights or outputs available to all members and shards."""

    def get(self, ref: Ref) -> Weights:
        """The weights that a reference stands for."""

    def smallest_budget(self) -> int | None:
        """The smallest token budget that a device's memory left, since this was last asked.

        None: the study's own was enough.
        """

    @property
    def device(self) -> str:
        """The kind of device, for the record."""


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


def join_predictions(parts: Sequence[Predictions]) -> Predictions:
    """Predictions of consecutive chunks as one."""
    losses = [part.predicted_loss for part in parts if part.predicted_loss is not None]
    return Predictions(
        np.concatenate([part.log_probabilities for part in parts]),
        np.concatenate(losses) if losses else None,
        _joined([part.units for part in parts]),
        _joined([part.spans for part in parts]),
    )


def join_outputs(parts: Sequence[Outputs]) -> Outputs:
    """Log-probabilities and vectors of consecutive chunks as one."""
    vectors = [part.vectors for part in parts if part.vectors is not None]
    return Outputs(
        np.concatenate([part.log_probabilities for part in parts], axis=1),
        vectors=np.concatenate(vectors) if vectors else None,
        units=_joined([part.units for part in parts]),
        spans=_joined([part.spans for part in parts]),
        legal=parts[0].legal,
        bias=parts[0].bias,
    )


def _joined(parts: Sequence[NDArray[np.int64] | None]) -> NDArray[np.int64] | None:
    there = [part for part in parts if part is not None]
    return np.concatenate(there) if there else None
