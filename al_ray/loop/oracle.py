"""Who labels: a corpus, which answers at once, or people, who answer later and not always."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from al_ray.corpus.tokens.prepared import Rows
from al_ray.tasks import Answers, Task


class Oracle(Protocol):
    """Answers to the rows that were asked for, and is the only one who may."""

    def waits(self, step: int) -> bool:
        """Whether a step cannot be done yet, since too little was said of what was chosen."""
        ...

    def answered(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these rows (rows,) have an answer, and can be learnt."""
        ...

    def paid(self, rows: NDArray[np.int64]) -> int:
        """How many labels these rows (rows,) have cost."""
        ...

    def __call__(self, rows: NDArray[np.int64]) -> Answers:
        """Answers (rows,) to rows that have one."""
        ...


class OfCorpus:
    """Answers with the corpus's own labels."""

    def __init__(self, rows: Rows, task: Task) -> None:
        self._rows, self._task = rows, task

    def waits(self, step: int) -> bool:
        """Never."""
        return False

    def answered(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """All."""
        return np.ones(len(rows), np.bool_)

    def paid(self, rows: NDArray[np.int64]) -> int:
        """A label each."""
        return len(rows)

    def __call__(self, rows: NDArray[np.int64]) -> Answers:
        """See `Oracle`."""
        return self._task.known(self._rows.labels[rows], self._rows.label_names)
