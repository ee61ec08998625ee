"""Labels saved at every accuracy that random came to; see `needs` for how."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from al_ray.analysis.answers import answers
from al_ray.analysis.baseline import baselines
from al_ray.analysis.comparison import Arm, aliases, key_of, measured, setting_of
from al_ray.analysis.statistics.intervals import LEAST_SEEDS, Crossed, holm
from al_ray.analysis.statistics.needs import Saving, saving
from al_ray.analysis.study import SETTING, Study, records, remembered
from al_ray.analysis.summary import ARM, LEARNER
from al_ray.study.chooser import CONTROL, RANDOM

COLUMNS: Final = [
    *ARM,
    "target_labels",
    "target_accuracy",
    "baseline_fits",
    "need",
    "labels",
    "reached",
    "saved_labels",
    "low",
    "high",
    "p_holm",
    "shown",
    "saved_days",
    "low_days",
    "seeds",
    "missing",
]
"""The columns of `savings`."""


@remembered
def savings(
    study: Study,
    targets: Sequence[int] | None = None,
    test: str | None = None,
    level: float = 0.95,
    labels_per_day: float | None = None,
) -> pd.DataFrame:
    """Labels that each arm saves at the accuracy of N random labels, for every N.

    The baseline of an arm is the random arm of its setting (regime, head, step size, first draw)
    up to N labels. Where that has no step of N and the regime is cold, N is any model trained once
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
        COLUMNS, a row per arm but random and target that has a baseline. `target_accuracy` is the
        baseline's mean over the paired seeds, `baseline_fits` all fits of it there; `need` what
        random itself needs for that accuracy, which is less than N where its curve is flat, and
        `labels` what the arm needs; `saved_labels` = need - labels, with `low` and `high` the ends
        of its interval (infinite where open, NaN below LEAST_SEEDS seeds). `shown`: whether any are
        saved, by `p_holm`, of all distinct arms and targets; where it is not, nothing may be said
        of the numbers. `saved_days` and `low_days` are in person-days. `missing`: seeds asked for
        that one of the two has not.
    """
    curves = study.curves(test)
    done = curves[curves.complete]
    pool = _baselines(study, done, test)
    same = aliases(study)
    made: list[dict[str, Any]] = []
    for arm in records(study.arms()):
        if arm["strategy"] == RANDOM:
            continue
        own = done[(done[ARM] == pd.Series(arm)).all(axis=1)]
        for target, baseline in _targets(arm, pool, targets) if len(own) else ():
            facts = {"target_labels": target, "p": math.nan, "_counts": key_of(arm) not in same}
            found = _of_arm(study, arm, own, pool, baseline, target, test, level)
            made.append({**arm, **facts, **found})
    table = pd.DataFrame(made, columns=[*COLUMNS, "p", "_counts"])
    # What is one arm under several names is tested once.
    tested = table._counts.astype(bool)
    table.loc[tested, "p_holm"] = holm(table.p[tested])
    for place in table.index[~tested]:
        row = table.loc[place]
        leader = pd.Series(same[key_of(row)]) if key_of(row) in same else None
        is_leader = (table[ARM] == leader).all(axis=1) & (table.target_labels == row.target_labels)
        table.loc[place, "p_holm"] = table.p_holm[is_leader].max()
    bases = baselines(study, test, level)
    unfit = {setting for setting, base in bases.items() if base.is_unfit}
    fit = np.array([setting_of(row) not in unfit for row in records(table)], bool)
    table["shown"] = (table.p_holm < 1 - level) & (table.seeds >= LEAST_SEEDS) & fit
    per_day = labels_per_day or study.labels_per_day
    table["saved_days"], table["low_days"] = table.saved_labels / per_day, table.low / per_day
    return table[COLUMNS]


def said(table: pd.DataFrame) -> pd.DataFrame:
    """`savings` without the numbers of what was not shown, for all that is printed."""
    unsaid = ["need", "labels", "saved_labels", "low", "high", "saved_days", "low_days"]
    kept = table.copy()
    kept[unsaid] = kept[unsaid].astype(np.float64).where(kept.shown.astype(bool))
    return kept


def _baselines(study: Study, curves: pd.DataFrame, test: str | None) -> pd.DataFrame:
    """Fits on random rows alone: of random arms, and controls."""
    wanted = study.test if test is None else test
    controls = study.steps[(study.steps.strategy == CONTROL) & (study.steps.test == wanted)]
    random = curves[curves.strategy == RANDOM]
    columns = ["trajectory", *ARM, "seed", "step", "n_labelled", "test_score"]
    parts = [part[columns] for part in (random, controls) if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else random[columns]


def _targets(
    arm: Arm, pool: pd.DataFrame, targets: Sequence[int] | None
) -> Iterator[tuple[int, pd.DataFrame]]:
    """Each target of an arm with its baseline's fits, one a seed."""
    pool = pool[(pool[LEARNER] == pd.Series({name: arm[name] for name in LEARNER})).all(axis=1)]
    same = _same(arm, pool)
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


def _same(arm: Arm, pool: pd.DataFrame) -> pd.DataFrame:
    setting = pd.Series({name: arm[name] for name in SETTING})
    return pool[(pool.strategy == RANDOM) & (pool[SETTING] == setting).all(axis=1)]


def _of_arm(
    study: Study,
    arm: Arm,
    own: pd.DataFrame,
    pool: pd.DataFrame,
    baseline: pd.DataFrame,
    target: int,
    test: str | None,
    level: float,
) -> dict[str, Any]:
    """`Saving` and what goes with it, of one arm and target."""
    seeds = sorted(set(own.seed) & set(baseline.seed))
    asked = study.trajectories
    missing = len(set(asked.seed[(asked[ARM] == pd.Series(arm)).all(axis=1)])) - len(seeds)
    facts = {"baseline_fits": len(baseline), "seeds": len(seeds), "missing": missing}
    if not seeds:
        return facts | {"reached": ""}
    # What random itself needs is looked for among its own steps before the target.
    before = _same(arm, pool)
    before = before[(before.n_labelled < target) & before.seed.isin(seeds)]
    base = pd.concat([_shared(before, len(seeds)), baseline[baseline.seed.isin(seeds)]])
    own = _shared(own[own.seed.isin(seeds)], len(seeds))
    labels, points = (
        np.array(sorted(side.n_labelled.unique()), np.float64) for side in (own, base)
    )
    values = [
        measured(study, [side], "accuracy", test, (len(seeds), len(at)))[0]
        for side, at in ((own, labels), (base, points))
    ]
    if values[0].shape[1] != values[1].shape[1]:  # the answers of one side alone are known
        values = [part.mean(axis=1, keepdims=True) for part in values]
    clusters = answers(study, test).clusters
    both = np.concatenate(values, axis=2)
    crossed = Crossed.of(both, clusters) if len(both) >= 2 else both
    found: Saving = saving(labels, points, crossed, level, missing)
    return {
        **facts,
        "target_accuracy": found.accuracy,
        "need": found.need,
        "labels": found.labels,
        "reached": found.reached,
        "saved_labels": found.saved,
        "low": found.low,
        "high": found.high,
        "p": found.p,
    }


def _shared(rows: pd.DataFrame, seeds: int) -> pd.DataFrame:
    """Models at the numbers of labels that all seeds have."""
    rows = rows.drop_duplicates(["seed", "n_labelled"])
    counts = rows.groupby("n_labelled").seed.nunique()
    return rows[rows.n_labelled.isin(counts.index[counts == seeds])]
