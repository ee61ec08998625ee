"""Arms against random and against each other, from a study's tables.

What is equal by mathematics is one arm under several names (on two labels least confidence, margin
and entropy): it is tested once, so that its names do not count in Holm's correction, and what is
found holds for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from al_ray.analysis.answers import Key, answers
from al_ray.analysis.metrics import RARE, rare_labels, values
from al_ray.analysis.statistics.clusters import Clusters
from al_ray.analysis.statistics.intervals import LEAST_SEEDS, holm
from al_ray.analysis.statistics.pairs import Effect, Pairs, contrast
from al_ray.analysis.statistics.versus import Judgement, judge
from al_ray.analysis.study import BASE, CHOICE, SETTING, Study, groups, records, remembered
from al_ray.analysis.summary import ARM
from al_ray.study.chooser import RANDOM

Arm = dict[str, Any]
"""The values of ARM."""


@dataclass(frozen=True)
class Judged:
    """An arm and what was found of it.

    Attributes:
        arm: which.
        found: None where it has no pair with random.
        same_as: the arm that it is under another name, which was tested; None: itself.
    """

    arm: Arm
    found: Judgement | None
    same_as: Arm | None = None


def key_of(arm: Any) -> tuple[Any, ...]:
    """An arm as a key."""
    return tuple(arm[name] for name in ARM)


def setting_of(arm: Any) -> tuple[Any, ...]:
    """What an arm shares with the random arm that it is compared with, as a key."""
    return tuple(arm[name] for name in SETTING)


@remembered
def judged(
    study: Study, metric: str = "accuracy", test: str | None = None, level: float = 0.95
) -> list[Judged]:
    """Every arm but random against the random arm of its setting, judged together.

    Args:
        study: of which.
        metric: a name in `metrics.NAMES`.
        test: name of the test; None: the main one.
        level: of the intervals; differences are found at 1 - level.
    """
    return judged_by(study, (metric,), test, level)[metric]


@remembered
def judged_by(
    study: Study, metrics: tuple[str, ...], test: str | None = None, level: float = 0.95
) -> dict[str, list[Judged]]:
    """`judged` by several metrics, with Holm's correction over arms times metrics."""
    arms = [arm for arm in records(study.arms()) if arm["strategy"] != RANDOM]
    same, pairs = aliases(study), {}
    for metric in metrics:
        for arm in arms:
            if key_of(arm) not in same:
                base = arm | BASE
                pairs[metric, key_of(arm)] = pair(study, arm, base, metric, test)
    tested = {name: found for name, found in pairs.items() if found is not None}
    found = dict(zip(tested, judge(list(tested.values()), level), strict=True))
    made: dict[str, list[Judged]] = {}
    for metric in metrics:
        made[metric] = [
            Judged(
                arm,
                found.get((metric, key_of(same.get(key_of(arm), arm)))),
                same.get(key_of(arm)),
            )
            for arm in arms
        ]
    return made


@remembered
def aliases(study: Study) -> dict[tuple[Any, ...], Arm]:
    """Arms that choose the same rows as an earlier one of their setting at every step of the seeds
    that both have.
    """
    chosen = study.steps[study.steps.picks_digest.notna()]
    chosen = chosen[chosen.test == study.test].sort_values("step", kind="stable")
    digests = chosen.groupby("trajectory").picks_digest.agg(tuple)
    asked = study.trajectories.assign(picks=study.trajectories.trajectory.map(digests))
    asked = asked[asked.picks.notna() & (asked.status == "complete")]
    seen: list[tuple[Arm, dict[int, Any]]] = []
    same: dict[tuple[Any, ...], Arm] = {}
    for key, rows in groups(asked[asked.strategy != RANDOM], ARM):
        arm = dict(zip(ARM, key, strict=True))
        picks = dict(zip(rows.seed, rows.picks, strict=True))
        for leader, others in seen:
            both = picks.keys() & others.keys()
            alike = both and all(picks[seed] == others[seed] for seed in both)
            if alike and setting_of(leader) == setting_of(arm):
                same[key_of(arm)] = leader
                break
        else:
            seen.append((arm, picks))
    return same


@dataclass(frozen=True)
class Together:
    """Some arms on the seeds that all have complete, at the labels that all of these have.

    Attributes:
        labels: (steps,), ascending.
        seeds: ascending.
        values: of each arm (seeds, rows, steps); see `measured`.
        missing: seeds that all were asked for and that one has not.
        clusters: of rows; see `Pairs`.
    """

    labels: NDArray[np.float64]
    seeds: list[int]
    values: list[NDArray[Any]]
    missing: int
    clusters: Clusters | None


