"""Claims C10 to C13: how many labels are enough, with how many updates, on which corpus."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pandas as pd

from al_ray.analysis.comparison import Arm, key_of, measured, pair, setting_of
from al_ray.analysis.reference.arms import (
    Beside,
    arms_of,
    beside_random,
    named,
    seeds_of,
    unfit,
    weighed,
)
from al_ray.analysis.reference.evidence import (
    UNCERTAINTY,
    Answer,
    Found,
    Sample,
    cannot_tell,
    digest,
    encoder,
    infer,
    listed,
    points,
    untold,
)
from al_ray.analysis.study import Study
from al_ray.analysis.summary import ARM, FROZEN, LEARNER
from al_ray.language import tr
from al_ray.study.chooser import CONTROL, RANDOM
from al_ray.study.training import FIT, READ

SETTLED: Final = 0.005
"""An arm has settled if the labels from EARLY to HALF of the pool bring less accuracy than this."""

EARLY: Final = 0.3
HALF: Final = 0.5
"""Shares of the pool: beyond the first the reference study saw NEWS-6 settle, up to the second."""

NEAR: Final = 0.005
"""Half of the pool is as good as all of it if all of it brings less accuracy than this."""

SHARE: Final = (0.4, 0.7)
"""The reference study's shares of random labels."""

_ANYTHING = ("recipe", "epochs", "updates", "min_updates", "threads", "token_budget", "chunk_rows")
"""What training may differ in where updates are compared: these, and what changes last bits."""


def half_is_enough(studies: Sequence[Study]) -> Answer:
    """C10: all of the pool (control 1.0) less an arm at half of it, and less random at half.

    That half is enough says something of the choice only where half at random is not.
    """
    samples: list[Sample] = []
    places: list[tuple[str, Any]] = []
    for number, study in enumerate(studies):
        for arm in arms_of(study):
            sample = _all_less_half(study, arm, named(study, arm))
            if sample is not None:
                samples.append(sample)
                places.append((arm["strategy"], (number, setting_of(arm))))
    found = infer(samples, at_once=True)
    ours = listed(
        found,
        lambda one: tr("all brings {points}", points=points(one)) if one.effect else points(one),
    )
    random = {at: one for (name, at), one in zip(places, found, strict=True) if name == RANDOM}
    arms = [(at, one) for (name, at), one in zip(places, found, strict=True) if name != RANDOM]
    needs = tr("needs --controls 1.0, and random and an arm that go on to half of the pool")
    if why := untold([one for _, one in arms], needs):
        return cannot_tell(why, ours)
    if all(one.above(NEAR) for _, one in arms):
        return Answer(ours, "contradicted", tr("of every arm, all brings more than half a point"))
    enough = [at for at, one in arms if one.below(NEAR)]
    if not enough:
        return cannot_tell(tr("that half is enough to half a point was not shown of any arm"), ours)
    beside = [random[at] for at in enough if at in random]
    if not beside:
        return cannot_tell(needs, ours)
    if any(one.above(NEAR) for one in beside):
        return Answer(
            ours,
            "supported",
            tr("all brings an arm at half less than half a point, and random at half more"),
        )
    if any(one.below(NEAR) for one in beside):
        return cannot_tell(tr("half is enough, chosen or not: random at half is as good"), ours)
    return cannot_tell(tr("half is enough; that it is not at random, too, was not shown"), ours)


def _all_less_half(study: Study, arm: Arm, name: str) -> Sample | None:
    """None where the arm does not come to about half of the pool, or nobody had all of it."""
    learner = pd.Series(arm)[LEARNER]
    steps = study.steps[study.steps.test == study.test]
    steps = steps[(steps[LEARNER] == learner).all(axis=1)]
    full = steps[(steps.strategy == CONTROL) & (steps.pool_share > 0.99)]
    curves = study.curves()
    half = curves[(curves[ARM] == pd.Series(arm)).all(axis=1)]
    half = half[half.complete & ((half.pool_share - HALF).abs() <= 0.05)]
    if full.empty or half.empty:
        return None
    middle = (half.pool_share - HALF).abs().sort_values(kind="stable").index
    half = half.loc[middle].drop_duplicates("seed")
    asked, _ = seeds_of(study, [arm])
    full = full.drop_duplicates("seed")
    seeds = set(full.seed) & set(half.seed)
    sides = [side[side.seed.isin(seeds)] for side in (full, half)]
    every, own = measured(study, sides, "accuracy", None, (len(seeds), 1))
    values = every[:, :, 0].astype(np.float64) - own[:, :, 0]
    return Sample(name, values, len(asked) - len(seeds), unfit(study, arm))


