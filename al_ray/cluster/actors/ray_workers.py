"""What the loop asks of its actors, in the placement group of its trial."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from types import TracebackType
from typing import Any

import numpy as np
import ray
from numpy.typing import NDArray

from al_ray.cluster import private
from al_ray.cluster.actors.crew import Shape, keep, muster
from al_ray.cluster.actors.roles import LOST
from al_ray.cluster.actors.watchdog import Watch
from al_ray.cluster.layout import Layout
from al_ray.cluster.observe.logs import actor_name
from al_ray.errors import AlRayError, OutOfMemory
from al_ray.strategies import Best, Need, Outputs, Picks, pick
from al_ray.study.trajectory import TrajectoryConfig
from al_ray.workers import (
    Assignment,
    Budgets,
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

IN_FLIGHT = 2
"""Chunks that a shard is sent ahead, so that it never waits for the loop."""

_log = logging.getLogger(__name__)


class ActorLost(RuntimeError):
    """An actor that died for good; not an `AlRayError`, since it may go well on another host."""


@dataclass(eq=False)
class Batch:
    """What the shards hold while a sequential strategy chooses.

    Attributes:
        session: its name.
        shares: each shard's chunks, as rows and hashes.
        question: what they were asked.
        offers: each shard's best row.
        budgets: each shard's token budget; None: the study's.
    """

    session: str
    shares: list[list[tuple[NDArray[np.int64], NDArray[np.uint64]]]]
    question: Question
    offers: list[Best | None] = field(default_factory=list)
    budgets: list[int | None] = field(default_factory=list)


class RayWorkers:
    """The actors of one trajectory, in the placement group of its trial.

    Args:
        setup: of the trajectory's learner.
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
        training = config.learner.training
        loaded = setup.encoder, setup.tokens, setup.device
        self._chunk_rows = training.chunk_rows
        self._batch: Batch | None = None
        self._budgets = Budgets(training)
        self._crew = muster(Shape(study, loaded, layout, len(config.member_seeds), shards))
        self._members, self._shards = self._crew.members, self._crew.shards
        _log.info("%s actors %s", "kept" if self._crew.kept else "new", self._crew.name)

        def assigned(role: str, seed: int) -> Assignment:
            name = actor_name(study, config.id, role)
            return Assignment(name, setup, seed, strategy, config.learner.head)

        self._as_member = [assigned(f"member-{i}", s) for i, s in enumerate(config.member_seeds)]
        self._as_shard = [assigned(f"shard-{j}", config.seed) for j in range(shards)]
        # They load while the loop reads; whatever goes wrong, the first call that matters says.
        self._prepared = [
            actor.prepare.remote(assignment)
            for actor, assignment in zip(
                self._crew.all, [*self._as_member, *self._as_shard], strict=True
            )
        ]
        self._roles = {
            private.actor_id(actor): f"{kind} {position}"
            for kind, actors in (("member", self._members), ("shard", self._shards))
            for position, actor in enumerate(actors)
        }
        self._watch = Watch(patience)
        self._watch.over(self._crew.all)

    def fit(self, jobs: Sequence[FitJob]) -> list[Fitted]:
        """All jobs at the same time."""
        pairs = [
            self._members[job.member]
            .fit.options(num_returns=2)
            .remote(self._as_member[job.member], job)
            for job in jobs
        ]
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

    def score(self, rows: NDArray[np.int64], question: Question) -> Scores:
        """By any shard that is free."""
        return join(self._map("score", rows, question))

    def hold(
        self, rows: NDArray[np.int64], hashes: NDArray[np.uint64], question: Question
    ) -> Scores:
        """Every shard holds some chunks."""
        parts = [(c, hashes[np.searchsorted(rows, c)]) for c in chunks(rows, self._chunk_rows)]
        # Runs of chunks, so that the scores come back in order.
        bounds = [len(parts) * j // len(self._shards) for j in range(len(self._shards) + 1)]
        shares = [parts[start:end] for start, end in pairwise(bounds)]
        self._batch = Batch(uuid.uuid4().hex, shares, question, budgets=[None] * len(shares))
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
            self._as_shard[shard],
            batch.budgets[shard],
            batch.session,
            batch.shares[shard],
            batch.question,
            chosen,
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
        name: str = self._get(
            self._members[0].device.remote(self._as_member[0]), "the device's name"
        )
        return name

    def _map(self, method: str, rows: NDArray[np.int64], *args: Any) -> list[Any]:
        """Results of the chunks of these rows, in order; a shard that is done takes the next."""
        work: list[tuple[int, Any, int | None]] = [
            (position, chunk, None) for position, chunk in enumerate(chunks(rows, self._chunk_rows))
        ]
        results: list[Any] = [None] * len(work)
        free = list(range(len(self._shards))) * IN_FLIGHT
        running: dict[Any, tuple[int, Any, int | None, int]] = {}
        work.reverse()
        while work or running:
            while work and free:
                position, chunk, budget = work.pop()
                shard = free.pop(0)
                ask = getattr(self._shards[shard], method)
                asked = ask.remote(self._as_shard[shard], budget, chunk, *args)
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
        if kind is None:
            keep(self._crew)
        else:
            self._crew.end()
        self._watch.close()
