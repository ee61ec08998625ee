"""A trial of Tune: a function, so that a wrong placement is an error, not a hang."""

from __future__ import annotations

import logging
import math
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ray import tune

from al_ray.cluster.access.connect import one_line
from al_ray.cluster.actors.crew import Dismissing
from al_ray.cluster.actors.ray_workers import RayWorkers
from al_ray.cluster.layout import Layout, alone, layout
from al_ray.cluster.lots import decode, is_cheap
from al_ray.cluster.observe import metrics
from al_ray.cluster.observe.logs import actor_name, name_logs
from al_ray.corpus.tokens.prepared import Rows
from al_ray.errors import AlRayError, StorageError, Superseded
from al_ray.loop.equivalence import follow
from al_ray.loop.record import steps_done
from al_ray.loop.trajectory import Step, Trajectory
from al_ray.results import Store
from al_ray.results.description import versions
from al_ray.results.folder import refuse_gone
from al_ray.study.grid import Trial
from al_ray.study.learner import Learner
from al_ray.study.trajectory import TrajectoryConfig
from al_ray.workers import LocalWorkers, Setup, Workers

Key = tuple[str, int]
"""The digest of an encoder, and how many tokens of a text it reads."""

Setups = Mapping[Key, Setup]

EVERY = 1.0
"""Seconds between two reports of a lot whose steps take milliseconds."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """What all trials of a study share: paths and numbers.

    Attributes:
        rows: the prepared rows.
        shards: of each trial, as `RunConfig` has them.
        patience: seconds without any progress until a trial is begun again.
        shared_fits: names of the fits that several trajectories need; see `study.sharing`.
    """

    out: str = field(repr=False)  # may hold secrets
    rows: Path
    setups: Setups
    shards: int | None
    cpus: float
    gpus: float
    ledger: bool
    stop_set: int | None
    commit: str
    patience: float
    shared_fits: frozenset[str] = frozenset()

    def setup(self, learner: Learner) -> Setup:
        """Of members and shards of this learner."""
        return replace(self.setups[key_of(learner)], training=learner.training)

    def shards_of(self, learner: Learner) -> int:
        """Shard actors of a trial; the GPU that a member has would be idle while others score."""
        return self.shards or (len(learner.rates) if self.gpus else 1)

    @property
    def any_setup(self) -> Setup:
        """For what is equal in all."""
        return next(iter(self.setups.values()))


def key_of(learner: Learner) -> Key:
    """Of the setup that it needs."""
    return learner.model.digest, learner.training.max_length


def trial_layout(config: TrajectoryConfig, job: Job) -> Layout:
    """Used for the reservation and for the actors."""
    if is_cheap(config):
        return alone(job.cpus)
    learner = config.learner
    shards, threads = job.shards_of(learner), learner.training.threads
    return layout(len(learner.rates), shards, threads, job.cpus, job.gpus)


def placement(point: dict[str, Any], job: Job) -> tune.PlacementGroupFactory:
    """What Tune reserves for a trial."""
    leader = decode(point["trial"])[0].leader
    return tune.PlacementGroupFactory(trial_layout(leader, job).bundles, strategy="PACK")


def run(point: dict[str, Any], job: Job) -> None:
    """The trainable: what is on disk is continued, and steps are reported once they are there.

    A trajectory that fails is recorded, and those after it in the lot go on.
    """
    lot, store = decode(point["trial"]), Store(job.out, attempt=uuid.uuid4().hex)
    refuse_gone(store.storage)
    # All of them now, so that an attempt that was cut off and goes on can take none of them back.
    store.claims.take([config.id for trial in lot for config in trial.all])
    shared = job.any_setup.shared
    rows = Rows.load(shared.here(job.rows.name) if shared else job.rows)
    reports, unexpected = Reports(EVERY if is_cheap(lot[0].leader) else 0.0), None
    for trial in lot:
        begin = steps_done(store, trial.leader)
        if begin == trial.leader.schedule.steps and all(
            is_recorded(store, each) for each in trial.all
        ):
            reports.before(trial.leader)
            continue
        try:
            _run(trial, begin, rows, store, job, reports)
        except (StorageError, Superseded):
            raise  # the first may pass, so Tune tries again; the second has nothing to say any more
        except AlRayError as error:
            # On purpose, so it would come again: not worth Tune's retries.
            _log.error("failed: %s", error)
            record_all(store, trial, "failed", job, error=str(error))
        except Exception as error:
            if len(lot) == 1:
                raise
            _log.exception("failed")
            record_all(store, trial, "failed", job, error=one_line(error))
            unexpected = error
    reports.flush()
    if unexpected is not None:
        raise unexpected


def _run(trial: Trial, begin: int, rows: Rows, store: Store, job: Job, reports: Reports) -> None:
    """One trajectory, and those that are given its rows."""
    config = trial.leader
    name_logs(actor_name(store.pages.name, config.id, "loop"))
    _log.info("begins at step %d of %d", begin, config.schedule.steps)
    record(store, config, "running", job)
    with _workers(config, job, store) as workers:
        trajectory = Trajectory(
            config, rows, workers, store, job.ledger, job.stop_set, job.shared_fits
        )
        for done in trajectory.run():
            for follower in trial.followers:
                follow(store, config, follower)
            _say(config, done)
            reports.add(config, done)
        for follower in trial.followers:  # the last attempt may have died before it did
            follow(store, config, follower)
        device = workers.device
    record_all(store, trial, "complete", job, device=device)


@contextmanager
def _workers(config: TrajectoryConfig, job: Job, store: Store) -> Iterator[Workers]:
    """In this process where the trajectory is cheap, else actors."""
    strategy = config.spec if config.query else ""
    setup = job.setup(config.learner)
    if is_cheap(config):
        yield LocalWorkers(setup, config.member_seeds, strategy, config.learner.head)
        return
    with RayWorkers(
        setup,
        config,
        strategy,
        trial_layout(config, job),
        job.shards_of(config.learner),
        job.patience,
        store.pages.name,
    ) as workers:
        yield workers


class Reports:
    """Tells Tune, and so the driver's callbacks, of steps that are on disk.

    The first one at once, so that a lot whose process dies again and again has gained something.

    Args:
        every: seconds in which it tells of no others; they wait, since each report waits for the
            driver.
    """

    def __init__(self, every: float) -> None:
        self._every, self._told = every, -math.inf
        self._waiting: list[dict[str, Any]] = []

    def before(self, config: TrajectoryConfig) -> None:
        """A trajectory was ended by an earlier attempt, which may have died before it told."""
        told = {"trajectory": config.id, "step": config.schedule.steps - 1, "gained": False}
        self._waiting.append({**told, "n_labelled": None, "accuracy": None, "seconds": 0.0})

    def add(self, config: TrajectoryConfig, done: Step) -> None:
        """A step is on disk."""
        self._waiting.append(
            {
                "trajectory": config.id,
                "step": done.step,
                "gained": True,
                "n_labelled": done.n_labelled,
                "accuracy": done.accuracy,
                "seconds": done.seconds,
            }
        )
        if time.monotonic() - self._told >= self._every:
            self.flush()

    def flush(self) -> None:
        """Tell of those that wait."""
        if self._waiting:
            tune.report({"steps": self._waiting})
            self._waiting, self._told = [], time.monotonic()


run.__mixins__ = (Dismissing,)  # type: ignore[attr-defined]


def _say(config: TrajectoryConfig, done: Step) -> None:
    """To the dashboard and the logs."""
    arm = {"strategy": config.strategy, "regime": config.schedule.retrain}
    metrics.tell(metrics.STEP, done.step, **arm)
    metrics.tell(metrics.LABELS, done.n_labelled, **arm)
    metrics.tell(metrics.ACCURACY, done.accuracy, **arm)
    if is_cheap(config):  # else shards tell it, chunk by chunk
        metrics.tell(metrics.ROWS, done.n_scored, strategy=config.strategy)
    for lap, seconds in done.phases.items():
        phase = lap.removesuffix("_seconds")
        metrics.tell(metrics.SECONDS, seconds, **arm, phase=phase)
        metrics.tell(metrics.PHASES, 1, **arm, phase=phase)
    said = ", ".join(f"{lap.removesuffix('_seconds')} {s:.1f} s" for lap, s in done.phases.items())
    _log.info("step %d: %d labels, %.3f (%s)", done.step, done.n_labelled, done.accuracy, said)


def is_recorded(store: Store, config: TrajectoryConfig) -> bool:
    """Whether `trajectories` says that it is complete.

    Killed between its last step and its last word, it is begun again, and only that is said.
    """
    rows = store.read_one("trajectories", config.id)
    return (
        rows is not None
        and rows.status.iloc[0] == "complete"
        and int(rows.steps.iloc[0]) == config.schedule.steps
    )


def record_all(
    store: Store,
    trial: Trial,
    status: str,
    job: Job,
    error: str | None = None,
    device: str | None = None,
) -> None:
    """Write the rows of a trial's trajectories in `trajectories`."""
    record(store, trial.leader, status, job, error, device)
    for follower in trial.followers:
        record(store, follower, status, job, error, device, rows_of=trial.leader.id)


def record(
    store: Store,
    config: TrajectoryConfig,
    status: str,
    job: Job,
    error: str | None = None,
    device: str | None = None,
    rows_of: str | None = None,
) -> None:
    """Write a trajectory's row in `trajectories`."""
    columns = {
        **config.columns,
        "status": status,
        "error": error,
        "rows_of": rows_of,
        "device": device,
        "versions": versions(),
        "commit": job.commit,
    }
    # A list in a list: one row whose value is the list.
    columns |= {name: [value] for name, value in columns.items() if isinstance(value, list)}
    store.write("trajectories", columns, config.id)