def together(
    study: Study,
    arms: Sequence[tuple[Any, ...]],
    metric: str = "accuracy",
    test: str | None = None,
) -> Together | None:
    """Arms, as keys, beside each other; None where no seed is complete for all."""
    curves, rows = study.curves(test), study.trajectories
    sides = [curves[_is(curves, arm)] for arm in arms]
    asked = set.intersection(*(set(rows.seed[_is(rows, arm)]) for arm in arms))
    seeds = asked.intersection(*(side.seed[side.complete] for side in sides))
    if not seeds:
        return None
    sides = [side[side.seed.isin(seeds)] for side in sides]
    counts = [side.groupby("n_labelled").seed.nunique() for side in sides]
    labels = sorted(set.intersection(*(set(count.index[count == len(seeds)]) for count in counts)))
    if not labels:
        return None
    sides = [side[side.n_labelled.isin(labels)] for side in sides]
    shape = (len(seeds), len(labels))
    found = measured(study, sides, metric, test, shape)
    clusters, missing = answers(study, test).clusters, len(asked) - len(seeds)
    return Together(np.array(labels, np.float64), sorted(seeds), found, missing, clusters)


@remembered
def _pair(
    study: Study, one: tuple[Any, ...], other: tuple[Any, ...], metric: str, test: str | None
) -> Pairs | None:
    found = together(study, (one, other), metric, test)
    if found is None:
        return None
    arm, random = found.values
    return Pairs(found.labels, arm, random, found.missing, found.clusters)


def pair(
    study: Study, one: Arm, other: Arm, metric: str = "accuracy", test: str | None = None
) -> Pairs | None:
    """One arm beside another on the seeds that both have complete, at the labels that all of these
    have; None without any.
    """
    return _pair(study, key_of(one), key_of(other), metric, test)


def measured(
    study: Study,
    sides: Sequence[pd.DataFrame],
    metric: str,
    test: str | None,
    shape: tuple[int, int],
) -> list[NDArray[Any]]:
    """A metric of some models as means over test rows, or of one row where answers are not known.

    Args:
        study: of which.
        sides: rows of `steps`, each a model; as many a side as `shape` has.
        metric: a name in `metrics.NAMES`.
        test: name of the test; None: the main one.
        shape: seeds, steps.

    Returns:
        For each side (seeds, rows, steps).
    """
    found = answers(study, test)
    by = ["seed", "n_labelled"]
    ordered = [side.drop_duplicates(by).sort_values(by, kind="stable") for side in sides]
    keys = [list(zip(side.trajectory, side.step.astype(int), strict=True)) for side in ordered]
    if all(key in found.right for side in keys for key in side):
        rows = len(found.row_ids)
        return [
            np.array([of_rows(study, metric, test, key) for key in side])
            .reshape(*shape, rows)
            .transpose(0, 2, 1)
            for side in keys
        ]
    name = study.columns.get(metric)
    if name is None:
        return [np.full((shape[0], 1, shape[1]), math.nan) for _ in sides]
    return [side[name].to_numpy(np.float64).reshape(shape)[:, None, :] for side in ordered]


@remembered
def of_rows(study: Study, metric: str, test: str | None, key: Key) -> NDArray[Any]:
    """What a model's answer on each test row adds to a metric; see `metrics.values`."""
    found = answers(study, test)
    if metric == "accuracy":
        return found.scores[key]
    rare = rare_labels(study) if metric == RARE else found.names
    counted = [place for place, name in enumerate(found.names) if name in set(rare)]
    return values(metric, found.truth, found.predictions[key], counted)


def _is(rows: pd.DataFrame, arm: tuple[Any, ...]) -> pd.Series[bool]:
    found: pd.Series[bool] = (rows[ARM] == pd.Series(dict(zip(ARM, arm, strict=True)))).all(axis=1)
    return found


def against_random(
    study: Study, metric: str = "accuracy", test: str | None = None, level: float = 0.95
) -> pd.DataFrame:
    """Each arm's area under the curve against that of the random arm of its setting.

    Args:
        study: of which.
        metric: a name in `metrics.NAMES`.
        test: name of the test; None: the main one.
        level: of the intervals.

    Returns:
        ARM, seeds, missing (seeds asked for that one of the two has not), rows (of the test),
        difference, low, high (over seeds and test rows), p, p_holm (over the distinct arms),
        detectable, kind; a row per arm but random, in order. Arms of a setting without random have
        no pairs.
    """
    made = [
        {
            **one.arm,
            "seeds": one.found.seeds if one.found else 0,
            "missing": one.found.missing if one.found else 0,
            "rows": one.found.rows if one.found else 0,
            **vars(one.found.area if one.found else Effect(*[math.nan] * 5)),
            "detectable": one.found.detectable if one.found else math.nan,
            "kind": one.found.kind if one.found else "cannot tell",
        }
        for one in judged(study, metric, test, level)
    ]
    columns = ["seeds", "missing", "rows", "difference", "low", "high", "p", "p_holm"]
    return pd.DataFrame(made, columns=[*ARM, *columns, "detectable", "kind"])


