"""Run a study: its description, tokens and vectors; then its trajectories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from typing import Final

from rich.console import Console

from al_ray.cluster.access.connect import one_line
from al_ray.cluster.actors.embedding import vectors_of
from al_ray.cluster.observe.progress import row_bar
from al_ray.cluster.observe.tensorboard import TensorBoard, Tracker
from al_ray.cluster.trials.ready import Ready, encoders_of, readied, refuse_misfits, shared
from al_ray.cluster.trials.trial import Job, Setups, key_of
from al_ray.cluster.trials.tuning import tune_study
from al_ray.corpus.rows import Corpus
from al_ray.corpus.tokens.prepared import Rows
from al_ray.errors import AlRayError, StorageError, UserError
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
    # Before anything is written.
    check_study(study, len(corpus.train), encoders_of(models))
    store, say = Store(run_config.out), partial(console.print, markup=False, soft_wrap=True)
    with held(store, say, tr("wait for it, or give another --out")):
        trackers = _trackers(run_config, store, console)
        with readied(study, run_config, corpus, models, console, store) as ready:
            return _run(ready, run_config, corpus, console, store, trackers)


def _run(
    ready: Ready,
    run_config: RunConfig,
    corpus: Corpus,
    console: Console,
    store: Store,
    trackers: Sequence[Tracker],
) -> Outcome:
    say = partial(console.print, markup=False, soft_wrap=True)
    if store.storage.local is None:
        own_pages(store.pages)
    mend(store, say)  # not before it is known that the study is this one
    distrust(store, say)
    study, configs, again = ready.study, ready.configs, ready.again
    beside = unasked(study, configs)  # asked for when its vectors are there
    configs = [config for config in configs if config not in beside]
    shown = {
        "labels": list(corpus.labels),
        "train_rows": len(corpus.train),
        "tests": {split.name: len(split) for split in corpus.tests},
        "notes": list(corpus.notes),
    }

    def write_description(**found: float) -> None:
        facts = (ready.described, study, ready.corpus, ready.sources, shown)
        asked = describe(*facts, [*configs, *again], run_config)
        store.study_json.write({**asked, **found})

    write_description()
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
    if any(config.learner.head == "frozen" for config in ready.configs):
        try:
            setups, seconds = _with_vectors(setups, ready, store, console)
        except (AlRayError, OSError) as error:
            if not beside:
                raise
            line = tr("It is left out: {error}.", error=one_line(error))
            console.print(line, markup=False, soft_wrap=True)
        else:
            configs = ready.configs
            write_description(**({"vectors_seconds": seconds} if seconds else {}))
    job = Job(
        out=store.where,
        rows=ready.rows,
        setups=setups,
        shards=run_config.shards,
        cpus=ready.cpus,
        gpus=ready.gpus,
        ledger=study.ledger,
        commit=commit(),
        patience=run_config.patience,
    )
    refuse_misfits([*configs, *again], job, ready.room)
    every = (*configs, *again)
    trust(store)
    for _ in range(ROUNDS):
        record_rows(store, corpus, tokens)
        for stage in (configs, again):  # these need the rows that others have chosen
            if stage:
                tune_study(study, run_config, stage, job, store, console, trackers)
        if damaged := damaged_inputs(store):
            raise StorageError(
                "{path}: was damaged while the study ran; the same command makes it "
                "anew, and does the steps of this run again",
                path=damaged[0],
            )
        # What was damaged or has gone while it ran.
        if not mend(store, say) and all_told(store, corpus, every):
            break
    done = all_steps_done(store, every)
    trust(store)
    return Outcome(
        every, tuple(config for config in every if done[config.id] < config.schedule.steps)
    )


def _with_vectors(
    setups: Setups, ready: Ready, store: Store, console: Console
) -> tuple[Setups, float]:
    """The setups of frozen heads, and the seconds that their vectors took; 0 if they were there."""
    rows, made, total = Rows.load(ready.rows), dict(setups), 0.0
    wanted = [config.learner for config in ready.configs if config.learner.head == "frozen"]
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
