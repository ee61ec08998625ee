"""Members and shards as Ray actors; the work itself is in `al_ray.workers`."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from types import TracebackType
from typing import Any

import numpy as np
import ray
from numpy.typing import NDArray
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from al_ray.cluster import metrics
from al_ray.cluster.layout import Layout
from al_ray.cluster.logs import actor_name, name_logs
from al_ray.cluster.watchdog import Pulse, Watch
from al_ray.config import Head, TrajectoryConfig
from al_ray.errors import AlRayError, OutOfMemory
from al_ray.strategies import Best, Need, Outputs, Picks, pick
from al_ray.workers import (
    Budgets,
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
    make_member,
    make_shard,
)

RETRIES = 3
"""How often an actor that died is made again, and a call that it was at is repeated."""

LOST = "lost"

_log = logging.getLogger(__name__)

IN_FLIGHT = 2
"""Chunks that a shard is sent ahead, so that it never waits for the loop."""


class ActorLost(RuntimeError):
    """An actor that died for good; not an `AlRayError`, since it may go well on another host."""


class MemberActor:
    """A member in its own process; weights arrive as references."""

    def __init__(self, setup: Setup, seed: int, strategy: str, head: Head) -> None:
        _begin("member")
        self._member = make_member(setup, seed, strategy, head)
        self._member.watch(Pulse())

    def fit(self, job: FitJob) -> tuple[Any, Fitted]:
        """See `Member.fit`; two results, so that the weights need not pass through the loop."""
        began = time.perf_counter()
        initial = None if job.initial is None else ray.get(job.initial)
        answer = self._member.fit(replace(job, initial=initial))
        seconds = time.perf_counter() - began
        _log.info("step %d: fitted on %d rows in %.1f s", job.step, len(job.rows), seconds)
        return answer

    def device(self) -> str:
        """See `Member.device`."""
        return self._member.device()


class ShardActor:
    """A shard in its own process; weights and labelled rows' outputs arrive as references."""

    def __init__(
        self, setup: Setup, seed: int, strategy: str, disagreement: str, head: Head
    ) -> None:
        _begin("shard")
        self._strategy = strategy
        self._shard = make_shard(setup, seed, strategy, disagreement, head)
        self._shard.watch(Pulse())

    def predict(
        self, budget: int | None, rows: NDArray[np.int64], weights: Sequence[Ref]
    ) -> Predictions:
        """See `Shard.predict`; one reference, in a list so that Ray leaves it a reference."""
        with self._shard.within(budget):
            return self._shard.predict(rows, ray.get(weights[0]))

    def observe(
        self,
        budget: int | None,
        rows: NDArray[np.int64],
        weights: Sequence[Ref],
        needs: frozenset[Need],
    ) -> Outputs:
        """See `Shard.observe`."""
        with self._shard.within(budget):
            return self._shard.observe(rows, ray.get(weights[0]), needs)

    def score(self, budget: int | None, rows: NDArray[np.int64], query: Query) -> Scores:
        """See `Shard.score`."""
        with self._shard.within(budget):
            answer = self._shard.score(rows, _resolved(query))
        self._say_scored(query, len(rows))
        return answer

    def hold(
        self,
        budget: int | None,
        session: str,
        parts: Sequence[Any],
        query: Query,
        chosen: Sequence[Best],
    ) -> tuple[list[Scores], Best | None]:
        """See `Shard.hold`."""
        with self._shard.within(budget):
            answer = self._shard.hold(session, parts, _resolved(query), chosen)
        self._say_scored(query, sum(len(rows) for rows, _ in parts))
        return answer

    def _say_scored(self, query: Query, rows: int) -> None:
        metrics.tell(metrics.ROWS, rows, strategy=self._strategy)
        _log.info("step %d: scored %d rows", query.step, rows)

    def take(self, session: str, chosen: Best) -> Best | str | None:
        """See `Shard.take`; `LOST` where nothing is held, since this process began anew."""
        try:
            return self._shard.take(session, chosen)
        except LookupError:
            return LOST

    def drop(self) -> None:
        """See `Shard.drop`."""
        self._shard.drop()


