"""A project: its folder, and how far the loop has come in it.

PROJECT/project.json      what it is, once and for all
        guideline.md      for annotators, if there is one
        rows/ answers/ selections/ steps/ members/ trajectories/     tables, as a study's
        batches/          what was asked, as files
        cache/            tokens and vectors, which can be made again
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from al_ray.corpus.rows import Corpus, Split
from al_ray.corpus.tokens.prepared import Prepared, Progress, Rows, prepare
from al_ray.errors import StudyConflict, UserError
from al_ray.io.files import atomic, atomic_with_digest, is_as_written, is_temporary
from al_ray.labelling.answers import Log, Said, Word, check, consensus, new_words, said_now
from al_ray.labelling.batches import Batch, batch_of
from al_ray.labelling.first import diverse
from al_ray.labelling.oracle import People
from al_ray.language import mark
from al_ray.learners.encoder.source import ModelSource, resolve
from al_ray.loop.record import Recorder, record_rows
from al_ray.loop.trajectory import Step, Trajectory
from al_ray.randomness import row_hashes
from al_ray.results import Store
from al_ray.study.trajectory import TrajectoryConfig
from al_ray.tasks import Task, task_of
from al_ray.workers import LocalWorkers, Setup, chunks

VERSION = 1
FILE = "project.json"
GUIDELINE = "guideline.md"
LOCK, TAKING = ".learning.lock", ".taking.lock"


class Busy(UserError):
    """Another process learns."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a project is; `project.json`.

    Attributes:
        name: for people.
        labels: in the order of the number keys.
        model: the encoder, as it was asked for.
        size: labels a batch.
        first: how the first batch is chosen: `diverse`, or `random`.
        trajectory: what determines picks, as `TrajectoryConfig.to_json` writes it.
        like: the study whose winner it is; '': none.
        version: of this file.
    """

    name: str
    labels: tuple[str, ...]
    model: str
    size: int
    first: str
    trajectory: str
    like: str = ""
    version: int = VERSION


class Project:
    """A folder that `create` made.

    Raises:
        UserError: it is none.
        StudyConflict: a later al_ray made it.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        path = self.folder / FILE
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            version = said["version"]
        except FileNotFoundError:
            raise UserError(
                "{folder}: no project; begin one: al-ray label new {folder} --data FILE --labels "
                "LABEL LABEL",
                folder=folder,
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                "{path}: cannot be read ({error}); put it back from a copy", path=path, error=error
            ) from None
        if version != VERSION:
            raise StudyConflict(
                "{path}: of version {theirs}, and this al_ray knows {ours}; update al_ray",
                path=path,
                theirs=version,
                ours=VERSION,
            )
        try:
            self.facts = Facts(**{**said, "labels": tuple(said["labels"])})
            self.config = TrajectoryConfig.from_json(self.facts.trajectory)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(
                "{path}: cannot be read ({error}); put it back from a copy", path=path, error=error
            ) from None
        self.store = Store(self.folder)
        self.log = Log(self.store)
        self._batches: list[Batch] = []

    @cached_property
    def corpus(self) -> Corpus:
        """Its rows, of which none has a label here."""
        rows = self.store.read_one("rows", self.config.corpus.digest[:20])
        if rows is None:
            raise UserError(
                "{folder}: its rows are gone; put them back from a copy", folder=self.folder
            )
        ids, texts = tuple(rows.row_id), tuple(rows.text)
        train = Split("train", ids, texts, np.full(len(ids), -1, np.int32))
        corpus = Corpus(self.facts.name, self.facts.labels, train, ())
        if corpus.digest != self.config.corpus.digest:
            raise UserError(
                "{folder}: its rows are not those it began with; put them back from a copy",
                folder=self.folder,
            )
        return corpus

    @cached_property
    def texts(self) -> dict[str, str]:
        """By row id."""
        return dict(zip(self.corpus.train.row_ids, self.corpus.train.texts, strict=True))

    @property
    def guideline(self) -> str:
        """What annotators are told; '' where nothing is written."""
        path = self.folder / GUIDELINE
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def token(self) -> str:
        """What the address of its page bears; kept, so that a server begun again has the same."""
        path = self.folder / ".token"
        if not path.exists():
            with atomic(path) as temp:
                os.chmod(temp, 0o600)
                Path(temp).write_text(secrets.token_urlsafe(24), encoding="ascii")
        return path.read_text(encoding="ascii").strip()

    @cached_property
    def task(self) -> Task:
        """What is learnt."""
        return task_of("classification", self.facts.labels)

    @cached_property
    def reserve(self) -> NDArray[np.int64]:
        """Rows kept apart, in their drawn order: the far end of the seed's permutation."""
        config, ids = self.config, self.corpus.train.row_ids
        return drawn(row_hashes(ids), config.seed)[len(ids) - config.validation :]

    @cached_property
    def _number(self) -> dict[str, int]:
        return {row_id: row for row, row_id in enumerate(self.corpus.train.row_ids)}

    def batches(self) -> list[Batch]:
        """All that were asked so far; they are read once, as what is on disk stays."""
        while (number := len(self._batches)) == 0 or self._is_done(number - 1):
            chosen = self.store.read_one("selections", self.config.id, number - 1)
            if chosen is None:
                break
            rows = self.numbers(chosen.sort_values("rank").row_id.tolist())
            self._batches.append(
                batch_of(number, rows, self.reserve, self.facts.size, self.config.seed)
            )
        return self._batches

    def _is_done(self, step: int) -> bool:
        return self.store.exists("steps", self.config.id, step)

    def asked(self) -> set[str]:
        """Row ids of all batches."""
        return {row for batch in self.batches() for row in self.ids(batch.rows)}

    def take(self, events: Sequence[Said], timed: bool = True) -> list[Said]:
        """Keep what is new of what people said: when this returns it is on disk.

        Args:
            events: that all are of rows which were asked for.
            timed: whether they have times of their own; else what an annotator says already is
                not said again.

        Returns:
            What was new.

        Raises:
            UserError: a row or an answer that cannot be; nothing is taken then.
        """
        check(events, self.asked(), self.facts.labels)
        with FileLock(self.folder / TAKING):  # or what two say at once would both be new
            return self.log.add(events if timed else new_words(events, self.log.events()))

    def asked_of(self, annotator: str, word: Word) -> list[str]:
        """What somebody is still to be asked: of the last batch, then of what was drawn for others.

        Args:
            annotator: who.
            word: what is said now.
        """
        batches = self.batches()
        if not batches:
            return []
        *earlier, last = batches
        drawn = (row for batch in earlier for row in self.ids(batch.rows[batch.audit]))
        return [
            *self.left(last, word, annotator),
            *(row for row in drawn if annotator not in word.get(row, ())),
        ]

    @property
    def steps_done(self) -> int:
        """How many models were learnt."""
        batches = len(self.batches())
        return batches - 1 + self._is_done(batches - 1) if batches else 0

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to ask."""
        return self.steps_done == self.config.schedule.steps

    def ids(self, rows: NDArray[np.int64]) -> list[str]:
        """Row ids at these rows."""
        return [self.corpus.train.row_ids[row] for row in rows]

    @property
    def word(self) -> Word:
        """What is said now."""
        return said_now(self.log.events())

    def left(self, batch: Batch, word: Word, annotator: str | None = None) -> list[str]:
        """Rows of a batch, in its order, that are still to be spoken of.

        Args:
            batch: which.
            word: what is said now.
            annotator: who is to; also those drawn at random of which others alone have spoken, so
                that agreement is measured on them; None: anybody.
        """
        return [
            row
            for row, audit in zip(self.ids(batch.rows), batch.audit, strict=True)
            if row not in word or (annotator is not None and audit and annotator not in word[row])
        ]

    # The loop

    def advance(
        self, early: bool = False, tokens: Progress | None = None, vectors: Progress | None = None
    ) -> Iterator[Step]:
        """Learn and choose until people must be waited for; say something of each step.

        Args:
            early: do one step with what is there, though rows of its batch were not spoken of.
            tokens, vectors: told of progress where these are made.

        Raises:
            Busy: another process is at it.
            UserError: nothing was answered yet.
        """
        with self.alone():
            prepared, source = self.prepared(tokens)
            rows = Rows.load(prepared.rows)
            setup = self.setup(prepared, source, vectors)
            first = self._first(rows, setup)
            batches = len(self.batches())

            def waits(step: int, word: Word) -> bool:
                batch = self.batches()[step]
                left = self.left(batch, word)
                if (not left or early) and not self._learnable(word):
                    raise UserError(
                        "{folder}: none of the chosen texts has an answer, so that nothing can be "
                        "learnt; answer some of them",
                        folder=self.folder,
                    )
                if early and step < batches:
                    if not consensus(word) or len(left) == len(batch):
                        raise UserError(
                            "{folder}: nothing of this batch was answered yet; label some rows "
                            "first",
                            folder=self.folder,
                        )
                    return False
                return bool(left)

            oracle = People(rows, self.task, self.log, self.ids(self.reserve), waits)
            if self.finished or oracle.waits(self.steps_done):
                return
            workers = LocalWorkers(
                setup, self.config.member_seeds, self.config.spec, self.config.learner.head
            )
            trajectory = Trajectory(
                self.config, rows, workers, self.store, stop_set=None, oracle=oracle, first=first
            )
            yield from trajectory.run()

    def _learnable(self, word: Word) -> bool:
        """Whether any chosen row has an answer."""
        agreed = consensus(word)
        return any(
            row in agreed for batch in self.batches() for row in self.ids(batch.rows[~batch.audit])
        )

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Learn in one process at a time.

        Raises:
            Busy: another one is at it.
        """
        try:
            with FileLock(self.folder / LOCK).acquire(timeout=0):
                yield
        except Timeout:
            raise Busy(
                mark("{folder}: another process is choosing its next batch; wait for it"),
                folder=self.folder,
            ) from None

    def model(self) -> ModelSource:
        """The encoder, which must be the one it began with.

        Raises:
            StudyConflict: it is another.
        """
        found = resolve(self.facts.model, self.corpus, self.store.cache)
        if found.digest != self.config.learner.model.digest:
            raise StudyConflict(
                "--model {model}: its files are not those that this project began with; put them "
                "back",
                model=self.facts.model,
            )
        return found

    def prepared(self, progress: Progress | None = None) -> tuple[Prepared, ModelSource]:
        """Tokens and rows, made if they are not there, and the encoder."""
        source = self.model()
        length = self.config.learner.training.max_length
        return prepare(
            self.corpus, source.folder, source.digest, length, self.store.cache, progress
        ), source

    def setup(self, prepared: Prepared, source: ModelSource, progress: Progress | None) -> Setup:
        """Of members and shards."""
        setup = Setup(
            encoder=source.folder,
            tokens=prepared.tokens,
            n_labels=len(self.task.classes),
            task=self.task,
            training=self.config.learner.training,
            device=device(),
        )
        if self.config.learner.head != "frozen" and self.facts.first != "diverse":
            return setup
        return replace(setup, vectors=self._vectors(setup, progress))

    def _vectors(self, setup: Setup, progress: Progress | None) -> Path:
        """Of all rows, standardised; made once."""
        from al_ray.corpus.tokens.prepared import Tokens
        from al_ray.learners import linear

        path = self.store.cache / f"vectors-{setup.tokens.stem.removeprefix('tokens-')}.npy"
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

    def vectors_there(self) -> NDArray[np.float32] | None:
        """Of all rows, (rows, width), standardised; None: none were made."""
        for path in self.store.cache.glob("vectors-*.npy"):
            if is_as_written(path):
                vectors: NDArray[np.float32] = np.load(path, mmap_mode="r")
                return vectors
        return None

    def numbers(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """Rows of these ids."""
        return np.array([self._number[row] for row in ids], np.int64)

    def _first(self, rows: Rows, setup: Setup) -> NDArray[np.int64]:
        """The first draw, which is on disk when this returns."""
        said = self.store.read_one("selections", self.config.id, -1)
        if said is None:
            pool = np.setdiff1d(rows.train, self.reserve)
            n = self.config.schedule.initial
            if self.facts.first == "diverse" and setup.vectors is not None:
                vectors = np.load(setup.vectors, mmap_mode="r")[pool]
                chosen = pool[diverse(vectors, rows.hashes[pool], n, self.config.seed)]
            else:
                chosen = drawn(rows.hashes, self.config.seed)[:n]
            Recorder(self.config, rows, self.store, False).initial(chosen)
            return chosen
        return np.array([self._number[row] for row in said.sort_values("rank").row_id], np.int64)


EMBEDDED_AT_ONCE = 1024
"""Rows whose vectors are made before anything is said of progress."""


def drawn(hashes: NDArray[np.uint64], seed: int) -> NDArray[np.int64]:
    """The seed's one permutation of all rows, as `Trajectory` draws it."""
    from al_ray.strategies import select

    return np.asarray(select(None, hashes, len(hashes), seed, 0).rows)


def device() -> Any:
    """`cuda` where there is one."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def create(
    folder: Path,
    train: Split,
    labels: Sequence[str],
    config: Callable[[Corpus, ModelSource], TrajectoryConfig],
    facts: Callable[[TrajectoryConfig], Facts],
    model: str,
    guideline: str = "",
) -> Project:
    """Make a project's folder; `project.json` comes last, and without it there is none.

    Args:
        folder: where nothing is yet, or an empty folder.
        train: its rows.
        labels: at least two.
        config: of the corpus and the encoder.
        facts: of what that is.
        model: the encoder, as it was asked for.
        guideline: for annotators.

    Raises:
        UserError: there is something in the folder.
    """
    if folder.exists() and (not folder.is_dir() or any(_own(folder))):
        raise UserError(
            "{folder}: there is something already; give a new folder, or go on with: al-ray label "
            "status {folder}",
            folder=folder,
        )
    folder.mkdir(parents=True, exist_ok=True)
    corpus = Corpus(folder.resolve().name, tuple(labels), train, ())
    store = Store(folder)
    source = resolve(model, corpus, store.cache)
    made = config(corpus, source)
    length = made.learner.training.max_length
    prepared = prepare(corpus, source.folder, source.digest, length, store.cache)
    record_rows(store, corpus, prepared.tokens)
    if guideline:
        with atomic(folder / GUIDELINE) as temp:
            Path(temp).write_text(guideline, encoding="utf-8")
    text = json.dumps(asdict(facts(made)), ensure_ascii=False, indent=1)
    with atomic(folder / FILE) as temp:
        Path(temp).write_text(text + "\n", encoding="utf-8")
    return Project(folder)


def _own(folder: Path) -> Iterator[str]:
    """What is in a folder, but for what an interrupted `create` leaves."""
    with os.scandir(folder) as found:
        yield from (
            each.name
            for each in found
            if each.name not in ("cache", "rows", GUIDELINE) and not is_temporary(Path(each.name))
        )
