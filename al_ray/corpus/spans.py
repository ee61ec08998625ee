"""Answers that are spans of a context: as places, and as one line (`120-123 340-343`)."""

from __future__ import annotations

from collections.abc import Iterable

NO_ANSWER = "-"
"""What is written of a question that its context does not answer."""

Span = tuple[int, int]
"""Of characters of the context, from 0; the end is exclusive."""


def written(spans: Iterable[Span]) -> str:
    """The answer of these spans: `120-123 340-343`, sorted, each once; `-` where there is none."""
    return " ".join(f"{start}-{end}" for start, end in sorted(set(spans))) or NO_ANSWER


def parse(answer: str) -> tuple[Span, ...]:
    """The spans of an answer.

    Raises:
        ValueError: it is no answer.
    """
    if answer == NO_ANSWER:
        return ()
    spans = (span.split("-") for span in answer.split(" "))
    return tuple((int(start), int(end)) for start, end in spans)


def context_of(text: str) -> str:
    """What follows the question and a line break."""
    return text.partition("\n")[2]
