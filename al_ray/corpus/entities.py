"""Named entities of a text: as spans, as one line (`3-5:PS 10-13:LC`) and as BIO tags."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

NONE = "O"
"""The answer of a text without entities, and the tag of a place outside all of them."""


@dataclass(frozen=True, order=True)
class Entity:
    """Characters `start` to `end`, from 0 and without the last, of one kind."""

    start: int
    end: int
    kind: str

    def __str__(self) -> str:
        return f"{self.start}-{self.end}:{self.kind}"


def parse(answer: str) -> tuple[Entity, ...]:
    """The entities of an answer, in its order.

    Raises:
        ValueError: not what `written` gives.
    """
    return () if answer == NONE else tuple(map(_parsed, answer.split(" ")))


def _parsed(mark: str) -> Entity:
    span, _, kind = mark.partition(":")
    start, _, end = span.partition("-")
    if not (kind and start.isdecimal() and end.isdecimal() and int(start) < int(end)):
        raise ValueError(f"{mark!r} is no START-END:KIND")
    return Entity(int(start), int(end), kind)


def written(entities: Iterable[Entity]) -> str:
    """The answer that has these entities, sorted; `O` where there is none."""
    return " ".join(map(str, sorted(entities))) or NONE


def moved(entities: Iterable[Entity], there: str, here: str) -> list[Entity]:
    """Entities of a copy of a text, in the text: copies that differ in blanks alone are one.

    Each goes from its first to its last character that is no blank.

    Raises:
        ValueError: the texts differ in more, or an entity has no such character.
    """
    if bare(there) != bare(here):
        raise ValueError("the texts differ in more than blanks")
    places = [place for place, character in enumerate(here) if not character.isspace()]
    found = []
    for entity in entities:
        first, last = (len(bare(there[:end])) for end in (entity.start, entity.end))
        if entity.end > len(there) or first == last:
            raise ValueError(f"{entity} marks nothing")
        found.append(Entity(places[first], places[last - 1] + 1, entity.kind))
    return found


def bare(text: str) -> str:
    """Without blanks, of which programs change some."""
    return "".join(text.split())


def from_tags(tags: Sequence[str]) -> list[Entity]:
    """The entities of BIO tags, one a place; adjacent ones of one kind stay two.

    Raises:
        ValueError: an I that continues no entity of its kind, or no tag, and at which place.
    """
    entities: list[Entity] = []
    for place, tag in enumerate(tags):
        prefix, _, kind = tag.partition("-")
        if tag == NONE:
            continue
        if prefix == "I" and entities and entities[-1].end == place and entities[-1].kind == kind:
            entities[-1] = Entity(entities[-1].start, place + 1, kind)
        elif prefix == "B" and kind:
            entities.append(Entity(place, place + 1, kind))
        else:
            raise ValueError(f"{tag!r} at place {place} continues no entity and begins none")
    return entities


def to_tags(entities: Iterable[Entity], length: int) -> list[str]:
    """The BIO tags of a text of so many places.

    Raises:
        ValueError: an entity that is empty, ends behind the text or overlaps another.
    """
    tags = [NONE] * length
    for entity in entities:
        places = range(entity.start, entity.end)
        if not places or entity.start < 0 or entity.end > length:
            raise ValueError(f"{entity} is not within {length} places")
        if any(tags[place] != NONE for place in places):
            raise ValueError(f"{entity} overlaps another")
        tags[entity.start : entity.end] = [
            f"B-{entity.kind}",
            *[f"I-{entity.kind}"] * (len(places) - 1),
        ]
    return tags
