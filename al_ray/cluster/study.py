"""Run a study: its description, tokens and vectors; then its trajectories."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from typing import Any, Final

from rich.console import Console

from al_ray.cluster.access.connect import one_line
from al_ray.cluster.actors.embedding import vectors_of
from al_ray.cluster.observe.tensorboard import TensorBoard, Tracker
from al_ray.cluster.trials.ready import Ready, encoders_of, readied, refuse_misfits, shared
from al_ray.cluster.trials.trial import Job, Setups, key_of
from al_ray.cluster.trials.tuning import tune_study
from al_ray.corpus.embedded import EMBEDDED
from al_ray.corpus.rows import Corpus
from al_ray.corpus.tokens.prepared import Rows
from al_ray.errors import AlRayError, StorageError, UserError
from al_ray.io.bars import row_bar
from al_ray.io.node_files import share
from al_ray.language import tr
from al_ray.learners.encoder.source import ModelSource
from al_ray.loop.record import all_steps_done, all_told, record_rows
from al_ray.results import Store
from al_ray.results.damage.inputs import damaged_inputs, distrust, trust
from al_ray.results.damage.mend import mend
from al_ray.results.description import commit, describe
from al_ray.results.folder import own_pages
from al_ray.results.lease import held
from al_ray.study.config import StudyConfig
from al_ray.study.grid import check_study, unasked
from al_ray.study.running import RunConfig
from al_ray.study.trajectory import TrajectoryConfig
from al_ray.tasks import task_of
from al_ray.workers.kept_fits import forget

ROUNDS: Final = 3
"""How often what was damaged while a study ran is done again by the same command."""


@dataclass(frozen=True)
class Outcome:
    """How a study ended: its trajectories, and those that are not complete."""

    trajectories: tuple[TrajectoryConfig, ...]
    unfinished: tuple[TrajectoryConfig, ...]


def run_study(
    study: StudyConfig,
    run_config: RunConfig,
    corpus: Corpus,
    models: Mapping[str, ModelSource],
    console: Console,
) -> Outcome:
    """Run, continue or extend the study in `run_config.out`; `models` by `StudyConfig.model`.

    What is damaged in its folder, before or while it runs, is set aside and done again.

    Raises:
        StudyConflict: the folder holds another study, or another process is at it.
        UserError: a bad option, or no cluster at the address.
    """
    return run(study, run_config, corpus, models, console, _in_two_stages)


Batch = Sequence[TrajectoryConfig]


@dataclass(frozen=True)
class Stages:
    """What is to run, one batch after another: each needs what those before it have written.

    Attributes:
        ready: the study.
        configs: its trajectories, but for those that cannot be.
        store: its tables.
        describe: says in `study.json` that these are asked for.
    """

    ready: Ready
    configs: Batch
    store: Store
    describe: Callable[[Batch], None]


def _in_two_stages(stages: Stages) -> Iterator[Batch]:
    """All at once; then those that need the rows that others have chosen."""
    yield stages.configs
    yield stages.ready.again


def run(
    study: StudyConfig,
    run_config: RunConfig,
    corpus: Corpus,
    models: Mapping[str, ModelSource],
    console: Console,
    batches: Callable[[Stages], Iterator[Batch]],
    all_at_first: bool = True,
) -> Outcome:
    """See `run_study`.

    Args:
        batches: what is to run, begun again where something was damaged meanwhile.
        all_at_first: whether all that there are of its trajectories are asked for.
    """
    # Before anything is written.
    check_study(study, len(corpus.train), encoders_of(models, corpus))
    store, say = Store(run_config.out), partial(console.print, markup=False, soft_wrap=True)
    with held(store, say, tr("wait for it, or give another --out")):
        trackers = _trackers(run_config, store, console)
        with readied(study, run_config, corpus, models, console, store) as ready:
            return _run(ready, run_config, corpus, console, store, trackers, batches, all_at_first)


def _run(
    ready: Ready,
    run_config: RunConfig,
    corpus: Corpus,
    console: Console,
    store: Store,
    trackers: Sequence[Tracker],
    batches: Callable[[Stages], Iterator[Batch]],
    all_at_first: bool,
) -> Outcome:
    say = partial(console.print, markup=False, soft_wrap=True)
    if store.storage.local is None:
        own_pages(store.pages)
    mend(store, say)  # not before it is known that the study is this one
    distrust(store, say)
    study, configs, again = ready.study, ready.configs, ready.again
    # Asked for when its vectors are there; a search asks for what it compares.
    beside = unasked(study, configs) if all_at_first else []
    configs = [config for config in configs if config not in beside]
    shown = {
        **_of_task(corpus),
        "demonstration": corpus.name in EMBEDDED,
        "train_rows": len(corpus.train),
        "tests": {split.name: len(split) for split in corpus.tests},
        "notes": list(corpus.notes),
    }

    found: dict[str, float] = {}

    def write_description(asked: Batch) -> None:
        facts = (store.study_json.read(), study, ready.corpus, ready.sources, shown)
        store.study_json.write({**describe(*facts, asked, run_config), **found})

    write_description([*configs, *again] if all_at_first else [])
    if run_config.study_file:
        store.storage.write("study.toml", run_config.study_file.encode())
    tokens = next(iter(ready.setups.values())).tokens
    setups = shared(ready, store)
    if beside:
        console.print(
            tr(
                "Beside the arms asked for: random with a frozen head, which shows whether the "
                "fine-tuned one is trained long enough."
            ),
            soft_wrap=True,
        )
    succeeds = any(config.learner.head == "frozen" for config in again)
    if succeeds or any(config.learner.head == "frozen" for config in ready.configs):
        try:
            setups, seconds = _with_vectors(setups, ready, store, console)
        except (AlRayError, OSError) as error:
            if succeeds or not beside:
                raise
            line = tr("It is left out: {error}.", error=one_line(error))
            console.print(line, markup=False, soft_wrap=True)
        else:
            configs = ready.configs
            found = {"vectors_seconds": seconds} if seconds else {}
            write_description([*configs, *again] if all_at_first else [])
    job = Job(
        out=store.where,
        rows=ready.rows,
        setups=setups,
        shards=run_config.shards,
        cpus=ready.cpus,
        gpus=ready.gpus,
        ledger=study.ledger,
        stop_set=study.stop_set,
        commit=commit(),
        patience=run_config.patience,
    )
    refuse_misfits([*configs, *again], job, ready.room)
    stages = Stages(ready, configs, store, write_description)
    trust(store)
    if store.storage.local is not None:
        fits = store.cache / "fits"
        forget(fits)  # of a run that was cut off
        job = replace(job, setups={key: replace(each, fits=fits) for key, each in setups.items()})
    for _ in range(ROUNDS):
        record_rows(store, corpus, tokens)
        every: dict[str, TrajectoryConfig] = {}
        for batch in batches(stages):
            if batch:
                tune_study(study, run_config, batch, job, store, console, trackers)
            every |= {config.id: config for config in batch}
        if damaged := damaged_inputs(store):
            raise StorageError(
                "{path}: was damaged while the study ran; the same command makes it "
                "anew, and does the steps of this run again",
                path=damaged[0],
            )
        # What was damaged or has gone while it ran.
        if not mend(store, say) and all_told(store, corpus, list(every.values())):
            break
    asked = tuple(every.values())
    done = all_steps_done(store, asked)
    trust(store)
    return Outcome(
        asked, tuple(config for config in asked if done[config.id] < config.schedule.steps)
    )


def _of_task(corpus: Corpus) -> dict[str, Any]:
    """What readers of the tables must know of it."""
    task = task_of(corpus.task, corpus.labels)
    said = {
        "name": task.name,
        "score": task.score,
        "metrics": list(task.metrics),
        "few": task.few,
        "head": task.head,
        "outputs": len(task.classes),
    }
    return {"labels": list(task.kinds), "task": said}


def _with_vectors(
    setups: Setups, ready: Ready, store: Store, console: Console
) -> tuple[Setups, float]:
    """The setups of frozen heads, and the seconds that their vectors took; 0 if they were there."""
    rows, made, total = Rows.load(ready.rows), dict(setups), 0.0
    every = [config.learner for config in (*ready.configs, *ready.again)]
    wanted = [each for each in every if each.head == "frozen"]
    for key in dict.fromkeys(map(key_of, wanted)):
        setup = made[key]
        with row_bar(console, tr("Vectors")) as progress:
            path, seconds = vectors_of(
                setup, rows, key[0], store.cache, ready.cpus, ready.gpus, progress
            )
        setup, total = replace(setup, vectors=path), total + seconds
        if setup.shared is not None:
            setup = replace(setup, shared=share(store.where, setup.shared, {path.name: path}))
        made[key] = setup
    return made, total


def _trackers(run_config: RunConfig, store: Store, console: Console) -> list[Tracker]:
    """Those that are told of every step that is on disk."""
    board = TensorBoard(store, partial(console.print, markup=False, soft_wrap=True))
    if run_config.mlflow is None:
        return [board]
    if find_spec("mlflow") is None:
        raise UserError(
            "--mlflow: MLflow is not installed; install the extra: pip install -e '.[mlflow]'"
        )
    # Ray's module takes MLflow with it, which is slow to load and may not be there.
    from al_ray.cluster.observe.mlflow import connect

    return [board, connect(run_config.mlflow, store, console)]
