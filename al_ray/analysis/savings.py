"""Label savings: how many labels an arm needs for the accuracy of N random ones.

The point estimate is where the arm's isotonic mean curve, straight between steps over the
logarithm of the labels, first reaches the baseline's mean accuracy. A running maximum would take
the luckiest step of the noisiest arm.

The interval inverts a paired test: a number of labels n belongs to it unless the arm's accuracy
with n labels differs from the baseline's with N, seed by seed. That is Fieller's idea for a ratio.
A t interval over the seeds' own crossings, or a bootstrap of them, needs every seed to cross and
its crossings to be about normal; curves are flat where it matters, so that crossings are skewed or
do not exist. The difference of two accuracies is close to normal, so that the inverted t test
covers at 5 seeds what it says, and where the curve does not rise enough the interval is open:
`high` is infinite. experiments/benchmarks/coverage.py has the figures. Seeds and test rows are
resampled together, by `Crossed`, where `predictions` has every row.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from al_ray.analysis.answers import Answers, answers
from al_ray.analysis.intervals import LEAST_SEEDS, Crossed, Floats
from al_ray.analysis.study import RANDOM, SETTING, Study, records
from al_ray.analysis.summary import ARM
from al_ray.config import CONTROL

REACHED: Final = "reached"
NOT_REACHED: Final = "not reached"
AT_FIRST: Final = "at the first step"

COLUMNS: Final = [
    *ARM,
    "target_labels",
    "target_accuracy",
    "baseline_fits",
    "labels",
    "low",
    "high",
    "reached",
    "share",
    "saved_labels",
    "saved_days",
    "seeds",
]
"""The columns of `savings`."""

_POINTS = 32
"""Points between two steps at which the test is inverted."""


@dataclass(frozen=True)
class Reach:
    """Where a curve reaches an accuracy.

    Attributes:
        labels: NaN where it does not; the first step's where it is there from the start.
        low: labels with which it is still below beyond doubt end here; NaN without an interval.
        high: labels with which it is above beyond doubt begin here; infinite where that was never
            shown.
        reached: REACHED, NOT_REACHED or AT_FIRST.
    """

    labels: float
    low: float
    high: float
    reached: str


def reach(n_labelled: Floats, values: NDArray[Any], level: float = 0.95) -> Reach:
    """Labels needed for a baseline's accuracy.

    Args:
        n_labelled: (steps,), ascending.
        values: (seeds, rows, steps + 1): whether a seed's model answers a test row rightly at each
            step, and last the baseline's of that seed; one row where only accuracies are known.
        level: of the interval, which is given from LEAST_SEEDS seeds.
    """
    at = np.log(n_labelled)
    mean = values.mean(axis=(0, 1), dtype=np.float64)
    labels, reached = _first(n_labelled, mean[:-1], float(mean[-1]))
    if len(values) < LEAST_SEEDS:
        return Reach(labels, math.nan, math.nan, reached)
    points, weights = _between(at)
    against = np.hstack([weights, np.full((len(weights), 1), -1.0)])
    below, above = Crossed.of(values).bounds(against, level)
    return Reach(labels, _low(points, above), _high(points, below), reached)


def _first(n_labelled: Floats, mean: Floats, target: float) -> tuple[float, str]:
    """Where the isotonic curve first reaches the target."""
    at = np.log(n_labelled)
    curve = IsotonicRegression().fit_transform(at, mean)
    # A mean of equal numbers need not be that number to the last bit.
    there = np.flatnonzero(curve >= target - 1e-12)
    if not len(there):
        return math.nan, NOT_REACHED
    step = int(there[0])
    if step == 0:
        return float(n_labelled[0]), AT_FIRST
    rise = curve[step] - curve[step - 1]
    part = min(1.0, (target - curve[step - 1]) / rise)
    return float(np.exp(at[step - 1] + part * (at[step] - at[step - 1]))), REACHED


def _between(at: Floats) -> tuple[Floats, Floats]:
    """Points on and between the steps (points,), and their weights (points, steps)."""
    if len(at) == 1:
        return at, np.ones((1, 1))
    place = np.linspace(0, len(at) - 1, (len(at) - 1) * _POINTS + 1)
    weights = (1 - np.abs(place[:, None] - np.arange(len(at)))).clip(0)
    return weights @ at, weights


def _low(points: Floats, above: Floats) -> float:
    """The first point that is not below beyond doubt; infinite where all are."""
    maybe = np.flatnonzero(above >= 0)
    if not len(maybe):
        return math.inf
    return _root(points, above, int(maybe[0]))


def _high(points: Floats, below: Floats) -> float:
    """The first point from which all are above beyond doubt; infinite where the last is not."""
    doubtful = np.flatnonzero(below <= 0)
    last = int(doubtful[-1]) if len(doubtful) else -1
    return math.inf if last == len(points) - 1 else _root(points, below, last + 1)


def _root(points: Floats, values: Floats, right: int) -> float:
    """Where values change their sign just left of a point."""
    if right == 0:
        return float(np.exp(points[0]))
    before, after = values[right - 1], values[right]
    part = -before / (after - before) if after != before else 1.0
    return float(np.exp(points[right - 1] + part * (points[right] - points[right - 1])))


def savings(
    study: Study,
    targets: Sequence[int] | None = None,
    test: str | None = None,
    level: float = 0.95,
    labels_per_day: float | None = None,
) -> pd.DataFrame:
    """Labels that each arm needs for the accuracy of N random labels.

    The baseline of an arm is the random arm of its setting (regime, head, step size, first draw)
    at N labels. Where that has no step of N and the regime is cold, it is any model trained once
    on N random rows, by another random arm or as a control, since draws of one seed are prefixes
    of one permutation. Arm and baseline are paired by seed; seeds that only one of them has do
    not count. Of arms and random arms, complete trajectories count; those of an arm are cut where
    all its paired seeds are.

    Args:
        study: of which.
        targets: numbers of random labels; None: every step of the random arm but the first, which
            all arms share, and the controls of cold arms.
        test: name of the test; None: the main one.
        level: of the intervals.
        labels_per_day: what one person labels in a day; None: as the study was told.

    Returns:
        COLUMNS, a row per arm but random and target that has a baseline: `target_accuracy` the
        baseline's mean over the paired seeds; `baseline_fits` all fits of the baseline; `labels`,
        `low`, `high` and `reached` as in `Reach`, without interval where the paired seeds are
        fewer than LEAST_SEEDS; `share` = labels / target_labels; `saved_labels` the difference
        and `saved_days` it in person-days, negative where the arm needs more.
    """
    curves = study.curves(test)
    curves = curves[curves.complete]
    found = answers(study, test)
    pool = _baselines(study, curves, test)
    made: list[dict[str, Any]] = []
    for arm in records(study.arms()):
        if arm["strategy"] == RANDOM:
            continue
        own = curves[(curves[ARM] == pd.Series(arm)).all(axis=1)]
        if own.empty:
            continue
        for target, baseline in _targets(arm, pool, targets):
            reached = _of_arm(own, baseline, found, level)
            made.append({**arm, "target_labels": target, "baseline_fits": len(baseline), **reached})
    table = pd.DataFrame(made, columns=COLUMNS)
    table["share"] = table.labels / table.target_labels
    table["saved_labels"] = table.target_labels - table.labels
    table["saved_days"] = table.saved_labels / (labels_per_day or study.labels_per_day)
    return table


def _baselines(study: Study, curves: pd.DataFrame, test: str | None) -> pd.DataFrame:
    """Fits on random rows alone: of random arms, and controls."""
    wanted = study.test if test is None else test
    controls = study.steps[(study.steps.strategy == CONTROL) & (study.steps.test == wanted)]
    random = curves[curves.strategy == RANDOM]
    columns = ["trajectory", *ARM, "seed", "step", "n_labelled", "test_accuracy"]
    parts = [part[columns] for part in (random, controls) if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else random[columns]


def _targets(
    arm: dict[str, Any], pool: pd.DataFrame, targets: Sequence[int] | None
) -> Iterator[tuple[int, pd.DataFrame]]:
    """Each target of an arm with its baseline's fits, one a seed."""
    pool = pool[pool["head"] == arm["head"]]
    same = pool[(pool.strategy == RANDOM) & (pool[SETTING] == _setting(arm)).all(axis=1)]
    cold = pool[pool.retrain == "cold"]
    if targets is None:
        wanted = set(same.n_labelled[same.n_labelled > arm["initial"]])
        if arm["retrain"] == "cold":
            wanted |= set(pool.n_labelled[pool.strategy == CONTROL])
        targets = sorted(int(target) for target in wanted)
    for target in targets:
        fits = same[same.n_labelled == target]
        if fits.empty and arm["retrain"] == "cold":
            fits = cold[cold.n_labelled == target]
        fits = fits.drop_duplicates("seed")
        if len(fits):
            yield target, fits


