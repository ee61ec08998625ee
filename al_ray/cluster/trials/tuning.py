"""Give Tune what is left to do of a study's trajectories, and record those that fail."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from ray import tune
from rich.console import Console

from al_ray.cluster.access.connect import one_line
from al_ray.cluster.lots import Lot, encode, lots
from al_ray.cluster.observe.progress import Progress, name_of
from al_ray.cluster.observe.tensorboard import Tracker
from al_ray.cluster.trials.callbacks import Begun, Forgets, Idle, Tries, in_words
from al_ray.cluster.trials.trial import Job, placement, record, record_all, run, trial_layout
from al_ray.errors import AlRayError
from al_ray.language import tr, trn
from al_ray.loop.equivalence import follow
from al_ray.loop.record import all_steps_done
from al_ray.results import Store
from al_ray.results.folder import refuse_gone
from al_ray.study.chooser import UNQUERIED
from al_ray.study.config import StudyConfig
from al_ray.study.grid import Trial, trials
from al_ray.study.running import RunConfig
from al_ray.study.sharing import first_fits, shared_fits
from al_ray.study.trajectory import TrajectoryConfig

MAX_FAILURES = 3
"""How often a trial begins again at its last complete step without having gained one since."""

KEEP = True
"""Whether a trial takes over the processes of one that has ended (`crew`): picks are the same."""


class _Unexpected(logging.Filter):
    """Of Tune's notes, which hold stacks: none of an error that is raised on purpose."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is of anything else."""
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(getattr(error, "cause", error), AlRayError)


logging.getLogger("ray.tune.execution.tune_controller").addFilter(_Unexpected())
logging.getLogger("ray.tune.tune").setLevel(logging.CRITICAL)  # who did not complete, we say


def tune_study(
    study: StudyConfig,
    run_config: RunConfig,
    configs: Sequence[TrajectoryConfig],
    job: Job,
    store: Store,
    console: Console,
    trackers: Sequence[Tracker],
) -> None:
    """Run what is left of these trajectories."""
    cut = sorted({c.schedule.steps for c in configs if study.steps and c.strategy not in UNQUERIED})
    if study.steps and cut and cut[0] < study.steps:
        console.print(
            tr(
                "The pool ends before --steps {steps}: some trajectories have {n}.",
                steps=study.steps,
                n=cut[0],
            ),
            highlight=False,
        )
    done = all_steps_done(store, configs)
    runs = store.read("trajectories")
    begun = set(runs.trajectory[runs.rows_of.isna()])
    grouped = trials(configs, job.any_setup.labels, study.keep_equivalent, begun)
    _give_rows(grouped, done, job, store, console)
    complete = _complete(store)
    todo = [t for t in grouped if not _is_complete(t, done, complete)]
    n_done = len(grouped) - len(todo)
    if n_done:
        line = tr("{n:,} of {of:,} trajectories are done already.", n=n_done, of=len(grouped))
        console.print(line, highlight=False)
    for tracker in trackers:
        tracker.begin(configs)
    if not todo:
        return
    os.environ["RAY_CHDIR_TO_TRIAL_DIR"] = "0"
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"  # Tune stays silent: the progress is ours
    os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"  # Tune's would wait; see `interrupts`
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"  # our tables are the record
    begin = {
        trial.leader.id: first_fits(trial.leader) for trial in todo if not done[trial.leader.id]
    }
    shared = shared_fits(begin)
    job = replace(job, shared_fits=frozenset(shared))
    # Those that share a fit one after another, so that it need not be kept for long.
    place = {name: number for number, name in enumerate(shared)}
    last = len(place)
    todo.sort(
        key=lambda trial: min(
            (place.get(n, last) for n in begin.get(trial.leader.id, ())), default=last
        )
    )
    largest = max((trial_layout(trial.leader, job) for trial in todo), key=lambda x: x.count)
    idle = Idle(in_words(largest.bundles), run_config.patience, console)
    slots = max(1, min(int(job.cpus), run_config.concurrent or len(todo)))
    left, keep = lots(todo, slots), KEEP
    with Progress(todo, done, console) as progress:
        callbacks = [progress, *trackers, Tries(MAX_FAILURES), idle, *_forgetting(job, begin)]
        while left:
            errors, lost = _fit(left, job, run_config, callbacks, keep)
            refuse_gone(store.storage)  # before a failure is told to a folder that is none of ours
            if not keep:  # nothing was handed over, so it is their own fault
                lost = []
            failed = [lot for lot in left if lot[0].leader.id in errors and lot not in lost]
            after = [_settled(lot, errors[lot[0].leader.id], store, job) for lot in failed]
            left, keep = [*lost, *(lot for lot in after if lot)], False


