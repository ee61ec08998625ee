"""The label mix of each batch beside the pool's own."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from al_ray.analysis.study import Study, remembered
from al_ray.analysis.summary import ARM
from al_ray.randomness import generator

SIMULATIONS: Final = 1999
"""Random batches that a small one is compared with."""

_LEAST_EXPECTED = 5
"""Of each label, for the chi-square distribution to hold (Cochran's rule)."""

Counts = NDArray[np.int64]


@remembered
def batch_mix(study: Study) -> pd.DataFrame:
    """Labels of each batch, and of the pool that it was taken from.

    The pool is the rows of train that were not chosen before; validation rows, which the tables do
    not name, count as pool. Step -1 is the first draw.

    Returns:
        ARM, seed, step, label, chosen (rows), share (of the batch), pool (rows), pool_share: a row
        per label of the study, also those that were not chosen. pool and pool_share are missing
        where the table `rows` is.
    """
    known = study.trajectories.merge(study.arms(), on=ARM)[["trajectory", *ARM, "seed"]]
    train = study.rows[study.rows.split == "train"].label.value_counts()
    whole = train.reindex(study.labels, fill_value=0).to_numpy(np.int64)
    # Labels by their places: one may be called as a column is.
    codes = pd.Categorical(study.selections.label, categories=study.labels).codes
    counted = study.selections[["trajectory", "step"]].assign(label=codes)
    counted = counted.groupby(["trajectory", "step", "label"]).size().unstack(fill_value=0)
    counted = counted.reindex(columns=range(len(study.labels)), fill_value=0)
    batches = known.merge(counted.reset_index(), on="trajectory")
    chosen = batches[counted.columns]
    before = (chosen.groupby(batches.trajectory).cumsum() - chosen).to_numpy()
    pool = (whole - before).clip(0) if whole.sum() else np.full(chosen.shape, np.nan)
    table = batches.loc[batches.index.repeat(len(study.labels)), [*ARM, "seed", "step"]]
    of_batch = chosen.to_numpy() / chosen.sum(axis=1).clip(1).to_numpy()[:, None]
    with np.errstate(invalid="ignore"):
        of_pool = pool / pool.sum(axis=1, keepdims=True)
    return table.assign(
        label=list(study.labels) * len(batches),
        chosen=chosen.to_numpy().ravel(),
        share=of_batch.ravel(),
        pool=pool.ravel(),
        pool_share=of_pool.ravel(),
    ).reset_index(drop=True)


@remembered
def mix_distance(study: Study) -> pd.DataFrame:
    """How far each batch's mix is from its pool's, and whether chance explains it.

    `distance` is the total variation, half the sum of the absolute differences of shares: 0 for
    equal mixes, 1 for disjoint ones. Even a random batch is not at 0. `p` is the probability of a
    mix as far off or further in a batch drawn at random without replacement: Pearson's chi-square
    test of chosen rows against those left, where at least 5 of each label are to be expected, else
    by simulation of the multivariate hypergeometric distribution.

    Returns:
        ARM, seed, step, rows (of the batch), distance, expected (mean distance of random batches,
        simulated), p: a row per batch. The last three are missing where the table `rows` is.
    """
    made: list[dict[str, Any]] = []
    for key, batch in batch_mix(study).groupby([*ARM, "seed", "step"], sort=False):
        facts: dict[str, Any] = dict(zip([*ARM, "seed", "step"], key, strict=True))
        chosen = batch.chosen.to_numpy(np.int64)
        facts |= {"rows": int(chosen.sum()), "distance": np.nan, "expected": np.nan, "p": np.nan}
        if batch.pool.notna().all() and batch.pool.sum() > 0 and chosen.sum():
            pool = batch.pool.to_numpy(np.int64)
            rng = generator(int(facts["seed"]), int(facts["step"]), "label mix")
            facts |= against_chance(chosen, pool, rng)
        made.append(facts)
    columns = [*ARM, "seed", "step", "rows", "distance", "expected", "p"]
    return pd.DataFrame(made, columns=columns)


def against_chance(chosen: Counts, pool: Counts, rng: np.random.Generator) -> dict[str, float]:
    """Distance, expected distance and p of one batch.

    Args:
        chosen: (labels,) rows of the batch.
        pool: (labels,) rows it was taken from, at least as many of each label.
        rng: for the simulation.
    """
    there = pool > 0
    chosen, pool = chosen[there], pool[there]
    rows = int(chosen.sum())
    shares = pool / pool.sum()
    distance = float(np.abs(chosen / rows - shares).sum() / 2)
    drawn = rng.multivariate_hypergeometric(pool, rows, size=SIMULATIONS)
    distances = np.abs(drawn / rows - shares).sum(axis=1) / 2
    left = pool - chosen
    if len(pool) < 2 or not left.sum():
        p = 1.0
    elif min((rows * shares).min(), (left.sum() * shares).min()) >= _LEAST_EXPECTED:
        p = float(stats.chi2_contingency(np.array([chosen, left]), correction=False).pvalue)
    else:
        p = (1 + int((distances >= distance - 1e-12).sum())) / (1 + SIMULATIONS)
    return {"distance": distance, "expected": float(distances.mean()), "p": p}
