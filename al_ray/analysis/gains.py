"""What an arm gains at least, in words and with what that is worth."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from al_ray.analysis.statistics.versus import Judgement
from al_ray.analysis.wording import count, points, seeds, test_rows
from al_ray.language import tr
from al_ray.study.running import Effort

LEAST: Final[dict[str, Callable[[Judgement], float]]] = {
    "saves": lambda found: found.saving.low,
    "saves on the way": lambda found: found.on_the_way.low,
    "better": lambda found: found.area.low,
}
"""What an arm of each of FOUND gains at least."""


def gain(kind: str, found: Judgement, effort: Effort, tested: int) -> str:
    """What an arm of a kind gains at least.

    Args:
        kind: of verdict.FOUND.
        found: of the arm, with intervals that hold for all arms that were tested.
        effort: what it takes to label.
        tested: how many these are.
    """
    least, target = LEAST[kind](found), count(found.saving.target)
    over = measured_over(found)
    if kind == "better" and least > 0:
        return tr(
            "at least {points} more accurate than random on average over the curve, though no "
            "labels were shown to be saved ({over})",
            points=points(least),
            over=over,
        )
    if kind == "better":
        return tr(
            "more accurate than random on average over the curve, though no labels were shown to "
            "be saved ({over})",
            over=over,
        )
    least = _rounded_down(least)
    is_known, is_at_end = least >= 1, kind == "saves"
    if is_known and is_at_end:
        return tr(
            "at least {least} of {target} labels saved ({cost}; {over})",
            least=count(least),
            target=target,
            cost=_cost(effort, least, found.saving.target),
            over=over,
        )
    if is_known:
        return tr(
            "at least {least} labels saved on average on the way to the accuracy of {target} "
            "random ones, though at the end none was shown ({cost}; {over})",
            least=count(least),
            target=target,
            cost=_cost(effort, least),
            over=over,
        )
    if is_at_end:
        return tr(
            "labels saved for the accuracy of {target} random ones, though of {n} arms at once not "
            "shown how many ({over})",
            target=target,
            n=tested,
            over=over,
        )
    return tr(
        "labels saved on the way to the accuracy of {target} random ones, though of {n} arms at "
        "once not shown how many ({over})",
        target=target,
        n=tested,
        over=over,
    )


def measured_over(found: Judgement) -> str:
    """What the numbers are over."""
    if found.rows > 1:
        rows = test_rows(found.rows, found.articles)
        return tr("{seeds} and {rows}", seeds=seeds(found.seeds), rows=rows)
    return tr("{seeds} on these test rows", seeds=seeds(found.seeds))


def _cost(effort: Effort, labels: float, of: float | None = None) -> str:
    """Person-days of so many labels, of so many, and money where a label has a price."""
    numbers = [labels] if of is None else [labels, of]
    part, *whole = [_days(effort.days(number)) for number in numbers]
    said = (
        tr("{part} of {whole} person-days", part=part, whole=whole[0])
        if whole
        else tr("{days} person-days", days=part)
    )
    return said if effort.price is None else f"{said}, {effort.price.of(*numbers)}"


def _rounded_down(labels: float) -> float:
    """To three digits, as numbers of labels are said."""
    if not math.isfinite(labels):
        return labels
    unit = 10.0 ** max(0, len(str(int(abs(labels)))) - 3)
    return unit * math.floor(labels / unit)


def _days(days: float) -> str:
    return f"{days:,.0f}" if days >= 10 else f"{days:.2g}"
