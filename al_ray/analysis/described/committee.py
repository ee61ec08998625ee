"""How committees behave: labels in turns, confusions that foretell, members that collapse, ties.

The functions answer for every arm, so that a committee can be held against the others.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from al_ray.analysis.described.mix import batch_mix
from al_ray.analysis.study import Study, each, groups, records
from al_ray.analysis.summary import ARM
from al_ray.study.config import COLLAPSED

Floats = NDArray[np.float64]


def behaviour(study: Study) -> pd.DataFrame:
    """Whether a label is chosen in turns, and whether a confusion foretells its next share.

    `lag_one` is the autocorrelation of a label's share from one batch to the next, the first draw
    left out: near -1 where much and little take turns. Of T batches chosen independently it is
    -1/T on average, not 0, so an arm is to be held against random.

    `confusion_foretells` correlates, over the steps, the direction of the confusion between the
    label and the one that it is confused with most (`other`), with the label's share of the batch
    that is chosen next, which is what the following step learns from. The direction is
    (rows of `other` predicted as the label - rows of the label predicted as `other`) / both, over
    the scored pool, by the evaluated member. `p` is two-sided, of Pearson's correlation under
    normal, independent steps; a handful of steps can show only very strong relations.

    Returns:
        ARM, seed, label, batches, lag_one (NaN under 3 batches, or where the share never changes),
        other, confusions (steps that have both), confusion_foretells, p (NaN under 3).
    """
    mix = batch_mix(study)
    mix = mix[mix.step >= 0]
    confusions = _confusions(study)
    made: list[dict[str, Any]] = []
    known = study.trajectories.set_index([*ARM, "seed"]).trajectory
    for key, rows in groups(mix, [*ARM, "seed"]):
        own = confusions.get(str(known[key]), {})
        shares = rows.pivot_table(index="step", columns="label", values="share", observed=True)
        shares = shares[list(study.labels)].sort_index()
        for place, label in enumerate(study.labels):
            series = shares[label].to_numpy(np.float64)
            made.append(
                {
                    **dict(zip([*ARM, "seed"], key, strict=True)),
                    "label": label,
                    "batches": len(series),
                    "lag_one": lag_one(series),
                    **_foretold(own, shares[label], place, study.labels),
                }
            )
    columns = [*ARM, "seed", "label", "batches", "lag_one", "other", "confusions"]
    return pd.DataFrame(made, columns=[*columns, "confusion_foretells", "p"])


def lag_one(series: Floats) -> float:
    """Lag-one autocorrelation of a series, about its mean; NaN under 3 values or of constants."""
    if len(series) < 3 or np.ptp(series) < 1e-12:
        return math.nan
    from statsmodels.tsa.stattools import acf

    return float(acf(series, nlags=1, fft=False)[1])


def _evaluated(study: Study) -> pd.DataFrame:
    """The row of `members` of the evaluated member: the first one at the study's rate."""
    rates = study.trajectories.set_index("trajectory").learning_rate
    members = study.members
    at_rate = members[members.learning_rate == members.trajectory.map(rates)]
    return at_rate.sort_values("member").drop_duplicates(["trajectory", "step"])


def _confusions(study: Study) -> dict[str, dict[int, Floats]]:
    """(true, predicted) over the scored pool, by trajectory and step."""
    found: dict[str, dict[int, Floats]] = {}
    rows = _evaluated(study)
    for row in each(rows[rows.confusion.notna()]):
        table = np.array([np.asarray(line, np.float64) for line in row.confusion])
        found.setdefault(str(row.trajectory), {})[int(row.step)] = table
    return found


def _foretold(
    confusions: dict[int, Floats], shares: pd.Series[Any], place: int, labels: tuple[str, ...]
) -> dict[str, Any]:
    nothing = {"other": None, "confusions": 0, "confusion_foretells": math.nan, "p": math.nan}
    steps = [int(step) for step in shares.index if int(step) in confusions]
    if not steps:
        return nothing
    total = np.sum([confusions[step] for step in steps], axis=0)
    mutual = total[place] + total[:, place]
    mutual[place] = -1
    other = int(mutual.argmax())
    if mutual[other] <= 0:
        return nothing
    directions, following = [], []
    for step in steps:
        taken, lost = confusions[step][other, place], confusions[step][place, other]
        if taken + lost > 0:
            directions.append((taken - lost) / (taken + lost))
            following.append(float(shares[step]))
    found = {**nothing, "other": labels[other], "confusions": len(directions)}
    if len(directions) >= 3 and np.ptp(directions) > 0 and np.ptp(following) > 0:
        result = stats.pearsonr(directions, following)
        found |= {"confusion_foretells": float(result.statistic), "p": float(result.pvalue)}
    return found


def collapse(study: Study) -> pd.DataFrame:
    """Whether a member predicts one label for nearly everything.

    Returns:
        ARM, seed, step, member, rate (its own), largest_share (of the scored pool that is predicted
        as one label; NaN where the pool was not scored), label (which), collapsed: as `members`
        has it or, where that is null, whether largest_share is COLLAPSED or more.
    """
    arms = study.trajectories[["trajectory", *ARM, "seed"]]
    rows = study.members[study.members.predicted_counts.notna() | study.members.collapsed.notna()]
    rows = arms.merge(rows.rename(columns={"learning_rate": "rate"}), on="trajectory")
    made: list[dict[str, Any]] = []
    for row in records(rows):
        counts = row["predicted_counts"]
        share, label = math.nan, None
        if counts is not None and np.sum(counts):
            share = float(np.max(counts) / np.sum(counts))
            label = study.labels[int(np.argmax(counts))]
        said = row["collapsed"]
        made.append(
            {name: row[name] for name in [*ARM, "seed", "step", "member", "rate"]}
            | {
                "largest_share": share,
                "label": label,
                "collapsed": share >= COLLAPSED if pd.isna(said) else bool(said),
            }
        )
    columns = [*ARM, "seed", "step", "member", "rate", "largest_share", "label"]
    return pd.DataFrame(made, columns=[*columns, "collapsed"])


def ties(study: Study) -> pd.DataFrame:
    """The share of each batch that the tie rule decided and not the score.

    Returns:
        ARM, seed, step, n_labelled, tie_share, of batches that a score ranked.
    """
    steps = study.curves()
    columns = [*ARM, "seed", "step", "n_labelled", "tie_share"]
    return steps.loc[steps.tie_share.notna(), columns].reset_index(drop=True)
