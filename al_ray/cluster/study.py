"""Run a study: what is on disk is read first, and Tune is given what is left to do."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec

from ray import tune
from rich.console import Console

from al_ray.cluster.callbacks import Begun, Idle, Tries, in_words
from al_ray.cluster.connect import one_line
from al_ray.cluster.embedding import vectors_of
from al_ray.cluster.progress import Progress, name_of, row_bar
from al_ray.cluster.ready import Ready, readied, refuse_misfits, shared
from al_ray.cluster.tensorboard import TensorBoard, Tracker
from al_ray.cluster.trial import Job, encode, placement, record, record_all, run, trial_layout
from al_ray.config import UNQUERIED, RunConfig, StudyConfig, TrajectoryConfig
from al_ray.corpus.prepared import Rows
from al_ray.corpus.rows import Corpus
from al_ray.encoder.source import ModelSource, has_dropout
from al_ray.equivalence import follow
from al_ray.errors import AlRayError, UserError
from al_ray.grid import Trial, check_study, trials, unasked
from al_ray.node_files import share
from al_ray.record import record_rows, steps_done
from al_ray.results import Store
from al_ray.results.description import commit, describe
from al_ray.results.lease import held
from al_ray.results.mend import mend
from al_ray.workers import Setup

MAX_FAILURES = 3
"""How often a trial begins again at its last complete step without having gained one since."""

KEEP = True
"""Whether a trial takes over the processes of one that has ended (`crew`): picks are the same."""


@dataclass(frozen=True)
class Outcome:
    """How a study ended: its trajectories, and those that are not complete."""

    trajectories: tuple[TrajectoryConfig, ...]
    unfinished: tuple[TrajectoryConfig, ...]


def run_study(
    study: StudyConfig,
    run_config: RunConfig,
    corpus: Corpus,
    model: ModelSource,
    console: Console,
) -> Outcome:
    """Run, continue or extend the study in `run_config.out`.

    Raises:
        StudyConflict: the folder holds another study, or another process is at it.
        UserError: a bad option, or no cluster at the address.
    """
    # Before anything is written.
    check_study(study, len(corpus.train), model.name, has_dropout(model.folder))
    store, say = Store(run_config.out), partial(console.print, markup=False, soft_wrap=True)
    with held(store, say, "wait for it, or give another --out"):
        mend(store, say)
        return _run(study, run_config, corpus, model, console, store)


def _run(
    study: StudyConfig,
    run_config: RunConfig,
    corpus: Corpus,
    model: ModelSource,
    console: Console,
    store: Store,
) -> Outcome:
    trackers = _trackers(run_config, store, console)
    with readied(study, run_config, corpus, model, console, store) as ready:
        study, configs, again = ready.study, ready.configs, ready.again
        beside = unasked(study, configs)  # asked for when its vectors are there
        configs = [config for config in configs if config not in beside]
        prepared, cpus, gpus = ready.prepared, ready.cpus, ready.gpus
        shown = {
            "labels": list(corpus.labels),
            "train_rows": len(corpus.train),
            "tests": {split.name: len(split) for split in corpus.tests},
            "notes": list(corpus.notes),
        }

        def write_description(**found: float) -> None:
            facts = (ready.described, study, ready.corpus, ready.model, shown)
            asked = describe(*facts, [*configs, *again], run_config)
            store.write_description({**asked, **found})

        write_description()
        record_rows(store, corpus, prepared)
        setup = shared(ready.setup, model, prepared, store)
        if beside:
            console.print(
                "Beside the arms asked for: random with a frozen head, which shows whether the "
                "fine-tuned one is trained long enough.",
                soft_wrap=True,
            )
        if any(config.head == "frozen" for config in ready.configs):
            try:
                setup, seconds = _with_vectors(setup, ready, model, store, console)
            except (AlRayError, OSError) as error:
                if not beside:
                    raise
                console.print(f"It is left out: {one_line(error)}.", markup=False, soft_wrap=True)
            else:
                configs = ready.configs
                write_description(**({"vectors_seconds": seconds} if seconds else {}))
        job = Job(
            out=store.where,
            prepared=prepared,
            setup=setup,
            shards=run_config.shards,
            cpus=cpus,
            gpus=gpus,
            ledger=study.ledger,
            commit=commit(),
            patience=run_config.patience,
        )
        refuse_misfits([*configs, *again], job, ready.room)
        for stage in (configs, again):  # a replay needs the rows that another has chosen
            if stage:
                _tune(study, run_config, stage, job, store, console, len(corpus.labels), trackers)
        unfinished = tuple(c for c in (*configs, *again) if steps_done(store, c) < c.steps)
        return Outcome((*configs, *again), unfinished)


def _with_vectors(
    setup: Setup, ready: Ready, model: ModelSource, store: Store, console: Console
) -> tuple[Setup, float]:
    """The setup of frozen heads, and the seconds that their vectors took; 0 if they were there."""
    rows = Rows.load(ready.prepared.rows)
    with row_bar(console, "Vectors") as progress:
        path, seconds = vectors_of(
            setup, rows, model.digest, store.cache, ready.cpus, ready.gpus, progress
        )
    setup = replace(setup, vectors=path)
    if setup.shared is not None:
        setup = replace(setup, shared=share(store.where, setup.shared, {path.name: path}))
    return setup, seconds


def _tune(
    study: StudyConfig,
    run_config: RunConfig,
    configs: Sequence[TrajectoryConfig],
    job: Job,
    store: Store,
    console: Console,
    n_labels: int,
    trackers: Sequence[Tracker],
) -> None:
    """Give Tune the trajectories that are not done, and record those that fail."""
    cut = sorted({c.steps for c in configs if study.steps and c.strategy not in UNQUERIED})
    if study.steps and cut and cut[0] < study.steps:
        console.print(
            f"The pool ends before --steps {study.steps}: some trajectories have {cut[0]}.",
            highlight=False,
        )
    done = {config.id: steps_done(store, config) for config in configs}
    runs = store.read("trajectories")
    begun = set(runs.trajectory[runs.rows_of.isna()])
    grouped = trials(configs, n_labels, study.keep_equivalent, begun)
    for trial in grouped:
        for follower in trial.followers:
            given = follow(store, trial.leader, follower)
            if given > done[follower.id] and given == follower.steps:
                record(store, follower, "complete", job, rows_of=trial.leader.id)
        if trial.followers:
            names = ", ".join(follower.strategy for follower in trial.followers)
            console.print(
                f"On two labels {names} orders the pool as {trial.leader.strategy} does: "
                f"{name_of(trial.leader)} runs and gives its rows to "
                f"{'both' if len(trial.followers) == 2 else 'it'} (--keep-equivalent runs them "
                "apart).",
                highlight=False,
            )
    todo = [trial for trial in grouped if not _is_complete(trial, done, store)]
    n_done = len(grouped) - len(todo)
    if n_done:
        console.print(f"{n_done} of {len(grouped)} trajectories are done already.", highlight=False)
    for tracker in trackers:
        tracker.begin(configs)
    if todo:
        os.environ["RAY_CHDIR_TO_TRIAL_DIR"] = "0"
        os.environ["RAY_AIR_NEW_OUTPUT"] = "0"  # Tune stays silent: the progress is ours
        os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"  # Tune's would wait; see `interrupts`
        os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"  # our tables are the record
        largest = max((trial_layout(trial.leader, job) for trial in todo), key=lambda x: x.count)
        idle = Idle(in_words(largest.bundles), run_config.patience, console)
        with Progress(todo, done, console) as progress:
            callbacks = [progress, *trackers, Tries(MAX_FAILURES), idle]
            errors, lost = _fit(todo, job, run_config, store, callbacks, KEEP)
            if lost:
                for trial in lost:
                    errors.pop(trial.leader.id, None)
                errors |= _fit(lost, job, run_config, store, callbacks, False)[0]
        for trial in todo:
            # Tune may blame one that has ended for the death of the process that it ran in.
            ended = {trial.leader.id: steps_done(store, trial.leader)}
            if trial.leader.id in errors and not _is_complete(trial, ended, store):
                record_all(store, trial, "failed", job, error=errors[trial.leader.id])


def _fit(
    todo: Sequence[Trial],
    job: Job,
    run_config: RunConfig,
    store: Store,
    callbacks: Sequence[tune.Callback],
    keep: bool,
) -> tuple[dict[str, str], list[Trial]]:
    """Have Tune run these trials.

    Args:
        keep: whether a loop's process is given to the next trial of equal resources.

    Returns:
        The errors of those that failed, by trajectory; and those that could not even begin, since
        the process that they were given had died. Tune (2.60) does not try these again.
    """
    # Tune's own notes: never read, so never trusted. Only the driver writes them as long as no
    # trial gives Tune a checkpoint, so that they need not be where other nodes reach them.
    scratch = store.scratch
    shutil.rmtree(scratch, ignore_errors=True)
    begun = Begun()
    tuner = tune.Tuner(
        tune.with_resources(tune.with_parameters(run, job=job), partial(placement, job=job)),
        param_space={"trial": tune.grid_search([encode(trial) for trial in todo])},
        tune_config=tune.TuneConfig(
            max_concurrent_trials=run_config.concurrent,
            reuse_actors=keep,
            trial_name_creator=lambda trial: trial.config["trial"]["id"],
            trial_dirname_creator=lambda trial: trial.trial_id,
        ),
        run_config=tune.RunConfig(
            name="study",
            storage_path=str(scratch),
            failure_config=tune.FailureConfig(max_failures=MAX_FAILURES),
            callbacks=[*callbacks, begun],
            verbose=0,
        ),
    )
    results = tuner.fit()
    shutil.rmtree(scratch, ignore_errors=True)
    errors = {
        result.config["trial"]["id"]: one_line(result.error)
        for result in results
        if result.config and result.error
    }
    lost = [trial for trial in todo if trial.leader.id not in begun.trajectories]
    return errors, lost


def _trackers(run_config: RunConfig, store: Store, console: Console) -> list[Tracker]:
    """Those that are told of every step that is on disk."""
    board = TensorBoard(store)
    if run_config.mlflow is None:
        return [board]
    if find_spec("mlflow") is None:
        raise UserError(
            "--mlflow: MLflow is not installed; install the extra: pip install -e '.[mlflow]'"
        )
    # Ray's module takes MLflow with it, which is slow to load and may not be there.
    from al_ray.cluster.mlflow import connect

    return [board, connect(run_config.mlflow, store, console)]


def _is_complete(trial: Trial, done: dict[str, int], store: Store) -> bool:
    if done[trial.leader.id] < trial.leader.steps:
        return False
    rows = store.read_one("trajectories", trial.leader.id)
    # Killed between its last step and its last word: Tune is asked again, and only that is said.
    return (
        rows is not None
        and rows.status.iloc[0] == "complete"
        and int(rows.steps.iloc[0]) == trial.leader.steps
    )
