"""Claims C6 to C9: what arms get right, and what they choose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from scipy import stats

from al_ray.analysis.agreement import test_agreement
from al_ray.analysis.answers import answered, answers
from al_ray.analysis.committee import behaviour, collapse, ties
from al_ray.analysis.comparison import Paired, paired_test
from al_ray.analysis.curves import label_accuracy
from al_ray.analysis.evidence import UNCERTAINTY, Answer, between, cannot_tell, enough, title
from al_ray.analysis.intervals import LEAST_SEEDS, t_interval
from al_ray.analysis.mix import batch_mix, mix_distance
from al_ray.analysis.study import RANDOM, SETTING, Study, each, groups

SHARED: Final = (0.80, 0.84)
"""The reference study's share of test rows that all arms get right."""

_LEAST_BATCHES = 20
_LEAST_TURNS = 4


def arms_share_what_they_get_right(studies: Sequence[Study]) -> Answer:
    """C6: at the last number of labels that all arms of a setting have, seed by seed."""
    said, contains, intervals = [], [], []
    for study in studies:
        for shared, alone in _shares(study):
            low, high = t_interval(shared)
            if len(shared) >= LEAST_SEEDS:
                intervals.append((low, high))
            most = ", ".join(f"{name} {100 * share:.1f} %" for name, share in alone.items())
            said.append(
                f"{title(study)}: {100 * np.mean(shared):.1f} % of the test rows are right in all "
                f"arms, in one alone {most}"
            )
        pairs = test_agreement(study)
        contains += pairs[pairs.strategy_a == RANDOM].contained.tolist()
        contains += pairs[pairs.strategy_b == RANDOM].contains.tolist()
    ours = "; ".join(said)
    if not contains:
        return cannot_tell("needs random, another arm and their predictions", ours)
    if any(share >= 1 for share in contains):
        return Answer(ours, "contradicted", "an arm gets all right that random does")
    if not intervals:
        return cannot_tell(f"needs {LEAST_SEEDS} or more seeds", ours)
    within = f"none contains random's (at most {100 * max(contains):.0f} % of it)"
    if all(low <= SHARED[1] and high >= SHARED[0] for low, high in intervals):
        return Answer(ours, "supported", f"{within}, and the shared part is not another")
    return cannot_tell(
        f"{within}, as claimed; but the shared part is another, which follows from the accuracy",
        ours,
    )


def _shares(study: Study) -> list[tuple[list[float], dict[str, float]]]:
    """By setting: what all arms get right, by seed, and what one alone does, by strategy."""
    right = answers(study).right
    steps = answered(study.curves(), right)
    found = []
    for _, setting in groups(steps, SETTING):
        arms = setting.strategy.nunique()
        if arms < 2:
            continue
        shared: list[float] = []
        alone: dict[str, list[float]] = {}
        for _, seed in groups(setting, "seed"):
            there = seed.groupby("n_labelled").strategy.nunique()
            common = there.index[there == arms]
            if not len(common):
                continue
            at = seed[seed.n_labelled == common.max()]
            table = np.array([right[row.trajectory, row.step] for row in each(at)])
            shared.append(float(table.all(axis=0).mean()))
            single = table & (table.sum(axis=0) == 1)
            for row, own in zip(each(at), single, strict=True):
                alone.setdefault(row.strategy, []).append(float(own.mean()))
        if shared:
            means = {name: float(np.mean(values)) for name, values in alone.items()}
            found.append((shared, means))
    return found


def hard_labels_are_chosen(studies: Sequence[Study]) -> Answer:
    """C7: across labels, is what is chosen beyond the pool's share related to the last errors?

    For each seed and step, Spearman's correlation over the labels of 1 - recall and the batch's
    share less the pool's; the mean over steps is one number a seed. The second part correlates the
    gain in recall from the first to the last step, less random's, with the errors at the first.
    """
    chosen, gained, said = [], [], []
    for study in studies:
        recall = label_accuracy(study)
        mix = batch_mix(study)
        keys = [*SETTING, "strategy", "seed", "step", "label"]
        both = recall.merge(mix[[*keys, "share", "pool_share"]], on=keys)
        both["over"] = both.share - both.pool_share
        for key, arm in groups(both[both.strategy.isin(UNCERTAINTY)], [*SETTING, "strategy"]):
            by_step = {
                step: _spearman(1 - rows.accuracy, rows.over)
                for step, rows in groups(arm, ["seed", "step"])
            }
            by_seed = pd.Series(by_step).dropna().groupby(level=0).mean()
            test = paired_test(by_seed.to_numpy())
            chosen.append(test)
            own = recall[(recall[[*SETTING, "strategy"]] == list(key)).all(axis=1)]
            base = recall[(recall[[*SETTING, "strategy"]] == [*key[:-1], RANDOM]).all(axis=1)]
            gain = _gain_by_seed(own, base)
            gained.append(paired_test(gain.to_numpy()))
            said.append(
                f"{title(study)}, {key[-1]}: errors and choice {_rho(test)}, errors and gain over "
                f"random {_rho(gained[-1])}"
            )
    ours = "; ".join(said)
    if not any(enough(test) for test in chosen):
        return cannot_tell(f"needs {LEAST_SEEDS} or more seeds of an uncertainty arm", ours)
    up = [test.low > 0 for test in chosen if enough(test)]
    gains = [test.low > 0 for test in gained if enough(test)]
    if all(up) and gains and all(gains):
        return Answer(ours, "supported", "both correlations are above 0 beyond doubt in every arm")
    if any(test.high < 0 for test in chosen if enough(test)):
        return Answer(ours, "contradicted", "an uncertainty arm chooses easy labels more")
    if all(up):
        return cannot_tell("hard labels are chosen more; that they gain most is not shown", ours)
    return cannot_tell("that hard labels are chosen more is not shown in every arm", ours)


