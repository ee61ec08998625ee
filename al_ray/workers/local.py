"""Members and shards in this process, one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from al_ray.errors import OutOfMemory
from al_ray.strategies import Best, Need, Outputs, Picks, pick
from al_ray.study.learner import Head
from al_ray.workers.make import make_member, make_shard
from al_ray.workers.member import Trainer
from al_ray.workers.memory import Budgets
from al_ray.workers.messages import (
    FitJob,
    Fitted,
    Predictions,
    Question,
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
    from al_ray.corpus.tokens.prepared import Progress
    from al_ray.learners.encoder.load import Weights

T = TypeVar("T")


@dataclass
class LocalWorkers:
    """For trajectories whose steps are too short to be worth an actor, for people's own batches,
    for tests and for timing.

    Attributes:
        fitting: told of updates.
        scoring: told of rows.
    """

    setup: Setup
    seeds: Sequence[int]
    strategy: str
    head: Head = "fine-tuned"
    fitting: Progress | None = None
    scoring: Progress | None = None
    _budgets: Budgets = field(init=False)
    _members: list[Trainer] = field(init=False)
    _shard: Shard = field(init=False)
    _best: Best | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._budgets = Budgets(self.setup.training)
        self._members = [
            make_member(self.setup, seed, self.strategy, self.head) for seed in self.seeds
        ]
        self._shard = make_shard(self.setup, self.seeds[0], self.strategy, self.head)

    def fit(self, jobs: Sequence[FitJob]) -> list[Fitted]:
        """One after another."""
        fitted = []
        for job in jobs:
            weights, report = self._members[job.member].fit(job, self.fitting)
            fitted.append(replace(report, weights=weights))
        return fitted

    def predict(self, rows: NDArray[np.int64], weights: Ref) -> Predictions:
        """Chunk by chunk."""
        return join_predictions(self._map(rows, lambda c: self._shard.predict(c, weights)))

    def observe(self, rows: NDArray[np.int64], weights: Ref, needs: frozenset[Need]) -> Outputs:
        """Chunk by chunk."""
        return join_outputs(self._map(rows, lambda c: self._shard.observe(c, weights, needs)))

    def score(self, rows: NDArray[np.int64], question: Question) -> Scores:
        """Chunk by chunk."""
        return join(self._map(rows, lambda c: self._shard.score(c, question)))

    def hold(
        self, rows: NDArray[np.int64], hashes: NDArray[np.uint64], question: Question
    ) -> Scores:
        """One holder has all chunks."""

        def held() -> tuple[list[Scores], Best | None]:
            parts = ((c, hashes[np.searchsorted(rows, c)]) for c in self._chunks(rows))
            return self._shard.hold("here", parts, question)

        scores, self._best = self._within(held)
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

    def smallest_budget(self) -> int | None:
        """See `Workers.smallest_budget`."""
        return self._budgets.smallest()

    @property
    def device(self) -> str:
        """The kind of device, for the record."""
        return self._members[0].device()

    def _map(self, rows: NDArray[np.int64], call: Callable[[NDArray[np.int64]], T]) -> list[T]:
        return [self._within(partial(call, chunk)) for chunk in self._chunks(rows)]

    def _within(self, call: Callable[[], T]) -> T:
        """With the first token budget that fits."""
        budget: int | None = None
        while True:
            try:
                with self._shard.within(budget):
                    return call()
            except OutOfMemory as error:
                budget = self._budgets.half(budget, error)

    def _chunks(self, rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        """Each is done when the next is asked for."""
        done = 0
        for chunk in chunks(rows, self.setup.training.chunk_rows):
            yield chunk
            done += len(chunk)
            if self.scoring is not None:
                self.scoring(done, len(rows))