def _begin(role: str) -> None:
    """The first thing in an actor's process."""
    name_logs()
    if ray.get_runtime_context().was_current_actor_reconstructed:
        metrics.tell(metrics.RESTARTS, 1, role=role)
        _log.warning("made again after its process died")


def _resolved(query: Query) -> Query:
    labelled = None if query.labelled is None else ray.get(query.labelled)
    return replace(query, weights=ray.get(list(query.weights)), labelled=labelled)


@dataclass(eq=False)
class Batch:
    """What the shards hold while a sequential strategy chooses.

    Attributes:
        session: its name.
        shares: each shard's chunks, as rows and hashes.
        query: what they were asked.
        offers: each shard's best row.
        budgets: each shard's token budget; None: the study's.
    """

    session: str
    shares: list[list[tuple[NDArray[np.int64], NDArray[np.uint64]]]]
    query: Query
    offers: list[Best | None] = field(default_factory=list)
    budgets: list[int | None] = field(default_factory=list)


class RayWorkers:
    """The actors of one trajectory, in the placement group of its trial.

    Args:
        patience: seconds without any progress until `Stalled` is raised.
    """

    def __init__(
        self,
        setup: Setup,
        config: TrajectoryConfig,
        strategy: str,
        layout: Layout,
        shards: int,
        patience: float,
        study: str = "",
    ) -> None:
        self._chunk_rows = setup.training.chunk_rows
        self._batch: Batch | None = None
        self._budgets = Budgets(setup.training)
        group = ray.util.get_current_placement_group()
        attempt = uuid.uuid4().hex[:4]

        def start(kind: type, role: str, position: int, *args: Any) -> Any:
            place = PlacementGroupSchedulingStrategy(
                group, placement_group_bundle_index=layout.bundle_of(position)
            )
            options = {**layout.actor, "max_restarts": RETRIES, "max_task_retries": RETRIES}
            if group is not None:
                options["scheduling_strategy"] = place
            name = f"{actor_name(study, config.id, f'{role}-{position}')}/{attempt}"
            return ray.remote(kind).options(name=name, **options).remote(*args)

        self._members = [
            start(MemberActor, "member", i, setup, seed, strategy, config.head)
            for i, seed in enumerate(config.member_seeds)
        ]
        made_from = (setup, config.seed, strategy, config.disagreement, config.head)
        self._shards = [start(ShardActor, "shard", j, *made_from) for j in range(shards)]
        self._roles = {
            actor._actor_id.hex(): f"{kind} {position}"
            for kind, actors in (("member", self._members), ("shard", self._shards))
            for position, actor in enumerate(actors)
        }
        self._watch = Watch(patience)
        self._watch.over([*self._members, *self._shards])

    def fit(self, jobs: Sequence[FitJob]) -> list[Fitted]:
        """All jobs at the same time."""
        pairs = [self._members[job.member].fit.options(num_returns=2).remote(job) for job in jobs]
        reports = self._get([report for _, report in pairs], "a fit")
        return [
            replace(report, weights=weights)
            for (weights, _), report in zip(pairs, reports, strict=True)
        ]

    def predict(self, rows: NDArray[np.int64], weights: Ref) -> Predictions:
        """By any shard that is free."""
        return join_predictions(self._map("predict", rows, [weights]))

    def observe(self, rows: NDArray[np.int64], weights: Ref, needs: frozenset[Need]) -> Outputs:
        """By any shard that is free."""
        return join_outputs(self._map("observe", rows, [weights], needs))

    def score(self, rows: NDArray[np.int64], query: Query) -> Scores:
        """By any shard that is free."""
        return join(self._map("score", rows, query))

    def hold(self, rows: NDArray[np.int64], hashes: NDArray[np.uint64], query: Query) -> Scores:
        """Every shard holds some chunks."""
        parts = [(c, hashes[np.searchsorted(rows, c)]) for c in chunks(rows, self._chunk_rows)]
        # Runs of chunks, so that the scores come back in order.
        bounds = [len(parts) * j // len(self._shards) for j in range(len(self._shards) + 1)]
        shares = [parts[start:end] for start, end in pairwise(bounds)]
        self._batch = Batch(uuid.uuid4().hex, shares, query, budgets=[None] * len(shares))
        asked = [self._hold(j, []) for j in range(len(shares))]
        held = [self._held(j, [], ref) for j, ref in enumerate(asked)]
        self._batch.offers = [best for _, best in held]
        return join([scores for each, _ in held for scores in each])

    def pick(self, n: int) -> Picks:
        """One message to each shard a pick; one that began anew is given its chunks again."""
        batch = self._batch
        assert batch is not None, "hold comes first"
        chosen: list[Best] = []

        def take(best: Best) -> list[Best | None]:
            chosen.append(best)
            taken = [shard.take.remote(batch.session, best) for shard in self._shards]
            offers: list[Any] = self._get(taken, "a pick")
            for j, offer in enumerate(offers):
                if offer == LOST:
                    _, offers[j] = self._held(j, chosen, self._hold(j, chosen))
            return offers

        picks = pick(batch.offers, take, n)
        for shard in self._shards:
            shard.drop.remote()
        self._batch = None
        return picks

    def _hold(self, shard: int, chosen: list[Best]) -> Any:
        batch = self._batch
        assert batch is not None, "hold has made it"
        return self._shards[shard].hold.remote(
            batch.budgets[shard], batch.session, batch.shares[shard], batch.query, chosen
        )

    def _held(self, shard: int, chosen: list[Best], asked: Any) -> tuple[list[Scores], Best | None]:
        """What a shard that was asked to hold its share says, with the first budget that fits."""
        batch = self._batch
        assert batch is not None, "hold has made it"
        while True:
            try:
                held: tuple[list[Scores], Best | None] = self._get(asked, "the pool's scores")
                return held
            except OutOfMemory as error:
                batch.budgets[shard] = self._budgets.half(batch.budgets[shard], error)
                asked = self._hold(shard, chosen)

    def put(self, value: Any) -> Ref:
        """Into the object store."""
        return ray.put(value)

    def get(self, ref: Ref) -> Any:
        """From the object store, without a copy."""
        return ray.get(ref)

    def smallest_budget(self) -> int | None:
        """See `Workers.smallest_budget`."""
        return self._budgets.smallest()

    @property
    def device(self) -> str:
        """Of the first member."""
        name: str = self._get(self._members[0].device.remote(), "the device's name")
        return name

    def _map(self, method: str, rows: NDArray[np.int64], *args: Any) -> list[Any]:
        """Results of the chunks of these rows, in order; a shard that is done takes the next."""
        work: list[tuple[int, Any, int | None]] = [
            (position, chunk, None) for position, chunk in enumerate(chunks(rows, self._chunk_rows))
        ]
        results: list[Any] = [None] * len(work)
        free = [shard for _ in range(IN_FLIGHT) for shard in self._shards]
        running: dict[Any, tuple[int, Any, int | None, Any]] = {}
        work.reverse()
        while work or running:
            while work and free:
                position, chunk, budget = work.pop()
                shard = free.pop(0)
                asked = getattr(shard, method).remote(budget, chunk, *args)
                running[asked] = (position, chunk, budget, shard)
            for ref in self._watch.first(list(running), "a chunk"):
                position, chunk, budget, shard = running.pop(ref)
                try:
                    results[position] = self._get(ref, "a chunk")
                except OutOfMemory as error:
                    work.append((position, chunk, self._budgets.half(budget, error)))
                free.append(shard)
        return results

    def _get(self, refs: Any, what: str) -> Any:
        """Results; an error raised on purpose comes as itself, without the actor's trace."""
        try:
            return self._watch.get(refs, what)
        except AlRayError as error:
            raise getattr(error, "cause", error) from None
        except ray.exceptions.RayActorError as error:
            who = self._roles.get(error.actor_id or "", "a member or shard")
            reason = str(error).strip().splitlines()[-1].strip()
            what = "could not be made" if error.actor_init_failed else "died too often"
            raise ActorLost(f"{who} {what}: {reason}") from None

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
        self._watch.close()


def _kill(actors: Iterable[Any]) -> None:
    for actor in actors:
        ray.kill(actor)