def by_step(
    study: Study, metric: str = "accuracy", test: str | None = None, level: float = 0.95
) -> pd.DataFrame:
    """Each arm against the random arm of its setting at every number of labels but the first.

    Where on the curve a difference lies; whether there is one at all is for `against_random`.

    Returns:
        ARM, n_labelled, seeds, difference, low, high, p, p_holm (over an arm's numbers of labels).
    """
    made: list[dict[str, Any]] = []
    for one in judged(study, metric, test, level):
        found = pair(study, one.same_as or one.arm, one.arm | BASE, metric, test)
        if one.found is None or found is None:
            continue
        later = found.labels > one.arm["initial"]
        steps = [step for step, is_later in zip(one.found.steps, later, strict=True) if is_later]
        corrected = holm([step.p for step in steps])
        for labels, step, p in zip(found.labels[later], steps, corrected, strict=True):
            facts = {"n_labelled": int(labels), "seeds": one.found.seeds}
            made.append({**one.arm, **facts, **vars(step), "p_holm": float(p)})
    kept = [*ARM, "n_labelled", "seeds", "difference", "low", "high", "p", "p_holm"]
    return pd.DataFrame(made, columns=kept)


def shown_cells(study: Study) -> pd.DataFrame:
    """At how many numbers of labels an arm was shown to be better or worse than random.

    The first draw, which arms share, is none of these. Arms that are one under several names count
    once, and cells of fewer than LEAST_SEEDS seeds not at all.

    Returns:
        ARM, cells, better, worse: a row per arm.
    """
    same, cells = aliases(study), by_step(study)
    kept = [key_of(row) not in same for row in records(cells)]
    cells = cells[np.array(kept, bool) & (cells.seeds >= LEAST_SEEDS).to_numpy()]
    if cells.empty:
        return pd.DataFrame(columns=[*ARM, "cells", "better", "worse"])
    shown = cells.p_holm < 0.05
    cells = cells.assign(
        better=shown & (cells.difference > 0), worse=shown & (cells.difference < 0)
    )
    table = cells.groupby(ARM, sort=False).agg(
        cells=("better", "size"), better=("better", "sum"), worse=("worse", "sum")
    )
    return table.reset_index()


def penalties(study: Study, level: float = 0.95) -> pd.DataFrame:
    """The pairwise penalty matrix of Ash et al. (2020), within each setting.

    At each number of labels but the first draw's, arm a loses to arm b if a two-sided test over
    the seeds that both have, and over test rows, says that b is better; a's penalty against b is
    the share of these numbers of labels at which it loses, so that 0 is the best and 1 the worst.
    Successors are left out.

    Returns:
        CHOICE with _a and with _b, SETTING, penalty, cells: a row per ordered pair of distinct
        arms. `cells` counts the numbers of labels; penalty is NaN of none, or of fewer than
        LEAST_SEEDS seeds.
    """
    made: list[dict[str, Any]] = []
    same = aliases(study)
    arms = [arm for arm in records(study.arms()) if not arm["chosen_by"]]
    distinct = [arm for arm in arms if key_of(arm) not in same]
    for one, other in permutations(distinct, 2):
        found = pair(study, one, other) if setting_of(one) == setting_of(other) else None
        if found is None:
            continue
        later = found.labels > one["initial"]
        tested = len(found.arm) >= LEAST_SEEDS and later.any()
        steps = contrast(found, np.eye(len(found.labels))[later], level) if tested else []
        lost = [step.p < 1 - level and step.difference < 0 for step in steps]
        setting = {name: one[name] for name in SETTING}
        made.append(
            {
                **{f"{name}_a": one[name] for name in CHOICE},
                **{f"{name}_b": other[name] for name in CHOICE},
                **setting,
                "penalty": float(np.mean(lost)) if lost else math.nan,
                "cells": len(lost),
            }
        )
    both = [f"{name}_{side}" for side in "ab" for name in CHOICE]
    columns = [*both, *SETTING, "penalty", "cells"]
    return pd.DataFrame(made, columns=columns)
