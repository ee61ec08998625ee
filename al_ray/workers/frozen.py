"""Members and shards of a frozen head: no encoder, only its vectors and a linear model on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from al_ray.errors import AlRayError
from al_ray.learners import linear as frozen
from al_ray.strategies import Need, Outputs, build, log_softmax
from al_ray.workers.messages import FitJob, Fitted, Setup
from al_ray.workers.shard import Shard

if TYPE_CHECKING:
    from al_ray.corpus.tokens.prepared import Progress
    from al_ray.learners.encoder.load import Weights


def open_vectors(setup: Setup) -> NDArray[np.float32]:
    """Memory-mapped, (rows, width).

    Raises:
        AlRayError: the study has made none.
    """
    if setup.vectors is None:
        raise AlRayError("no vectors were computed for --head frozen")
    vectors: NDArray[np.float32] = np.load(setup.vectors, mmap_mode="r")
    return vectors


class FrozenMember:
    """Fits a linear model; the same rows give the same one, whatever the seed or start."""

    def __init__(self, setup: Setup) -> None:
        self._n_labels = setup.n_labels
        self._vectors = open_vectors(setup)

    def fit(self, job: FitJob, progress: Progress | None = None) -> tuple[Weights, Fitted]:
        """See `Member.fit`."""
        order = np.argsort(job.rows, kind="stable")
        rows, labels = job.rows[order], job.labels[order]
        linear, iterations, loss = frozen.fit(self._vectors[rows], labels, self._n_labels)
        return linear, Fitted(None, iterations, loss)

    def device(self) -> str:
        """It needs no other."""
        return "cpu"

    def watch(self, call: Callable[[], None]) -> None:
        """Its fits are short."""


class FrozenShard(Shard):
    """Scores vectors."""

    def __init__(self, setup: Setup, strategy: str) -> None:
        self._setup = setup
        self._training = setup.training
        self._vectors = open_vectors(setup)
        self._strategy = build(strategy) if strategy else None
        self._holder = None

    def watch(self, call: Callable[[], None]) -> None:
        """Its chunks are short."""

    def _observe(
        self, rows: NDArray[np.int64], weights: Weights, needs: frozenset[Need]
    ) -> Outputs:
        vectors = self._vectors[rows]
        logits = frozen.logits(weights, vectors)
        return Outputs(
            log_softmax(logits)[np.newaxis], vectors=vectors if "vectors" in needs else None
        )
