"""Claims C10 to C13: how many labels are enough, with how many updates, on which corpus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from al_ray.analysis.comparison import Paired, against_random, paired_test
from al_ray.analysis.evidence import (
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
from al_ray.analysis.savings import savings
from al_ray.analysis.study import RANDOM, Study, groups
from al_ray.analysis.summary import ARM
from al_ray.analysis.verdict import arm_names
from al_ray.config import CONTROL

SETTLED: Final = 0.005
"""An arm has settled if the last third of its labels brings less accuracy than this."""

NEAR: Final = 0.005
"""Half of the pool is enough if all of it brings less accuracy than this."""

SHARE: Final = (0.4, 0.7)
"""The reference study's shares of random labels."""

_FEW = f"needs {LEAST_SEEDS} or more complete seeds"


def half_is_enough(studies: Sequence[Study]) -> Answer:
    """C10: all of the pool (control 1.0) less an arm at half of it, by seed."""
    tests, said = [], []
    for study in studies:
        steps = study.steps[study.steps.test == study.test]
        full = steps[(steps.strategy == CONTROL) & (steps.pool_share > 0.99)]
        base = full.drop_duplicates("seed").set_index("seed").test_accuracy
        names = arm_names(study)
        for key, arm in groups(study.curves(), ARM):
            near = arm[(arm.pool_share >= 0.45) & (arm.pool_share <= 0.55)]
            if key[0] == RANDOM or near.empty or base.empty:
                continue
            middle = (near.pool_share - 0.5).abs().sort_values(kind="stable").index
            half = near.loc[middle].drop_duplicates("seed").set_index("seed").test_accuracy
            found = between(base, half)
            tests.append(found)
            said.append(f"{title(study)}, {names[key]}: all brings {points(found)} more")
    ours = "; ".join(said)
    if not tests:
        return cannot_tell("needs --controls 1.0 and an arm that goes on to half of the pool")
    tests = [test for test in tests if enough(test)]
    if not tests:
        return cannot_tell(_FEW, ours)
    if any(test.high < NEAR for test in tests):
        return Answer(ours, "supported", "of an arm, the whole interval is below half a point")
    if all(test.low > NEAR for test in tests):
        return Answer(ours, "contradicted", "of every arm, all brings more than half a point")
    return cannot_tell("the intervals reach to both sides of half a point", ours)


def share_of_labels(studies: Sequence[Study]) -> Answer:
    """C11: labels needed, as a share of the most random labels, of the uncertainty arms."""
    said: list[str] = []
    kinds: list[str] = []
    for study in studies:
        names = arm_names(study)
        found = savings(study)
        found = found[found.strategy.isin(UNCERTAINTY)]
        ends = study.curves()
        end = ends[ends.strategy == RANDOM].n_labelled.max()
        for key, arm in groups(found[found.target_labels <= end], ARM):
            row = arm.sort_values("target_labels").iloc[-1]
            text = "not reached" if pd.isna(row.share) else f"{100 * row.share:.0f} %"
            if not pd.isna(row.low):
                text += f" ({_percent(row.low, row.target_labels)} to "
                text += f"{_percent(row.high, row.target_labels)})"
            said.append(f"{title(study)}, {names[key]}, N = {row.target_labels:,}: {text}")
            kinds.append(_share_kind(row))
    ours = "; ".join(said)
    if not kinds:
        return cannot_tell("needs random and an uncertainty arm")
    if all(kind == "few" for kind in kinds):
        return cannot_tell(_FEW, ours)
    if all(kind == "within" for kind in kinds):
        return Answer(ours, "supported", "every interval is below 100 % and meets 40 to 70 %")
    if all(kind == "more" for kind in kinds):
        return Answer(ours, "contradicted", "every arm needs more than 70 %, beyond doubt")
    return cannot_tell("the intervals leave it open, or arms differ", ours)


def _percent(labels: float, of: float) -> str:
    return f"{100 * labels / of:.0f} %" if np.isfinite(labels) else "not reached"


