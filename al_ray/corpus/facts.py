"""What `findings` answers with: facts of each split, and problems with examples and remedies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from al_ray.language import tr


@dataclass(frozen=True)
class Lengths:
    """How long texts are: the median, the length that 95 % do not exceed, and the longest."""

    median: int
    most: int
    longest: int

    @classmethod
    def of(cls, lengths: Iterable[int]) -> Lengths:
        """Of these; 0 where there is none."""
        values = np.fromiter(lengths, np.int64)
        if not len(values):
            return cls(0, 0, 0)
        median, most = np.percentile(values, [50, 95], method="higher")
        return cls(int(median), int(most), int(values.max()))


@dataclass(frozen=True)
class Cut:
    """Tokens of a sample of a split's texts.

    Attributes:
        sampled: texts counted.
        lengths: in tokens, special ones included, before anything is cut.
        share: of the texts that are longer than the maximum length.
    """

    sampled: int
    lengths: Lengths
    share: float


@dataclass(frozen=True)
class SplitFacts:
    """What one split holds.

    Attributes:
        name: of the split.
        rows: as they were given, those without a text included.
        empty: rows without a text, left out.
        duplicates: rows whose text an earlier row of the same split has, out of all that were
            given: rows without a text have the same one. (NSMC: 3,817 of train, 4 of them empty.)
        repeated: the same, out of the rows with a text.
        labels: rows of each label of the corpus.
        shift: total variation of the label mix from train's.
        characters: lengths of the texts.
        tokens: counted where a model was given.
    """

    name: str
    rows: int
    empty: int
    duplicates: int
    repeated: int
    labels: tuple[int, ...]
    shift: float
    characters: Lengths
    tokens: Cut | None


@dataclass(frozen=True)
class Example:
    """Rows, and the beginning of their text."""

    rows: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        kind: one word or two, for machines; see `WORST_FIRST`.
        split: where.
        count: of rows, or of labels for the kinds that end in `label`.
        message: a sentence with the count.
        remedy: what can be done.
        examples: three at most.
    """

    kind: str
    split: str
    count: int
    message: str
    remedy: str
    examples: tuple[Example, ...] = ()


WORST_FIRST = (
    "leaked",
    "shifted",
    "missing label",
    "conflicting",
    "cut",
    "duplicates",
    "rare label",
    "huge",
    "no test",
    "empty",
)
_SAID_OF_A_STUDY = ("leaked", "conflicting", "duplicates", "huge")


@dataclass(frozen=True)
class Findings:
    """What a corpus holds.

    Attributes:
        corpus: its name.
        labels: their names.
        splits: train, then the tests.
        problems: the worst first.
    """

    corpus: str
    labels: tuple[str, ...]
    splits: tuple[SplitFacts, ...]
    problems: tuple[Problem, ...]

    def notes(self) -> tuple[str, ...]:
        """What the reader of a study has to know, one line each."""
        return tuple(
            tr("{message}; {remedy}.", message=problem.message, remedy=problem.remedy)
            for problem in self.problems
            if problem.kind in _SAID_OF_A_STUDY
        )
