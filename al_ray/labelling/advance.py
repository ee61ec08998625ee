"""The loop of a project: learn what was answered, choose what is asked next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from al_ray.corpus.tokens.prepared import Prepared, Progress, Rows, prepare
from al_ray.errors import ModelError, StudyConflict, UserError
from al_ray.io.files import atomic_with_digest, is_as_written
from al_ray.labelling.answers.log import Word, consensus
from al_ray.labelling.asked.first import diverse
from al_ray.labelling.oracle import People
from al_ray.labelling.project import Project
from al_ray.language import mark
from al_ray.learners.encoder.source import ModelSource, resolve
from al_ray.loop.record import Recorder
from al_ray.loop.trajectory import Step, Trajectory
from al_ray.strategies import drawn
from al_ray.study.training import Device
from al_ray.workers import LocalWorkers, Setup, chunks

LOCK = ".learning.lock"

EMBEDDED_AT_ONCE = 1024
"""Rows whose vectors are made before anything is said of progress."""


class Busy(UserError):
    """Another process learns."""


def advance(
    project: Project,
    early: bool = False,
    tokens: Progress | None = None,
    vectors: Progress | None = None,
    fitting: Progress | None = None,
    scoring: Progress | None = None,
) -> Iterator[Step]:
    """Learn and choose until people must be waited for; say something of each step.

    Args:
        project: which.
        early: do one step with what is there, though rows of its batch were not spoken of.
        tokens, vectors: told of progress where these are made.
        fitting, scoring: told of updates, and of texts that the model says something of.

    Raises:
        Busy: another process is at it.
        UserError: nothing was answered that could be learnt, or the folder cannot be written.
    """
    with alone(project):
        made, source = prepared(project, tokens)
        rows = Rows.load(made.rows)
        setup = _setup(project, made, source, vectors)
        first = _first(project, rows, setup)
        batches = len(project.batches())

        def waits(step: int, word: Word) -> bool:
            batch = project.batches()[step]
            left = project.left(batch, word)
            if (not left or early) and not learnable(project, word):
                raise UserError(
                    "{folder}: none of the chosen texts has an answer, so that nothing can be "
                    "learnt; answer some that were skipped: al-ray label batch {folder} --to FILE "
                    "has them again",
                    folder=project.folder,
                )
            if early and step < batches:
                if len(left) == len(batch):
                    raise UserError(
                        "{folder}: nothing of this batch was answered yet; label some rows first",
                        folder=project.folder,
                    )
                return False
            return bool(left)

        oracle = People(rows, project.task, project.log, project.ids(project.reserve), waits)
        if project.finished or oracle.waits(project.steps_done):
            return
        config = project.config
        workers = LocalWorkers(
            setup, config.member_seeds, config.spec, config.learner.head, fitting, scoring
        )
        trajectory = Trajectory(
            config, rows, workers, project.store, stop_set=None, oracle=oracle, first=first
        )
        yield from trajectory.run()


def learnable(project: Project, word: Word) -> bool:
    """Whether any chosen row has an answer."""
    agreed = consensus(word)
    chosen = (project.ids(batch.rows[~batch.audit]) for batch in project.batches())
    return any(row in agreed for rows in chosen for row in rows)


@contextmanager
def alone(project: Project) -> Iterator[None]:
    """Learn in one process at a time.

    Raises:
        Busy: another one is at it.
    """
    try:
        with FileLock(project.folder / LOCK).acquire(timeout=0):
            yield
    except PermissionError:
        raise UserError(
            "{folder}: cannot be written; give yourself leave to, or copy the folder",
            folder=project.folder,
        ) from None
    except Timeout:
        raise Busy(
            mark("{folder}: another process learns from it or chooses its next batch; wait for it"),
            folder=project.folder,
        ) from None


def _encoder(project: Project) -> ModelSource:
    """The encoder, which must be the one it began with.

    Raises:
        StudyConflict: it is another, or gone.
    """
    try:
        found = resolve(project.facts.model, project.corpus, project.store.cache)
    except ModelError as error:
        raise StudyConflict(
            "{model}: the encoder that this project began with cannot be had ({why}); put it back",
            model=project.facts.model,
            why=str(error).partition(";")[0],  # its remedy is for those who begin
        ) from None
    if found.digest != project.config.learner.model.digest:
        raise StudyConflict(
            "--model {model}: its files are not those that this project began with; put them back",
            model=project.facts.model,
        )
    return found


def prepared(project: Project, progress: Progress | None = None) -> tuple[Prepared, ModelSource]:
    """Tokens and rows, made if they are not there, and the encoder."""
    source = _encoder(project)
    length = project.config.learner.training.max_length
    corpus, cache, places = project.corpus, project.store.cache, project.task.places()
    made = prepare(corpus, source.folder, source.digest, length, cache, progress, places)
    return made, source


def _setup(
    project: Project, prepared: Prepared, source: ModelSource, progress: Progress | None
) -> Setup:
    """Of members and shards."""
    setup = Setup(
        encoder=source.folder,
        tokens=prepared.tokens,
        n_labels=len(project.task.classes),
        task=project.task,
        training=project.config.learner.training,
        device=device(),
    )
    if project.config.learner.head != "frozen" and project.facts.first != "diverse":
        return setup
    return replace(setup, vectors=_vectors(project, setup, progress))


def _vectors(project: Project, setup: Setup, progress: Progress | None) -> Path:
    """Of all rows, standardised; made once."""
    from al_ray.corpus.tokens.mapped import Tokens
    from al_ray.learners import linear

    path = project.store.cache / f"vectors-{setup.tokens.stem.removeprefix('tokens-')}.npy"
    if is_as_written(path):
        return path
    tokens, training = Tokens(setup.tokens), setup.training
    total = len(tokens)

    def parts() -> Iterator[NDArray[np.float32]]:
        done = 0
        for chunk in chunks(np.arange(total, dtype=np.int64), EMBEDDED_AT_ONCE):
            yield linear.embed(setup.encoder, tokens, chunk, training, setup.device)
            done += len(chunk)
            if progress:
                progress(done, total)

    with atomic_with_digest(path) as temp:
        linear.standardise(parts(), Path(temp), total, total)
    return path


def _first(project: Project, rows: Rows, setup: Setup) -> NDArray[np.int64]:
    """The first draw, which is on disk when this returns."""
    said = project.store.read_one("selections", project.config.id, -1)
    if said is None:
        pool = np.setdiff1d(rows.train, project.reserve)
        n = project.config.schedule.initial
        if project.facts.first == "diverse" and setup.vectors is not None:
            vectors = np.load(setup.vectors, mmap_mode="r")[pool]
            chosen = pool[diverse(vectors, rows.hashes[pool], n, project.config.seed)]
        else:
            chosen = drawn(rows.hashes, project.config.seed)[:n]
        Recorder(project.config, rows, project.store, False).initial(chosen)
        return chosen
    return project.numbers(said.sort_values("rank").row_id.tolist())


def device() -> Device:
    """`cuda` where there is one."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
