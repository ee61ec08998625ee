"""Arms against random by what their texts ask of whoever labels them, not by how many there are.

A strategy that is drawn to long texts saves texts and not time. So curves are drawn over what the
labelled texts come to, and judged as those over labels are, where both arms have been.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from al_ray.analysis.baseline import baselines, signed
from al_ray.analysis.comparison import Arm, aliases, key_of, setting_of, together
from al_ray.analysis.described.burden import MEASURES, measures_of, of_texts
from al_ray.analysis.names import arm_name, several
from al_ray.analysis.statistics.intervals import LEAST_SEEDS, t_interval
from al_ray.analysis.statistics.pairs import Effect, Pairs
from al_ray.analysis.statistics.versus import Judgement, judge
from al_ray.analysis.study import BASE, Study, records, remembered
from al_ray.analysis.summary import ARM
from al_ray.analysis.wording import count
from al_ray.language import tr
from al_ray.study.chooser import RANDOM

NEAR = 0.1
"""Of a step: as far from where an arm's curve is known it is read as if it were known there."""


@dataclass(frozen=True)
class Spent:
    """What is found of an arm.

    Attributes:
        arm: which.
        measure: of MEASURES.
        found: the judgement, whose labels are of the measure; None: no pair with random, or curves
            that do not overlap.
    """

    arm: Arm
    measure: str
    found: Judgement | None


@remembered
def spent(study: Study) -> pd.DataFrame:
    """What the rows come to that a model learnt: trajectory, step and a column for each measure."""
    costs = of_texts(study)
    chosen = study.selections.join(costs, on="row_id")
    sums = chosen.groupby(["trajectory", "step"])[list(costs)].sum()
    sums = sums.groupby("trajectory").cumsum().reset_index()
    return sums.assign(step=sums.step + 1)  # what a step chose is learnt at the next


def curves(study: Study, measure: str) -> pd.DataFrame:
    """Each arm's mean accuracy over the mean of what its texts come to.

    Returns:
        ARM, n_labelled, spent, mean, low, high (95 % over seeds), seeds, interval: as of
        `learning_curves`.
    """
    table = study.curves().merge(spent(study)[["trajectory", "step", measure]])
    made: list[dict[str, Any]] = []
    for key, rows in table.groupby([*ARM, "n_labelled"], sort=False):
        low, high = t_interval(rows.test_score)
        made.append(
            {
                **dict(zip([*ARM, "n_labelled"], key, strict=True)),
                "spent": float(rows[measure].mean()),
                "mean": float(rows.test_score.mean()),
                "low": low,
                "high": high,
                "seeds": len(rows),
                "interval": len(rows) >= LEAST_SEEDS,
            }
        )
    kept = [*ARM, "n_labelled", "spent", "mean", "low", "high", "seeds", "interval"]
    return pd.DataFrame(made, columns=kept)


@remembered
def judged_by_effort(study: Study, level: float = 0.95) -> list[Spent]:
    """Every distinct arm but random, by every measure; arms are judged together by each (Holm),
    and measures by themselves, since one of them is what somebody pays for.

    Returns:
        None of a setting whose random is no measure.
    """
    same, bases = aliases(study), baselines(study, None, level)
    unfit = {setting for setting, base in bases.items() if base.is_unfit}
    arms = [
        arm
        for arm in records(study.arms())
        if arm["strategy"] != RANDOM and key_of(arm) not in same and setting_of(arm) not in unfit
    ]
    made: list[Spent] = []
    for name in measures_of(study):
        pairs = [pair_by(study, arm, arm | BASE, name) for arm in arms]
        judged = iter(judge([each for each in pairs if each is not None], level))
        found = [None if each is None else next(judged) for each in pairs]
        made += [Spent(arm, name, each) for arm, each in zip(arms, found, strict=True)]
    return made


def pair_by(study: Study, one: Arm, other: Arm, measure: str) -> Pairs | None:
    """One arm beside another at some amounts of a measure, as if these were labels; None without
    two such amounts, or a seed of both.
    """
    both = together(study, (key_of(one), key_of(other)))
    if both is None or both.values[0].shape[1] == 1:
        return None
    amounts = [_amounts(study, arm, both.seeds, both.labels, measure) for arm in (one, other)]
    at = shared_amounts(*amounts)
    if at.shape[1] < 2:
        return None
    arm, random = (
        np.stack([x @ _between(own, to) for x, own, to in zip(side, sums, at, strict=True)])
        for side, sums in zip(both.values, amounts, strict=True)
    )
    return Pairs(at.mean(axis=0), arm, random, both.missing, both.clusters)


