"""Whether random is worth beating: what it learnt, and whether it was trained long enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from al_ray.analysis.answers import answers
from al_ray.analysis.comparison import Arm, pair, setting_of
from al_ray.analysis.names import several, told
from al_ray.analysis.statistics.clusters import Clusters
from al_ray.analysis.statistics.intervals import LEAST_SEEDS, Crossed
from al_ray.analysis.statistics.pairs import Effect, area_weights, contrast
from al_ray.analysis.study import Study, records, remembered
from al_ray.analysis.summary import FROZEN
from al_ray.language import tr
from al_ray.study.chooser import RANDOM
from al_ray.study.training import READ


@dataclass(frozen=True)
class Baseline:
    """A random arm, on the seeds that are complete.

    Attributes:
        arm: which.
        seeds: complete.
        first, last: numbers of labels.
        gain: accuracy at the last less that at the first.
        majority: accuracy of always saying the pool's most frequent label; NaN where test rows or
            pool are not known.
        learnt: accuracy at the last less that.
        behind: accuracy less that of random with a frozen head on the same labels, mean over
            these; None for a frozen head, or where there is none beside it.
    """

    arm: Arm
    seeds: int
    first: int
    last: int
    gain: Effect
    majority: float
    learnt: Effect
    behind: Effect | None

    @property
    def has_not_learnt(self) -> bool:
        """Whether it is not shown to be above the most frequent label's share."""
        return self.seeds >= LEAST_SEEDS and not np.isnan(self.majority) and self.learnt.low <= 0

    @property
    def is_flat(self) -> bool:
        """Whether it is not shown to gain anything from its labels."""
        return self.seeds >= LEAST_SEEDS and self.first < self.last and not self.gain.low > 0

    @property
    def is_undertrained(self) -> bool:
        """Whether a linear model on the frozen encoder does better, beyond doubt."""
        found = self.behind
        return found is not None and self.seeds >= LEAST_SEEDS and found.high < 0

    @property
    def is_unfit(self) -> bool:
        """Whether nothing may be said of the arms that are compared with it."""
        return self.is_undertrained or self.has_not_learnt


@remembered
def baselines(
    study: Study, test: str | None = None, level: float = 0.95
) -> dict[tuple[Any, ...], Baseline]:
    """The random arms by setting; those without a complete seed are not there."""
    made: dict[tuple[Any, ...], Baseline] = {}
    arms = [arm for arm in records(study.arms()) if arm["strategy"] == RANDOM]
    for arm in arms:
        itself = pair(study, arm, arm, test=test)
        if itself is None:
            continue
        seeds, steps = len(itself.arm), len(itself.labels)
        majority = _majority(study, test)
        values = itself.arm
        constant = np.zeros(values.shape[1]) if majority is None else majority
        both = np.concatenate(
            [values, np.broadcast_to(constant[:, None], (seeds, len(constant), 1))], axis=2
        )
        rise, above = np.zeros((2, steps + 1))
        rise[steps - 1] += 1
        rise[0] -= 1
        above[steps - 1], above[steps] = 1, -1
        gain, learnt = _effects(both, np.array([rise, above]), level, itself.clusters)
        made[setting_of(arm)] = Baseline(
            arm,
            seeds,
            int(itself.labels[0]),
            int(itself.labels[-1]),
            gain,
            float("nan") if majority is None else float(majority.mean()),
            learnt,
            _behind(study, arm, arms, test, level),
        )
    return made


