"""Claims C6 to C9: what arms get right, and what they choose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy import stats

from al_ray.analysis.answers import answered, answers
from al_ray.analysis.comparison import Arm, key_of, setting_of
from al_ray.analysis.described.agreement import test_agreement
from al_ray.analysis.described.committee import behaviour, collapse, ties
from al_ray.analysis.described.curves import label_accuracy
from al_ray.analysis.described.mix import batch_mix
from al_ray.analysis.reference.arms import arms_of, by_seed, named, seeds_of, unfit
from al_ray.analysis.reference.evidence import (
    ALIKE,
    UNCERTAINTY,
    Answer,
    Found,
    Sample,
    cannot_tell,
    correlation,
    infer,
    listed,
    points,
    title,
    untold,
)
from al_ray.analysis.statistics.intervals import LEAST_SEEDS
from al_ray.analysis.study import BASE, Study, each, groups, records
from al_ray.analysis.summary import ARM
from al_ray.language import mark, tr
from al_ray.study.chooser import RANDOM

SHARED: Final = (0.80, 0.84)
"""The reference study's share of test rows that all arms get right."""

MIX: Final = 0.02
"""Random follows the pool if no label's share differs from the pool's by more than this."""

_LEAST_TURNS = 4
_NEEDS: Final = mark("needs random, another arm and their predictions")
_NO_TURNS = 0.1


def arms_share_what_they_get_right(studies: Sequence[Study]) -> Answer:
    """C6: at the last number of labels that all arms of a setting have, seed by seed."""
    samples: list[Sample] = []
    alone: list[str] = []
    contains: list[float] = []
    for study in studies:
        for arms in _settings(study) if answers(study).right else ():
            sample, said = _shared(study, arms)
            samples.append(sample)
            alone.append(said)
            contains += [] if sample.unfit else _contained(study, arms)
    found = infer(samples, at_once=True)
    ours = "; ".join(
        f"{one.name}: {_percent(one)}" + (said if one.effect else "")
        for one, said in zip(found, alone, strict=True)
    )
    if why := untold(found, tr(_NEEDS)):
        return cannot_tell(why, ours)
    if not contains:
        return cannot_tell(tr(_NEEDS), ours)
    if any(share >= 1 for share in contains):
        return Answer(
            ours, "contradicted", tr("an arm gets all right that random does, in all seeds")
        )
    most = 100 * max(contains)
    low, high = SHARED[0] - ALIKE, SHARED[1] + ALIKE
    if all(one.above(low) and one.below(high) for one in found):
        return Answer(
            ours,
            "supported",
            tr(
                "none contains random's (at most {most:.0f} % of it), and the shared part is "
                "theirs to 1 point",
                most=most,
            ),
        )
    return cannot_tell(
        tr(
            "none contains random's (at most {most:.0f} % of it), as claimed; that the shared "
            "part, which follows from the accuracy, is theirs was not shown",
            most=most,
        ),
        ours,
    )


def _settings(study: Study) -> Iterator[list[Arm]]:
    """Arms of one setting, where there are several."""
    by_setting: dict[tuple[Any, ...], list[Arm]] = {}
    for arm in arms_of(study):
        by_setting.setdefault(setting_of(arm), []).append(arm)
    return (arms for arms in by_setting.values() if len(arms) > 1)


def _shared(study: Study, arms: list[Arm]) -> tuple[Sample, str]:
    """What all arms get right, and in words what one alone does."""
    asked, done = seeds_of(study, arms)
    right = answers(study).right
    steps = answered(study.curves(), right)
    known = {key_of(arm) for arm in arms}
    steps = steps[[key_of(row) in known for row in records(steps)]]
    steps = steps[steps.seed.isin(done)]
    shared: list[Any] = []
    alone: dict[str, list[float]] = {}
    for _, seed in groups(steps, "seed"):
        there = seed.groupby("n_labelled").trajectory.nunique()
        common = there.index[there == len(arms)]
        if not len(common):
            continue
        at = seed[seed.n_labelled == common.max()]
        table = np.array([right[row.trajectory, row.step] for row in each(at)])
        shared.append(table.all(axis=0))
        single = table & (table.sum(axis=0) == 1)
        for row, own in zip(each(at), single, strict=True):
            alone.setdefault(row.strategy, []).append(float(own.mean()))
    each_alone = ", ".join(
        tr("{name} {share:.1f} %", name=name, share=100 * np.mean(shares))
        for name, shares in alone.items()
    )
    values = np.array(shared) if shared else np.empty((0, 1))
    name = tr(
        "{corpus}, {regime}, steps of {size:,}, right in all",
        corpus=title(study),
        regime=tr(arms[0]["retrain"]),
        size=arms[0]["step_size"],
    )
    sample = Sample(name, values, len(asked) - len(shared), unfit(study, arms[0]))
    return sample, tr(", in one alone {shares}", shares=each_alone)


