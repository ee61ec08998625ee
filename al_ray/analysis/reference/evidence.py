"""What the answers to the claims are made of: samples, what tests say of them, and words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from al_ray.analysis.baseline import signed
from al_ray.analysis.statistics.intervals import LEAST_SEEDS, Crossed, holm
from al_ray.analysis.statistics.pairs import Effect
from al_ray.analysis.study import Study
from al_ray.analysis.wording import test_rows
from al_ray.language import tr, trn
from al_ray.results.description import models_of

Word = Literal["supported", "contradicted", "cannot tell"]

LEVEL: Final = 0.95
"""Of the intervals; differences are found at 1 - LEVEL."""

ALIKE: Final = 0.01
"""Arms are alike if they differ by less than this accuracy."""

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


@dataclass(frozen=True)
class Sample:
    """A number that a claim asks for, as a mean over seeds and, where it has any, test rows.

    Attributes:
        name: of what.
        values: (seeds, rows); one row for what is known of a seed as a whole, such as its accuracy
            without its answers, or a correlation.
        missing: seeds that were asked for and are not there.
        unfit: why nothing may be said of it; '' where that is not so.
        of_rows: whether it is of test rows at all, known or not.
    """

    name: str
    values: NDArray[Any]
    missing: int = 0
    unfit: str = ""
    of_rows: bool = True


@dataclass(frozen=True)
class Found:
    """What a sample says.

    Attributes:
        name: of what.
        effect: its mean against 0; None where there are too few seeds, or the sample is unfit.
        over: in words, what the interval is over.
        why: why there is no effect, else ''.
    """

    name: str
    effect: Effect | None
    over: str
    why: str = ""

    @property
    def sign(self) -> int:
        """1 above 0 and -1 below it, beyond doubt after Holm's correction, else 0."""
        if self.effect is None or not self.effect.p_holm < 1 - LEVEL:
            return 0
        return 1 if self.effect.difference > 0 else -1

    def above(self, least: float) -> bool:
        """Whether the whole interval is above a number."""
        return self.effect is not None and self.effect.low > least

    def below(self, most: float) -> bool:
        """Whether the whole interval is below a number."""
        return self.effect is not None and self.effect.high < most

    def within(self, by: float) -> bool | None:
        """Whether it is within `by` of 0: None where its interval leaves that open."""
        if self.above(-by) and self.below(by):
            return True
        return False if self.above(by) or self.below(-by) else None


def infer(samples: Sequence[Sample], at_once: bool = False) -> list[Found]:
    """Test each sample's mean against 0, for new seeds and, where there are any, new test rows.

    p_holm is over all samples that can be tested.

    Args:
        samples: of one claim.
        at_once: whether the intervals hold for all of them together (Bonferroni), as they must
            where one of them may decide; else each holds by itself.
    """
    fit = [not each.unfit and len(each.values) >= LEAST_SEEDS for each in samples]
    level = 1 - (1 - LEVEL) / max(1, sum(fit)) if at_once else LEVEL
    found = []
    for each, is_fit in zip(samples, fit, strict=True):
        seeds, rows = each.values.shape
        if not is_fit:
            found.append(nothing(each.name, each.unfit, seeds))
            continue
        crossed = Crossed.of(each.values[:, :, None])
        made = crossed.effects(np.ones((1, 1)), level, each.missing)
        effect = Effect(*(float(x[0]) for x in (made.mean, made.low, made.high, made.p)))
        said = over(seeds, rows if each.of_rows else None, each.missing)
        found.append(Found(each.name, effect, said))
    return corrected(found)


def nothing(name: str, unfit: str, seeds: int) -> Found:
    """No effect, since it is unfit or has too few seeds."""
    return Found(name, None, over(seeds, None, 0), unfit or _few())


def _few() -> str:
    return tr("needs {least} or more complete seeds", least=LEAST_SEEDS)


def corrected(found: Sequence[Found]) -> list[Found]:
    """With Holm's correction over all of these that have an effect."""
    p = holm([np.nan if each.effect is None else each.effect.p for each in found])
    return [
        each if each.effect is None else replace(each, effect=replace(each.effect, p_holm=float(q)))
        for each, q in zip(found, p, strict=True)
    ]


def cannot_tell(why: str, ours: str = "") -> Answer:
    """No answer, and what is missing."""
    return Answer(ours, "cannot tell", why)


def untold(found: Sequence[Found], needs: str) -> str:
    """Why none of these has an effect, or ''; `needs` where there is none of them."""
    if any(each.effect is not None for each in found):
        return ""
    return "; ".join(dict.fromkeys(each.why for each in found)) or needs


def directed(found: Sequence[Found], ours: str, claimed: str, other: str) -> Answer:
    """Supported if some are above 0 and none below it, contradicted the other way round."""
    signs = {each.sign for each in found} - {0}
    if signs == {1}:
        return Answer(ours, "supported", claimed)
    if signs == {-1}:
        return Answer(ours, "contradicted", other)
    return cannot_tell(
        tr("each is ahead somewhere") if signs else tr("no difference was shown"), ours
    )


def title(study: Study) -> str:
    """What a study is called beside others: its corpus."""
    corpus = study.description.get("corpus", {}).get("name", study.out.name)
    return str(corpus)


def digest(study: Study) -> str:
    """Of a study's corpus."""
    return str(study.description.get("corpus", {}).get("digest", study.out))


def encoder(study: Study, name: str | None = None) -> str:
    """The digest of the study's encoder that is called so; of all of them where none is named."""
    known = models_of(study.description)
    found = [each for each in known if len(known) == 1 or name in (None, each.get("name"))]
    return " ".join(str(each.get("digest", study.out)) for each in found)


def listed(found: Sequence[Found], said: Callable[[Found], str] | None = None) -> str:
    """All of them with their numbers, which are points of accuracy where nothing is `said`."""
    return "; ".join(f"{each.name}: {(said or points)(each)}" for each in found)


def points(found: Found) -> str:
    """In points of a share, with its interval; why not, where there is none."""
    effect = found.effect
    if effect is None:
        return f"{found.why} ({found.over})" if found.why == _few() else found.why
    return tr(
        "{value} points ({low} to {high}; {over})",
        value=signed(effect.difference),
        low=signed(effect.low),
        high=signed(effect.high),
        over=found.over,
    )


def correlation(found: Found) -> str:
    """As a correlation, with its interval; why not, where there is none."""
    effect = found.effect
    if effect is None:
        return points(found)
    text = tr(
        "{value:+.2f} ({low:+.2f} to {high:+.2f}; {over})",
        value=effect.difference,
        low=effect.low,
        high=effect.high,
        over=found.over,
    )
    return text.replace("-", "−")


def over(seeds: int, rows: int | None, missing: int) -> str:
    """What an interval is over; `rows` is None of what is not of test rows, and 1 where they are
    not known.
    """
    text = trn("{n} seed", "{n} seeds", seeds)
    if rows is not None and rows > 1:
        text = tr("{seeds} and {rows}", seeds=text, rows=test_rows(rows, None))
    elif rows is not None:
        text = tr("{seeds}, test rows taken as fixed", seeds=text)
    if not missing:
        return text
    return tr("{over}, {missing} more missing and counted as the worst", over=text, missing=missing)
