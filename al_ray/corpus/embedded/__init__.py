"""Corpora that come with al_ray, for runs with no download."""

from __future__ import annotations

from collections.abc import Callable

from al_ray.corpus.embedded import entities, news, questions
from al_ray.corpus.rows import Corpus

EMBEDDED: dict[str, Callable[[int, int], Corpus]] = {
    "embedded": news.generate,
    "embedded-entities": entities.generate,
    "embedded-questions": questions.generate,
}
"""By name: generated text, of so many rows of train and of the test."""