def _contained(study: Study, arms: list[Arm]) -> list[float]:
    """Shares of random's right rows that another arm gets right too, of seeds enough."""
    pairs = test_agreement(study)
    pairs = pairs[pairs.seeds >= LEAST_SEEDS]
    mine = {key_of(arm) for arm in arms}
    shares = []
    for row in records(pairs):
        one, other = ({name: row[f"{name}_{side}"] for name in ARM} for side in "ab")
        if {key_of(one), key_of(other)} <= mine:
            shares += [row["contained"]] if one["strategy"] == RANDOM else []
            shares += [row["contains"]] if other["strategy"] == RANDOM else []
    return shares


def _percent(found: Found) -> str:
    effect = found.effect
    if effect is None:
        return points(found)
    return tr(
        "{share:.1f} % of the test rows ({low:.1f} to {high:.1f}; {over})",
        share=100 * effect.difference,
        low=100 * effect.low,
        high=100 * effect.high,
        over=found.over,
    )


def hard_labels_are_chosen(studies: Sequence[Study]) -> Answer:
    """C7: across labels, is what is chosen beyond the pool's share related to the last errors?

    For each seed and step, Spearman's correlation over the labels of 1 - recall and the batch's
    share less the pool's; the mean over steps is one number a seed. The second part correlates the
    gain in recall from the first to the last step, less random's, with the errors at the first.
    Test rows are taken as fixed: which labels are hard is known from many of them.
    """
    chosen: list[Sample] = []
    gained: list[Sample] = []
    for study in studies:
        if len(study.labels) < 3:  # of two labels every correlation is 1 or -1
            continue
        recall, mix = label_accuracy(study), batch_mix(study)
        keys = [*ARM, "seed", "step", "label"]
        both = recall.merge(mix[[*keys, "share", "pool_share"]], on=keys)
        both["over"] = both.share - both.pool_share
        for arm in arms_of(study, *UNCERTAINTY):
            base = arm | BASE
            own, random = (recall[(recall[ARM] == pd.Series(a)).all(axis=1)] for a in (arm, base))
            batches = both[(both[ARM] == pd.Series(arm)).all(axis=1)]
            if batches.empty:
                continue
            by_step = {
                step: _spearman(1 - rows.accuracy, rows.over)
                for step, rows in groups(batches, ["seed", "step"])
            }
            name, why = named(study, arm), unfit(study, arm)
            means = pd.Series(by_step, dtype=float).dropna().groupby(level=0).mean()
            text = tr("{arm}, errors and choice", arm=name)
            chosen.append(by_seed(text, study, [arm], means, why))
            if len(random):
                gains = _gain_by_seed(own, random)
                text = tr("{arm}, errors and gain over random", arm=name)
                gained.append(by_seed(text, study, [arm, base], gains, why))
    picks, rises = infer(chosen), infer(gained)
    ours = listed([*picks, *rises], correlation)
    needs = tr("needs an uncertainty arm on three or more labels, and predictions")
    if why := untold(picks, needs):
        return cannot_tell(why, ours)
    if any(one.sign < 0 for one in picks):
        return Answer(ours, "contradicted", tr("an uncertainty arm chooses easy labels more"))
    if not all(one.sign > 0 for one in picks):
        return cannot_tell(tr("that hard labels are chosen more is not shown in every arm"), ours)
    if rises and all(one.sign > 0 for one in rises):
        return Answer(
            ours, "supported", tr("both correlations are above 0 beyond doubt in every arm")
        )
    return cannot_tell(tr("hard labels are chosen more; that they gain most is not shown"), ours)


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
    return pd.Series(found, dtype=float)


