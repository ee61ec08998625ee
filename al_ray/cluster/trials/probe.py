"""How fast this cluster is at a study's own model and texts: a short trial of every kind of work.

As many stand-ins for trials as would run at once make a trial's actors, in its placement group and
with its resources, and do the same things at the same time: two processes on two cores are slower
than one alone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import ray
from numpy.typing import NDArray
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from al_ray.cluster.access.connect import one_line
from al_ray.cluster.actors.crew import dismiss
from al_ray.cluster.actors.ray_workers import RayWorkers
from al_ray.cluster.layout import LOOP_CPU, Layout
from al_ray.cluster.trials.trial import Job  # which a trial's process imports, too
from al_ray.errors import AlRayError, UserError
from al_ray.planning import Facts, Speed
from al_ray.planning.work import passed
from al_ray.study.chooser import Prefix
from al_ray.study.training import Training
from al_ray.study.trajectory import TrajectoryConfig
from al_ray.tasks import Answers
from al_ray.workers import FitJob

FIT_SECONDS, SCORE_SECONDS = 8.0, 4.0
"""What the longest fit and the longest scoring are to take, about."""

MOST_UPDATES, FEW_ROWS, MOST_ROWS = 200, 64, 4096

_RATE = 1e-6
"""So small that no model diverges."""

_NO_GRID = 2**40
"""Rows of a chunk: what is timed is one call."""


@dataclass(frozen=True)
class Measured:
    """A speed, and how it was measured.

    Attributes:
        speed: with `at_once` trials at work.
        device: its name.
        at_once: trials.
        seconds: that it took.
    """

    speed: Speed
    device: str
    at_once: int
    seconds: float


class StandIn:
    """A trial's loop, which makes its actors and times what they do."""

    def __init__(self, job: Job, config: TrajectoryConfig, layout: Layout, labels: Answers) -> None:
        self._labels = labels
        self._workers = RayWorkers(
            job.setup(config.learner), config, "", layout, 1, job.patience, "plan"
        )
        self._weights: Any = None

    def fit(self, rows: NDArray[np.int64]) -> float:
        """Seconds of one pass over these rows."""
        began = time.perf_counter()
        [fitted] = self._workers.fit([FitJob(0, rows, self._labels[rows], _RATE, 0, 0, None)])
        self._weights = fitted.weights
        return time.perf_counter() - began

    def predict(self, rows: NDArray[np.int64]) -> float:
        """Seconds of one call for these rows, ascending, with the last fit's weights."""
        began = time.perf_counter()
        self._workers.predict(rows, self._weights)
        return time.perf_counter() - began

    def facts(self) -> tuple[str, int]:
        """The device, and the bytes of a model's weights."""
        weights = self._workers.get(self._weights)
        return self._workers.device, sum(array.nbytes for array in weights.values())

    def close(self) -> None:
        """End the actors."""
        self._workers.__exit__(None, None, None)
        dismiss()


def probe(
    job: Job,
    config: TrajectoryConfig,
    training: Training,
    layout: Layout,
    at_once: int,
    labels: Answers,
    lengths: NDArray[np.int32],
    facts: Facts,
) -> Measured:
    """Measure.

    Args:
        job: of the study.
        config: any of its trajectories.
        training: that is measured.
        layout: of a trial with one member.
        at_once: how many trials of that kind are at work.
        labels: (rows,) of train.
        lengths: tokens (rows,) of train.
        facts: of the corpus.

    Raises:
        UserError: no room came within the study's patience.
        AlRayError: an actor failed.
    """
    began = time.perf_counter()
    training = replace(training, epochs=1, updates=None, min_updates=0, chunk_rows=_NO_GRID)
    learner = replace(config.learner, head="fine-tuned", training=training).single()
    config = replace(config, learner=learner, chooser=Prefix())
    with _groups(layout, at_once, job.patience) as groups:
        started = time.perf_counter()
        stand_ins = [_start(group, job, config, layout, labels) for group in groups]
        try:
            seconds = _together(stand_ins)
            one = np.array([int(np.argmin(lengths))], np.int64)
            seconds("fit", one)
            seconds("predict", one)
            start = time.perf_counter() - started
            speed = _speed(seconds, one, training, lengths, facts, start)
            device, parameters = _get([stand_ins[0].facts.remote()])[0]
        finally:
            _get([each.close.remote() for each in stand_ins], quiet=True)
            for each in stand_ins:
                ray.kill(each)
    speed = replace(speed, parameters=parameters)
    return Measured(speed, device, at_once, time.perf_counter() - began)


