"""What a corpus is: rows with stable ids, texts and labels, in one train and one or more tests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Split:
    """Rows of one name (train, test, dev, holdout).

    Attributes:
        name: of the split.
        row_ids: one string a row, unique within the corpus; never a position.
        texts: one string a row.
        labels: int32, codes into `Corpus.labels`; -1 of what nobody has labelled yet.
    """

    name: str
    row_ids: tuple[str, ...]
    texts: tuple[str, ...]
    labels: NDArray[np.int32]

    def __post_init__(self) -> None:
        if not len(self.row_ids) == len(self.texts) == len(self.labels):
            raise ValueError(f"{self.name}: ids, texts and labels differ in number")

    def __len__(self) -> int:
        return len(self.row_ids)

    def take(self, rows: Sequence[int] | NDArray[np.int64], name: str | None = None) -> Split:
        """The rows at these positions, in this order, under another name if one is given."""
        return Split(
            name or self.name,
            tuple(self.row_ids[i] for i in rows),
            tuple(self.texts[i] for i in rows),
            self.labels[np.asarray(rows, np.int64)],
        )


@dataclass(frozen=True)
class Unlabelled:
    """A row without a label: the split that it would be in, its id and its text."""

    split: str
    row_id: str
    text: str


@dataclass(frozen=True, eq=False)
class Corpus:
    """Texts with answers: what is to be learnt of each.

    Attributes:
        name: shown in tables; the folder's name, `nsmc`, `embedded` and so on.
        labels: the distinct answers, sorted, of which a row's label is a position: in
            classification the names of the labels, otherwise what the task writes answers as.
        train: the rows that are the pool.
        tests: the rows that are only evaluated on; the first is the main one.
        notes: what was detected, left out or changed on the way in, one sentence each, with counts.
        left_out: of each split as read, the ids of its rows without a text, which are not in it.
        unlabelled: rows with a text and no label, where they were asked for; in no split.
        task: what the answers are; a key of `tasks.TASKS`.
        few: whether answers are few, so that rows of each are counted.
        groups: of each row id what it shares with others, such as its article; a test that is held
            out has whole groups. Empty: rows stand for themselves.
    """

    name: str
    labels: tuple[str, ...]
    train: Split
    tests: tuple[Split, ...]
    notes: tuple[str, ...] = ()
    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unlabelled: tuple[Unlabelled, ...] = ()
    task: str = "classification"
    few: bool = True
    groups: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_answers(
        cls,
        name: str,
        task: str,
        rows: Mapping[str, Iterable[tuple[str, str, str]]],
        notes: Iterable[str],
        **more: Any,
    ) -> Corpus:
        """Of a task whose answers are many.

        Args:
            name: of the corpus.
            task: of which.
            rows: of each split, train first: row id, text and answer.
            notes: see above.
            more: other attributes.
        """
        columns = {split: list(zip(*each, strict=True)) for split, each in rows.items()}
        labels = tuple(sorted({answer for _, _, answers in columns.values() for answer in answers}))
        codes = {answer: code for code, answer in enumerate(labels)}
        train, *tests = (
            Split(split, ids, texts, np.array([codes[answer] for answer in answers], np.int32))
            for split, (ids, texts, answers) in columns.items()
        )
        return cls(name, labels, train, tuple(tests), tuple(notes), task=task, few=False, **more)

    @cached_property
    def digest(self) -> str:
        """Names the content (ids, texts, labels, in order); no path goes into it."""
        content = hashlib.blake2b(digest_size=16)
        if self.task != "classification":
            content.update(f"{self.task}\x02".encode())
        content.update("\x00".join(self.labels).encode())
        for split in (self.train, *self.tests):
            content.update(f"\x01{split.name}\x01{len(split)}\x01".encode())
            content.update("\x00".join(split.row_ids).encode("utf-8", "surrogatepass"))
            content.update("\x00".join(split.texts).encode("utf-8", "surrogatepass"))
            content.update(split.labels.tobytes())
        return content.hexdigest()

    @property
    def splits(self) -> tuple[Split, ...]:
        """Train, then the tests: the order of rows in the token file."""
        return (self.train, *self.tests)
