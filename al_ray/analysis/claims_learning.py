"""Claims C1 to C5: whether arms beat random, step sizes, regimes, and arms among each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd

from al_ray.analysis.comparison import Paired, against_random
from al_ray.analysis.curves import areas
from al_ray.analysis.evidence import (
    ALIKE,
    UNCERTAINTY,
    Answer,
    between,
    cannot_tell,
    enough,
    points,
    title,
    verdict_of,
)
from al_ray.analysis.intervals import LEAST_SEEDS
from al_ray.analysis.study import SETTING, Study, groups
from al_ray.analysis.summary import ARM
from al_ray.analysis.verdict import arm_names

_FEW = f"needs {LEAST_SEEDS} or more complete seeds"


def every_arm_beats_random(studies: Sequence[Study]) -> Answer:
    """C1: areas against random, Holm over a study's arms."""
    said, kinds = [], []
    for study in studies:
        names = arm_names(study)
        for row in against_random(study).to_dict("records"):
            arm = names[tuple(row[name] for name in ARM)]
            found = Paired(**{name: row[name] for name in Paired.__annotations__})
            said.append(f"{title(study)}, {arm}: {points(found)}")
            if not enough(found):
                kinds.append("few")
            elif row["p_holm"] >= 0.05:
                kinds.append("none")
            else:
                kinds.append("better" if row["difference"] > 0 else "worse")
    ours = "; ".join(said)
    if not kinds or all(kind == "few" for kind in kinds):
        return cannot_tell(_FEW + " of random and another arm", ours)
    if "worse" in kinds:
        return Answer(ours, "contradicted", f"{kinds.count('worse')} of {len(kinds)} are worse")
    if all(kind == "better" for kind in kinds):
        return Answer(ours, "supported", "all are better, by paired tests with Holm's correction")
    better = kinds.count("better")
    return cannot_tell(f"{better} of {len(kinds)} are better beyond doubt, none is worse", ours)


def smaller_steps_do_better(studies: Sequence[Study]) -> Answer:
    """C2: accuracy at the numbers of labels that both step sizes pass, equal first draws."""
    tests, said = [], []
    for study in studies:
        curves = study.curves()
        curves = curves[curves.complete & (curves.n_labelled > curves.initial)]
        same = ["strategy", *[name for name in SETTING if name != "step_size"]]
        for key, arm in groups(curves, same):
            for small, large in combinations(sorted(arm.step_size.unique()), 2):
                one = arm[arm.step_size == small].set_index(["seed", "n_labelled"])
                other = arm[arm.step_size == large].set_index(["seed", "n_labelled"])
                gap = (one.test_accuracy - other.test_accuracy).dropna()
                if gap.empty:
                    continue
                by_seed = gap.groupby("seed").mean()
                found = between(by_seed, by_seed * 0)
                tests.append(found)
                said.append(
                    f"{title(study)}, {key[0]} ({key[1]}), {small:,} less {large:,}: "
                    f"{points(found)}"
                )
    if not tests:
        return cannot_tell("needs two step sizes with the same first draw (--initial)")
    return _judged(tests, "; ".join(said), "smaller steps", "larger steps")


def _judged(tests: list[Paired], ours: str, claimed: str, other: str) -> Answer:
    """Supported if some are above 0 and none below, the reverse, or neither."""
    if not any(enough(test) for test in tests):
        return cannot_tell(_FEW, ours)
    above, below, _ = verdict_of(tests)
    if above and not below:
        return Answer(
            ours, "supported", f"{claimed} are ahead beyond doubt somewhere, nowhere behind"
        )
    if below and not above:
        return Answer(
            ours, "contradicted", f"{other} are ahead beyond doubt somewhere, nowhere behind"
        )
    return cannot_tell("both are ahead somewhere" if above else "no difference was shown", ours)


