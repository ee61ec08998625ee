"""Arms against random and against each other: paired tests, Holm's correction, penalties."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import permutations
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.power import TTestPower

from al_ray.analysis.curves import areas
from al_ray.analysis.intervals import t_interval
from al_ray.analysis.study import METRICS, RANDOM, SETTING, Study, groups, records
from al_ray.analysis.summary import ARM

WILCOXON_SEEDS: Final = 10
"""From this many pairs the test is Wilcoxon's, below it is Student's.

With fewer its smallest two-sided p, 2 / 2^n, could not survive a correction for a handful of arms:
0.0625 at 5 pairs and 0.016 at 7. From here on the few percent of power that it costs buy freedom
from outliers, such as a seed whose training collapsed. The rule looks at the number of pairs
alone, since choosing the test by the data spoils its level."""

Test = Literal["t", "wilcoxon", ""]


@dataclass(frozen=True)
class Paired:
    """A paired test of a difference against 0.

    Attributes:
        seeds: pairs.
        difference: mean; NaN without pairs.
        low, high: Student's interval for it; NaN of one pair.
        p: two-sided; NaN where nothing can be tested. 1 where all differences are 0.
        test: which.
        effect: Cohen's dz, mean by standard deviation of the differences; NaN where that is 0.
        detectable: the smallest true difference that the t test with this many pairs and this
            deviation would have found with power 0.8, before any correction.
    """

    seeds: int
    difference: float
    low: float
    high: float
    p: float
    test: Test
    effect: float
    detectable: float


def paired_test(differences: Any, level: float = 0.95) -> Paired:
    """Test a sample of paired differences (pairs,)."""
    values = np.asarray(differences, np.float64)
    n = len(values)
    if n < 2:
        mean = float(values[0]) if n else math.nan
        return Paired(n, mean, math.nan, math.nan, math.nan, "", math.nan, math.nan)
    mean, sd = float(values.mean()), float(values.std(ddof=1))
    if sd <= 1e-12 * max(1.0, abs(mean)):  # equal to the last bits: no scale to measure by
        sd = 0.0
    low, high = t_interval(values, level)
    test: Test = "wilcoxon" if n >= WILCOXON_SEEDS else "t"
    if not np.any(values):
        p = 1.0
    elif test == "wilcoxon":
        p = float(stats.wilcoxon(values).pvalue)
    elif sd == 0:
        p = 0.0
    else:
        p = float(stats.ttest_1samp(values, 0.0).pvalue)
    return Paired(
        seeds=n,
        difference=mean,
        low=low,
        high=high,
        p=p,
        test=test,
        effect=mean / sd if sd else math.nan,
        detectable=sd * _detectable(n, level),
    )


@cache
def _detectable(n: int, level: float) -> float:
    """In standard deviations of the difference."""
    power = TTestPower()
    found = power.solve_power(nobs=n, alpha=1 - level, power=0.8, alternative="two-sided")
    return float(np.ravel(found)[0])


def holm(p: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Holm's step-down correction (Holm 1979) of those p that are numbers.

    By hand, since statsmodels' `multipletests` collects all garbage of the process at every call:
    0.3 s in a process that holds a study.
    """
    values = np.asarray(p, np.float64)
    corrected = np.full(len(values), math.nan)
    tested = np.flatnonzero(~np.isnan(values))
    order = tested[np.argsort(values[tested], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    corrected[order] = np.maximum.accumulate(values[order] * factors).clip(max=1)
    return corrected


def against_random(
    study: Study, metric: str = "accuracy", test: str | None = None, level: float = 0.95
) -> pd.DataFrame:
    """Each arm's area under the curve against that of the random arm of its setting.

    Seeds are pairs: the two trajectories share first rows and initial weights. Seeds that only
    one of the two has complete do not count. The intervals are over seeds, on this test set; they
    are Student's also where p is Wilcoxon's.

    Args:
        study: of which.
        metric: a name in METRICS.
        test: name of the test; None: the main one.
        level: of the intervals.

    Returns:
        ARM, seeds, difference, low, high, p, p_holm (over the rows), test, effect, detectable: a
        row per arm but random, in order; see `Paired`. Arms of a setting without random have no
        pairs.
    """
    found = areas(study, metric, test)
    random = found[found.strategy == RANDOM]
    made: list[dict[str, Any]] = []
    for arm in records(study.arms()):
        if arm["strategy"] == RANDOM:
            continue
        own = found[(found[ARM] == pd.Series(arm)).all(axis=1)]
        base = random[
            (random[SETTING] == pd.Series({name: arm[name] for name in SETTING})).all(axis=1)
        ]
        made.append(arm | vars(paired_test(_differences(own, base, study, metric, test), level)))
    table = pd.DataFrame(
        made,
        columns=[
            *ARM,
            *("seeds", "difference", "low", "high", "p", "test", "effect", "detectable"),
        ],
    )
    table["p_holm"] = holm(table.p)
    return table[[*table.columns[: len(ARM) + 5], "p_holm", "test", "effect", "detectable"]]


def _differences(
    own: pd.DataFrame, base: pd.DataFrame, study: Study, metric: str, test: str | None
) -> list[float]:
    """Differences of areas by seed, both over the labels that both arms have."""
    both = own.merge(base, on="seed", suffixes=("", "_base"))
    if both.empty:
        return []
    if (both["last"] == both.last_base).all():
        return (both.area - both.area_base).tolist()
    # One of them was extended further: the areas again, of both to where both are.
    end = int(min(both["last"].min(), both.last_base.min()))
    names = [*both.trajectory, *both.trajectory_base]
    steps = study.steps
    cut = steps[(steps.n_labelled <= end) & steps.trajectory.isin(names)]
    asked = study.trajectories[study.trajectories.trajectory.isin(names)]
    short = Study(**{**vars(study), "steps": cut, "trajectories": asked})
    areas_of = areas(short, metric, test).set_index("trajectory").area
    return [
        float(areas_of[one] - areas_of[other])
        for one, other in zip(both.trajectory, both.trajectory_base, strict=True)
    ]


def _by_seed(study: Study, metric: str = "accuracy", test: str | None = None) -> pd.DataFrame:
    """A row per setting, labels and seed, a column per strategy: its metric."""
    curves = study.curves(test)
    curves = curves[curves.complete]
    index = [*SETTING, "n_labelled", "seed"]
    return curves.pivot_table(
        index=index, columns="strategy", values=METRICS[metric], aggfunc="first", sort=False
    )


def by_step(
    study: Study, metric: str = "accuracy", test: str | None = None, level: float = 0.95
) -> pd.DataFrame:
    """Each arm against the random arm of its setting at every number of labels but the first.

    Where on the curve a difference lies; whether there is one at all is for `against_random`.

    Returns:
        ARM, n_labelled, seeds, difference, low, high, p, p_holm (over an arm's numbers of labels),
        test: of complete trajectories.
    """
    made: list[dict[str, Any]] = []
    table = _by_seed(study, metric, test)
    if RANDOM in table:
        for strategy in table.columns.drop(RANDOM):
            gaps = (table[strategy] - table[RANDOM]).dropna()
            keys: Any
            for keys, gap in gaps.groupby([*SETTING, "n_labelled"], sort=False):
                facts = dict(zip([*SETTING, "n_labelled"], keys, strict=True))
                if facts["n_labelled"] > facts["initial"]:
                    tested = vars(paired_test(gap, level))
                    made.append({"strategy": strategy, **facts, **tested})
    kept = [*ARM, "n_labelled", "seeds", "difference", "low", "high", "p", "test"]
    found = pd.DataFrame(made, columns=kept)
    found["p_holm"] = found.groupby(ARM, sort=False).p.transform(holm)
    return found


def worse_cells(studies: Sequence[Study]) -> pd.DataFrame:
    """How often an arm is worse than random, by mean accuracy over the seeds that both have.

    A cell is a corpus, setting and number of labels; the first draw, which arms share, is none.
    Of two studies of one corpus each has its own cells.

    Returns:
        ARM, cells, worse, share: a row per arm, over all studies.
    """
    made: list[pd.DataFrame] = []
    for study in studies:
        table = _by_seed(study)
        labels = table.index.get_level_values("n_labelled")
        table = table[labels > table.index.get_level_values("initial")]
        if RANDOM not in table:
            continue
        gain = table.drop(columns=RANDOM).sub(table[RANDOM], axis=0)
        cells = gain.groupby([*SETTING, "n_labelled"], sort=False).mean()
        melted = cells.reset_index().melt(
            [*SETTING, "n_labelled"], var_name="strategy", value_name="gain"
        )
        made.append(melted)
    if not made:
        return pd.DataFrame(columns=[*ARM, "cells", "worse", "share"])
    every = pd.concat(made, ignore_index=True).dropna()
    every["below"] = every.gain < 0
    table = every.groupby(ARM, sort=False).below.agg(cells="size", worse="sum").reset_index()
    table["share"] = table.worse / table.cells
    return table


def penalties(study: Study, level: float = 0.95) -> pd.DataFrame:
    """The pairwise penalty matrix of Ash et al. (2020), within each setting.

    At each number of labels but the first draw's, arm a loses to arm b if a two-sided paired t
    test over the seeds that both have says that b is better; a's penalty against b is the share of
    these numbers of labels at which it loses, so that 0 is the best and 1 the worst.

    Returns:
        strategy_a, strategy_b, SETTING, penalty, cells: a row per ordered pair. `cells` counts
        the numbers of labels at which two or more seeds could be tested; penalty is NaN of none.
    """
    columns = ["strategy_a", "strategy_b", *SETTING, "penalty", "cells"]
    made: list[dict[str, Any]] = []
    table = _by_seed(study)
    for setting, within in groups(table, SETTING):
        facts = dict(zip(SETTING, setting, strict=True))
        within = within.dropna(axis=1, how="all")
        labels = within.index.get_level_values("n_labelled")
        within = within[labels > facts["initial"]]
        for one, other in permutations(within.columns, 2):
            gaps = (within[other] - within[one]).dropna()
            lost: list[bool] = []
            for _, gap in gaps.groupby("n_labelled"):
                if len(gap) >= 2:
                    lost.append(_loses(gap.to_numpy(np.float64), level))
            made.append(
                {
                    "strategy_a": one,
                    "strategy_b": other,
                    **facts,
                    "penalty": float(np.mean(lost)) if lost else math.nan,
                    "cells": len(lost),
                }
            )
    return pd.DataFrame(made, columns=columns)


def _loses(gap: np.ndarray[Any, np.dtype[np.float64]], level: float) -> bool:
    if gap.mean() <= 0:
        return False
    if np.ptp(gap) <= 1e-12:  # better by the same at every seed
        return True
    return bool(stats.ttest_1samp(gap, 0.0).pvalue < 1 - level)
