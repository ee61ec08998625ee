"""Claims C1 to C5: whether arms beat random, step sizes, regimes, and arms among each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from al_ray.analysis.comparison import Arm, pair
from al_ray.analysis.reference.arms import arms_of, beside_random, gap, named, unfit
from al_ray.analysis.reference.evidence import (
    ALIKE,
    UNCERTAINTY,
    Answer,
    Sample,
    cannot_tell,
    directed,
    infer,
    listed,
    untold,
)
from al_ray.analysis.statistics.intervals import Floats
from al_ray.analysis.study import Study
from al_ray.language import tr
from al_ray.study.chooser import RANDOM


def every_arm_beats_random(studies: Sequence[Study]) -> Answer:
    """C1: areas against random, Holm over all arms of all studies that are distinct."""
    found = [each.found for each in beside_random(studies)]
    ours = listed(found)
    if why := untold(found, tr("needs random and another arm")):
        return cannot_tell(why, ours)
    signs = [each.sign for each in found]
    worse, better = signs.count(-1), signs.count(1)
    if worse:
        return Answer(
            ours,
            "contradicted",
            tr("{worse} of {of} are worse, beyond doubt", worse=worse, of=len(found)),
        )
    if better == len(found):
        return Answer(ours, "supported", tr("all are better, by tests with Holm's correction"))
    return cannot_tell(
        tr(
            "{better} of {of} are better beyond doubt, none is worse",
            better=better,
            of=len(found),
        ),
        ours,
    )


def smaller_steps_do_better(studies: Sequence[Study]) -> Answer:
    """C2: accuracy at the numbers of labels that both step sizes pass, equal first draws.

    Random is left out, since cold it is trained on the same rows whatever the step size.
    """
    samples = []
    for study in studies:
        arms = sorted(arms_of(study), key=lambda arm: int(arm["step_size"]))
        for small, large in combinations(arms, 2):
            if small["strategy"] == RANDOM or not _alike_but(small, large, "step_size"):
                continue
            initial = small["initial"]

            def later(labels: Floats, initial: int = initial) -> Floats:
                passed = labels > initial
                return np.asarray(passed / max(1, passed.sum()), np.float64)

            name = tr(
                "{arm} less steps of {size:,}", arm=named(study, small), size=large["step_size"]
            )
            samples.append(gap(name, study, small, large, later))
    found = infer(samples)
    ours = listed(found)
    if why := untold(found, tr("needs two step sizes with the same first draw (--initial)")):
        return cannot_tell(why, ours)
    return directed(
        found,
        ours,
        tr("smaller steps are ahead somewhere, beyond doubt, and nowhere the reverse"),
        tr("larger steps are ahead somewhere, beyond doubt, and nowhere the reverse"),
    )


def cold_is_unstable(studies: Sequence[Study]) -> Answer:
    """C3: what is lost from one step to the next, on average, cold less warm-new.

    What is lost at a step is accuracy before less accuracy after, where that is above 0: there it
    is a mean over test rows, and elsewhere 0, so that it has an interval over rows too. Few rows
    add small losses to both regimes alike.
    """
    samples = []
    for study in studies:
        for one, other in combinations(arms_of(study), 2):
            regimes = {arm["retrain"]: arm for arm in (one, other)}
            if set(regimes) != {"cold", "warm-new"} or not _alike_but(one, other, "retrain"):
                continue
            cold, warm = regimes["cold"], regimes["warm-new"]
            name = tr("{arm} less {other}", arm=named(study, cold), other=tr("warm-new"))
            both = pair(study, cold, warm)
            if both is None or len(both.labels) < 2:
                samples.append(Sample(name, np.empty((0, 1))))
                continue
            lost = _lost(both.arm) - _lost(both.random)
            samples.append(
                Sample(name, lost, both.missing, unfit(study, cold) or unfit(study, warm))
            )
    found = infer(samples)
    ours = listed(found)
    if why := untold(found, tr("needs the regimes cold and warm-new of one arm")):
        return cannot_tell(why, ours)
    return directed(
        found,
        ours,
        tr("cold loses more from step to step somewhere, beyond doubt, and nowhere the reverse"),
        tr(
            "warm-new loses more from step to step somewhere, beyond doubt, and nowhere the reverse"
        ),
    )


def uncertainty_arms_are_alike(studies: Sequence[Study]) -> Answer:
    """C4: areas of pairs of the uncertainty arms, by a test of equivalence.

    Arms that differ by less than ALIKE are alike, however sure that difference is.
    """
    several = [study for study in studies if len(study.labels) > 2]
    samples = [
        gap(_less(study, one, other), study, one, other)
        for study in several
        for one, other in combinations(arms_of(study, *UNCERTAINTY), 2)
        if _alike_but(one, other, "strategy")
    ]
    if not samples and len(several) < len(studies):
        return cannot_tell(tr("with two labels the three are one order by mathematics"))
    found = infer(samples, at_once=True)
    ours = listed(found)
    if why := untold(found, tr("needs two of the uncertainty arms")):
        return cannot_tell(why, ours)
    words = [each.within(ALIKE) for each in found]
    if False in words:
        return Answer(
            ours, "contradicted", tr("two of them differ by more than 1 point, beyond doubt")
        )
    if all(words):
        return Answer(ours, "supported", tr("all intervals, together, are within 1 point"))
    return cannot_tell(tr("that they differ by less than 1 point, or by more, was not shown"), ours)


def committee_needs_small_steps(studies: Sequence[Study]) -> Answer:
    """C5: areas of the committee less those of each uncertainty arm, at two step sizes.

    First draws may differ between the sizes, since arms are compared within each.
    """
    large: list[Sample] = []
    small: list[Sample] = []
    one_size = False
    for study in studies:
        arms = arms_of(study, "qbc", *UNCERTAINTY)
        for regime in dict.fromkeys(arm["retrain"] for arm in arms):
            pairs = [
                (one, other)
                for one in arms
                for other in arms
                if one["retrain"] == regime
                and one["strategy"] == "qbc" != other["strategy"]
                and _alike_but(one, other, "strategy")
            ]
            sizes = sorted({one["step_size"] for one, _ in pairs})
            one_size |= len(sizes) == 1
            if len(sizes) < 2:
                continue
            for one, other in pairs:
                if one["step_size"] in (sizes[0], sizes[-1]):
                    side = small if one["step_size"] == sizes[0] else large
                    side.append(gap(_less(study, one, other), study, one, other))
    found = infer([*large, *small], at_once=True)
    ours = listed(found)
    needs = tr("needs the committee and an uncertainty arm")
    if why := untold(found, tr("needs two step sizes") if one_size else needs):
        return cannot_tell(why, ours)
    worse, alike = found[: len(large)], [each.within(ALIKE) for each in found[len(large) :]]
    if all(each.below(0) for each in worse) and all(alike):
        return Answer(
            ours, "supported", tr("worse with large steps, within 1 point with small ones")
        )
    if any(each.above(0) for each in worse):
        return Answer(ours, "contradicted", tr("with large steps it is better, beyond doubt"))
    if False in alike:
        return Answer(
            ours,
            "contradicted",
            tr("with small steps it differs by more than 1 point, beyond doubt"),
        )
    return cannot_tell(tr("differences with their intervals leave it open"), ours)


def _less(study: Study, one: Arm, other: Arm) -> str:
    return tr("{arm} less {other}", arm=named(study, one), other=other["strategy"])


def _alike_but(one: dict[str, Any], other: dict[str, Any], name: str) -> bool:
    """Whether two arms differ in nothing else."""
    return {key for key in one if one[key] != other[key]} == {name}


def _lost(values: Any) -> Floats:
    """Lost from step to step, on average: (seeds, rows) of values (seeds, rows, steps)."""
    mean = values.mean(axis=1, dtype=np.float64)
    falls = mean[:, :-1] > mean[:, 1:]
    # The sum over falls of before less after is one weighted sum of a seed's steps.
    by = np.zeros(mean.shape)
    by[:, :-1] += falls
    by[:, 1:] -= falls
    return np.array([seed @ w for seed, w in zip(values, by / falls.shape[1], strict=True)])