def _together(stand_ins: Sequence[Any]) -> Callable[[str, NDArray[np.int64]], float]:
    """A function that has all stand-ins do something at the same time: mean seconds."""

    def seconds(what: str, rows: NDArray[np.int64]) -> float:
        return float(np.mean(_get([getattr(each, what).remote(rows) for each in stand_ins])))

    return seconds


def _speed(
    seconds: Callable[[str, NDArray[np.int64]], float],
    one: NDArray[np.int64],
    training: Any,
    lengths: NDArray[np.int32],
    facts: Facts,
    start: float,
) -> Speed:
    """From fits on one row, one batch and many; and calls for one row, some and many."""
    shortest = int(lengths[one[0]])
    batch = min(training.batch_size, len(lengths))
    in_batch = batch * (facts.train.packed if facts.packs else facts.train.whole)
    single, first = seconds("fit", one), seconds("fit", _spread(lengths, batch))
    wanted = _spread(lengths, int(np.clip(FIT_SECONDS / first, 2, MOST_UPDATES)) * batch)
    updates, many = math.ceil(len(wanted) / batch), seconds("fit", wanted)
    # A difference of two fits of few updates may be lost in what else the machine does.
    update = max((many - first) / max(1, updates - 1), many / updates / 2)
    token = max(0.0, (first - single) / max(1.0, in_batch - shortest))
    token = min(token, update / in_batch)

    call = seconds("predict", one)
    scored = _scored(seconds, call, training, lengths, facts.packs)
    return Speed(
        start=max(0.0, start - single - call),
        fit=max(0.0, first - update),
        update=update - token * in_batch,
        train_token=token,
        call=max(0.0, call - shortest * scored),
        score_token=scored,
        parameters=0,
    )


def _scored(
    seconds: Callable[[str, NDArray[np.int64]], float],
    call: float,
    training: Any,
    lengths: NDArray[np.int32],
    packs: bool,
) -> float:
    """Seconds a token, from calls of more and more rows; the first one is a warm-up.

    `call` is what one takes for a single row.
    """
    assert training.token_budget is not None
    seconds("predict", _spread(lengths, FEW_ROWS))
    taken, beside, tokens, rows = 0.0, 0.0, 0, FEW_ROWS
    while taken < SCORE_SECONDS and rows <= MOST_ROWS:
        chosen = _spread(lengths, rows)
        taken, beside = taken + seconds("predict", chosen), beside + call
        tokens += passed(lengths[chosen], training.token_budget, packs)
        rows *= 2
    return max(taken - beside, taken / 2) / tokens


def _spread(lengths: NDArray[np.int32], rows: int) -> NDArray[np.int64]:
    """So many rows, ascending, whose lengths are spread as those of all are."""
    rows = min(rows, len(lengths))
    places = ((np.arange(rows) + 0.5) / rows * len(lengths)).astype(np.int64)
    return np.sort(np.argsort(lengths, kind="stable")[places]).astype(np.int64)


def _start(
    group: Any,
    job: Job,
    config: TrajectoryConfig,
    layout: Layout,
    labels: Answers,
) -> Any:
    place = PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=0)
    options = {"num_cpus": LOOP_CPU, "scheduling_strategy": place}
    return ray.remote(StandIn).options(**options).remote(job, config, layout, labels)


@contextmanager
def _groups(layout: Layout, count: int, patience: float) -> Iterator[list[Any]]:
    """Placement groups as trials have them."""
    groups = [ray.util.placement_group(layout.bundles, strategy="PACK") for _ in range(count)]
    try:
        ready, waiting = ray.wait(
            [group.ready() for group in groups], num_returns=count, timeout=patience
        )
        if waiting:
            raise UserError(
                "--plan: the cluster had no room for {n} trials within "
                "{minutes:.0f} minutes (for {ready} of them it had); give a smaller "
                "--concurrent, or wait for what runs there",
                n=count,
                minutes=patience / 60,
                ready=len(ready),
            )
        yield groups
    finally:
        for group in groups:
            ray.util.remove_placement_group(group)


def _get(refs: Sequence[Any], quiet: bool = False) -> list[Any]:
    """Results; what failed is said in one line."""
    try:
        return list(ray.get(list(refs)))
    except ray.exceptions.RayError as error:
        if quiet:
            return []
        cause = getattr(error, "cause", None)
        if isinstance(cause, AlRayError):
            raise cause from None
        raise AlRayError(
            "--plan: the speed could not be measured ({error}); try the study itself "
            "with --steps 1",
            error=one_line(error),
        ) from None