def share_of_labels(studies: Sequence[Study]) -> Answer:
    """C11: labels needed, as a share of the most random labels, of the uncertainty arms.

    N less what is saved, so that where random's own curve is flat before N is nobody's saving.
    """
    arms = [each for each in beside_random(studies) if each.arm["strategy"] in UNCERTAINTY]
    said: list[str] = []
    kinds: list[str] = []
    for each in arms:
        text, kind = _share(each)
        said.append(f"{each.found.name}{text}")
        kinds.append(kind)
    ours = "; ".join(said)
    needs = tr("needs random and an uncertainty arm")
    if why := untold([each.found for each in arms], needs):
        return cannot_tell(why, ours)
    if all(kind == "within" for kind in kinds):
        return Answer(ours, "supported", tr("every interval is below 100 % and meets 40 to 70 %"))
    if all(kind == "more" for kind in kinds):
        return Answer(ours, "contradicted", tr("every arm needs more than 70 %, beyond doubt"))
    return cannot_tell(tr("the intervals leave it open, or arms differ"), ours)


def _share(each: Beside) -> tuple[str, str]:
    """What is said of an arm's labels, and whether the share is within SHARE, more, or open."""
    if each.judgement is None:
        return f": {points(each.found)}", "open"
    saving = each.judgement.saving
    low, high = 1 - saving.high / saving.target, 1 - saving.low / saving.target
    kind = "more" if low > SHARE[1] else "open"
    # What the verdict says of a saving; without one, an interval is of one arm among several.
    if each.judgement.kind != "saves":
        return tr(", N = {target:,.0f}: no saving was shown", target=saving.target), kind
    share = 100 * (1 - saving.saved / saving.target)
    kind = "within" if kind == "open" and high >= SHARE[0] else kind
    text = tr(
        ", N = {target:,.0f}: {share:.0f} % ({low:.0f} to {high:.0f} %)",
        target=saving.target,
        share=share,
        low=100 * low,
        high=100 * high,
    )
    return text, kind


def too_few_updates(studies: Sequence[Study]) -> Answer:
    """C12: arms against random where fits are short, beside where they are long.

    Studies are compared that are equal in all but their updates. That the short one is undertrained
    is what the claim is about, so its arms count here.
    """
    alike: dict[str, list[tuple[float, Study]]] = {}
    for study in studies:
        first = study.curves()
        first = first[(first["head"] != FROZEN) & (first.step == 0)]
        if len(first):
            alike.setdefault(_conditions(study), []).append((float(first.updates.mean()), study))
    few: list[tuple[float, Study]] = []
    many: list[tuple[float, Study]] = []
    for found in alike.values():
        found = sorted(found, key=lambda pair: pair[0])
        if found[0][0] * 2 <= found[-1][0]:
            few.append(found[0])
            many.append(found[-1])
    if not few:
        return cannot_tell(
            tr(
                "needs two studies that are equal (corpus, model, arms, first draw, step sizes, "
                "tests) but in that one has twice the updates of the other (--epochs)"
            )
        )
    short, long = _in_order(few, however_trained=True), _in_order(many)
    ours = listed([*short, *long])
    needs = tr("needs random and another arm")
    if why := untold(short, needs) or untold(long, needs):
        return cannot_tell(why, ours)
    if any(one.sign > 0 for one in short):
        return Answer(ours, "contradicted", tr("an arm is better than random with few updates too"))
    if any(one.sign < 0 < other.sign for one, other in zip(short, long, strict=True)):
        return Answer(
            ours,
            "supported",
            tr("an arm is worse than random with few updates and better with many"),
        )
    return cannot_tell(tr("that an arm fails with few updates alone was not shown"), ours)


