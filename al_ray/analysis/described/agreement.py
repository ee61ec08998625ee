"""Which rows arms get right, and which they choose, together and alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from al_ray.analysis.answers import answered, answers
from al_ray.analysis.study import CHOICE, SETTING, Study, each, groups
from al_ray.analysis.summary import ARM

PAIR = [*(f"{name}_a" for name in ARM), *(f"{name}_b" for name in ARM)]
"""The columns that name two arms."""


def test_agreement(study: Study, test: str | None = None) -> pd.DataFrame:  # noqa: PT028
    """Which test rows two arms answer rightly, at the last number of labels that both have.

    Arms of one setting are compared, seed by seed. `jaccard` is the share of the rows that either
    gets right that both get right. `chance` is what it would be if the two were as often right and
    independent of each other: p q / (p + q - p q). Rows differ in difficulty, so arms that have
    nothing to do with each other are far above it; two seeds of one arm (`within`) are a fairer
    measure, since they differ by noise alone.

    Returns:
        PAIR, n_labelled, seeds, both, only_a, only_b, neither (rows), jaccard, chance, contains
        (share of b's right rows that a gets right too: 1 if a's right set contains b's), contained
        (the reverse), within (mean Jaccard of two seeds of a, and of b, there; NaN of one seed);
        all means over seeds.
    """
    found = answers(study, test).right
    steps = answered(study.curves(test), found)
    made: list[dict[str, Any]] = []
    for one, other in _pairs(steps):
        both = one.merge(other, on=["seed", "n_labelled"], suffixes=("_a", "_b"))
        if both.empty:
            continue
        both = both[both.n_labelled == both.n_labelled.max()]
        rights = [
            (found[row.trajectory_a, row.step_a], found[row.trajectory_b, row.step_b])
            for row in each(both)
        ]
        counts = pd.DataFrame([_counts(a, b) for a, b in rights]).mean()
        within = [_within([pair[side] for pair in rights]) for side in (0, 1)]
        made.append(
            {
                **_names(one, other),
                "n_labelled": int(both.n_labelled.iloc[0]),
                "seeds": len(both),
                **{str(name): float(value) for name, value in counts.items()},
                "within": float(np.mean(within)),
            }
        )
    columns = [*PAIR, "n_labelled", "seeds", "both", "only_a", "only_b", "neither"]
    return pd.DataFrame(
        made, columns=[*columns, "jaccard", "chance", "contains", "contained", "within"]
    )


def _pairs(steps: pd.DataFrame) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """The rows of two arms, for each pair of arms of one setting."""
    for _, setting in steps.groupby(SETTING, sort=False):
        arms = [rows for _, rows in setting.groupby(CHOICE, sort=False)]
        yield from combinations(arms, 2)


def _names(one: pd.DataFrame, other: pd.DataFrame) -> dict[str, Any]:
    first = {f"{name}_a": one[name].iloc[0] for name in ARM}
    return first | {f"{name}_b": other[name].iloc[0] for name in ARM}


def _counts(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> dict[str, float]:
    both, only_a, only_b = int((a & b).sum()), int((a & ~b).sum()), int((b & ~a).sum())
    p, q = float(a.mean()), float(b.mean())
    return {
        "both": both,
        "only_a": only_a,
        "only_b": only_b,
        "neither": len(a) - both - only_a - only_b,
        "jaccard": _share(both, both + only_a + only_b),
        "chance": _share(p * q, p + q - p * q),
        "contains": _share(both, both + only_b),
        "contained": _share(both, both + only_a),
    }


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def _within(rights: list[NDArray[np.bool_]]) -> float:
    right = np.array(rights, np.float32)  # counts of rows are exact in it
    both, sizes = right @ right.T, right.sum(axis=1)
    upper = np.triu_indices(len(rights), 1)
    with np.errstate(invalid="ignore"):
        shares = (both / (sizes[:, None] + sizes - both))[upper]
    return float(shares.mean()) if len(shares) else float("nan")


def right_sets(
    study: Study,
    n_labelled: int,
    seed: int,
    test: str | None = None,
    names: Mapping[str, str] | None = None,
    **setting: Any,
) -> pd.DataFrame:
    """How many test rows are answered rightly by exactly which arms, at one point.

    Successors are left out: they share their strategy with the arm that chose for itself.

    Args:
        study: of which.
        n_labelled: the point.
        seed: the trajectories' seed.
        test: name of the test; None: the main one.
        names: of trajectories, which alone are looked at; None: all, by their strategies.
        setting: values of SETTING that the arms have; needed where a name has several.

    Returns:
        arms (tuple of names, in order; empty where none is right), rows: counts that add up to the
        test's rows, the most first. Empty where no arm was there.

    Raises:
        ValueError: a name has several arms there.
    """
    found = answers(study, test)
    steps = study.curves(test)
    steps = steps[(steps.n_labelled == n_labelled) & (steps.seed == seed)]
    steps = steps[steps.chosen_by == ""]
    for name, value in setting.items():
        steps = steps[steps[name] == value]
    named = steps.strategy if names is None else steps.trajectory.map(names)
    steps = steps.assign(shown=named)[named.notna()]
    if steps.shown.duplicated().any():
        raise ValueError(f"several arms of one strategy: give one of {', '.join(SETTING)}")
    right = {
        name: found.right[row.trajectory, row.step]
        for row, name in zip(each(steps), steps.shown, strict=True)
        if (row.trajectory, row.step) in found.right
    }
    if not right:
        return pd.DataFrame({"arms": [], "rows": []}, dtype=object)
    combinations_of = Counter(
        tuple(name for name, is_right in zip(right, which, strict=True) if is_right)
        for which in zip(*right.values(), strict=True)
    )
    return pd.DataFrame(combinations_of.most_common(), columns=["arms", "rows"])


def chosen_overlap(study: Study) -> pd.DataFrame:
    """How much of what two arms have chosen so far is the same.

    The first draw is left out, since all arms of a seed share it. `chance` is the Jaccard overlap
    to expect of two arms that choose as many rows, each at random and apart, out of what the first
    draw leaves of the pool: k = m²/M rows in common of m chosen and M there, so k / (2 m - k).

    Returns:
        PAIR, seed, step (of the last choice that counts), n_labelled (after it), jaccard, chance,
        of arms of one setting.
    """
    chosen = study.selections[study.selections.step >= 0]
    sets: dict[tuple[str, int], set[str]] = {}
    for trajectory, rows in groups(chosen, "trajectory"):
        so_far: set[str] = set()
        for step, batch in groups(rows.sort_values("step", kind="stable"), "step"):
            so_far = so_far | set(batch.row_id)
            sets[str(trajectory), int(step)] = so_far
    made: list[dict[str, Any]] = []
    for one, other in _pairs(study.curves()):
        both = one.merge(other, on=["seed", "step", "n_labelled"], suffixes=("_a", "_b"))
        for row in each(both):
            a, b = (
                sets.get((row.trajectory_a, row.step)),
                sets.get((row.trajectory_b, row.step)),
            )
            if not a or not b:
                continue
            # pool_share = labelled / (labelled + pool), at this step, before its choice.
            pool = round(row.n_labelled / row.pool_share_a) - row.initial_a
            common = len(a) * len(b) / pool
            made.append(
                {
                    **_names(one, other),
                    "seed": row.seed,
                    "step": row.step,
                    "n_labelled": row.n_labelled + row.step_size_a,
                    "jaccard": len(a & b) / len(a | b),
                    "chance": common / (len(a) + len(b) - common),
                }
            )
    columns = [*PAIR, "seed", "step", "n_labelled", "jaccard", "chance"]
    return pd.DataFrame(made, columns=columns)


__all__ = ["PAIR", "chosen_overlap", "right_sets", "test_agreement"]
