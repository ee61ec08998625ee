"""Members and shards in this process, one after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from al_ray.config import Head
from al_ray.strategies import Best, Need, Outputs, Picks, pick
from al_ray.workers.make import make_member, make_shard
from al_ray.workers.member import Trainer
from al_ray.workers.messages import (
    FitJob,
    Fitted,
    Predictions,
    Query,
    Ref,
    Scores,
    Setup,
    chunks,
    join,
    join_outputs,
    join_predictions,
)
from al_ray.workers.shard import Shard

if TYPE_CHECKING:
    from al_ray.encoder.load import Weights


@dataclass
class LocalWorkers:
    """For tests and for timing."""

    setup: Setup
    seeds: Sequence[int]
    strategy: str
    disagreement: str
    head: Head = "fine-tuned"
    _members: list[Trainer] = field(init=False)
    _shard: Shard = field(init=False)
    _best: Best | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._members = [
            make_member(self.setup, seed, self.strategy, self.head) for seed in self.seeds
        ]
        self._shard = make_shard(
            self.setup, self.seeds[0], self.strategy, self.disagreement, self.head
        )

    def fit(self, jobs: Sequence[FitJob]) -> list[Fitted]:
        """One after another."""
        fitted = []
        for job in jobs:
            weights, report = self._members[job.member].fit(job)
            fitted.append(Fitted(weights, report.updates, report.train_loss))
        return fitted

    def predict(self, rows: NDArray[np.int64], weights: Ref) -> Predictions:
        """Chunk by chunk."""
        return join_predictions([self._shard.predict(c, weights) for c in self._chunks(rows)])

    def observe(self, rows: NDArray[np.int64], weights: Ref, needs: frozenset[Need]) -> Outputs:
        """Chunk by chunk."""
        return join_outputs([self._shard.observe(c, weights, needs) for c in self._chunks(rows)])

    def score(self, rows: NDArray[np.int64], query: Query) -> Scores:
        """Chunk by chunk."""
        return join([self._shard.score(c, query) for c in self._chunks(rows)])

    def hold(self, rows: NDArray[np.int64], hashes: NDArray[np.uint64], query: Query) -> Scores:
        """One holder has all chunks."""
        parts = [(c, hashes[np.searchsorted(rows, c)]) for c in self._chunks(rows)]
        scores, self._best = self._shard.hold("here", parts, query)
        return join(scores)

    def pick(self, n: int) -> Picks:
        """From the one holder."""
        picks = pick([self._best], lambda chosen: [self._shard.take("here", chosen)], n)
        self._shard.drop()
        return picks

    def put(self, value: Any) -> Ref:
        """As it is."""
        return value

    def get(self, ref: Ref) -> Weights:
        """As it is."""
        weights: Weights = ref
        return weights

    @property
    def device(self) -> str:
        """The kind of device, for the record."""
        return self._members[0].device()

    def _chunks(self, rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        return chunks(rows, self.setup.training.chunk_rows)