def cold_is_unstable(studies: Sequence[Study]) -> Answer:
    """C3: what is lost from one step to the next, on average, cold less warm-new, by seed."""
    tests, said = [], []
    for study in studies:
        curves = study.curves()
        curves = curves[curves.complete].copy()
        change = curves.groupby("trajectory", sort=False).test_accuracy.diff()
        curves["lost"] = (-change).clip(lower=0)
        same = ["head", "step_size", "initial"]
        for _, setting in groups(curves, same):
            # A strategy counts where it ran in both regimes; seeds, not arms, are independent.
            both = [
                rows
                for _, rows in groups(setting, "strategy")
                if {"cold", "warm-new"} <= set(rows.retrain)
            ]
            if not both:
                continue
            lost = pd.concat(both).groupby(["retrain", "seed"]).lost.mean()
            found = between(lost["cold"], lost["warm-new"])
            tests.append(found)
            size = int(setting.step_size.iloc[0])
            said.append(
                f"{title(study)}, steps of {size:,}: a step loses {100 * lost['cold'].mean():.1f} "
                f"points cold and {100 * lost['warm-new'].mean():.1f} warm-new on average"
            )
    if not tests:
        return cannot_tell("needs the regimes cold and warm-new of one arm")
    answer = _judged(tests, "; ".join(said), "losses of cold", "losses of warm-new")
    if answer.answer == "supported":
        return replace(answer, why="cold loses more from step to step, beyond doubt")
    if answer.answer == "contradicted":
        return replace(answer, why="warm-new loses more from step to step, beyond doubt")
    return answer


def uncertainty_arms_are_alike(studies: Sequence[Study]) -> Answer:
    """C4: pairs of the uncertainty arms, alike if the interval is within ALIKE."""
    tests, said, binary = [], [], False
    for study in studies:
        if len(study.labels) == 2:
            binary = True
            continue
        found = areas(study)
        found = found[found.strategy.isin(UNCERTAINTY)]
        for _, setting in groups(found, SETTING):
            by_seed = setting.pivot_table(index="seed", columns="strategy", values="area")
            for one, other in combinations(by_seed.columns, 2):
                test = between(by_seed[one], by_seed[other])
                tests.append(test)
                said.append(f"{title(study)}, {one} less {other}: {points(test)}")
    if not tests:
        if binary:
            return cannot_tell("with two labels the three are one order by mathematics")
        return cannot_tell("needs two of the uncertainty arms")
    ours = "; ".join(said)
    if not all(enough(test) for test in tests):
        return cannot_tell(_FEW, ours)
    above, below, _ = verdict_of(tests)
    if above or below:
        return Answer(ours, "contradicted", "two of them differ beyond doubt")
    if all(test.low > -ALIKE and test.high < ALIKE for test in tests):
        return Answer(ours, "supported", "every interval is within 1 point")
    return cannot_tell("no difference was shown, but intervals reach beyond 1 point", ours)


def committee_needs_small_steps(studies: Sequence[Study]) -> Answer:
    """C5: the committee less the mean of the uncertainty arms, at two step sizes."""
    said = []
    large_worse: list[bool | None] = []
    small_alike: list[bool | None] = []
    for study in studies:
        found = areas(study)
        same = [name for name in SETTING if name not in ("step_size", "initial")]
        for _, regime in groups(found, same):
            sizes = []
            for size, arms in groups(regime.sort_values("step_size", kind="stable"), "step_size"):
                by_seed = arms.pivot_table(index="seed", columns="strategy", values="area")
                others = [name for name in UNCERTAINTY if name in by_seed]
                if "qbc" in by_seed and others:
                    test = between(by_seed["qbc"], by_seed[others].mean(axis=1, skipna=False))
                    sizes.append((int(size), test))
                    said.append(f"{title(study)}, steps of {int(size):,}: {points(test)}")
            if len(sizes) >= 2:
                small_alike.append(_alike(sizes[0][1]))
                large_worse.append(_worse(sizes[-1][1]))
    ours = "; ".join(said)
    if not said:
        return cannot_tell("needs the committee and an uncertainty arm")
    if not large_worse:
        return cannot_tell("needs two step sizes", ours)
    if all(large_worse) and all(small_alike):
        return Answer(ours, "supported", "worse with large steps, within 1 point with small ones")
    if any(worse is False for worse in large_worse) or any(a is False for a in small_alike):
        return Answer(ours, "contradicted", "not worse with large steps, or not alike with small")
    return cannot_tell("differences with their intervals leave it open", ours)


def _alike(test: Paired) -> bool | None:
    """None where the interval leaves it open."""
    if not enough(test):
        return None
    if test.low > -ALIKE and test.high < ALIKE:
        return True
    return False if test.p < 0.05 else None


def _worse(test: Paired) -> bool | None:
    if not enough(test):
        return None
    if test.p < 0.05:
        return bool(np.sign(test.difference) < 0)
    return False if test.low > -ALIKE / 2 else None