def warnings(study: Study, test: str | None = None, level: float = 0.95) -> list[str]:
    """A line for the most frequent label, and one for each random arm that leaves little to save.

    Below LEAST_SEEDS complete seeds nothing is said of an arm.
    """
    found = baselines(study, test, level)
    lines = []
    known = [each.majority for each in found.values() if not np.isnan(each.majority)]
    if known:
        lines.append(
            tr(
                "The pool's most frequent label alone is right in {percent:.0f} % of the test rows",
                percent=100 * known[0],
            )
        )
    for each in found.values():
        several = len(found) > 1
        name = f"random ({_said(each.arm, list(found.values()))})" if several else RANDOM
        if each.has_not_learnt:
            lines.append(
                tr(
                    "{arm} is not shown to have learnt: with {last:,} labels it is not beyond "
                    "doubt above the most frequent label ({interval}), and nothing can be said of "
                    "its arms",
                    arm=name,
                    last=each.last,
                    interval=_interval(each.learnt, level),
                )
            )
        elif each.is_flat:
            lines.append(
                tr(
                    "{arm} gains nothing from {first:,} to {last:,} labels that {seeds} seeds "
                    "could show ({interval}): {remedy}; what an arm saves cannot be seen here",
                    arm=name,
                    first=each.first,
                    last=each.last,
                    seeds=each.seeds,
                    interval=_interval(each.gain, level),
                    remedy=_steeper(each.arm),
                )
            )
    return lines


def _steeper(arm: Arm) -> str:
    """What to do where random gains nothing."""
    if arm["head"] == FROZEN:
        return tr(
            "the task is learnt by then, or this encoder's vectors hold no more: begin with fewer "
            "labels (--step-size), or take another --model"
        )
    return tr(
        "the task is learnt by then, or the training is too short to use more labels (--epochs, "
        "--min-updates)"
    )


def undertrained(found: Baseline, level: float = 0.95) -> str:
    """What is wrong, and what to change."""
    assert found.behind is not None
    return tr(
        "undertrained: random, trained as it is, is {less:.1f} points below a linear model on the "
        "frozen encoder's vectors with the same labels ({interval}), so it says nothing of the "
        "strategy; train longer (--epochs, --min-updates), or go by --head frozen",
        less=-100 * found.behind.difference,
        interval=_interval(found.behind, level),
    )


def _majority(study: Study, test: str | None) -> np.ndarray[Any, Any] | None:
    """Whether the pool's most frequent label is right, for each test row; None if not known."""
    pool = study.rows[study.rows.split == "train"].label
    found = answers(study, test)
    if pool.empty or not len(found.row_ids) or not study.few:
        return None
    return np.asarray(found.names[found.truth] == pool.value_counts().index[0])


def _behind(
    study: Study, arm: Arm, arms: list[Arm], test: str | None, level: float
) -> Effect | None:
    frozen = [
        other
        for other in arms
        if other["head"] == FROZEN
        and all(other[name] == arm[name] for name in ("step_size", "initial", "model", *READ))
    ]
    if arm["head"] == FROZEN or not frozen:
        return None
    both = pair(study, arm, frozen[0], test=test)
    if both is None or len(both.arm) < LEAST_SEEDS:
        return None
    return contrast(both, area_weights(both.labels)[None], level)[0]


def _effects(values: Any, weights: Any, level: float, clusters: Clusters | None) -> list[Effect]:
    """Contrasts of means (seeds, rows, columns); below two seeds alone the means."""
    if len(values) < 2:
        sums = weights @ values.mean(axis=(0, 1), dtype=np.float64)
        return [Effect(float(value), *[float("nan")] * 3) for value in sums]
    found = Crossed.of(values, clusters).effects(weights, level)
    return [
        Effect(*(float(value) for value in each))
        for each in zip(found.mean, found.low, found.high, found.p, strict=True)
    ]


def _interval(effect: Effect, level: float) -> str:
    return tr(
        "{difference} points, {percent:g} %: {low} to {high}",
        difference=signed(effect.difference),
        percent=100 * level,
        low=signed(effect.low),
        high=signed(effect.high),
    )


def signed(share: float) -> str:
    """In points, with its sign, and a minus that is one."""
    return f"{round(100 * share, 1) + 0.0:+.1f}".replace("-", "−")


def _said(arm: Arm, others: list[Baseline]) -> str:
    """What tells it apart from other random arms."""
    return ", ".join(told(arm, several(pd.DataFrame([other.arm for other in others]))))
