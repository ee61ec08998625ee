"""The project as annotators see it: who is asked what next, and when the next batch is chosen."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from al_ray.labelling.answers.log import Said, Word, consensus
from al_ray.labelling.asked.batches import Batch
from al_ray.labelling.desk import Item, Progress, Suggestion
from al_ray.labelling.project import Project
from al_ray.language import spoken

AGAIN = 5.0
"""Seconds after which what has failed is tried again."""

BUSY = 75
"""The code with which a command ends where another process learns (EX_TEMPFAIL)."""

HELD = 600.0
"""Seconds for which a row that one annotator was given is not given to another, unless no other is
left."""


@dataclass
class Learning:
    """The next batch is chosen in a process of its own, which a server need not wait for.

    Attributes:
        command: that chooses it.
    """

    command: Sequence[str]
    clock: Callable[[], float] = time.monotonic
    _process: subprocess.Popen[str] | None = None
    _error: str = ""
    _failed: float = -math.inf

    def begin(self) -> None:
        """Unless it is at it, or has failed a moment ago."""
        if not self.running() and self.clock() - self._failed >= AGAIN:
            self._error = ""
            self._process = subprocess.Popen(
                self.command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )

    def running(self) -> bool:
        """Whether it is at it; what it said when it failed is in `error` from then on."""
        if self._process is None:
            return False
        if self._process.poll() is None:
            return True
        assert self._process.stderr is not None
        said = self._process.stderr.read().strip().splitlines()
        code, self._process = self._process.returncode, None
        self._error = said[-1] if code and said and code != BUSY else ""
        self._failed = self.clock() if code else -math.inf
        return code == BUSY

    @property
    def error(self) -> str:
        """Why the last attempt failed; '': it did not."""
        return self._error

    def stop(self) -> None:
        """End it; what it had not finished is done again."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()


def next_batch_of(folder: str) -> list[str]:
    """The command that learns and chooses."""
    return [sys.executable, "-m", "al_ray", "--lang", spoken(), "label", "next", folder]


@dataclass
class Work:
    """A `Desk` of a project; all that is kept in memory can be read again from its folder.

    Rows that were drawn at random are asked of everybody, those of earlier batches last, so that
    agreement is measured on texts that stand for all; the others of whoever comes first.
    """

    project: Project
    learning: Learning
    clock: Callable[[], float] = time.monotonic
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _handed: dict[str, tuple[str, float]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """See `Desk`."""
        return self.project.facts.name

    @property
    def task(self) -> str:
        """See `Desk`."""
        return self.project.facts.task

    @property
    def labels(self) -> Sequence[str]:
        """See `Desk`."""
        return self.project.facts.labels

    @property
    def guideline(self) -> str:
        """See `Desk`."""
        return self.project.guideline

    def progress(self, annotator: str) -> Progress:
        """See `Desk`."""
        with self._lock:
            self.go_on()  # whoever failed to choose the next batch is followed by another
            word, batch, running = self.project.word, self._current(), self.learning.running()
            ids = self.project.ids(batch.rows) if batch else []
            said = sum(row in word for row in ids)
            return Progress(
                batch=batch.number + 1 if batch else 0,
                size=len(ids),
                said=said,
                left=len(self._left(annotator, word)),
                own=sum(annotator in by for by in word.values()),
                labelled=len(consensus(word)),
                learning=not self.learning.error and (running or self._over(batch, word)),
                done=self.project.finished and said == len(ids),
                error=self.learning.error,
            )

    def items(self, annotator: str, n: int) -> list[Item]:
        """See `Desk`."""
        with self._lock:
            left, now = self._left(annotator, self.project.word), self.clock()
            free = [row for row in left if not self._held(row, annotator, now)]
            given = (free or left)[:n]
            self._handed |= dict.fromkeys(given, (annotator, now))
            return [Item(row, self.project.texts[row]) for row in given]

    def item(self, row_id: str) -> Item | None:
        """See `Desk`."""
        text = self.project.texts.get(row_id)
        return None if text is None else Item(row_id, text)

    def said(self, annotator: str, n: int) -> list[Said]:
        """See `Desk`."""
        own = (by[annotator] for by in self.project.word.values() if annotator in by)
        return sorted(own, key=lambda said: (said.time, said.id), reverse=True)[:n]

    def say(self, event: Said) -> bool:
        """See `Desk`; an annotation is known again by its id, whenever it was said."""
        with self._lock:
            events = self.project.log.events()
            if event.annotation and any(
                (each.annotator, each.annotation) == (event.annotator, event.annotation)
                for each in events
            ):
                return False
            return bool(self.project.take([event]))

    def suggestion(self, row_id: str) -> Suggestion | None:
        """See `Desk`."""
        with self._lock:
            return suggestions(self.project).get(row_id)

    def found(self, query: str, n: int) -> list[Item]:
        """See `Desk`; among rows that were asked for."""
        with self._lock:
            asked = self.project.asked()
        part, texts = query.casefold(), self.project.texts
        hits = (Item(r, t) for r, t in texts.items() if r in asked and part in t.casefold())
        return [hit for hit, _ in zip(hits, range(n), strict=False)]

    def go_on(self) -> None:
        """Begin to choose the next batch, if this one is complete."""
        with self._lock:
            if self._over(self._current(), self.project.word):
                self.learning.begin()

    def _over(self, batch: Batch | None, word: Word) -> bool:
        """Whether the next batch is to be chosen."""
        left = batch is not None and self.project.left(batch, word)
        return not left and not self.project.finished

    def _current(self) -> Batch | None:
        """The last batch; None: the first is not chosen yet."""
        return next(reversed(self.project.batches()), None)

    def _left(self, annotator: str, word: Word) -> list[str]:
        return self.project.asked_of(annotator, word)

    def _held(self, row: str, annotator: str, now: float) -> bool:
        who, since = self._handed.get(row, (annotator, now))
        return who != annotator and now - since < HELD


def suggestions(project: Project) -> dict[str, Suggestion]:
    """What the models that chose rows would answer; of rows drawn at random there are none."""
    chosen = project.store.read("selections", [project.config.id])
    told = chosen[chosen.prediction.notna()]
    return {
        row: Suggestion(answer, confidence)
        for row, answer, confidence in zip(
            told.row_id, told.prediction, told.confidence, strict=True
        )
    }
