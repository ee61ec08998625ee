"""What a task is: from answers that people give to a model's targets, and back.

An answer is text, whatever the task: a label's name, `3-5:PS 10-13:LC`. In classification, whose
answers are few, it travels as its position among them (`Corpus.labels`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from al_ray.corpus.rows import Corpus
from al_ray.language import tr
from al_ray.strategies import Need, Outputs

if TYPE_CHECKING:
    import torch

Answers = NDArray[Any]
"""(rows,): int32 positions among the corpus's answers, or the answers themselves as objects."""

Head = Literal["text", "characters", "context"]
"""What the model has an output for: each text, each of its characters, or those of its context,
which is what follows a question and a line break."""


@dataclass(frozen=True, eq=False)
class Targets:
    """What a fit is to say of some rows.

    Attributes:
        values: int64 or float32 (units,).
        units: int64 (rows,), how many each row has; None: each has one.
    """

    values: NDArray[Any]
    units: NDArray[np.int64] | None = None

    def take(self, rows: NDArray[np.int64]) -> Targets:
        """Of the rows at these positions, in this order."""
        if self.units is None:
            return Targets(self.values[rows])
        return Targets(self.values[places_of(self.units, rows)], self.units[rows])


def band(value: int, ends: Sequence[int]) -> str:
    """Which of the bands with these last values it is in: `0`, `1–3`, and `4+` beyond the last."""
    first = 0
    for last in ends:
        if value <= last:
            return str(last) if first == last else f"{first}–{last}"
        first = last + 1
    return f"{first}+"


def places_of(units: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where the units of the rows at these positions are, of how many each row has (rows,)."""
    kept = units[rows]
    before, first = np.cumsum(kept) - kept, (np.cumsum(units) - units)[rows]
    return np.asarray(np.arange(kept.sum()) + np.repeat(first - before, kept))


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How well some rows are answered.

    Attributes:
        answers: (rows,), what was answered.
        confidence: float64 (rows,), the probability of each.
        score: what the verdict goes by, 0 … 1: the mean of `scores`.
        metrics: more, by name.
        scores: float64 (rows,), 0 … 1.
        losses: float64 (rows,), in nats where the task has such.
    """

    answers: Answers
    confidence: NDArray[np.float64]
    score: float
    metrics: Mapping[str, float]
    scores: NDArray[np.float64]
    losses: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Overview:
    """What a member answers of the pool, whose right answers it is not told.

    Attributes:
        counts: answers of each kind.
        collapsed: whether it says next to nothing of the rows, the same of all.
        confusion: of rows by their true and their answered label; None: a row has no one label.
    """

    counts: list[int]
    collapsed: bool
    confusion: list[list[int]] | None = None


@dataclass(frozen=True)
class Task(ABC):
    """What is learnt of a text. Adding one is a subclass in a file of its own, and `TASKS`.

    Attributes:
        classes: what the head tells apart, from `classes_of`.
        name: in options, tables and `study.json`.
        head: what the model has an output for.
        gives: what strategies may need of it.
        frozen: whether a linear model on a text's vector can learn it.
        reads: whether an answer is judged by the text that it names.
        few: whether answers are few, so that each is counted, confused with others and balanced.
        score: the name of what the verdict goes by.
    """

    classes: tuple[str, ...] = ()
    name: ClassVar[str]
    head: ClassVar[Head] = "text"
    gives: ClassVar[frozenset[Need]]
    frozen: ClassVar[bool] = False
    reads: ClassVar[bool] = False
    few: ClassVar[bool] = False
    score: ClassVar[str]

    @classmethod
    @abstractmethod
    def classes_of(cls, answers: Sequence[str]) -> tuple[str, ...]:
        """What a head tells apart, of the corpus's distinct answers."""

    @classmethod
    def places(cls) -> Literal["characters", "context"] | None:
        """Of what the head must know which token it is in; None: its outputs are texts'."""
        return None if cls.head == "text" else cls.head

    @property
    def kinds(self) -> tuple[str, ...]:
        """What answers are counted by, in order: of which a row may have several."""
        return self.classes

    @property
    @abstractmethod
    def metrics(self) -> tuple[str, ...]:
        """Names of what `Evaluation.metrics` may have."""

    @classmethod
    def facts(cls, corpus: Corpus) -> list[tuple[str, ...]]:
        """What `al-ray check` says of a corpus, too: names, with a value for each split."""
        return []

    @classmethod
    def marks(cls, answer: str) -> int:
        """How many things a person marks who gives this answer."""
        return 1

    @classmethod
    def refused(cls, answer: str, text: str, names: Sequence[str]) -> str:
        """Why nobody may give this answer to a text, where these are what may be named; '': it may
        be given.
        """
        if answer in names:
            return ""
        return tr(
            "{answer!r} is none of the labels, of which one is meant ({labels})",
            answer=answer[:60],
            labels=", ".join(names),
        )

    @classmethod
    def strata(cls, text: str, answer: str) -> tuple[str, ...]:
        """What kinds of row it is of, each as `what: which`, such as `asks: 누구`.

        Tables show how well each kind is answered; where a row has one label of a few, its label
        says it.
        """
        return ()

    @abstractmethod
    def targets(self, answers: Answers, units: NDArray[np.int64] | None) -> Targets:
        """What a fit is to say.

        Args:
            answers: (rows,).
            units: (rows,), how many each row has; None: each has one.
        """

    @abstractmethod
    def losses(
        self, logits: torch.Tensor, targets: torch.Tensor, units: torch.Tensor | None
    ) -> torch.Tensor:
        """Of each row (rows,), of logits (units, classes) at targets (units,).

        Args:
            units: int64 (rows,), how many each row has; None: each has one.
        """

    @abstractmethod
    def believed(self, logits: NDArray[np.float32], units: NDArray[np.int64] | None) -> Outputs:
        """What strategies are shown of logits (units, classes)."""

    @abstractmethod
    def answered(self, outputs: Outputs, member: int = 0) -> tuple[Answers, NDArray[np.float64]]:
        """A member's answers (rows,), and the probability of each."""

    @abstractmethod
    def evaluated(
        self, outputs: Outputs, answers: Answers, texts: Sequence[str] | None = None
    ) -> Evaluation:
        """How well rows are answered whose right answers are these (rows,).

        Args:
            texts: (rows,), of a task that `reads`.
        """

    @abstractmethod
    def overview(self, given: Answers, right: Answers) -> Overview:
        """Of what was answered (rows,) where this would be right (rows,)."""

    def known(self, labels: NDArray[np.int32], names: Sequence[str]) -> Answers:
        """Answers (rows,) of positions (rows,) among the corpus's."""
        return labels if self.few else np.array([names[label] for label in labels], object)

    def read(self, texts: NDArray[Any]) -> Answers:
        """Answers of texts, as `written` has them, (rows,) objects."""
        if not self.few:
            return texts
        return np.array([self.classes.index(text) for text in texts], np.int32)

    def written(self, answers: Answers) -> list[str]:
        """As text, for tables."""
        return [self.classes[answer] for answer in answers] if self.few else list(answers)
