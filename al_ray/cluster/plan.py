"""`--plan`: what is left of a study, at the speed that the cluster is measured to have."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console

from al_ray.cluster.actors.embedding import slots_of, vectors_path
from al_ray.cluster.layout import Layout, layout
from al_ray.cluster.lots import is_cheap
from al_ray.cluster.trials.probe import Measured, probe
from al_ray.cluster.trials.ready import Ready, readied, refuse_misfits, shared
from al_ray.cluster.trials.trial import Job, trial_layout
from al_ray.corpus.rows import Corpus
from al_ray.corpus.tokens.mapped import Rows, Tokens
from al_ray.learners.encoder.source import ModelSource, has_dropout, width
from al_ray.loop.record import resumes_at
from al_ray.planning import (
    Estimate,
    Facts,
    Left,
    Room,
    Speed,
    Wanted,
    at_first,
    estimate,
    facts_of,
    storage_of,
    stretch,
    trial_seconds,
)
from al_ray.results import Store
from al_ray.study.config import StudyConfig
from al_ray.study.grid import Trial, check_study, trials
from al_ray.study.running import LABELS_PER_DAY, RunConfig
from al_ray.study.trajectory import UNQUERIED, TrajectoryConfig

MOST_AT_ONCE = 16
"""Trials that the speed is measured with; more would only take longer to start."""

BEYOND = 5.0
"""Seconds that Tune takes to begin and to end."""

_TEXTS = 5000


@dataclass(frozen=True)
class Plan:
    """What `--plan` has found.

    Attributes:
        estimate: of what is left.
        measured: None where nothing is.
        device: `CPU` or the GPU's name.
        past: seconds that the steps which are done took, by what is estimated for them; None where
            there are none.
    """

    estimate: Estimate
    measured: Measured | None
    device: str
    past: float | None


def plan_study(
    study: StudyConfig,
    run_config: RunConfig,
    corpus: Corpus,
    model: ModelSource,
    console: Console,
) -> Plan:
    """Estimate what is left of the study in `run_config.out`; writes nothing there but caches.

    Raises:
        StudyConflict: the folder holds another study.
        UserError: a bad option, or no cluster at the address.
    """
    check_study(study, len(corpus.train), model.name, has_dropout(model.folder))
    store = Store(run_config.out)
    with readied(study, run_config, corpus, model, console, store) as ready:
        job = Job(
            out=store.where,
            prepared=ready.prepared,
            setup=shared(ready.setup, model, ready.prepared, store),
            shards=run_config.shards,
            cpus=ready.cpus,
            gpus=ready.gpus,
            ledger=ready.study.ledger,
            commit="",
            patience=run_config.patience,
        )
        refuse_misfits([*ready.configs, *ready.again], job, ready.room)
        return _plan(ready, job, run_config, corpus, model, console, store)


def _plan(
    ready: Ready,
    job: Job,
    run_config: RunConfig,
    corpus: Corpus,
    model: ModelSource,
    console: Console,
    store: Store,
) -> Plan:
    rows = Rows.load(ready.prepared.rows)
    lengths = Tokens(ready.prepared.tokens).lengths
    facts = facts_of(
        {name: lengths[which] for name, which in rows.splits.items()},
        ready.study.training,
        len(corpus.labels),
        width(model.folder),
        packs=not ready.gpus,
    )
    every = [_trials(stage, ready, store) for stage in (ready.configs, ready.again)]
    stages = [[_left(trial, store, job) for trial in stage] for stage in every]
    todo = [
        [left for left in stage if left.first < left.trial.leader.schedule.steps]
        for stage in stages
    ]
    room = Room(ready.cpus, ready.gpus, run_config.concurrent)
    measured, speed = None, Speed(0, 0, 0, 0, 0, 0, 0)
    if any(todo):
        console.print("Measuring how fast this cluster is at it (about half a minute).")
        at_once = _at_once(next(stage for stage in todo if stage), job, room)
        train = rows.train
        measured = probe(
            job,
            ready.configs[0],
            ready.study.training,
            _single(job),
            at_once,
            rows.labels[train],
            lengths[train],
            facts,
        )
        speed = measured.speed
    cache, before = _cache(store), ready.seconds + BEYOND
    vectors = vectors_path(ready.setup, model.digest, store.cache)
    if any(config.learner.head == "frozen" for config in ready.configs) and not vectors.exists():
        cache += 4 * len(lengths) * facts.width
        tokens = facts.pool * facts.train.scored
        tokens += sum(n * facts.tested[name] for name, n in facts.tests.items())
        slots = slots_of(ready.study.training.threads, ready.cpus, ready.gpus)
        before += speed.start / 2 + tokens * speed.score_token / slots
    known = store.exists("rows", corpus.digest[:20])
    storage = storage_of(
        [(left.trial, left.first) for stage in todo for left in stage],
        facts,
        rows,
        () if known else corpus.train.texts[:_TEXTS],
        ready.study.ledger,
        speed.parameters,
        cache,
    )
    told = (ready.described or {}).get("labels_per_day", LABELS_PER_DAY)
    found = estimate(
        todo,
        facts,
        speed,
        room,
        shards=run_config.shards,
        storage=storage,
        done=sum(map(len, stages)) - sum(map(len, todo)),
        labels=max((_labels(config, facts) for config in ready.configs), default=0),
        labels_per_day=run_config.labels_per_day or told,
        before=before if measured else 0.0,
    )
    device = "CPU" if measured is None or measured.device == "cpu" else measured.device
    past = _past(stages, facts, speed, store, run_config.shards) if measured else None
    return Plan(found, measured, device, past)


def _trials(configs: Sequence[TrajectoryConfig], ready: Ready, store: Store) -> list[Trial]:
    runs = store.read("trajectories")
    begun = set(runs.trajectory[runs.rows_of.isna()])
    return trials(configs, ready.setup.n_labels, ready.study.keep_equivalent, begun)


def _left(trial: Trial, store: Store, job: Job) -> Left:
    """From where a trial goes on, and what it reserves."""
    config = trial.leader
    wanted, threads = trial_layout(config, job), config.learner.training.threads
    cpus, first = wanted.cpus, resumes_at(store, config)
    if is_cheap(config):
        return Left(trial, first, cpus, start=0.0)
    of_gpu = wanted.bundle.get("GPU", 0.0)
    actors = len(config.learner.rates) + job.shards
    return Left(
        trial,
        first,
        cpus,
        of_gpu * wanted.count,
        stretch(len(config.learner.rates), threads, cpus, of_gpu),
        max(1.0, actors / cpus / (2 / _single(job).cpus)),
    )


def _single(job: Job) -> Layout:
    return layout(1, 1, job.setup.training.threads, job.cpus, job.gpus)


def _at_once(stage: Sequence[Left], job: Job, room: Room) -> int:
    """Models that train at once when the study begins, as far as single ones fit the cluster."""
    trained = [left for left in stage if not is_cheap(left.trial.leader)]
    wanted = [Wanted(1.0, left.cpus, left.gpus) for left in trained]
    busy = sum(len(left.trial.leader.learner.rates) for left in trained[: at_first(wanted, room)])
    single = _single(job)
    fit = room.cpus / single.cpus + 1e-6
    if "GPU" in single.bundle:
        fit = min(fit, room.gpus / single.bundle["GPU"] + 1e-6)
    return max(1, min(busy, math.floor(fit), MOST_AT_ONCE))


def _labels(config: TrajectoryConfig, facts: Facts) -> int:
    """That it pays for in all."""
    available = facts.pool - config.validation
    steps = 0 if config.strategy in UNQUERIED else config.schedule.steps - 1
    return (
        min(available, config.schedule.initial + steps * config.schedule.step_size)
        + config.validation
    )


def _cache(store: Store) -> int:
    paths = [path for path in Path(store.cache).rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in paths) if store.storage.local else 0


def _past(
    stages: Sequence[Sequence[Left]], facts: Facts, speed: Speed, store: Store, shards: int
) -> float | None:
    """How long the steps took that are done, by what is estimated for them."""
    steps = store.read("steps")
    took = steps.drop_duplicates(["trajectory", "step"]).groupby("trajectory").step_seconds.sum()
    real = expected = 0.0
    for left in (left for stage in stages for left in stage):
        config = left.trial.leader
        if left.first and config.id in took.index:
            done = replace(config, schedule=replace(config.schedule, steps=left.first))
            until = replace(left.trial, leader=done)
            expected += trial_seconds(
                replace(left, trial=until, first=0), facts, speed, shards
            ).total
            real += float(np.asarray(took[config.id]))
    return real / expected if expected else None