def random_follows_the_pool(studies: Sequence[Study]) -> Answer:
    """C8: each label's share of random's batches less its share of the pool that was left.

    The differences of a seed's batches are averaged; under chance that mean is 0. Of a study's
    random arms, which take prefixes of one order, the one with the smallest steps counts.
    """
    samples: list[Sample] = []
    for study in studies:
        arms = arms_of(study, RANDOM)
        mix = batch_mix(study).dropna(subset=["pool_share"])
        if not arms or mix.empty:
            continue
        arm = min(arms, key=lambda arm: int(arm["step_size"]))
        mix = mix[(mix[ARM] == pd.Series(arm)).all(axis=1)]
        over = (mix.share - mix.pool_share).groupby([mix.label, mix.seed], sort=False).mean()
        for label in mix.label.unique():
            samples.append(by_seed(f"{title(study)}, {label}", study, [arm], over[label]))
    found = infer(samples, at_once=True)
    ours = listed(found)
    if why := untold(found, tr("needs the random arm and the table `rows`")):
        return cannot_tell(why, ours)
    words = [one.within(MIX) for one in found]
    if False in words:
        return Answer(
            ours, "contradicted", tr("a label's share is off by more than 2 points, beyond doubt")
        )
    if all(words):
        return Answer(ours, "supported", tr("all intervals, together, are within 2 points"))
    return cannot_tell(tr("that all shares are within 2 points was not shown"), ours)


def committee_takes_turns(studies: Sequence[Study]) -> Answer:
    """C9: the committee's lag-one correlation less random's, and what confusions foretell.

    Both must be below 0, in one setting: labels take turns, and the label that a model predicts too
    often is chosen less next, as the reference study has it ('predicted as 경제, 문화 is chosen').
    """
    turns: list[Sample] = []
    foretold: list[Sample] = []
    also: list[str] = []
    for study in studies:
        found = behaviour(study)
        found = found[found.batches >= _LEAST_TURNS]
        for arm in arms_of(study, "qbc"):
            base = arm | BASE
            own, random = (found[(found[ARM] == pd.Series(a)).all(axis=1)] for a in (arm, base))
            if own.empty or random.empty:
                continue
            name, why = named(study, arm), unfit(study, arm)
            lags = [side.groupby("seed").lag_one.mean() for side in (own, random)]
            told = own.groupby("seed").confusion_foretells.mean()
            text = tr("{arm}, lag-one less random's", arm=name)
            turns.append(by_seed(text, study, [arm, base], lags[0] - lags[1], why))
            text = tr("{arm}, confusion and next share", arm=name)
            foretold.append(by_seed(text, study, [arm], told, why))
            also.append(_also(study, arm))
    taken, told_by = infer(turns, at_once=True), infer(foretold, at_once=True)
    ours = "; ".join(
        f"{listed([turn, told], correlation)}{text if turn.effect else ''}"
        for turn, told, text in zip(taken, told_by, also, strict=True)
    )
    needs = tr("needs qbc and random with {least} or more batches", least=_LEAST_TURNS)
    if why := untold(taken, needs):
        return cannot_tell(why, ours)
    if any(turn.below(0) and told.below(0) for turn, told in zip(taken, told_by, strict=True)):
        return Answer(
            ours,
            "supported",
            tr(
                "labels take turns more than under random, and the confusion foretells the next "
                "share, in one setting"
            ),
        )
    if all(turn.above(-_NO_TURNS) for turn in taken):
        return Answer(ours, "contradicted", tr("labels take turns no more than under random"))
    return cannot_tell(
        tr("one of turns and foretelling, or both, is not shown in any setting"), ours
    )


def _also(study: Study, arm: Arm) -> str:
    """What may explain it: ties and collapsed members."""
    tied, fallen = (
        rows[(rows[ARM] == pd.Series(arm)).all(axis=1)] for rows in (ties(study), collapse(study))
    )
    text = ""
    if len(tied):
        text += tr(", {share:.0f} % of a batch by ties", share=100 * tied.tie_share.mean())
    if len(fallen):
        text += tr(
            ", members collapsed in {share:.0f} % of fits", share=100 * fallen.collapsed.mean()
        )
    return text
