"""Members and shards as Ray actors; the work itself is in `al_ray.workers`.

They are made without anything to work on, which every call brings (`Assignment`): an actor that is
kept for another trajectory, or made again after its death, needs to be told nothing first. What is
imported here, every actor's process imports, so it is little: not Tune, which takes seconds.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import ray
from numpy.typing import NDArray

from al_ray.cluster.actors.watchdog import Pulse
from al_ray.cluster.observe import metrics
from al_ray.cluster.observe.logs import name_logs
from al_ray.strategies import Best, Need, Outputs
from al_ray.workers import (
    Assignment,
    FitJob,
    Fitted,
    Post,
    Predictions,
    Question,
    Ref,
    Scores,
    Shard,
)
from al_ray.workers.member import Trainer

LOST = "lost"

_log = logging.getLogger(__name__)


class MemberActor:
    """A member in its own process; weights arrive as references."""

    def __init__(self) -> None:
        _begin("member")
        self._pulse = Pulse()
        self._post: Post[Trainer] = Post(self._make)

    def _make(self, assignment: Assignment) -> Trainer:
        name_logs(assignment.name)
        member = assignment.member()
        member.watch(self._pulse)
        return member

    def prepare(self, assignment: Assignment) -> None:
        """Load what the first call will need."""
        self._post.at(assignment)

    def unharmed(self) -> bool:
        """Whether this is the actor's first process."""
        return _unharmed()

    def fit(self, assignment: Assignment, job: FitJob) -> tuple[Any, Fitted]:
        """See `Member.fit`; two results, so that the weights need not pass through the loop."""
        began = time.perf_counter()
        initial = None if job.initial is None else ray.get(job.initial)
        answer = self._post.at(assignment).fit(replace(job, initial=initial))
        seconds = time.perf_counter() - began
        _log.info("step %d: fitted on %d rows in %.1f s", job.step, len(job.rows), seconds)
        return answer

    def device(self, assignment: Assignment) -> str:
        """See `Member.device`."""
        return self._post.at(assignment).device()


class ShardActor:
    """A shard in its own process; weights and labelled rows' outputs arrive as references."""

    def __init__(self) -> None:
        _begin("shard")
        self._pulse = Pulse()
        self._post: Post[Shard] = Post(self._make)
        self._got: dict[Ref, Any] = {}

    def _make(self, assignment: Assignment) -> Shard:
        name_logs(assignment.name)
        shard = assignment.shard()
        shard.watch(self._pulse)
        return shard

    def prepare(self, assignment: Assignment) -> None:
        """Load what the first call will need."""
        self._post.at(assignment)

    def unharmed(self) -> bool:
        """Whether this is the actor's first process."""
        return _unharmed()

    def predict(
        self,
        assignment: Assignment,
        budget: int | None,
        rows: NDArray[np.int64],
        weights: Sequence[Ref],
    ) -> Predictions:
        """See `Shard.predict`; one reference, in a list so that Ray leaves it a reference."""
        shard = self._post.at(assignment)
        with shard.within(budget):
            return shard.predict(rows, self._weights(weights)[0])

    def observe(
        self,
        assignment: Assignment,
        budget: int | None,
        rows: NDArray[np.int64],
        weights: Sequence[Ref],
        needs: frozenset[Need],
    ) -> Outputs:
        """See `Shard.observe`."""
        shard = self._post.at(assignment)
        with shard.within(budget):
            return shard.observe(rows, self._weights(weights)[0], needs)

    def score(
        self,
        assignment: Assignment,
        budget: int | None,
        rows: NDArray[np.int64],
        question: Question,
    ) -> Scores:
        """See `Shard.score`."""
        shard = self._post.at(assignment)
        with shard.within(budget):
            answer = shard.score(rows, self._resolved(question))
        _say_scored(assignment, question, len(rows))
        return answer

    def hold(
        self,
        assignment: Assignment,
        budget: int | None,
        session: str,
        parts: Sequence[Any],
        question: Question,
        chosen: Sequence[Best],
    ) -> tuple[list[Scores], Best | None]:
        """See `Shard.hold`."""
        shard = self._post.at(assignment)
        with shard.within(budget):
            answer = shard.hold(session, parts, self._resolved(question), chosen)
        _say_scored(assignment, question, sum(len(rows) for rows, _ in parts))
        return answer

    def take(self, session: str, chosen: Best) -> Best | str | None:
        """See `Shard.take`; `LOST` where nothing is held, since this process began anew.

        No two batches have one name, so the assignment need not come along with every pick.
        """
        shard = self._post.holder
        try:
            return LOST if shard is None else shard.take(session, chosen)
        except LookupError:
            return LOST

    def drop(self) -> None:
        """See `Shard.drop`."""
        if self._post.holder is not None:
            self._post.holder.drop()

    def _weights(self, refs: Sequence[Ref]) -> list[Any]:
        """The same objects as long as the same are asked for, so that they are loaded once."""
        self._got = {ref: self._got[ref] if ref in self._got else ray.get(ref) for ref in refs}
        return list(self._got.values())

    def _resolved(self, question: Question) -> Question:
        labelled = None if question.labelled is None else ray.get(question.labelled)
        return replace(question, weights=self._weights(question.weights), labelled=labelled)


def _begin(role: str) -> None:
    """The first thing in an actor's process."""
    name_logs()
    if not _unharmed():
        metrics.tell(metrics.RESTARTS, 1, role=role)
        _log.warning("made again after its process died")


def _unharmed() -> bool:
    return not ray.get_runtime_context().was_current_actor_reconstructed


def _say_scored(assignment: Assignment, question: Question, rows: int) -> None:
    metrics.tell(metrics.ROWS, rows, strategy=assignment.strategy)
    _log.info("step %d: scored %d rows", question.step, rows)
