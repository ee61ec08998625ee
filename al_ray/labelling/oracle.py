"""People as the loop's oracle: they answer later, and not always."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from al_ray.corpus.tokens.prepared import Rows
from al_ray.labelling.answers.log import Log, Word, consensus, measured_by, said_now
from al_ray.tasks import Answers, Task


@dataclass
class People:
    """What was said up to the moment a step begins; what comes later counts at the next one.

    Attributes:
        rows: of the project.
        task: what is learnt.
        log: of what was said.
        drawn: row ids that are kept apart to measure on.
        waited_for: whether a step must wait, by its number and what is said now.
    """

    rows: Rows
    task: Task
    log: Log
    drawn: Sequence[str]
    waited_for: Callable[[int, Word], bool]
    _word: Word = field(default_factory=dict, init=False)
    _answers: NDArray[Any] = field(init=False)

    def waits(self, step: int) -> bool:
        """See `Oracle`; what is said is read anew."""
        self._word = said_now(self.log.events())
        answers = consensus(self._word) | measured_by(self._word, self.drawn)
        self._answers = np.array([answers.get(row) for row in self.rows.ids.to_pylist()], object)
        return self.waited_for(step, self._word)

    def answered(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Those on whose answer most agree."""
        return np.array([answer is not None for answer in self._answers[rows]], np.bool_)

    def paid(self, rows: NDArray[np.int64]) -> int:
        """Answers and skips of all annotators."""
        return sum(len(self._word.get(row, ())) for row in self.rows.ids_of(rows))

    def __call__(self, rows: NDArray[np.int64]) -> Answers:
        """See `Oracle`."""
        return self.task.read(self._answers[rows])
