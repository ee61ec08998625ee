"""Members and shards as Ray actors; the work itself is in `al_ray.workers`."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any

import numpy as np
import ray
from numpy.typing import NDArray
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from al_ray.cluster.layout import Layout
from al_ray.config import TrajectoryConfig
from al_ray.workers import FitJob, Fitted, Member, Ref, Scores, Setup, Shard, chunks, join

RETRIES = 3
"""How often an actor that died is made again, and a call that it was at is repeated."""

IN_FLIGHT = 2
"""Chunks that a shard is sent ahead, so that it never waits for the loop."""


class MemberActor:
    """A member in its own process; weights arrive as references."""

    def __init__(self, setup: Setup, seed: int) -> None:
        self._member = Member(setup, seed)

    def fit(self, job: FitJob) -> tuple[Any, Fitted]:
        """See `Member.fit`; two results, so that the weights need not pass through the loop."""
        initial = None if job.initial is None else ray.get(job.initial)
        return self._member.fit(dataclasses.replace(job, initial=initial))

    def device(self) -> str:
        """See `Member.device`."""
        return self._member.device()


class ShardActor:
    """A shard in its own process; weights arrive as references."""

    def __init__(self, setup: Setup, seed: int, strategy: str, disagreement: str) -> None:
        self._shard = Shard(setup, seed, strategy, disagreement)

    def predict(self, rows: NDArray[np.int64], weights: Sequence[Ref]) -> NDArray[np.float64]:
        """See `Shard.predict`; one reference, in a list so that Ray leaves it a reference."""
        return self._shard.predict(rows, ray.get(weights[0]))

    def score(self, rows: NDArray[np.int64], weights: Sequence[Ref], evaluated: int) -> Scores:
        """See `Shard.score`."""
        return self._shard.score(rows, ray.get(list(weights)), evaluated)


class RayWorkers:
    """The actors of one trajectory, in the placement group of its trial."""

    def __init__(
        self, setup: Setup, config: TrajectoryConfig, strategy: str, layout: Layout, shards: int
    ) -> None:
        self._chunk_rows = setup.training.chunk_rows
        group = ray.util.get_current_placement_group()
        attempt = uuid.uuid4().hex[:4]

        def start(kind: type, role: str, position: int, *args: Any) -> Any:
            place = PlacementGroupSchedulingStrategy(
                group, placement_group_bundle_index=layout.bundle_of(position)
            )
            options = {**layout.actor, "max_restarts": RETRIES, "max_task_retries": RETRIES}
            if group is not None:
                options["scheduling_strategy"] = place
            return (
                ray.remote(kind)
                .options(name=f"{config.id}/{role}-{position}/{attempt}", **options)
                .remote(*args)
            )

        self._members = [
            start(MemberActor, "member", i, setup, config.seed) for i in range(len(config.rates))
        ]
        self._shards = [
            start(ShardActor, "shard", j, setup, config.seed, strategy, config.disagreement)
            for j in range(shards)
        ]

    def fit(self, jobs: Sequence[FitJob]) -> list[Fitted]:
        """All jobs at the same time."""
        pairs = [self._members[job.member].fit.options(num_returns=2).remote(job) for job in jobs]
        reports = ray.get([report for _, report in pairs])
        return [
            dataclasses.replace(report, weights=weights)
            for (weights, _), report in zip(pairs, reports, strict=True)
        ]

    def predict(self, rows: NDArray[np.int64], weights: Ref) -> NDArray[np.float64]:
        """By any shard that is free."""
        return np.concatenate(self._map("predict", rows, [weights]))

    def score(self, rows: NDArray[np.int64], weights: Sequence[Ref], evaluated: int) -> Scores:
        """By any shard that is free."""
        return join(self._map("score", rows, list(weights), evaluated))

    def put(self, weights: Any) -> Ref:
        """Into the object store."""
        return ray.put(weights)

    def get(self, ref: Ref) -> Any:
        """From the object store, without a copy."""
        return ray.get(ref)

    @property
    def device(self) -> str:
        """Of the first member."""
        name: str = ray.get(self._members[0].device.remote())
        return name

    def _map(self, method: str, rows: NDArray[np.int64], *args: Any) -> list[Any]:
        """Results of the chunks of these rows, in order; a shard that is done takes the next."""
        work = list(enumerate(chunks(rows, self._chunk_rows)))
        results: list[Any] = [None] * len(work)
        free = [shard for _ in range(IN_FLIGHT) for shard in self._shards]
        running: dict[Any, tuple[int, Any]] = {}
        work.reverse()
        while work or running:
            while work and free:
                position, chunk = work.pop()
                shard = free.pop(0)
                running[getattr(shard, method).remote(chunk, *args)] = (position, shard)
            for ref in ray.wait(list(running), num_returns=1)[0]:
                position, shard = running.pop(ref)
                results[position] = ray.get(ref)
                free.append(shard)
        return results

    def __enter__(self) -> RayWorkers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Tune would end them too, but later; the next trial wants their cores and memory now.
        _kill([*self._members, *self._shards])


def _kill(actors: Iterable[Any]) -> None:
    for actor in actors:
        ray.kill(actor)