def _spearman(x: pd.Series[float], y: pd.Series[float]) -> float:
    if len(x) < 3 or x.nunique() < 2 or y.nunique() < 2:
        return float("nan")
    return float(stats.spearmanr(x, y).statistic)


def _gain_by_seed(own: pd.DataFrame, base: pd.DataFrame) -> pd.Series[float]:
    found = {}
    for seed in set(own.seed) & set(base.seed):
        ends = []
        for arm in (own, base):
            table = arm[arm.seed == seed].pivot_table(
                index="n_labelled", columns="label", values="accuracy"
            )
            ends.append((table.iloc[0], table.iloc[-1]))
        (first, last), (base_first, base_last) = ends
        found[seed] = _spearman(1 - first, (last - first) - (base_last - base_first))
    return pd.Series(found, dtype=float).dropna()


def _rho(test: Paired) -> str:
    text = f"{test.difference:+.2f}".replace("-", "−")
    return f"{text} ({test.low:+.2f} to {test.high:+.2f})".replace("-", "−")


def random_follows_the_pool(studies: Sequence[Study]) -> Answer:
    """C8: how many of random's batches are further from the pool's mix than 1 in 20 would be."""
    parts = [mix_distance(study) for study in studies]
    found = pd.concat([part[part.strategy == RANDOM] for part in parts]).dropna(subset=["p"])
    if not len(found):
        return cannot_tell("needs the random arm and the table `rows`")
    # Arms of one seed share their first draw, and step sizes nest: count a batch once.
    found = found.drop_duplicates(["seed", "step", "rows", "distance"])
    off = int((found.p < 0.05).sum())
    ours = (
        f"{off} of {len(found)} random batches differ at 5 %; mean distance "
        f"{found.distance.mean():.3f}, {found.expected.mean():.3f} by chance"
    )
    if len(found) < _LEAST_BATCHES:
        return cannot_tell(f"needs {_LEAST_BATCHES} or more random batches", ours)
    p = float(stats.binomtest(off, len(found), 0.05, alternative="greater").pvalue)
    if p < 0.01:
        return Answer(ours, "contradicted", f"more than chance has it (p = {p:.2g})")
    return Answer(ours, "supported", "as many as chance has it")


def committee_takes_turns(studies: Sequence[Study]) -> Answer:
    """C9: the committee's lag-one correlation less random's, and what confusions foretell."""
    said, turns, foretells = [], [], []
    for study in studies:
        found = behaviour(study)
        found = found[found.batches >= _LEAST_TURNS]
        for key, setting in groups(found, SETTING):
            by_seed = setting.pivot_table(
                index="seed", columns="strategy", values="lag_one", aggfunc="mean"
            )
            if "qbc" not in by_seed:
                continue
            if RANDOM in by_seed:
                turns.append(between(by_seed["qbc"], by_seed[RANDOM]))
            own = setting[setting.strategy == "qbc"]
            told = own.groupby("seed").confusion_foretells.mean().dropna()
            foretells.append(paired_test(told.to_numpy()))
            size = int(dict(zip(SETTING, key, strict=True))["step_size"])
            said.append(
                f"{title(study)}, steps of {size:,}: lag-one {by_seed['qbc'].mean():+.2f} against "
                f"random's {by_seed[RANDOM].mean() if RANDOM in by_seed else float('nan'):+.2f}, "
                f"confusion and next share {told.mean():+.2f}{_also(study)}".replace("-0", "−0")
            )
    ours = "; ".join(said)
    if not any(enough(test) for test in turns):
        return cannot_tell(
            f"needs {LEAST_SEEDS} or more seeds of qbc and random with {_LEAST_TURNS} or more "
            "batches",
            ours,
        )
    alternates = [test.high < 0 for test in turns if enough(test)]
    told_by = [test.p < 0.05 for test in foretells if enough(test)]
    if any(alternates) and any(told_by):
        return Answer(
            ours,
            "supported",
            "labels take turns more than under random, and the confusion foretells the next share",
        )
    if all(test.low > -0.1 for test in turns if enough(test)):
        return Answer(ours, "contradicted", "labels take turns no more than under random")
    return cannot_tell("one of turns and foretelling, or both, is not shown", ours)


def _also(study: Study) -> str:
    """What may explain it: ties and collapsed members."""
    tied, fallen = ties(study), collapse(study)
    tied, fallen = tied[tied.strategy == "qbc"], fallen[fallen.strategy == "qbc"]
    text = f", {100 * tied.tie_share.mean():.0f} % of a batch by ties" if len(tied) else ""
    if len(fallen):
        text += f", members collapsed in {100 * fallen.collapsed.mean():.0f} % of fits"
    return text
