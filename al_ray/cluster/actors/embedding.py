"""The pretrained encoder's vectors of all rows, once a study, for frozen heads."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import ray
from numpy.typing import NDArray
from ray.util import ActorPool

from al_ray.cluster.access.connect import one_line
from al_ray.cluster.actors.crew import RETRIES
from al_ray.corpus.tokens.mapped import Rows, Tokens
from al_ray.errors import AlRayError, StorageError
from al_ray.io.files import atomic_with_digest, is_as_written, note_digest
from al_ray.learners import linear
from al_ray.workers import Setup, chunks


class Embedder:
    """Computes vectors in its own process."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup.here()
        self._tokens = Tokens(self._setup.tokens)

    def embed(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Vectors (rows, width) of one chunk."""
        setup = self._setup
        return linear.embed(setup.encoder, self._tokens, rows, setup.training, setup.device)


def vectors_of(
    setup: Setup,
    rows: Rows,
    model_digest: str,
    folder: Path,
    cpus: float,
    gpus: float,
    progress: Callable[[int, int], None],
) -> tuple[Path, float]:
    """Compute the vectors, unless they are there.

    Args:
        setup: of the study.
        rows: of the corpus.
        model_digest: of the encoder's content.
        folder: the cache.
        cpus: of the cluster.
        gpus: of the cluster that may be used.
        progress: called with (rows done, rows in all).

    Returns:
        The file, and the seconds that this took; 0 where it was there.

    Raises:
        AlRayError: this encoder gives none, or numbers that are none.
        StorageError: no room for them.
    """
    training, path = setup.training, vectors_path(setup, model_digest, folder)
    whole = is_as_written(path)
    if whole is None and _fits(path, len(rows.labels)):
        note_digest(path)  # of an earlier version, which may have been made elsewhere
        whole = True
    if whole:
        return path, 0.0
    began = time.perf_counter()
    total = len(rows.labels)
    parts = list(chunks(np.arange(total, dtype=np.int64), training.chunk_rows))
    slots = slots_of(training.threads, cpus, gpus)
    share = {"num_gpus": 1} if gpus else {"num_cpus": min(training.threads, cpus)}
    # A chunk has the same vectors whoever computes it, so one that died is made again.
    options = {**share, "max_restarts": RETRIES, "max_task_retries": RETRIES}
    actors = [
        ray.remote(Embedder).options(**options).remote(setup) for _ in range(min(slots, len(parts)))
    ]
    done = 0

    def counted(part: NDArray[np.float32]) -> NDArray[np.float32]:
        nonlocal done
        if not np.isfinite(part).all():
            raise AlRayError("the encoder's vectors hold values that are not numbers")
        # Written through memory, where a full disk would kill this process.
        if not done and shutil.disk_usage(path.parent).free < 4 * total * part.shape[1]:
            raise StorageError(
                "{folder}: no room for the vectors of {n:,} texts",
                folder=path.parent,
                n=total,
            )
        done += len(part)
        progress(done, total)
        return part

    answers = ActorPool(actors).map(lambda actor, part: actor.embed.remote(part), parts)
    try:
        with atomic_with_digest(path) as temp:
            linear.standardise(map(counted, answers), Path(temp), total, len(rows.train))
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, AlRayError):
            raise cause from None
        raise AlRayError(
            "no vectors came of the encoder ({error})", error=one_line(error)
        ) from None
    finally:
        for actor in actors:
            ray.kill(actor)
    return path, time.perf_counter() - began


def _fits(path: Path, rows: int) -> bool:
    """Whether a file holds a finite vector for each row."""
    try:
        vectors = np.load(path, mmap_mode="r")
    except (OSError, ValueError):
        return False
    return vectors.ndim == 2 and len(vectors) == rows and bool(np.isfinite(vectors).all())


def vectors_path(setup: Setup, model_digest: str, folder: Path) -> Path:
    """Where they are, or will be."""
    training = setup.training
    facts = (setup.tokens.name, model_digest, training.precision, training.token_budget)
    key = hashlib.blake2b(repr((2, *facts, training.chunk_rows)).encode(), digest_size=10)
    return folder / f"vectors-{key.hexdigest()}.npy"


def slots_of(threads: int, cpus: float, gpus: float) -> int:
    """How many compute them at the same time."""
    return int(gpus) if gpus else max(1, int(cpus) // threads)
