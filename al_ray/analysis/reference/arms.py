"""Which arms answer claims, and their samples.

The reference study fine-tuned its encoder and asked whether labels were chosen well. So an arm with
a frozen head answers no claim, one that is another under a second name does not answer twice, and
where random itself is undertrained or has not learnt nothing is said of its arms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from al_ray.analysis.baseline import baselines
from al_ray.analysis.comparison import Arm, aliases, judged, key_of, pair, setting_of
from al_ray.analysis.reference.evidence import LEVEL, Found, Sample, corrected, nothing, over, title
from al_ray.analysis.statistics.intervals import LEAST_SEEDS, Floats
from al_ray.analysis.statistics.pairs import area_weights
from al_ray.analysis.statistics.versus import Judgement
from al_ray.analysis.study import Study, records
from al_ray.analysis.summary import ARM, FROZEN
from al_ray.analysis.verdict import arm_names
from al_ray.language import tr


def arms_of(study: Study, *strategies: str) -> list[Arm]:
    """The arms that answer claims, of some strategies or of all: fine-tuned, distinct, and choosing
    for themselves.
    """
    same = aliases(study)
    return [
        arm
        for arm in records(study.arms())
        if arm["head"] != FROZEN
        and not arm["chosen_by"]
        and key_of(arm) not in same
        and (not strategies or arm["strategy"] in strategies)
    ]


def named(study: Study, arm: Arm) -> str:
    """An arm among several studies: its corpus, and what it is called in its own."""
    return f"{title(study)}, {arm_names(study)[key_of(arm)]}"


def unfit(study: Study, arm: Arm) -> str:
    """Why the random arm of its setting makes it answer nothing, or ''."""
    base = baselines(study, level=LEVEL).get(setting_of(arm))
    if base is None or not base.is_unfit:
        return ""
    if base.is_undertrained:
        return tr("undertrained, by a linear model on the frozen encoder")
    return tr("random has not learnt")


def gap(
    name: str,
    study: Study,
    one: Arm,
    other: Arm,
    weights: Callable[[Floats], Floats] = area_weights,
) -> Sample:
    """One arm less another, at numbers of labels (steps,) weighted by what `weights` makes of them.

    Where these have no seed in common that is complete, there are no seeds.
    """
    both = pair(study, one, other)
    why = unfit(study, one) or unfit(study, other)
    if both is None:
        return Sample(name, np.empty((0, 1)), unfit=why)
    by = weights(both.labels)
    return Sample(name, weighed(both.arm, by) - weighed(both.random, by), both.missing, why)


def weighed(values: NDArray[Any], by: Floats) -> Floats:
    """(seeds, rows) of values (seeds, rows, steps), seed by seed: they may be of one byte each."""
    return np.array([seed @ by for seed in values], np.float64)


def seeds_of(study: Study, arms: Sequence[Arm]) -> tuple[set[int], set[int]]:
    """Seeds that all of these arms were asked for with, and those that all have complete."""
    rows = study.trajectories
    own = [rows[(rows[ARM] == pd.Series(arm)).all(axis=1)] for arm in arms]
    asked = set.intersection(*(set(arm.seed) for arm in own))
    return asked, set.intersection(*(set(arm.seed[arm.status == "complete"]) for arm in own))


def by_seed(
    name: str, study: Study, arms: Sequence[Arm], values: pd.Series[float], why: str = ""
) -> Sample:
    """A number of each seed (the index), of arms that must all be complete there."""
    asked, done = seeds_of(study, arms)
    known = values[values.index.isin(done)].dropna().to_numpy(np.float64)
    return Sample(name, known[:, None], len(asked) - len(known), why, of_rows=False)


@dataclass(frozen=True)
class Beside:
    """An arm beside the random arm of its setting.

    Attributes:
        study: of which.
        arm: which.
        found: its area less random's.
        judgement: what the verdict rests on; None where nothing may be said.
    """

    study: Study
    arm: Arm
    found: Found
    judgement: Judgement | None


def beside_random(studies: Sequence[Study], however_trained: bool = False) -> list[Beside]:
    """The arms that answer claims, each beside random, as the verdict judges them.

    Holm's correction is over all distinct arms of all studies, frozen ones too, so that nothing is
    said here that the verdict does not say.
    """
    made: list[Beside] = []
    for study in studies:
        for each in judged(study, level=LEVEL):
            if each.same_as is not None:
                continue
            name, one = named(study, each.arm), each.found
            found = nothing(name, "", 0)
            if one is not None:
                found = Found(name, one.area, over(one.seeds, one.rows, one.missing))
            made.append(Beside(study, each.arm, found, one))
    # Corrected over all first, as the verdict does, and then those that may not speak are silenced.
    tested = corrected([each.found for each in made])
    return [
        _silenced(replace(each, found=one), however_trained)
        for each, one in zip(made, tested, strict=True)
        if each.arm["head"] != FROZEN and not each.arm["chosen_by"]
    ]


def _silenced(each: Beside, however_trained: bool) -> Beside:
    seeds = 0 if each.judgement is None else each.judgement.seeds
    why = "" if however_trained else unfit(each.study, each.arm)
    if not why and seeds >= LEAST_SEEDS:
        return each
    return replace(each, found=nothing(each.found.name, why, seeds), judgement=None)
