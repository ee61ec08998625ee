"""What a page to label in needs of a project."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from al_ray.labelling.answers.log import Said


@dataclass(frozen=True)
class Item:
    """A row that somebody is asked about."""

    row_id: str
    text: str


@dataclass(frozen=True)
class Suggestion:
    """What the model that chose a row would answer, and its probability."""

    answer: str
    confidence: float


@dataclass(frozen=True)
class Progress:
    """How far a project has come, as one annotator sees it.

    Attributes:
        batch: its number, from 1.
        size: rows in it.
        said: rows of it of which somebody has said something.
        left: rows of it that this annotator is still asked about.
        own: what this annotator has said in all.
        labelled: rows of the project that have an answer.
        learning: whether the next batch is being chosen now.
        done: whether there is nothing more to ask.
        error: why the next batch could not be chosen; '': it could.
    """

    batch: int
    size: int
    said: int
    left: int
    own: int
    labelled: int
    learning: bool
    done: bool
    error: str = ""


class Desk(Protocol):
    """All calls may come from several threads at once."""

    @property
    def title(self) -> str:
        """The project's name."""
        ...

    @property
    def task(self) -> str:
        """What an answer is: `classification`, a label; `tagging`, places of the text and what each
        is, `3-5:PS 10-13:LC` in characters from 0 without the last, or `O`.
        """
        ...

    @property
    def labels(self) -> Sequence[str]:
        """In the order of the number keys."""
        ...

    @property
    def guideline(self) -> str:
        """Markdown or plain text, shown as text; may be empty."""
        ...

    def progress(self, annotator: str) -> Progress:
        """How far it has come."""
        ...

    def items(self, annotator: str, n: int) -> list[Item]:
        """The next rows for an annotator, in order, at most n, none of which they spoke of."""
        ...

    def item(self, row_id: str) -> Item | None:
        """A row of the project; None: it has none of this id."""
        ...

    def said(self, annotator: str, n: int) -> list[Said]:
        """The last n things that an annotator says now, the latest first."""
        ...

    def say(self, event: Said) -> bool:
        """Keep it: when this returns it is on disk. False: it had been.

        An annotation is known again by its id, since each time it is sent it has a new time.

        Raises:
            UserError: a row or label that the project does not have.
        """
        ...

    def suggestion(self, row_id: str) -> Suggestion | None:
        """None where there is no model yet, or the row is of those drawn at random."""
        ...

    def found(self, query: str, n: int) -> list[Item]:
        """Rows that were asked for whose text has these characters, at most n."""
        ...