def _forgetting(job: Job, begin: Mapping[str, tuple[str, ...]]) -> list[Forgets]:
    fits = job.any_setup.fits
    return [Forgets(fits, begin)] if fits is not None else []


def _give_rows(
    grouped: Sequence[Trial], done: dict[str, int], job: Job, store: Store, console: Console
) -> None:
    """Give followers what their leaders have done before, and say who they are."""
    for trial in grouped:
        for follower in trial.followers:
            given = follow(store, trial.leader, follower)
            if given > done[follower.id] and given == follower.schedule.steps:
                record(store, follower, "complete", job, rows_of=trial.leader.id)
        if trial.followers:
            line = trn(
                "On two labels {names} orders the pool as {leader} does: {trajectory} runs and "
                "gives its rows to it (--keep-equivalent runs them apart).",
                "On two labels {names} orders the pool as {leader} does: {trajectory} runs and "
                "gives its rows to both (--keep-equivalent runs them apart).",
                len(trial.followers),
                names=", ".join(follower.strategy for follower in trial.followers),
                leader=trial.leader.strategy,
                trajectory=name_of(trial.leader),
            )
            console.print(line, highlight=False)


def _fit(
    todo: Sequence[Lot],
    job: Job,
    run_config: RunConfig,
    callbacks: Sequence[tune.Callback],
    keep: bool,
) -> tuple[dict[str, str], list[Lot]]:
    """Have Tune run these lots.

    Args:
        keep: whether a loop's process is given to the next trial of equal resources.

    Returns:
        The errors of those that failed, by their first trajectory; and those that could not even
        begin, since the process that they were given had died. Tune (2.60) does not try these
        again.
    """
    begun = Begun()
    # Tune's own notes are never read again, and need not be where other nodes reach them as long as
    # no trial gives Tune a checkpoint. Away from the results, whose disk may be full while they are
    # whole, and where nobody else reads: the address of the results may hold secrets.
    with tempfile.TemporaryDirectory(prefix="al_ray-", ignore_cleanup_errors=True) as scratch:
        tuner = tune.Tuner(
            tune.with_resources(tune.with_parameters(run, job=job), partial(placement, job=job)),
            param_space={"trial": tune.grid_search([encode(lot) for lot in todo])},
            tune_config=tune.TuneConfig(
                max_concurrent_trials=run_config.concurrent,
                reuse_actors=keep,
                trial_name_creator=lambda trial: trial.config["trial"]["id"],
                trial_dirname_creator=lambda trial: trial.trial_id,
            ),
            run_config=tune.RunConfig(
                name="study",
                storage_path=scratch,
                failure_config=tune.FailureConfig(max_failures=MAX_FAILURES),
                callbacks=[*callbacks, begun],
                verbose=0,
            ),
        )
        results = tuner.fit()
        errors = {
            result.config["trial"]["id"]: one_line(result.error)
            for result in results
            if result.config and result.error
        }
    return errors, [lot for lot in todo if lot[0].leader.id not in begun.lots]


def _settled(lot: Lot, error: str, store: Store, job: Job) -> Lot:
    """Record who failed in a lot that Tune has given up; the trials that it kept from their turn.

    Tune may blame one that has ended for the death of the process that it ran in.
    """
    done, complete = all_steps_done(store, [trial.leader for trial in lot]), _complete(store)
    left = [trial for trial in lot if not _is_complete(trial, done, complete)]
    statuses = store.read("trajectories").set_index("trajectory").status
    for place, trial in enumerate(left):
        if len(lot) > 1 and statuses.get(trial.leader.id) == "failed":
            continue  # said by the trial, which went on
        record_all(store, trial, "failed", job, error=error)
        return tuple(left[place + 1 :])
    return ()


def _complete(store: Store) -> dict[str, int]:
    """Trajectories that are recorded as complete, and with how many steps."""
    runs = store.read("trajectories")
    runs = runs[runs.status == "complete"]
    return dict(zip(runs.trajectory, runs.steps.astype(int), strict=True))


def _is_complete(trial: Trial, done: Mapping[str, int], complete: Mapping[str, int]) -> bool:
    """Whether all steps are there, and that was said; where it was not, Tune is asked again."""
    steps = trial.leader.schedule.steps
    return done[trial.leader.id] == steps == complete.get(trial.leader.id)
