"""Run a study: what is on disk is read first, and Tune is given what is left to do."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import ray
from filelock import FileLock, Timeout
from ray import tune
from rich.console import Console

from al_ray import files
from al_ray.cluster.embedding import vectors_of
from al_ray.cluster.first_worker import await_worker
from al_ray.cluster.progress import Progress, name_of, row_bar
from al_ray.cluster.trial import Job, encode, placement, record, record_all, run
from al_ray.config import (
    UNQUERIED,
    Device,
    RunConfig,
    Source,
    StudyConfig,
    Training,
    TrajectoryConfig,
)
from al_ray.corpus.prepared import Rows, prepare
from al_ray.corpus.rows import Corpus
from al_ray.encoder.source import ModelSource, has_dropout
from al_ray.equivalence import follow
from al_ray.errors import StudyConflict, UserError
from al_ray.grid import Trial, check_study, replays, trajectories, trials
from al_ray.record import record_rows, steps_done
from al_ray.results import Store
from al_ray.results.description import commit, describe, facts, recorded, refuse_another
from al_ray.workers import Setup

MAX_FAILURES = 3
"""How often a trial that failed begins again at its last complete step."""

TOKEN_BUDGET: dict[Device, int] = {"cpu": 4096, "cuda": 65536}


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
    store = Store(run_config.out)
    store.folder.mkdir(parents=True, exist_ok=True)
    try:
        held = FileLock(store.folder / ".lock").acquire(timeout=0)
    except Timeout:
        raise StudyConflict(
            f"{run_config.out}: another process is running this study; wait for it, or give "
            "another --out"
        ) from None
    with held:
        files.sweep(store.folder)
        return _run(study, run_config, corpus, model, console, store)


def _run(
    study: StudyConfig,
    run_config: RunConfig,
    corpus: Corpus,
    model: ModelSource,
    console: Console,
    store: Store,
) -> Outcome:
    described = store.read_description()
    study = replace(study, training=recorded(study.training, described))
    corpus_source = Source(name=corpus.name, digest=corpus.digest)
    model_source = Source(name=model.name, digest=model.digest)
    if described is not None:
        refuse_another(described, facts(study, corpus_source, model_source), store.folder)
    with row_bar(console, "Tokens") as progress:
        prepared = prepare(
            corpus, model.folder, model.digest, study.training.max_length, store.cache, progress
        )
    own = _connect(run_config, console)
    try:
        await_worker(console)
        device = _device(run_config)
        study = replace(study, training=_settle(study.training, device))
        configs = trajectories(
            study, corpus_source, model_source, len(corpus.train), has_dropout(model.folder)
        )
        again = replays(study, configs, len(corpus.labels))
        shown = {
            "labels": list(corpus.labels),
            "train_rows": len(corpus.train),
            "tests": {split.name: len(split) for split in corpus.tests},
            "notes": list(corpus.notes),
        }
        description = describe(
            described, study, corpus_source, model_source, shown, [*configs, *again], run_config
        )
        store.write_description(description)
        record_rows(store, corpus, prepared)
        resources = ray.cluster_resources()
        cpus = resources.get("CPU", 1.0)
        gpus = resources.get("GPU", 0.0) if device == "cuda" else 0.0
        setup = Setup(
            encoder=model.folder,
            tokens=prepared.tokens,
            n_labels=len(corpus.labels),
            training=study.training,
            device=device,
        )
        if "frozen" in study.heads:
            rows = Rows.load(prepared.rows)
            with row_bar(console, "Vectors") as progress:
                path, seconds = vectors_of(
                    setup, rows, model.digest, store.cache, cpus, gpus, progress
                )
            setup = replace(setup, vectors=path)
            if seconds:
                store.write_description({**description, "vectors_seconds": seconds})
        job = Job(
            out=str(store.folder),
            prepared=prepared,
            setup=setup,
            shards=run_config.shards,
            cpus=cpus,
            gpus=gpus,
            ledger=study.ledger,
            commit=commit(),
        )
        for stage in (configs, again):  # a replay needs the rows that another has chosen
            if stage:
                _tune(study, run_config, stage, job, store, console, len(corpus.labels))
        unfinished = tuple(c for c in (*configs, *again) if steps_done(store, c) < c.steps)
        return Outcome((*configs, *again), unfinished)
    finally:
        if own:
            ray.shutdown()


def _tune(
    study: StudyConfig,
    run_config: RunConfig,
    configs: Sequence[TrajectoryConfig],
    job: Job,
    store: Store,
    console: Console,
    n_labels: int,
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
    if todo:
        os.environ["RAY_CHDIR_TO_TRIAL_DIR"] = "0"
        os.environ["RAY_AIR_NEW_OUTPUT"] = "0"  # Tune stays silent: the progress is ours
        os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"  # our tables are the record
        scratch = store.folder / ".tune"  # Tune's own notes: never read, so never trusted
        shutil.rmtree(scratch, ignore_errors=True)
        with Progress(todo, done, console) as progress:
            tuner = tune.Tuner(
                tune.with_resources(
                    tune.with_parameters(run, job=job), partial(placement, job=job)
                ),
                param_space={"trial": tune.grid_search([encode(trial) for trial in todo])},
                tune_config=tune.TuneConfig(
                    max_concurrent_trials=run_config.concurrent,
                    trial_name_creator=lambda trial: trial.config["trial"]["id"],
                    trial_dirname_creator=lambda trial: trial.trial_id,
                ),
                run_config=tune.RunConfig(
                    name="study",
                    storage_path=str(scratch),
                    failure_config=tune.FailureConfig(max_failures=MAX_FAILURES),
                    callbacks=[progress],
                    verbose=0,
                ),
            )
            results = tuner.fit()
        shutil.rmtree(scratch, ignore_errors=True)
        errors = {
            result.config["trial"]["id"]: _one_line(result.error)
            for result in results
            if result.config and result.error
        }
        for trial in todo:
            if trial.leader.id in errors:
                record_all(store, trial, "failed", job, error=errors[trial.leader.id])


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


# The cluster and its devices


def _connect(run_config: RunConfig, console: Console) -> bool:
    """Join or start a cluster; answers whether to leave it at the end."""
    if ray.is_initialized():
        return False
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if run_config.address is None or run_config.address == "local":
        options["include_dashboard"] = run_config.dashboard
    try:
        _knock(run_config.address)
        context = ray.init(address=run_config.address, **options)
    except OSError as error:
        raise UserError(
            f"--address {run_config.address}: no Ray cluster answers there "
            f"({_one_line(error)}); start one with `ray start --head`, or leave the option out"
        ) from error
    if context.dashboard_url:
        console.print(f"Ray dashboard: http://{context.dashboard_url}", highlight=False)
    return True


def _knock(address: str | None) -> None:
    """Ray itself goes on trying for minutes at an address where nobody listens."""
    host, colon, port = (address or "").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.removeprefix("ray://"), int(port)), timeout=10).close()


def _device(run_config: RunConfig) -> Device:
    gpus = ray.cluster_resources().get("GPU", 0)
    if run_config.device == "cuda" and not gpus:
        raise UserError("--device cuda: the cluster has no GPU; leave the option out")
    if run_config.device == "auto":
        return "cuda" if gpus else "cpu"
    return run_config.device


def _settle(training: Training, device: Device) -> Training:
    """Replace what is left to the device by what this one does best."""
    if training.precision == "auto":
        fast = device == "cuda" or _cpu_has_bfloat16()
        training = replace(training, precision="bfloat16" if fast else "float32")
    if training.token_budget is None:
        training = replace(training, token_budget=TOKEN_BUDGET[device])
    return training


def _cpu_has_bfloat16() -> bool:
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def _one_line(error: BaseException | None) -> str:
    text = str(error).strip().splitlines() if error else []
    return text[-1] if text else type(error).__name__
