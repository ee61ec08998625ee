"""What the answers to the claims are made of: an answer, and small paired comparisons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import pandas as pd

from al_ray.analysis.comparison import Paired, holm, paired_test
from al_ray.analysis.intervals import LEAST_SEEDS
from al_ray.analysis.study import Study

Word = Literal["supported", "contradicted", "cannot tell"]

ALIKE: Final = 0.01
"""Arms are alike if the whole interval of their difference is within this accuracy."""

UNCERTAINTY: Final = ("least-confidence", "margin", "entropy")
"""The strategies that the reference study calls uncertainty sampling."""


@dataclass(frozen=True)
class Answer:
    """What studies say of a claim.

    Attributes:
        ours: their own numbers, in the unit of the claim; '' where there are none.
        answer: supported, contradicted or cannot tell.
        why: what decided, or what is missing.
    """

    ours: str
    answer: Word
    why: str


def cannot_tell(why: str, ours: str = "") -> Answer:
    """No answer, and what is missing."""
    return Answer(ours, "cannot tell", why)


def title(study: Study) -> str:
    """What a study is called beside others: its corpus and model."""
    corpus = study.description.get("corpus", {}).get("name", study.out.name)
    return str(corpus)


def enough(found: Paired) -> bool:
    """Whether there are seeds enough to answer."""
    return found.seeds >= LEAST_SEEDS and not math.isnan(found.p)


def points(found: Paired) -> str:
    """A difference in points of accuracy, with its interval where there are seeds enough."""
    if math.isnan(found.difference):
        return "–"
    text = signed(100 * found.difference)
    if enough(found):
        ends = f"{signed(100 * found.low)} to {signed(100 * found.high)}"
        return f"{text} points ({ends}; {found.seeds} seeds)"
    return f"{text} points ({found.seeds} seeds)"


def signed(value: float) -> str:
    """With its sign, and a minus that is one."""
    return f"{value:+.1f}".replace("-", "−")


def between(one: pd.Series[Any], other: pd.Series[Any]) -> Paired:
    """Test one minus other, which are by seed, on the seeds that both have."""
    return paired_test((one - other).dropna().to_numpy())


def verdict_of(tests: Sequence[Paired], level: float = 0.05) -> tuple[bool, bool, bool]:
    """Whether, of tests with seeds enough and after Holm: any is above 0, any below, all above."""
    tests = [test for test in tests if enough(test)]
    corrected = holm([test.p for test in tests])
    above = [p < level and t.difference > 0 for p, t in zip(corrected, tests, strict=True)]
    below = [p < level and t.difference < 0 for p, t in zip(corrected, tests, strict=True)]
    return any(above), any(below), bool(above) and all(above)
