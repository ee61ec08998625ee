"""What came out of a search, on the test and on seeds that it had not seen.

The best of the strategies is held against random at its own best. Which these are, validation rows
have said: nothing was chosen on what is compared here, and one comparison needs no correction.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from al_ray.analysis.baseline import signed
from al_ray.analysis.comparison import Arm, key_of, together
from al_ray.analysis.names import arm_name, several
from al_ray.analysis.statistics.intervals import LEAST_SEEDS
from al_ray.analysis.statistics.pairs import Effect, Pairs, area_weights, contrast
from al_ray.analysis.study import Study, records
from al_ray.language import mark, tr
from al_ray.results import Store
from al_ray.results.folder import SEARCH
from al_ray.search.account import account
from al_ray.study.chooser import RANDOM


@dataclass(frozen=True)
class Final:
    """The best of a search's strategies and random at its own best, on the test.

    Attributes:
        arm, random: what they are called.
        seeds: that both have complete.
        missing: that one lacks.
        area: the difference of accuracy over the labels.
    """

    arm: str
    random: str
    seeds: int
    missing: int
    area: Effect


def final(study: Study, level: float = 0.95) -> Final | None:
    """None of a study that no search has made, or where one of the two has no complete seed."""
    if study.address or Store(study.out / SEARCH).study_json.read() is None:
        return None
    best = [each for each in account(Store(study.out / SEARCH)) if each.state == "best"]
    arms = records(study.arms())
    arm, random = (
        next(
            (_arm(arms, dict(each.configuration)) for each in best if each.random == half),
            None,
        )
        for half in (False, True)
    )
    if arm is None or random is None:
        return None
    both = together(study, [key_of(arm), key_of(random)])
    if both is None:
        return None
    pairs = Pairs(both.labels, both.values[0], both.values[1], both.missing)
    (area,) = contrast(pairs, area_weights(both.labels)[None], level)
    columns = several(study.arms())
    names = [arm_name(each, columns) for each in (arm, random)]
    return Final(names[0], names[1], len(pairs.arm), both.missing, area)


def _arm(arms: list[Arm], point: dict[str, Any]) -> Arm | None:
    """That a search's configuration became; one of random has its strategy from its half."""
    wanted = {"strategy": RANDOM, **point}
    return next((arm for arm in arms if all(arm[n] == v for n, v in wanted.items())), None)


def lines(study: Study, level: float = 0.95) -> list[str]:
    """What is to be said of it, in a line."""
    found = final(study, level)
    if found is None:
        return []
    area, values = found.area, {"arm": found.arm, "random": found.random}
    if found.seeds < LEAST_SEEDS or math.isnan(area.low):
        return [
            tr(
                "Best of the search, {arm}, against random at its own best, {random}: cannot tell "
                "from {seeds} seeds",
                **values,
                seeds=found.seeds,
            )
        ]
    kind = mark("no difference was shown")
    if area.low > 0:
        kind = mark("better")
    elif area.high < 0:
        kind = mark("worse")
    return [
        tr(
            "Best of the search, {arm}, against random at its own best, {random}: {kind} "
            "({difference} points over the curve, {percent} %: {low} to {high})",
            **values,
            kind=tr(kind),
            difference=signed(area.difference),
            percent=f"{100 * level:g}",
            low=signed(area.low),
            high=signed(area.high),
        )
    ]
