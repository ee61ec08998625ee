"""The verdict's sentence of one arm, in words."""

from __future__ import annotations

import math
from functools import reduce
from typing import Final

import pandas as pd

from al_ray.analysis.baseline import Baseline, signed, undertrained
from al_ray.analysis.comparison import Arm, Judged
from al_ray.analysis.statistics.intervals import LEAST_SEEDS
from al_ray.analysis.statistics.versus import Judgement
from al_ray.analysis.study import SETTING, Study
from al_ray.language import tr, trn
from al_ray.study.chooser import RANDOM
from al_ray.study.running import Effort

GAIN: Final = 0.01
"""A difference in accuracy that one would like to see."""


def said_of(
    one: Judged,
    base: Baseline | None,
    study: Study,
    steps: pd.DataFrame,
    shown: pd.DataFrame,
    level: float,
    effort: Effort,
) -> tuple[str, str]:
    """What the verdict says of an arm.

    Args:
        one: the arm, and what was found of it.
        base: random's own part in the comparison.
        study: of which.
        steps: the differences at each number of labels.
        shown: the savings that are shown, a row for each number of random labels.
        level: of the intervals.
        effort: what it takes to label.

    Returns:
        A kind of `verdict.KINDS`, and the sentence without the arm's name.
    """
    found = one.found
    if found is None:
        return "cannot tell", _unpaired(one.arm, study)
    if found.seeds < LEAST_SEEDS:
        return "cannot tell", tr(
            "cannot tell from {seeds}: {least} or more are needed, 10 or more advised (--seeds)",
            seeds=seeds(found.seeds),
            least=LEAST_SEEDS,
        )
    if base is not None and base.is_undertrained:
        return "undertrained", undertrained(base, level)
    if base is not None and base.has_not_learnt:
        return "cannot tell", tr("cannot tell, since random is not shown to have learnt")
    words = {
        "saves": _saves,
        "saves on the way": _on_the_way,
        "better": _better,
        "worse": _worse,
        "no difference": _no_difference,
        "cannot tell": _missing_decides,
    }
    return found.kind, words[found.kind](found, steps, shown, level, effort)


def _saves(
    found: Judgement, steps: pd.DataFrame, shown: pd.DataFrame, level: float, effort: Effort
) -> str:
    saved = found.saving
    days, share = effort.days(saved.low), saved.low / saved.target
    least = (
        tr("{days:.1f} person-days", days=days)
        if days >= 0.95
        else tr("{percent:.0f} %", percent=100 * share)
    )
    if effort.price is not None:
        least += f", {effort.price.of(saved.low)}"
    return clauses(
        tr(
            "saves at least {least} labels ({effort}) for the accuracy of {target} random ones "
            "({percent:g} %: {low} to {high}, most likely {likely}; {over})",
            least=count(saved.low),
            effort=least,
            target=count(saved.target),
            percent=100 * level,
            low=count(saved.low),
            high=count(saved.high),
            likely=count(saved.saved),
            over=_over(found),
        ),
        _where(_area(found, level), found),
    )


def _on_the_way(
    found: Judgement, steps: pd.DataFrame, shown: pd.DataFrame, level: float, effort: Effort
) -> str:
    way = found.on_the_way
    return clauses(
        tr(
            "saves at least {least} labels on average over the accuracies on the way to that of "
            "{target} random ones ({percent:g} %: {low} to {high}, most likely {likely}; {over}), "
            "at the end itself none that was shown",
            least=count(way.low),
            target=count(found.saving.target),
            percent=100 * level,
            low=count(way.low),
            high=count(way.high),
            likely=count(way.difference),
            over=_over(found),
        ),
        _at(shown),
        _where(_area(found, level), found),
    )


def _better(
    found: Judgement, steps: pd.DataFrame, shown: pd.DataFrame, level: float, effort: Effort
) -> str:
    by = _by(found, level, _over(found))
    said = tr("better than random, by {points} on average over the curve {interval}", **by)
    return clauses(
        _where(said, found),
        tr(
            "that it saves labels for the accuracy of {target} random ones was not shown",
            target=count(found.saving.target),
        ),
        _at(shown),
    )


def _at(shown: pd.DataFrame) -> str:
    """The most random labels for whose accuracy a saving is shown, if there are any."""
    if shown.empty:
        return ""
    row = shown.sort_values("target_labels").iloc[-1]
    return tr(
        "for that of {target} it saves at least {least}",
        target=count(row.target_labels),
        least=count(row.low),
    )


def _worse(
    found: Judgement, steps: pd.DataFrame, shown: pd.DataFrame, level: float, effort: Effort
) -> str:
    by, until = _by(found, level, _over(found)), _worse_until(steps, level)
    if until is None:
        said = tr("worse than random, by {points} on average over the curve {interval}", **by)
    else:
        said = tr(
            "worse than random before {labels} labels, by {points} on average over the curve "
            "{interval}",
            labels=count(until),
            **by,
        )
    return clauses(
        said, tr("kept on, it costs up to {points} at a step", points=points(-found.worst))
    )


