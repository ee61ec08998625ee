"""Tagging: named entities, by a BIO tag for each character.

Characters and not words, since in Korean half of all entities end within one: a particle follows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from al_ray.corpus.entities import Entity, from_tags, parse, to_tags, written
from al_ray.corpus.rows import Corpus
from al_ray.corpus.tagged_findings import TaggedFacts, tagged_facts
from al_ray.language import tr
from al_ray.strategies import Outputs, best_path, log_softmax, means
from al_ray.tasks.base import Answers, Evaluation, Overview, Targets, Task, band

if TYPE_CHECKING:
    import torch

OUTSIDE = "O"


@dataclass(frozen=True)
class Tagging(Task):
    """Entities of a text, each a span of its characters and a kind; an answer is `3-5:PS 10-13:LC`.

    A class is a tag: O, B- and I- of each kind. What is answered are the likeliest tags in which an
    I follows its B or I.
    """

    name = "tagging"
    head = "characters"
    gives = frozenset(
        {"units", "sequence", "labels", "committee", "vectors", "dropout", "labelled"}
    )
    score = "entity_f1"

    @classmethod
    def classes_of(cls, answers: Sequence[str]) -> tuple[str, ...]:
        """O, and B- and I- of each kind."""
        kinds = sorted({entity.kind for answer in answers for entity in parse(answer)})
        return (OUTSIDE, *(f"{prefix}-{kind}" for kind in kinds for prefix in "BI"))

    @property
    def kinds(self) -> tuple[str, ...]:
        """Of entities."""
        return tuple(tag.removeprefix("B-") for tag in self.classes if tag.startswith("B-"))

    @property
    def metrics(self) -> tuple[str, ...]:
        """See `evaluated`; with the F1 of each kind, where it occurs or is found."""
        each = (f"f1:{kind}" for kind in self.kinds)
        return ("micro_f1", "macro_f1", "character_f1", "ceiling", "loss", *each)

    @classmethod
    def facts(cls, corpus: Corpus) -> list[tuple[str, ...]]:
        """Entities of each kind, and how they lie in the text."""
        splits = tagged_facts(corpus)

        def line(name: str, value: Callable[[TaggedFacts], float]) -> tuple[str, ...]:
            return name, *(f"{value(each):,.0f}" for each in splits)

        kinds = dict.fromkeys(kind for each in splits for kind in each.kinds)
        share = (tr("{share:.1f} %", share=100 * each.cut) for each in splits)
        return [
            line(tr("entities"), lambda each: sum(each.kinds.values())),
            *((kind, *(f"{each.kinds.get(kind, 0):,}" for each in splits)) for kind in kinds),
            line(tr("of one character"), lambda each: each.single),
            line(tr("with a blank inside"), lambda each: each.spaced),
            (tr("that end within a word"), *share),
            line(tr("their characters, median"), lambda each: each.lengths.median),
            line(tr("their longest"), lambda each: each.lengths.longest),
            line(tr("texts without any"), lambda each: each.without),
            line(tr("texts twice, with other entities"), lambda each: each.conflicting),
        ]

    @classmethod
    def marks(cls, answer: str) -> int:
        """Entities."""
        return len(parse(answer))

    @classmethod
    def refused(cls, answer: str, text: str, names: Sequence[str]) -> str:
        """Entities of these kinds within the text, none over another, sorted."""
        try:
            entities = parse(answer)
        except ValueError:
            entities = ()  # as which it is not written
        for each in entities:
            if each.kind not in names:
                return tr(
                    "{mark}: {kind!r} is none of the labels ({labels})",
                    mark=str(each)[:60],
                    kind=each.kind[:60],
                    labels=", ".join(names),
                )
            if each.end > len(text):
                return tr("{mark}: the text ends at {end}", mark=str(each)[:60], end=len(text))
        for one, other in pairwise(sorted(entities)):
            if other.start < one.end:
                return tr("{one} and {other} lie over each other", one=one, other=other)
        if answer == written(entities):
            return ""
        return tr(
            "{answer!r} is not written as 0-3:{label} 5-7:{label}, in their order, in characters "
            "from 0 and the end excluded, or O where nothing is marked",
            answer=answer[:60],
            label=names[0],
        )

    @classmethod
    def strata(cls, text: str, answer: str) -> tuple[str, ...]:
        """How many entities it has, and how long it is."""
        entities = band(cls.marks(answer), (0, 1, 2, 4))
        return f"entities: {entities}", f"characters: {band(len(text), (30, 60, 90))}"

    @cached_property
    def legal(self) -> NDArray[np.bool_]:
        """Which tag may follow which, (classes + 1, classes); the last line: which may be first."""
        return np.array(
            [
                [after[0] != "I" or before[1:] == after[1:] for after in self.classes]
                for before in (*self.classes, OUTSIDE)
            ]
        )

    def targets(self, answers: Answers, units: NDArray[np.int64] | None) -> Targets:
        """A tag for each character that has a token."""
        assert units is not None, "a unit is a character"
        return Targets(self._codes(answers, units), units)

    def losses(
        self, logits: torch.Tensor, targets: torch.Tensor, units: torch.Tensor | None
    ) -> torch.Tensor:
        """Mean cross-entropy of a row's characters, in nats: long rows count as much as short."""
        import torch
        from torch.nn.functional import cross_entropy

        each = cross_entropy(logits.float(), targets, reduction="none")
        return torch.segment_reduce(each, "mean", lengths=units, unsafe=True)

    def believed(self, logits: NDArray[np.float32], units: NDArray[np.int64] | None) -> Outputs:
        """A distribution over the tags a character."""
        return Outputs(log_softmax(logits)[np.newaxis], units=units, legal=self.legal)

    def answered(self, outputs: Outputs, member: int = 0) -> tuple[Answers, NDArray[np.float64]]:
        """The likeliest legal tags as entities, and the probability of all of them together."""
        assert outputs.units is not None
        path, best = best_path(outputs.log_probabilities[member], outputs.units, self.legal)
        rows = np.split(path, np.cumsum(outputs.units)[:-1])
        found = [written(from_tags([self.classes[tag] for tag in row])) for row in rows]
        return np.array(found, object), np.exp(best)

    def evaluated(
        self, outputs: Outputs, answers: Answers, texts: Sequence[str] | None = None
    ) -> Evaluation:
        """Mean over texts of their F1 of entities, of which bounds and kind are to be right.

        A text without entities in which none is found has 1. `micro_f1` counts the entities of all
        texts, `macro_f1` is its mean over kinds that occur or are found, `character_f1` the mean F1
        over the tags other than O that do. `ceiling` is the micro F1 that the rows allow whose end
        was cut.
        """
        assert outputs.units is not None
        given, confidence = self.answered(outputs)
        pairs = [
            (set(parse(right)), set(parse(said)))
            for right, said in zip(answers, given, strict=True)
        ]
        scores = np.array([_f1(len(a & b), len(a), len(b)) for a, b in pairs])
        codes, path = (self._codes(each, outputs.units) for each in (answers, given))
        logs = outputs.log_probabilities[0]
        losses = means(-logs[np.arange(len(codes)), codes], outputs.units)
        whole = Counter(entity.kind for right, _ in pairs for entity in right)
        seen = sum(
            bool(entity.end <= n)
            for (right, _), n in zip(pairs, outputs.units, strict=True)
            for entity in right
        )
        tags = [
            _f1(int(both), int(true), int(said))
            for both, true, said in zip(*_counts(codes, path, len(self.classes)), strict=True)
        ][1:]
        metrics = {
            **_entity_f1(pairs),
            "character_f1": _mean_of_seen(tags, codes, path),
            "ceiling": _f1(seen, whole.total(), seen),
            "loss": float(losses.mean()),
        }
        score = float(scores.mean())
        return Evaluation(given, confidence, score, metrics, scores, losses)

    def overview(self, given: Answers, right: Answers) -> Overview:
        """Entities of each kind that are found; collapsed where there is none."""
        counts = Counter(entity.kind for answer in given for entity in parse(answer))
        return Overview([counts[kind] for kind in self.kinds], not counts)

    def _codes(self, answers: Iterable[str], units: NDArray[np.int64]) -> NDArray[np.int64]:
        """The tag of each character that has a token, (units,)."""
        code = {tag: place for place, tag in enumerate(self.classes)}
        parts = []
        for answer, n in zip(answers, units, strict=True):
            entities = parse(answer)
            length = max([int(n), *(entity.end for entity in entities)])
            parts.append([code[tag] for tag in to_tags(entities, length)[: int(n)]])
        return np.array([tag for part in parts for tag in part], np.int64)