def _in_order(found: list[tuple[float, Study]], however_trained: bool = False) -> list[Found]:
    """The arms of each study beside random, in an order that is equal where arms are."""
    made = beside_random([study for _, study in found], however_trained)
    return [
        replace(
            each.found,
            name=tr(
                "{arm}, {updates:,.0f} updates at the first step",
                arm=each.found.name,
                updates=updates,
            ),
        )
        for updates, study in found
        for each in sorted(made, key=lambda one: str(key_of(one.arm)))
        if each.study is study
    ]


def _conditions(study: Study) -> str:
    """All that two studies must share for their updates alone to tell them apart."""
    said = study.description
    training = said.get("training", {})
    curves = study.curves()
    return json.dumps(
        [
            digest(study),
            encoder(study),
            sorted(
                tuple(arm[name] for name in ARM if name not in _ANYTHING) for arm in arms_of(study)
            ),
            sorted(set(curves.n_labelled[curves["head"] != FROZEN])),
            study.tests,
            {
                name: value
                for name, value in training.items()
                if name not in (*_ANYTHING, *READ, *FIT)
            },
            said.get("validation"),
        ],
        sort_keys=True,
        default=str,
    )


def difficulty_decides(studies: Sequence[Study]) -> Answer:
    """C13: what the labels from 30 to 50 % of the pool bring each arm, by corpus and one model.

    That an arm has settled is said where it goes on to half of the pool: what less brings is little
    because it is few.
    """
    samples: list[Sample] = []
    places: list[tuple[str, str, bool]] = []
    for study in studies:
        for arm in arms_of(study):
            found = None if arm["strategy"] == RANDOM else _beyond(study, arm)
            if found is not None:
                values, missing, end = found
                name = tr(
                    "{arm}, {first:.0f} to {last:.0f} % of the pool",
                    arm=named(study, arm),
                    first=100 * EARLY,
                    last=100 * end,
                )
                samples.append(Sample(name, values, missing, unfit(study, arm)))
                whole = end > HALF - 0.005
                places.append((encoder(study, arm["model"]), digest(study), whole))
    found_of = infer(samples, at_once=True)
    ours = listed(found_of)
    needs = tr(
        "needs studies that go beyond {share:.0f} % of the pool, of two or more corpora, by one "
        "model",
        share=100 * EARLY,
    )
    words: dict[str, dict[str, list[bool | None]]] = {}
    for one, (model, corpus, whole) in zip(found_of, places, strict=True):
        has_settled = True if whole and one.below(SETTLED) else None
        word = False if one.above(SETTLED) else has_settled
        words.setdefault(model, {}).setdefault(corpus, []).append(word)
    several = [corpora for corpora in words.values() if len(corpora) > 1]
    if not several:
        return cannot_tell(needs, ours)
    if why := untold(found_of, needs):
        return cannot_tell(why, ours)
    settled = [[_all(found) for found in corpora.values()] for corpora in several]
    if any(True in corpora and False in corpora for corpora in settled):
        return Answer(ours, "supported", tr("one corpus has settled and another still gains"))
    every = {word for corpora in settled for word in corpora}
    if every in ({True}, {False}):
        return Answer(
            ours,
            "contradicted",
            tr("all corpora have settled") if every == {True} else tr("all corpora still gain"),
        )
    return cannot_tell(tr("for a corpus it is open whether it has settled"), ours)


def _beyond(study: Study, arm: Arm) -> tuple[Any, int, float] | None:
    """Gain from EARLY to HALF of the pool or the arm's end, missing seeds, and that end; None where
    it does not pass EARLY.
    """
    both = pair(study, arm, arm)
    curves = study.curves()
    pool = float((curves.n_labelled / curves.pool_share).median())
    if both is None or both.labels[0] > EARLY * pool or both.labels[-1] <= EARLY * pool:
        return None
    end = min(HALF * pool, float(both.labels[-1]))
    places = np.eye(len(both.labels))
    by = [
        np.array([np.interp(at, both.labels, place) for place in places])
        for at in (EARLY * pool, end)
    ]
    return weighed(both.arm, by[1] - by[0]), both.missing, end / pool


def _all(words: list[bool | None]) -> bool | None:
    """The word of all, if they have one."""
    return words[0] if len(set(words)) == 1 else None
