"""What it costs that another, cheaper learner chooses: an arm's successor beside the arm itself."""

from __future__ import annotations

from dataclasses import dataclass

from al_ray.analysis.baseline import signed
from al_ray.analysis.comparison import Arm, key_of, pair
from al_ray.analysis.described.costs import costs
from al_ray.analysis.names import arm_name, several
from al_ray.analysis.statistics.intervals import LEAST_SEEDS
from al_ray.analysis.statistics.pairs import Effect, area_weights, contrast
from al_ray.analysis.study import Study, records, remembered
from al_ray.language import tr
from al_ray.study.training import READ


@dataclass(frozen=True)
class Succession:
    """A learner on the rows that another chose, beside the same learner that chose for itself.

    Attributes:
        arm: the successor.
        own: the arm that chose for itself.
        seeds: that both have.
        area: accuracy over the labels, the successor's less its own.
        hours: device-hours of a trajectory, with those of the model that chose.
        own_hours: of a trajectory that chose for itself.
    """

    arm: Arm
    own: Arm
    seeds: int
    area: Effect
    hours: float
    own_hours: float


@remembered
def successions(study: Study, test: str | None = None, level: float = 0.95) -> list[Succession]:
    """Every successor that has the arm that chose for itself beside it.

    The intervals hold for all of them together (Bonferroni).
    """
    arms = records(study.arms())
    known = {key_of(arm): arm for arm in arms}
    found = []
    for arm in arms:
        own = known.get(key_of(arm | {"chosen_by": ""}))
        both = pair(study, arm, own, test=test) if arm["chosen_by"] and own else None
        if own is not None and both is not None:
            found.append((arm, own, both))
    if not found:
        return []
    hours = {key_of(row): row["device_hours"] for row in records(costs(study))}
    each = 1 - (1 - level) / len(found)
    return [
        Succession(
            arm,
            own,
            len(both.arm),
            contrast(both, area_weights(both.labels)[None], each)[0],
            hours[key_of(arm)] + _chooser_hours(arm, arms, hours),
            hours[key_of(own)],
        )
        for arm, own, both in found
    ]


def _chooser_hours(arm: Arm, arms: list[Arm], hours: dict[tuple[object, ...], float]) -> float:
    """Of the arm that chose; of several that may have, the longest."""
    choosers = [
        other
        for other in arms
        if other["head"] == arm["chosen_by"]
        and all(
            other[name] == arm[name]
            for name in ("strategy", "parameters", "step_size", "initial", "model", *READ)
        )
    ]
    return max((hours.get(key_of(other), 0.0) for other in choosers), default=0.0)


def lines(study: Study, test: str | None = None, level: float = 0.95) -> list[str]:
    """A line for each successor: what it loses or gains, and what it takes."""
    columns = several(study.arms())
    return [
        _said(one, arm_name(one.arm, columns), level) for one in successions(study, test, level)
    ]


def _said(one: Succession, name: str, level: float) -> str:
    if one.seeds < LEAST_SEEDS:
        return tr(
            "{arm}: cannot tell from {seeds} seeds: {least} or more are needed",
            arm=name,
            seeds=one.seeds,
            least=LEAST_SEEDS,
        )
    low, high = one.area.low, one.area.high
    values = {
        "arm": name,
        "difference": signed(one.area.difference),
        "percent": 100 * level,
        "low": signed(low),
        "high": signed(high),
        "share": one.hours / one.own_hours,
    }
    if low <= 0 <= high:
        return tr(
            "{arm}, against choosing for itself: no difference was shown ({difference} points over "
            "the curve, {percent:g} %: {low} to {high}), in {share:.2f} of the device-hours",
            **values,
        )
    if high < 0:
        return tr(
            "{arm}, against choosing for itself: worse ({difference} points over the curve, "
            "{percent:g} %: {low} to {high}), in {share:.2f} of the device-hours",
            **values,
        )
    return tr(
        "{arm}, against choosing for itself: better ({difference} points over the curve, "
        "{percent:g} %: {low} to {high}), in {share:.2f} of the device-hours",
        **values,
    )