def _f1(both: int, right: int, given: int) -> float:
    """1 where there is nothing to find and nothing is found."""
    return 2 * both / (right + given) if right + given else 1.0


def _counts(codes: NDArray[Any], path: NDArray[Any], n: int) -> tuple[NDArray[Any], ...]:
    """Of each class: right and said, right, said."""
    return tuple(np.bincount(part, minlength=n) for part in (codes[codes == path], codes, path))


def _mean_of_seen(values: Sequence[float], codes: NDArray[Any], path: NDArray[Any]) -> float:
    """Over the classes other than the first that occur or are said; 1 where there is none."""
    seen = np.union1d(codes, path)
    found = [values[place - 1] for place in seen if place > 0]
    return float(np.mean(found)) if found else 1.0


def _entity_f1(pairs: Sequence[tuple[set[Entity], set[Entity]]]) -> dict[str, float]:
    kinds: dict[str, Counter[str]] = {}
    for right, given in pairs:
        for name, entities in (("both", right & given), ("right", right), ("given", given)):
            for entity in entities:
                kinds.setdefault(entity.kind, Counter())[name] += 1
    total = sum(kinds.values(), Counter())
    each = {
        kind: _f1(found["both"], found["right"], found["given"])
        for kind, found in sorted(kinds.items())
    }
    return {
        "micro_f1": _f1(total["both"], total["right"], total["given"]),
        "macro_f1": float(np.mean(list(each.values()))) if each else 1.0,
        **{f"f1:{kind}": value for kind, value in each.items()},
    }