def _no_difference(
    found: Judgement, steps: pd.DataFrame, shown: pd.DataFrame, level: float, effort: Effort
) -> str:
    by = _by(found, level, _over(found))
    if found.area.difference >= 0:
        said = tr(
            "no difference from random was shown: {points} above it on average over the curve "
            "{interval}",
            **by,
        )
    else:
        said = tr(
            "no difference from random was shown: {points} below it on average over the curve "
            "{interval}",
            **by,
        )
    if found.area.p < 1 - level:  # the interval is of this arm alone
        more = tr(
            "p = {p:.2g} alone, but {p_holm:.2g} among the arms tested",
            p=found.area.p,
            p_holm=found.area.p_holm,
        )
        return clauses(said, more)
    seen = tr("{points} would have been seen 8 times in 10", points=points(found.detectable))
    if found.detectable > GAIN:
        seen = tr("{seen}, {wanted}", seen=seen, wanted=_wanted(found))
    return clauses(said, seen)


def _missing_decides(
    found: Judgement, steps: pd.DataFrame, shown: pd.DataFrame, level: float, effort: Effort
) -> str:
    return trn(
        "cannot tell: of {seeds} {n} is missing, and counted as bad as the best of the others is "
        "good, no difference is shown; the same command goes on with what is missing",
        "cannot tell: of {seeds} {n} are missing, and counted as bad as the best of the others is "
        "good, no difference is shown; the same command goes on with what is missing",
        found.missing,
        seeds=seeds(found.seeds + found.missing),
    )


def _area(found: Judgement, level: float) -> str:
    by = _by(found, level)
    if found.area.difference >= 0:
        return tr("{points} above random on average over the curve {interval}", **by)
    return tr("{points} below random on average over the curve {interval}", **by)


def _by(found: Judgement, level: float, over: str = "") -> dict[str, str]:
    """The area's difference, and its interval, which is over this."""
    ends = tr(
        "{percent:g} %: {low} to {high}",
        percent=100 * level,
        low=signed(found.area.low),
        high=signed(found.area.high),
    )
    interval = f"({ends}; {over})" if over else f"({ends})"
    return {"points": points(abs(found.area.difference)), "interval": interval}


def _over(found: Judgement) -> str:
    """What an interval is over."""
    over = tr("{seeds}, test rows taken as fixed", seeds=seeds(found.seeds))
    if found.rows > 1:
        rows = test_rows(found.rows, found.articles)
        over = tr("{seeds} and {rows}", seeds=seeds(found.seeds), rows=rows)
    if not found.missing:
        return over
    return tr(
        "{over}, {n} more missing and counted as bad as the best is good",
        over=over,
        n=found.missing,
    )


def _where(said: str, found: Judgement) -> str:
    """With the labels from which on it is better, and what it loses at most at a step."""
    if found.begins:
        said = tr("{said}, better from {labels} labels on", said=said, labels=count(found.begins))
    if found.worst < 0:
        most = points(-found.worst)
        said = tr("{said}, at no step more than {points} below", said=said, points=most)
    return said


def _wanted(found: Judgement) -> str:
    """How many seeds or test rows would show GAIN."""
    gain, more = points(GAIN), found.seeds_for
    rows = None if found.rows_for is None else wanted_rows(found.rows_for, found.articles)
    if more is not None and rows is not None:
        return tr(
            "{points} with {seeds} seeds or {rows}", points=gain, seeds=count(more), rows=rows
        )
    if more is not None:
        return tr("{points} with {seeds} seeds", points=gain, seeds=count(more))
    if rows is not None:
        return tr("{points} with {rows}", points=gain, rows=rows)
    return tr("and {points} only with more seeds and more test rows", points=gain)


def _worse_until(steps: pd.DataFrame, level: float) -> float | None:
    """From how many labels on it is worse no more, where it is beyond doubt before."""
    steps = steps.sort_values("n_labelled")
    worse = ((steps.p_holm < 1 - level) & (steps.difference < 0)).tolist()
    run = worse.index(False) if False in worse else len(worse)
    if 0 < run < len(worse) and not any(worse[run:]):
        return float(steps.n_labelled.iloc[run])
    return None


def _unpaired(arm: Arm, study: Study) -> str:
    every = study.arms()
    same = every[every.strategy == RANDOM]
    setting = pd.Series({name: arm[name] for name in SETTING})
    if not (same[SETTING] == setting).all(axis=1).any():
        return tr("cannot tell, there is no random arm of its setting to compare it with")
    return tr("cannot tell, no seed is complete for both it and random")


def clauses(*said: str) -> str:
    """One after the other, but for those that are empty."""
    return reduce(lambda one, more: tr("{one}; {more}", one=one, more=more), filter(None, said))


def seeds(number: int) -> str:
    """So many."""
    return trn("{n} seed", "{n} seeds", number)


def test_rows(rows: int, articles: int | None) -> str:
    """How many, and of how many articles, where intervals are over these."""
    if articles is None:
        return tr("{rows:,} test rows", rows=rows)
    return tr("{rows:,} test rows of {articles:,} articles", rows=rows, articles=articles)


def wanted_rows(number: float, articles: int | None) -> str:
    """Of so many test rows, or articles where intervals are over these."""
    if articles is None:
        return tr("{rows} test rows", rows=count(number))
    return tr("test rows of {articles} articles", articles=count(number))


def count(value: float) -> str:
    """Of labels and the like; three digits are more than any interval bears."""
    if not math.isfinite(value):
        return tr("an unknown number")
    digits = max(0, len(str(int(abs(value)))) - 3)
    return f"{int(round(value, -digits)):,}"


def points(value: float) -> str:
    """A share in points."""
    return tr("{value:.1f} points", value=100 * value)
