"""How far annotators agree: pure functions of what each says now."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations

from al_ray.labelling.answers.log import Word


def answers_of(word: Word) -> dict[str, dict[str, str]]:
    """The answers that each row has, by annotator, where it has two or more; skips are none."""
    found = {
        row: {who: said.answer for who, said in by.items() if said.state == "answered"}
        for row, by in word.items()
    }
    return {row: by for row, by in found.items() if len(by) > 1}


def alpha(answers: Mapping[str, Mapping[str, str]]) -> float:
    """Krippendorff's alpha for names (Krippendorff 2011, "Computing Krippendorff's
    alpha-reliability"): 1 - observed / expected disagreement.

    Args:
        answers: of rows with two annotators or more.

    Returns:
        Not a number where there are no such rows, or all have one answer.
    """
    coincidences: Counter[tuple[str, str]] = Counter()
    for by in answers.values():
        for one, other in permutations(by.values(), 2):
            coincidences[one, other] += 1 / (len(by) - 1)  # type: ignore[assignment]
    totals: Counter[str] = Counter()
    for (one, _), n in coincidences.items():
        totals[one] += n
    n = totals.total()
    expected = sum(totals[a] * totals[b] for a, b in permutations(totals, 2))
    if not expected:
        return math.nan
    observed = sum(count for (one, other), count in coincidences.items() if one != other)
    return 1 - (n - 1) * observed / expected


@dataclass(frozen=True)
class Pair:
    """Two annotators.

    Attributes:
        rows: that both answered.
        alike: of these, with the same answer.
        apart: pairs of answers that differ, the most frequent first, with their number.
    """

    one: str
    other: str
    rows: int
    alike: int
    apart: tuple[tuple[str, str, int], ...]


def pairs(answers: Mapping[str, Mapping[str, str]]) -> list[Pair]:
    """All pairs that have a row in common, who agree least first."""
    names: Sequence[str] = sorted({who for by in answers.values() for who in by})
    found = []
    for one, other in combinations(names, 2):
        both = [(by[one], by[other]) for by in answers.values() if one in by and other in by]
        if both:
            apart = Counter((a, b) for a, b in both if a != b)
            told = tuple((a, b, n) for (a, b), n in apart.most_common())
            found.append(Pair(one, other, len(both), len(both) - apart.total(), told))
    return sorted(found, key=lambda pair: pair.alike / pair.rows)
