"""What is in a corpus of named entities: counts of each split, and sentences that are there twice.

Sentences are compared as `splits.text_keys` does: in NFC, with white space folded.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass

from al_ray.corpus.entities import Entity, parse
from al_ray.corpus.facts import Lengths
from al_ray.corpus.rows import Corpus, Split
from al_ray.corpus.splits import text_keys


@dataclass(frozen=True)
class TaggedFacts:
    """What one split holds.

    Attributes:
        name: of the split.
        sentences: those with a text.
        without: sentences without entities.
        kinds: entities of each kind, most first.
        single: entities of one character.
        spaced: entities with a blank inside.
        cut: share of the entities that end inside an eojeol: a character follows that is no blank.
        characters: lengths of the sentences.
        lengths: of the entities, in characters.
        duplicates: sentences that an earlier one of the split is the same as.
        conflicting: sentences that are in the split with other entities, too.
        leaked: sentences that are in train; of train itself, 0.
    """

    name: str
    sentences: int
    without: int
    kinds: dict[str, int]
    single: int
    spaced: int
    cut: float
    characters: Lengths
    lengths: Lengths
    duplicates: int
    conflicting: int
    leaked: int


def tagged_facts(corpus: Corpus) -> tuple[TaggedFacts, ...]:
    """The facts of train, then of the tests, of a corpus whose task is tagging."""
    entities = [parse(answer) for answer in corpus.labels]
    train = set(text_keys(corpus.train).tolist())
    return tuple(
        _facts(split, [entities[code] for code in split.labels], train if number else set())
        for number, split in enumerate(corpus.splits)
    )


def _facts(split: Split, answers: list[tuple[Entity, ...]], train: set[int]) -> TaggedFacts:
    rows = list(zip(split.texts, answers, strict=True))
    marked = [(text, entity) for text, entities in rows for entity in entities]
    spans = [text[entity.start : entity.end] for text, entity in marked]
    ends = [text[entity.end : entity.end + 1] for text, entity in marked]
    keys = text_keys(split).tolist()
    meant: dict[int, set[tuple[Entity, ...]]] = {}
    for key, row in zip(keys, rows, strict=True):
        meant.setdefault(key, set()).add(_folded(*row))
    return TaggedFacts(
        name=split.name,
        sentences=len(split),
        without=sum(not entities for entities in answers),
        kinds=dict(Counter(entity.kind for _, entity in marked).most_common()),
        single=sum(len(span) == 1 for span in spans),
        spaced=sum(any(map(str.isspace, span)) for span in spans),
        cut=sum(bool(end.strip()) for end in ends) / max(1, len(ends)),
        characters=Lengths.of(map(len, split.texts)),
        lengths=Lengths.of(map(len, spans)),
        duplicates=len(keys) - len(meant),
        conflicting=sum(len(meant[key]) > 1 for key in keys),
        leaked=sum(key in train for key in keys),
    )


def _folded(text: str, entities: tuple[Entity, ...]) -> tuple[Entity, ...]:
    """The entities as they are in the text in NFC without blanks."""

    def place(end: int) -> int:
        return len("".join(unicodedata.normalize("NFC", text[:end]).split()))

    return tuple(Entity(place(each.start), place(each.end), each.kind) for each in entities)
