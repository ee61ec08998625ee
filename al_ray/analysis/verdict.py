"""The verdict: a sentence per arm that follows from tests and not from means.

What is asked of an arm, in this order. Is random itself worth comparing with: has it learnt, and
was it trained long enough? Does the arm save labels at the accuracy of the most random labels? If
that is not shown, is its area under the curve another than random's? Savings and areas are each
corrected over the arms that are distinct (Holm), so that of arms that equal random at most one
study in twenty has one that is called anything but 'no difference'.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from al_ray.analysis.baseline import baselines, signed, warnings
from al_ray.analysis.comparison import by_step, judged, judged_by, key_of, setting_of
from al_ray.analysis.metrics import NAMES, rare_labels
from al_ray.analysis.names import arm_name, several
from al_ray.analysis.savings import said, savings
from al_ray.analysis.searched import lines as search_lines
from al_ray.analysis.statistics.pairs import Effect
from al_ray.analysis.statistics.versus import Judgement
from al_ray.analysis.study import Study, records, remembered
from al_ray.analysis.successors import lines as succession_lines
from al_ray.analysis.summary import ARM
from al_ray.analysis.wording import said_of
from al_ray.language import mark, tr, trn
from al_ray.study.running import Effort, Price

KINDS: Final = (
    *(mark("saves"), mark("saves on the way"), mark("better"), mark("no difference")),
    *(mark("worse"), mark("undertrained"), mark("cannot tell")),
)
"""`saves`: at the accuracy of the most random labels; `saves on the way`: on average over the
accuracies up to there; `better`: more accurate over the curve, with no saving shown."""

FOUND: Final = ("saves", "saves on the way", "better")
"""Kinds that speak for an arm."""

UNDECIDED: Final = ("undertrained", "cannot tell")
"""Kinds that rest on no interval and no test: too few seeds, or random is no measure."""

DEMONSTRATION: Final = mark("Demonstration on generated text, not a finding: ")
"""What every sentence of a study of generated text begins with."""


@remembered
def verdict(
    study: Study,
    level: float = 0.95,
    labels_per_day: float | None = None,
    test: str | None = None,
    metric: str = "accuracy",
    label_price: Price | None = None,
) -> pd.DataFrame:
    """One sentence per arm.

    Args:
        study: of which.
        level: of the intervals; differences are found at 1 - level.
        labels_per_day: what one person labels in a day; None: as the study was told.
        test: name of the test; None: the main one.
        metric: a name in `metrics.NAMES`.
        label_price: what a label costs; None: as the study was told, if at all.

    Returns:
        ARM, sentence, kind (one of KINDS), numbers: a row per arm but random, in order. `numbers`
        is a dict of what the sentence rests on, with None for what is not known or not bounded:
        the area's difference with low, high, p, p_holm and detectable; what is saved at the most
        labels as in `needs.Saving` (labels_low, labels_high: ends of what is saved), and
        mean_saved, on average over the accuracies on the way there, with its ends; `begins`,
        `worst`, `seeds`, `missing`, `rows`.
    """
    effort = study.effort(labels_per_day, label_price)
    bases, names = baselines(study, test, level), arm_names(study)
    steps = by_step(study, metric, test, level)
    table = savings(study, test=test, level=level, labels_per_day=labels_per_day)
    made: list[dict[str, Any]] = []
    for one in judged(study, metric, test, level):
        name = names[tuple(one.arm.values())]
        local = steps[(steps[ARM] == pd.Series(one.arm)).all(axis=1)]
        own = table[(table[ARM] == pd.Series(one.arm)).all(axis=1) & table.shown]
        base = bases.get(setting_of(one.arm))
        kind, said = said_of(one, base, study, local, own, level, effort)
        if one.same_as is not None:
            leader = names[tuple(one.same_as.values())]
            said = tr(
                "the same as {arm}, since both choose the same rows: {said}", arm=leader, said=said
            )
        made.append(
            {
                **one.arm,
                "sentence": _mark(study) + f"{name}: {said}",
                "kind": kind,
                "numbers": _numbers(one.found, effort),
            }
        )
    return pd.DataFrame(made, columns=[*ARM, "sentence", "kind", "numbers"])


def shown_savings(
    study: Study,
    test: str | None = None,
    level: float = 0.95,
    labels_per_day: float | None = None,
    targets: Sequence[int] | None = None,
) -> pd.DataFrame:
    """Labels saved, where the verdict would say so; arguments as of `savings`.

    Returns:
        The columns of `savings`, and `headline`: whether this is the target that the verdict is
        about; `note`: '' where a saving is shown, else what is said in place of its numbers, which
        are missing.
    """
    table = savings(study, targets, test, level, labels_per_day)
    judged = verdict(study, level, labels_per_day, test).set_index(ARM)
    kinds, ends = [], []
    for row in records(table):
        found = judged.loc[tuple(row[name] for name in ARM)]
        kinds.append(found.kind)
        ends.append(found.numbers.get("target_labels") == row["target_labels"])
    kind = pd.Series(kinds, table.index, dtype=object)
    # The verdict asks at one target; the table, which asks at all, is the stricter one there.
    headline = np.array(ends, bool)
    shown = (table.shown & kind.isin(FOUND)) | ((kind == "saves") & headline)
    note = kind.where(kind.isin(UNDECIDED), mark("not shown")).mask(shown, "")
    return said(table.assign(shown=shown.astype(bool), headline=headline, note=note))


def sentences(study: Study, level: float = 0.95, labels_per_day: float | None = None) -> list[str]:
    """The verdict as lines: where metrics disagree, the arms', random's own, what is missing."""
    lines = verdict(study, level, labels_per_day).sentence.tolist()
    return [
        *disagreements(study, level=level),
        *lines,
        *succession_lines(study, level=level),
        *search_lines(study, level=level),
        *warnings(study, level=level),
        *missing_lines(study),
    ]


@dataclass(frozen=True)
class Disagreement:
    """Metrics that say another thing of an arm than accuracy.

    Attributes:
        arm: what it is called.
        known: by accuracy: 1, better than random; 0, no difference was shown; -1, worse.
        better, worse: what the area's difference from random is by the metrics that say so.
    """

    arm: str
    known: int
    better: Mapping[str, Effect]
    worse: Mapping[str, Effect]


@remembered
def disagreeing(
    study: Study, test: str | None = None, level: float = 0.95
) -> tuple[Disagreement, ...]:
    """Where another metric has another verdict than accuracy.

    The other metrics are balanced accuracy, macro-F1 and, where there are any, the recall of rare
    labels; they are corrected over arms and metrics together.
    """
    if not study.few:
        return ()
    names, bases = arm_names(study), baselines(study, test, level)
    others = tuple(name for name in NAMES if name != "accuracy")
    if not rare_labels(study):
        others = others[:-1]
    by_metric = judged_by(study, others, test, level)
    made = []
    for place, one in enumerate(judged(study, "accuracy", test, level)):
        base = bases.get(setting_of(one.arm))
        if one.found is None or one.same_as is not None or (base and base.is_unfit):
            continue
        known, sides = _direction(one.found), dict[int, dict[str, Effect]]({1: {}, -1: {}})
        for metric, found in by_metric.items():
            other = found[place].found
            if other is None or math.isnan(other.area.p) or _direction(other) in (known, 0):
                continue
            sides[1 if other.area.difference > 0 else -1][metric] = other.area
        if sides[1] or sides[-1]:
            made.append(Disagreement(names[key_of(one.arm)], known, sides[1], sides[-1]))
    return tuple(made)


def disagreements(study: Study, test: str | None = None, level: float = 0.95) -> list[str]:
    """`disagreeing` in words, a line per arm."""
    lines = []
    for one in disagreeing(study, test, level):
        said = [_differs(metric, area, level) for side in (one.better, one.worse)
                for metric, area in side.items()]  # fmt: skip
        values = {"arm": one.arm, "metrics": ", ".join(said)}
        if one.known > 0:
            line = tr(
                "The metrics disagree on {arm}: {metrics}; by accuracy it is better", **values
            )
        elif one.known < 0:
            line = tr("The metrics disagree on {arm}: {metrics}; by accuracy it is worse", **values)
        else:
            line = tr(
                "The metrics disagree on {arm}: {metrics}; by accuracy no difference was shown",
                **values,
            )
        lines.append(_mark(study) + line)
    return lines


def _differs(metric: str, area: Effect, level: float) -> str:
    values = {
        "metric": tr(NAMES[metric]),
        "difference": signed(area.difference),
        "percent": 100 * level,
        "low": signed(area.low),
        "high": signed(area.high),
    }
    if area.difference > 0:
        return tr(
            "better than random by {metric} ({difference} points over the curve, {percent:g} %: "
            "{low} to {high})",
            **values,
        )
    return tr(
        "worse than random by {metric} ({difference} points over the curve, {percent:g} %: {low} "
        "to {high})",
        **values,
    )


def _mark(study: Study) -> str:
    return tr(DEMONSTRATION) if study.demonstration else ""


def missing_lines(study: Study) -> list[str]:
    """What is missing, a line per arm, status and error."""
    missing = study.missing()
    missing["error"] = missing.error.astype(object).where(missing.error.notna(), "")
    names = arm_names(study)
    lines = []
    for key, rows in missing.groupby([*ARM, "status", "error"], sort=False, dropna=False):
        name = names.get(tuple(key[: len(ARM)]), str(key[0]))
        seeds = ", ".join(str(seed) for seed in rows.seed)
        line = trn(
            "Missing: {arm}, seed {seeds}: {status}",
            "Missing: {arm}, seeds {seeds}: {status}",
            len(rows),
            arm=name,
            seeds=seeds,
            status=tr(str(key[-2])),
        )
        lines.append(f"{line} ({key[-1]})" if key[-1] else line)
    return lines


def arm_names(study: Study) -> dict[tuple[Any, ...], str]:
    """By the values of ARM, what an arm is called: its strategy, and what else tells it apart."""
    arms = study.arms()
    columns = several(arms)
    return {key_of(arm): arm_name(arm, columns) for arm in records(arms)}


def _direction(found: Judgement) -> int:
    return 1 if found.kind in FOUND else -1 if found.kind == "worse" else 0


def _numbers(found: Judgement | None, effort: Effort) -> dict[str, Any]:
    if found is None:
        return {"seeds": 0}
    saved = found.saving
    numbers = {
        **vars(found.area),
        "detectable": found.detectable,
        "seeds_for": found.seeds_for,
        "rows_for": found.rows_for,
        "seeds": found.seeds,
        "missing": found.missing,
        "rows": found.rows,
        "articles": found.articles,
        "begins": found.begins,
        "worst": found.worst,
        "target_labels": saved.target,
        "target_accuracy": saved.accuracy,
        "need": saved.need,
        "labels": saved.labels,
        "reached": saved.reached,
        "saved_labels": saved.saved,
        "labels_low": saved.low,
        "labels_high": saved.high,
        "saved_days": effort.days(saved.saved),
        "saved_cost": None if effort.price is None else effort.price.value * saved.saved,
        "p_on_the_way_holm": found.on_the_way.p_holm,
        "mean_saved": found.on_the_way.difference,
        "mean_saved_low": found.on_the_way.low,
        "mean_saved_high": found.on_the_way.high,
        "p_saves": saved.p,
        "p_saves_holm": saved.p_holm,
    }
    return {key: _plain(value) for key, value in numbers.items()}


def _plain(value: Any) -> Any:
    """For JSON: no NaN, no infinity, no NumPy."""
    if isinstance(value, str) or value is None:
        return value
    number = float(value)
    if not math.isfinite(number):
        return None
    return int(number) if number == int(number) and not isinstance(value, float) else number
