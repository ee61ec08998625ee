"""`--plan`: what is left of a study, at the speed that the cluster is measured to have."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console

from al_ray.cluster.actors.embedding import slots_of, vectors_path
from al_ray.cluster.layout import Layout, layout
from al_ray.cluster.lots import is_cheap
from al_ray.cluster.trials.probe import Measured, probe
from al_ray.cluster.trials.ready import Ready, encoders_of, readied, refuse_misfits, shared
from al_ray.cluster.trials.trial import Job, Key, key_of, trial_layout
from al_ray.corpus.rows import Corpus
from al_ray.corpus.tokens.mapped import Rows, Tokens
from al_ray.language import tr
from al_ray.learners.encoder.source import ModelSource, packs, width
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
from al_ray.study.chooser import UNQUERIED
from al_ray.study.config import StudyConfig
from al_ray.study.grid import Trial, check_study, trials
from al_ray.study.running import LABELS_PER_DAY, RunConfig
from al_ray.study.trajectory import TrajectoryConfig

MOST_AT_ONCE = 16
"""Trials that the speed is measured with; more would only take longer to start."""

BEYOND = 5.0
"""Seconds that Tune takes to begin and to end."""

NOTHING = Speed(0, 0, 0, 0, 0, 0, 0)
"""Of what is not measured, since nothing is left of it."""

_TEXTS = 5000


@dataclass(frozen=True)
class Plan:
    """What `--plan` has found.

    Attributes:
        estimate: of what is left.
        measured: by the name of the encoder; empty where nothing is left.
        device: `CPU` or the GPU's name.
        past: seconds that the steps which are done took, by what is estimated for them; None where
            there are none.
    """

    estimate: Estimate
    measured: Mapping[str, Measured]
    device: str
    past: float | None


def plan_study(
    study: StudyConfig,
    run_config: RunConfig,
    corpus: Corpus,
    models: Mapping[str, ModelSource],
    console: Console,
) -> Plan:
    """Estimate what is left of the study in `run_config.out`; writes nothing there but caches.

    Raises:
        StudyConflict: the folder holds another study.
        UserError: a bad option, or no cluster at the address.
    """
    check_study(study, len(corpus.train), encoders_of(models, corpus))
    store = Store(run_config.out)
    with readied(study, run_config, corpus, models, console, store) as ready:
        job = Job(
            out=store.where,
            rows=ready.rows,
            setups=shared(ready, store),
            shards=run_config.shards,
            cpus=ready.cpus,
            gpus=ready.gpus,
            ledger=ready.study.ledger,
            stop_set=ready.study.stop_set,
            commit="",
            patience=run_config.patience,
        )
        refuse_misfits([*ready.configs, *ready.again], job, ready.room)
        return _plan(ready, job, run_config, corpus, console, store)


def _plan(
    ready: Ready,
    job: Job,
    run_config: RunConfig,
    corpus: Corpus,
    console: Console,
    store: Store,
) -> Plan:
    rows = Rows.load(ready.rows)
    lengths = {key: Tokens(setup.tokens).lengths for key, setup in ready.setups.items()}
    facts = {
        key: facts_of(
            {name: lengths[key][which] for name, which in rows.splits.items()},
            setup.training,
            setup.n_labels,
            width(setup.encoder),
            packs=packs(setup.encoder),
            stop_set=ready.study.stop_set,
        )
        for key, setup in ready.setups.items()
    }
    every = [_trials(stage, ready, store) for stage in (ready.configs, ready.again)]
    stages = [[_left(trial, store, job, facts) for trial in stage] for stage in every]
    room = Room(ready.cpus, ready.gpus, run_config.concurrent)
    first = next((stage for stage in map(_todo, stages) if stage), [])
    measured: dict[Key, Measured] = {}
    for key in dict.fromkeys(_key(left) for stage in stages for left in _todo(stage)):
        console.print(tr("Measuring how fast this cluster is at it (about half a minute)."))
        train, setup = rows.train, ready.setups[key]
        measured[key] = probe(
            job,
            next(config for config in ready.configs if key_of(config.learner) == key),
            setup.training,
            _single(job),
            _at_once(first, job, room),
            setup.task.known(rows.labels[train], rows.label_names),
            lengths[key][train],
            facts[key],
        )
    speeds = {key: each.speed for key, each in measured.items()}
    stages = [
        [replace(left, speed=speeds.get(_key(left), NOTHING)) for left in stage] for stage in stages
    ]
    todo = list(map(_todo, stages))
    cache, before = _cache(store), ready.seconds + BEYOND
    learners = [config.learner for config in (*ready.configs, *ready.again)]
    for key in dict.fromkeys(key_of(each) for each in learners if each.head == "frozen"):
        of, setup = facts[key], ready.setups[key]
        if key not in measured or vectors_path(setup, key[0], store.cache).exists():
            continue
        cache += 4 * len(lengths[key]) * of.width
        tokens = of.pool * of.train.scored
        tokens += sum(n * of.tested[name] for name, n in of.tests.items())
        slots = slots_of(setup.training.threads, ready.cpus, ready.gpus)
        speed = measured[key].speed
        before += speed.start / 2 + tokens * speed.score_token / slots
    known = store.exists("rows", corpus.digest[:20])
    storage = storage_of(
        [left for stage in todo for left in stage],
        rows,
        () if known else corpus.train.texts[:_TEXTS],
        ready.study.ledger,
        cache,
    )
    told = (ready.described or {}).get("labels_per_day", LABELS_PER_DAY)
    found = estimate(
        todo,
        room,
        storage=storage,
        done=sum(map(len, stages)) - sum(map(len, todo)),
        labels=max((_labels(config, len(rows.train)) for config in ready.configs), default=0),
        labels_per_day=run_config.labels_per_day or told,
        before=before if measured else 0.0,
    )
    devices = {each.device for each in measured.values()}
    device = "CPU" if devices <= {"cpu"} else devices.pop()
    past = _past(stages, store) if measured else None
    twice = len({digest for digest, _ in measured}) < len(measured)
    named = {}
    for (digest, length), each in measured.items():
        name = ready.models[digest].name
        named[tr("{name} at {n} tokens", name=name, n=length) if twice else name] = each
    return Plan(found, named, device, past)


def _key(left: Left) -> Key:
    return key_of(left.trial.leader.learner)


def _todo(stage: Sequence[Left]) -> list[Left]:
    return [left for left in stage if left.first < left.trial.leader.schedule.steps]


def _trials(configs: Sequence[TrajectoryConfig], ready: Ready, store: Store) -> list[Trial]:
    runs = store.read("trajectories")
    begun = set(runs.trajectory[runs.rows_of.isna()])
    labels = next(iter(ready.setups.values())).labels
    return trials(configs, labels, ready.study.keep_equivalent, begun)


def _left(trial: Trial, store: Store, job: Job, facts: Mapping[Key, Facts]) -> Left:
    """From where a trial goes on, and what it reserves."""
    config = trial.leader
    wanted, threads = trial_layout(config, job), config.learner.training.threads
    cpus, first = wanted.cpus, resumes_at(store, config)
    reckoned = trial, first, facts[key_of(config.learner)], NOTHING, cpus
    if is_cheap(config):
        return Left(*reckoned, start=0.0)
    of_gpu = wanted.bundle.get("GPU", 0.0)
    shards = job.shards_of(config.learner)
    actors = len(config.learner.rates) + shards
    return Left(
        *reckoned,
        of_gpu * wanted.count,
        stretch(len(config.learner.rates), threads, cpus, of_gpu),
        max(1.0, actors / cpus / (2 / _single(job).cpus)),
        shards,
    )


def _single(job: Job) -> Layout:
    return layout(1, 1, job.any_setup.training.threads, job.cpus, job.gpus)


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


def _labels(config: TrajectoryConfig, pool: int) -> int:
    """That it pays for in all."""
    schedule = config.schedule
    last = 0 if config.strategy in UNQUERIED else schedule.steps - 1
    return min(pool - config.validation, schedule.labelled(last)) + config.validation


def _cache(store: Store) -> int:
    paths = [path for path in Path(store.cache).rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in paths) if store.storage.local else 0


def _past(stages: Sequence[Sequence[Left]], store: Store) -> float | None:
    """How long the steps took that are done, by what is estimated for them; of heads alone of which
    there is more to do.
    """
    steps = store.read("steps")
    took = steps.drop_duplicates(["trajectory", "step"]).groupby("trajectory").step_seconds.sum()
    real = expected = 0.0
    every = [left for stage in stages for left in stage]
    heads = {
        left.trial.leader.learner.head
        for left in every
        if left.first < left.trial.leader.schedule.steps
    }
    for left in every:
        config = left.trial.leader
        if config.learner.head not in heads:
            continue
        if left.first and config.id in took.index and left.speed != NOTHING:
            done = replace(config, schedule=replace(config.schedule, steps=left.first))
            until = replace(left.trial, leader=done)
            expected += trial_seconds(replace(left, trial=until, first=0)).total
            real += float(np.asarray(took[config.id]))
    return real / expected if expected else None
