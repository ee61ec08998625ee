"""Studies beside each other: what each arm came to, and the arms of two on the same test rows.

Two studies on the same test rows that learnt the same numbers of labels differ by what their arms
were trained on and how: an encoder, a head, a learning rate, or a corpus with other train rows.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from al_ray.analysis.answers import answers
from al_ray.analysis.comparison import Arm, measured
from al_ray.analysis.conclusion import Conclusion, conclusion
from al_ray.analysis.names import arm_name, several
from al_ray.analysis.statistics.intervals import LEAST_SEEDS, holm
from al_ray.analysis.statistics.pairs import Effect, Pairs, area_weights, contrast
from al_ray.analysis.study import Study, records
from al_ray.analysis.summary import ARM, LEARNER
from al_ray.analysis.summary import arms as summarised
from al_ray.analysis.verdict import UNDECIDED, verdict
from al_ray.errors import UserError
from al_ray.language import tr


@dataclass(frozen=True)
class Contrast:
    """An arm of one study beside that of another on the same test rows.

    Attributes:
        name: what both are called.
        seeds: that both have complete.
        rows: of the test.
        articles: that these are of; None: each is a draw of its own.
        first, last: numbers of labels that all of these have.
        area: accuracy over the labels, the other study's less the first one's; p_holm is over all
            arms that two studies share, and of fewer than LEAST_SEEDS seeds there is the
            difference alone.
        kind: better, worse, no difference or cannot tell, of the other study's.
        missing: seeds that both were asked for and that one does not have complete. They may take
            a difference away, and never make one.
    """

    name: str
    seeds: int
    rows: int
    articles: int | None
    first: int
    last: int
    area: Effect
    kind: str
    missing: int = 0

    @property
    def found(self) -> str:
        """What is said of it: where nothing is shown, there may be a difference all the same."""
        return {"no difference": tr("none shown")}.get(self.kind) or tr(self.kind)


def names(studies: Sequence[Study]) -> list[str]:
    """What studies are called: their folders, as far as that tells them apart."""
    paths = [(study.address or str(study.out)).rstrip("/") for study in studies]
    short = [path.rpartition("/")[2] for path in paths]
    return [
        path if Counter(short)[name] > 1 else name for name, path in zip(short, paths, strict=True)
    ]


def ends(study: Study) -> pd.DataFrame:
    """What each arm came to, random first.

    Returns:
        name, seeds, n_labelled, final_mean (accuracy at the last number of labels that all of its
        seeds have), difference, low, high (of the accuracy over the curve, from random; ends alone
        where the verdict has an interval), kind ('' of random itself): a row per arm, in order.
    """
    columns = several(study.arms())
    table = summarised(study.steps, study.trajectories, study.test).set_index(ARM)
    said = {tuple(row[name] for name in ARM): row for row in records(verdict(study))}
    made = []
    for arm in records(study.arms()):
        key = tuple(arm[name] for name in ARM)
        found = said.get(key, {"kind": "", "numbers": {}})
        known = ("difference",) if found["kind"] in UNDECIDED else ("difference", "low", "high")
        numbers = {name: found["numbers"].get(name) for name in known}
        facts = {name: table[name].get(key) for name in ("seeds", "n_labelled", "final_mean")}
        made.append({"name": arm_name(arm, columns), **facts, **numbers, "kind": found["kind"]})
    names_of = ["name", "seeds", "n_labelled", "final_mean", "difference", "low", "high", "kind"]
    frame = pd.DataFrame(made, columns=names_of)
    return frame.astype(dict.fromkeys(["final_mean", "difference", "low", "high"], float))


def contrasts(one: Study, other: Study, level: float = 0.95) -> list[Contrast]:
    """The arms that both have, on the test rows that both were measured on.

    They have to choose rows alike, and to share what varies within either study: where each has
    one encoder or one learning rate, that is what the comparison is about. Seeds are paired: one
    has the same first draw in both, where the pool is the same.

    Returns:
        None of an arm without a complete seed in both; nothing where test rows are not the same,
        or not known.
    """
    order = _order(one, other)
    if order is None:
        return []
    vary = {*several(one.arms()), *several(other.arms())}
    shared = [name for name in ARM if name in vary or name not in LEARNER]
    found: list[tuple[str, Pairs]] = []
    theirs = {tuple(arm[name] for name in shared): arm for arm in records(other.arms())}
    for arm in records(one.arms()):
        match = theirs.get(tuple(arm[name] for name in shared))
        pairs = None if match is None else _pairs(one, arm, other, match, order)
        if pairs is not None:
            found.append((arm_name(arm, [name for name in ARM if name in vary]), pairs))
    effects = [_effect(pairs, level) for _, pairs in found]
    corrected = holm([effect.p for effect in effects])
    return [
        Contrast(
            name,
            len(pairs.arm),
            pairs.arm.shape[1],
            pairs.articles,
            int(pairs.labels[0]),
            int(pairs.labels[-1]),
            replace(effect, p_holm=float(p)),
            _kind(effect.difference, p, level, pairs.missing),
            pairs.missing,
        )
        for (name, pairs), effect, p in zip(found, effects, corrected, strict=True)
    ]


def _order(one: Study, other: Study) -> NDArray[np.int64] | None:
    """Where the first study's test rows are among the other's; None: they are not the same."""
    if not _same_test(one, other):
        return None
    rows, theirs = answers(one).row_ids, answers(other).row_ids
    if not len(rows) or set(rows) != set(theirs):
        return None
    return np.argsort(theirs)[np.argsort(np.argsort(rows))]


def _same_test(one: Study, other: Study) -> bool:
    """Whether their main tests have the same rows; ids alone may be alike by chance."""
    if one.test != other.test:
        return False
    if one.description["corpus"]["digest"] == other.description["corpus"]["digest"]:
        return True

    def content(study: Study) -> pd.Series:
        rows = study.rows[study.rows.split == study.test]
        return (rows.text + "\0" + rows.label).groupby(rows.row_id).first().sort_index()

    return len(content(one)) > 0 and content(one).equals(content(other))


def _pairs(
    one: Study, arm: Arm, other: Study, theirs: Arm, order: NDArray[np.int64]
) -> Pairs | None:
    sides = [_complete(study, each) for study, each in ((one, arm), (other, theirs))]
    seeds = set.intersection(*(set(side.seed) for side in sides))
    sides = [side[side.seed.isin(seeds)] for side in sides]
    counts = [side.groupby("n_labelled").seed.nunique() for side in sides]
    labels = sorted(set.intersection(*(set(count.index[count == len(seeds)]) for count in counts)))
    if not seeds or not labels:
        return None
    shape = len(seeds), len(labels)
    ours, found = (
        measured(study, [side[side.n_labelled.isin(labels)]], "accuracy", None, shape)[0]
        for study, side in zip((one, other), sides, strict=True)
    )
    if ours.shape != found.shape:
        return None
    asked = [
        set(study.trajectories.seed[(study.trajectories[ARM] == pd.Series(each)[ARM]).all(axis=1)])
        for study, each in ((one, arm), (other, theirs))
    ]
    missing = len(set.intersection(*asked) - seeds)
    at = np.array(labels, np.float64)
    return Pairs(at, found[:, order], ours, missing, answers(one).clusters)


def _effect(pairs: Pairs, level: float) -> Effect:
    """On the accuracy over the curve."""
    (effect,) = contrast(pairs, area_weights(pairs.labels)[None], level)
    if len(pairs.arm) < LEAST_SEEDS:
        return Effect(effect.difference, math.nan, math.nan, math.nan)
    return effect


def _complete(study: Study, arm: Arm) -> pd.DataFrame:
    curves = study.curves()
    return curves[curves.complete & (curves[ARM] == pd.Series(arm)[ARM]).all(axis=1)]


def _kind(difference: float, p: float, level: float, missing: int) -> str:
    if math.isnan(p):
        return "cannot tell"
    if p >= 1 - level:
        return "cannot tell" if missing else "no difference"
    return "better" if difference > 0 else "worse"


@dataclass(frozen=True)
class Pair:
    """Two studies.

    Attributes:
        one, other: what they are called.
        contrasts: of the arms that both have.
        why: there are none; '' where there are.
    """

    one: str
    other: str
    contrasts: list[Contrast]
    why: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        found = [
            {
                **{
                    name: getattr(each, name)
                    for name in ("name", "seeds", "missing", "rows", "kind")
                },
                **{"first_labels": each.first, "last_labels": each.last},
                **vars(each.area),
            }
            for each in self.contrasts
        ]
        return {"one": self.one, "other": self.other, "contrasts": found, "why": self.why or None}


@dataclass(frozen=True)
class Beside:
    """Studies beside each other.

    Attributes:
        names: what they are called.
        answers: each one's own.
        ends: of each, as `ends`.
        pairs: the first study with each other one.
    """

    names: list[str]
    answers: list[Conclusion]
    ends: list[pd.DataFrame]
    pairs: list[Pair]


def beside(studies: Sequence[Study], level: float = 0.95) -> Beside:
    """What there is to say of two studies or more.

    Raises:
        UserError: one is given twice, or has no step of an arm.
    """
    called = names(studies)
    places = [study.address or str(study.out.resolve()) for study in studies]
    for name, place in zip(called, places, strict=True):
        if places.count(place) > 1:
            raise UserError("compare: {name} is given twice; give different studies", name=name)
    for name, study in zip(called, studies, strict=True):
        if study.curves().empty:
            raise UserError(
                "{name}: no step of any arm is complete yet; run the study on, and compare it then",
                name=name,
            )
    pairs = [
        _pair(called[0], name, studies[0], study, level)
        for name, study in zip(called[1:], studies[1:], strict=True)
    ]
    return Beside(called, [conclusion(each) for each in studies], [*map(ends, studies)], pairs)


def _pair(name: str, other: str, one: Study, two: Study, level: float) -> Pair:
    found = contrasts(one, two, level)
    if found:
        return Pair(name, other, found, "")
    if _order(one, two) is None and _same_test(one, two):
        why = tr("{other} or {one} lacks predictions of the test's rows, so that their arms cannot "
                 "be compared row by row", other=other, one=name)  # fmt: skip
    elif _order(one, two) is None:
        why = tr("{other} was not measured on the test rows of {one}, so that their arms cannot be "
                 "compared row by row", other=other, one=name)  # fmt: skip
    else:
        why = tr("{other} and {one} share no arm, number of labels and seed that is complete in "
                 "both", other=other, one=name)  # fmt: skip
    return Pair(name, other, [], why)