def shared_amounts(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """At what two arms can be compared (seeds, amounts), given what each had (seeds, steps).

    That is where a seed's models are of the arm that ends with more, as far as both went, and where
    the other's lie as close: its curve is read between them. Learning curves bend, and what is
    between two models is not known: of an arm whose texts are so long that it has hardly a model
    there, nothing is said.
    """
    wide, close = (one, other) if one[:, -1].mean() >= other[:, -1].mean() else (other, one)
    first = np.maximum(one[:, :1], other[:, :1])
    at = wide.clip(first, np.maximum(first, np.minimum(one[:, -1:], other[:, -1:])))
    means, own = at.mean(axis=0), wide.mean(axis=0)
    steps = np.diff(own, prepend=-np.inf)
    kept = (means > 0) & (np.abs(at - wide).mean(axis=0) <= NEAR * steps)
    gaps = np.mean([_gaps(x, to) for x, to in zip(close, at, strict=True)], axis=0)
    kept &= gaps <= np.diff(_log(own, own[-1]), prepend=-np.inf)
    kept &= means > np.maximum.accumulate(np.append(0, np.where(kept, means, 0)))[:-1]
    found: NDArray[np.float64] = at[:, kept]
    return found


def _gaps(own: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far the models (steps,) lie apart between which amounts are, in logarithms; 0 at one."""
    above = np.searchsorted(own, at).clip(1, len(own) - 1)
    logs = _log(own, own[-1])
    gap: NDArray[np.float64] = logs[above] - logs[above - 1]
    return np.where(np.isin(at, own), 0.0, gap)


def _log(amounts: NDArray[np.float64], last: float) -> NDArray[np.float64]:
    """Of nothing, as of a thousandth of a curve's last."""
    logs: NDArray[np.float64] = np.log(np.maximum(amounts, max(last / 1000, 1e-9)))
    return logs


def _amounts(
    study: Study, arm: Arm, seeds: list[int], labels: NDArray[np.float64], measure: str
) -> NDArray[np.float64]:
    """(seeds, steps)."""
    table = study.curves()
    table = table[(table[ARM] == pd.Series(arm)[ARM]).all(axis=1)]
    table = table.merge(spent(study)[["trajectory", "step", measure]])
    wide = table.pivot_table(index="seed", columns="n_labelled", values=measure)
    return np.asarray(wide.loc[seeds, labels], np.float64)


def _between(own: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights (steps, amounts) of a curve's steps at own amounts, straight between logarithms."""
    logs, wanted = (_log(each, own[-1]) for each in (own, at))
    return np.stack([np.interp(wanted, logs, step) for step in np.eye(len(own))])


def said_of(one: Spent, level: float = 0.95) -> tuple[str, str]:
    """What is found: its kind, and the numbers that it rests on, if any may be said."""
    found = one.found
    if found is None or found.kind == "cannot tell":
        return "cannot tell", ""
    area = tr(
        "{difference} points, {percent:g} %: {low} to {high}",
        difference=signed(found.area.difference),
        percent=100 * level,
        low=signed(found.area.low),
        high=signed(found.area.high),
    )
    if found.kind == "no difference" and (found.area.low > 0 or found.area.high < 0):
        area = tr(
            "{area}; p = {p:.2g} alone, but {p_holm:.2g} among the arms tested",
            area=area,
            p=found.area.p,
            p_holm=found.area.p_holm,
        )
    saved = _saved(found)
    if saved is None or saved < 1:
        return found.kind, area
    least = tr(
        "at least {least} of {target}", least=count(saved), target=count(found.saving.target)
    )
    return found.kind, f"{least}; {area}"


def _saved(found: Judgement) -> float | None:
    """At least so much; None: not shown."""
    return {"saves": found.saving.low, "saves on the way": found.on_the_way.low}.get(found.kind)


def lines(study: Study, level: float = 0.95) -> list[str]:
    """A line for each measure: what was found of each arm by it; none for classification, whose
    texts differ in length alone.
    """
    if study.few:
        return []
    names, made = several(study.arms()), []
    judged = judged_by_effort(study, level)
    for measure in measures_of(study):
        said = []
        for one in judged:
            kind, numbers = said_of(one, level)
            if one.measure == measure and kind != "cannot tell":
                said.append(f"{arm_name(one.arm, names)}: {tr(kind)} ({numbers})")
        if said:
            what = tr(MEASURES[measure])
            made.append(tr("By {what}: {said}", what=what, said="; ".join(said)))
    return made


def numbers(study: Study, level: float = 0.95) -> pd.DataFrame:
    """What `lines` rests on, and the same of classification.

    Returns:
        A row for each arm that has a pair with random, and measure: arm (name), measure, kind,
        seeds, rows, difference, low, high, p, p_holm (of the mean accuracy over the measure), and
        target, saved_low (of the measure, where the kind says that some is saved; else NaN).
    """
    names, made = several(study.arms()), []
    for one in judged_by_effort(study, level):
        found = one.found
        if found is None:
            continue
        saved = _saved(found)
        told = {
            "arm": arm_name(one.arm, names),
            "measure": one.measure,
            **{name: getattr(found, name) for name in ("kind", "seeds", "rows")},
            **vars(found.area),
            "target": math.nan if saved is None else found.saving.target,
            "saved_low": math.nan if saved is None else saved,
        }
        made.append(told)
    effect = [field.name for field in fields(Effect)]
    columns = ["arm", "measure", "kind", "seeds", "rows", *effect, "target", "saved_low"]
    return pd.DataFrame(made, columns=columns)