def _share_kind(row: Any) -> str:
    if pd.isna(row.low):
        return "few"
    low, high = row.low / row.target_labels, row.high / row.target_labels
    if low > SHARE[1]:
        return "more"
    return "within" if high < 1 and high >= SHARE[0] else "open"


def too_few_updates(studies: Sequence[Study]) -> Answer:
    """C12: arms against random where fits are short, beside where they are long, one corpus."""
    said: list[str] = []
    short_worse, short_better, long_better = False, False, False
    compared = False
    by_corpus: dict[str, list[tuple[float, Study]]] = {}
    for study in studies:
        first = study.steps[study.steps.step == 0]
        digest = str(study.description.get("corpus", {}).get("digest", study.out))
        if len(first):
            by_corpus.setdefault(digest, []).append((float(first.updates.mean()), study))
    for found in by_corpus.values():
        found = sorted(found, key=lambda pair: pair[0])
        (fewest, short), (most, long) = found[0], found[-1]
        if fewest * 2 > most:
            continue
        compared = True
        for updates, study in ((fewest, short), (most, long)):
            tests = [_paired(row) for row in against_random(study).to_dict("records")]
            above, below, _ = verdict_of(tests)
            if study is short:
                short_worse, short_better = short_worse or below, short_better or above
            else:
                long_better = long_better or above
            mean = np.mean([test.difference for test in tests]) if tests else np.nan
            said.append(
                f"{title(study)}, {updates:,.0f} updates at the first step: arms are "
                f"{100 * mean:+.1f} points from random on average".replace("-", "−")
            )
    ours = "; ".join(said)
    if not compared:
        return cannot_tell(
            "needs two studies of one corpus, one with twice the updates of the other (--epochs)"
        )
    if short_worse and long_better and not short_better:
        return Answer(ours, "supported", "worse than random with few updates, better with many")
    if short_better:
        return Answer(ours, "contradicted", "an arm is better than random with few updates too")
    return cannot_tell("that arms fail with few updates only was not shown", ours)


def _paired(row: dict[Any, Any]) -> Paired:
    return Paired(**{name: row[name] for name in Paired.__annotations__})


def difficulty_decides(studies: Sequence[Study]) -> Answer:
    """C13: what the last third of the labels brings, by corpus, best arm by mean area aside."""
    said: list[str] = []
    settled: dict[str, list[bool | None]] = {}
    for study in studies:
        curves = study.curves()
        curves = curves[curves.complete & (curves.strategy != RANDOM)]
        gains = []
        for _, rows in groups(curves, "trajectory"):
            if len(rows) < 3:
                continue
            end = rows.n_labelled.iloc[-1]
            at = np.interp(2 * end / 3, rows.n_labelled, rows.test_accuracy)
            gains.append((rows.seed.iloc[0], float(rows.test_accuracy.iloc[-1] - at)))
        if not gains:
            continue
        # Seeds, not arms, are independent.
        by_seed = pd.DataFrame(gains, columns=["seed", "gain"]).groupby("seed").gain.mean()
        test = paired_test(by_seed.to_numpy())
        share = float(curves.pool_share.max())
        said.append(
            f"{title(study)}: the last third, to {100 * share:.0f} % of the pool, brings "
            f"{points(test)}"
        )
        word = None
        if enough(test):
            word = True if test.high < SETTLED else False if test.low > SETTLED else None
        settled.setdefault(title(study), []).append(word)
    ours = "; ".join(said)
    if len(settled) < 2:
        return cannot_tell("needs studies of two or more corpora", ours)
    words = [word for found in settled.values() for word in found]
    if True in words and False in words:
        return Answer(ours, "supported", "one corpus has settled and another still gains")
    if None not in words:
        return Answer(
            ours, "contradicted", "all have settled" if words[0] else "all still gain alike"
        )
    return cannot_tell("for a corpus it is open whether it has settled", ours)
