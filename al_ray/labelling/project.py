"""A project: its folder, what was asked and what was said. `advance` has the loop.

PROJECT/project.json      what it is, once and for all
        guideline.md      for annotators, if there is one
        rows/ answers/ selections/ steps/ members/ trajectories/     tables, as a study's
        finished/         what it comes to
        cache/            tokens and vectors, which can be made again
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from al_ray.corpus.entities import Entity, written
from al_ray.corpus.rows import Corpus, Split
from al_ray.errors import StudyConflict, UserError
from al_ray.io.files import atomic, is_as_written
from al_ray.io.reading import parse_json, read_small
from al_ray.labelling.answers.log import Log, Said, Word, check, new_words, said_now
from al_ray.labelling.asked.batches import Batch, audit_of, batch_of
from al_ray.labelling.files import content
from al_ray.randomness import row_hashes
from al_ray.results import Store
from al_ray.strategies import drawn
from al_ray.study.trajectory import TrajectoryConfig
from al_ray.tasks import TASKS, Task, task_of
from al_ray.tasks.classification import Classification

VERSION = 1
FILE = "project.json"
GUIDELINE = "guideline.md"
TAKING, PULLING = ".taking.lock", ".pulling.lock"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a project is; `project.json`.

    Attributes:
        name: for people.
        labels: in the order of the number keys.
        model: the encoder, as it was asked for.
        size: labels a batch.
        first: how the first batch is chosen: `diverse`, or `random`.
        task: what is learnt; a key of `TASKS`.
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
    task: str = Classification.name
    version: int = VERSION

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise ValueError(f"task {self.task!r}")
        if type(self.size) is not int or self.size < 1:
            raise ValueError(f"size {self.size!r}")
        for said in (self.name, self.model, self.first, self.trajectory, self.like, *self.labels):
            if not isinstance(said, str):
                raise TypeError(repr(said)[:60])
            said.encode()  # no half of a character


def unlabelled(name: str, task: str, labels: Sequence[str], train: Split) -> Corpus:
    """A corpus of which no answer is known, but what may be named in one."""
    few = TASKS[task].few
    answers = labels if few else [written([Entity(0, 1, label)]) for label in sorted(labels)]
    return Corpus(name, tuple(answers), train, (), task=task, few=few)


class Project:
    """A folder that `begin` made.

    Raises:
        UserError: it is none.
        StudyConflict: a later al_ray made it.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        path = self.folder / FILE
        try:
            said = parse_json(read_small(path))
            version = said["version"]
        except FileNotFoundError:
            raise UserError(
                "{folder}: no project; begin one: al-ray label new {folder} --data FILE --labels "
                "LABEL LABEL",
                folder=folder,
            ) from None
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
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
            if not self.config.learner.rates:
                raise ValueError("rates []")
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise UserError(
                "{path}: cannot be read ({error}); put it back from a copy", path=path, error=error
            ) from None
        self.store = Store(self.folder)
        chosen = {Path(name).name[: len(self.config.id)] for name in self.store.files("selections")}
        size = self.config.schedule.step_size + audit_of(self.facts.size)
        if size != self.facts.size or (chosen and self.config.id not in chosen):
            raise UserError(
                "{path}: is of another project than the batches here, or its size was changed; put "
                "it back from a copy",
                path=path,
            )
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
        corpus = unlabelled(self.facts.name, self.facts.task, self.facts.labels, train)
        if corpus.digest != self.config.corpus.digest:
            raise UserError(
                "{folder}: its rows, or task and labels in {file}, are not those it began with; "
                "put them back from a copy",
                file=FILE,
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
        return content(path) if path.exists() else ""

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
        return task_of(self.facts.task, self.corpus.labels)

    @cached_property
    def reserve(self) -> NDArray[np.int64]:
        """Rows kept apart, in their drawn order: the far end of the seed's permutation."""
        config, ids = self.config, self.corpus.train.row_ids
        order: NDArray[np.int64] = drawn(row_hashes(ids), config.seed)
        return order[len(ids) - config.validation :]

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

    def check(self, events: Sequence[Said]) -> None:
        """Refuse what cannot be.

        Raises:
            UserError: a row that was not asked for, or an answer that cannot be.
        """
        asked = {row: self.texts[row] for row in self.asked()}
        check(events, asked, self.facts.labels, type(self.task))

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
        self.check(events)
        with self.locked(TAKING):  # or what two say at once would both be new
            return self.log.add(events if timed else new_words(events, self.log.events()))

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Wait until nobody else is within a lock of this name.

        Raises:
            UserError: the folder cannot be written.
        """
        try:
            with FileLock(self.folder / name):
                yield
        except PermissionError:
            raise UserError(
                "{folder}: cannot be written; give yourself leave to, or copy the folder",
                folder=self.folder,
            ) from None

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