def _setting(arm: dict[str, Any]) -> pd.Series[Any]:
    return pd.Series({name: arm[name] for name in SETTING})


def _of_arm(
    own: pd.DataFrame, baseline: pd.DataFrame, found: Answers, level: float
) -> dict[str, Any]:
    """`Reach` and what goes with it, of one arm and baseline."""
    seeds = [seed for seed in own.seed.unique() if seed in set(baseline.seed)]
    if not seeds:
        nothing = math.nan
        return {"target_accuracy": nothing, "labels": nothing, "seeds": 0} | {
            "low": nothing,
            "high": nothing,
            "reached": "",
        }
    own = own[own.seed.isin(seeds)]
    shared = own.groupby("n_labelled").seed.nunique()
    labels = shared.index[shared == len(seeds)].to_numpy(np.float64)
    own = own[own.n_labelled.isin(labels)].sort_values(["seed", "n_labelled"])
    paired = baseline.set_index("seed").loc[sorted(seeds)].reset_index()
    values = _values(own, paired, found, len(labels))
    reached = reach(labels, values, level)
    return {
        "target_accuracy": float(paired.test_accuracy.mean()),
        "labels": reached.labels,
        "low": reached.low,
        "high": reached.high,
        "reached": reached.reached,
        "seeds": len(seeds),
    }


def _values(own: pd.DataFrame, paired: pd.DataFrame, found: Answers, steps: int) -> NDArray[Any]:
    """(seeds, rows, steps + 1), of right answers where all are known, else of accuracies."""
    keys = list(zip(own.trajectory, own.step.astype(int), strict=True))
    of_baseline = list(zip(paired.trajectory, paired.step.astype(int), strict=True))
    if all(key in found.right for key in [*keys, *of_baseline]):
        rows = len(found.row_ids)
        right = np.array([found.right[key] for key in keys]).reshape(len(paired), steps, rows)
        base = np.array([found.right[key] for key in of_baseline])
        return np.concatenate([right, base[:, None]], axis=1).transpose(0, 2, 1)
    accuracy = own.test_accuracy.to_numpy(np.float64).reshape(len(paired), steps)
    both = np.hstack([accuracy, paired.test_accuracy.to_numpy(np.float64)[:, None]])
    return both[:, None, :]
