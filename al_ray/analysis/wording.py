"""The verdict's sentence of one arm, in words."""

from __future__ import annotations

import math
from typing import Final

import pandas as pd

from al_ray.analysis.baseline import Baseline, signed, undertrained
from al_ray.analysis.comparison import Arm, Judged
from al_ray.analysis.statistics.intervals import LEAST_SEEDS
from al_ray.analysis.statistics.versus import Judgement
from al_ray.analysis.study import RANDOM, SETTING, Study
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
        return "cannot tell", f"cannot tell, {_why_unpaired(one.arm, study)}"
    if found.seeds < LEAST_SEEDS:
        return "cannot tell", (
            f"cannot tell from {seeds(found.seeds)}: {LEAST_SEEDS} or more are needed, 10 or more "
            "advised (--seeds)"
        )
    if base is not None and base.is_undertrained:
        return "undertrained", undertrained(base, level)
    if base is not None and base.has_not_learnt:
        return "cannot tell", "cannot tell, since random is not shown to have learnt"
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
    days = effort.days(saved.low)
    least = f"{days:.1f} person-days" if days >= 0.95 else f"{100 * saved.low / saved.target:.0f} %"
    if effort.price is not None:
        least += f", {effort.price.of(saved.low)}"
    return (
        f"saves at least {count(saved.low)} labels ({least}) for the accuracy of "
        f"{count(saved.target)} random ones ({100 * level:g} %: {count(saved.low)} to "
        f"{count(saved.high)}, most likely {count(saved.saved)}; {_over(found)}); "
        f"{points(abs(found.area.difference))} {_side(found)} random on average over the curve "
        f"{_interval(found, level)}{_where(found)}"
    )


def _on_the_way(
    found: Judgement, steps: pd.DataFrame, shown: pd.DataFrame, level: float, effort: Effort
) -> str:
    way, target = found.on_the_way, found.saving.target
    return (
        f"saves at least {count(way.low)} labels on average over the accuracies on the way to "
        f"that of {count(target)} random ones ({100 * level:g} %: {count(way.low)} to "
        f"{count(way.high)}, most likely {count(way.difference)}; {_over(found)}), at the end "
        f"itself none that was shown{_at(shown)}; {points(abs(found.area.difference))} "
        f"{_side(found)} random on average over the curve {_interval(found, level)}{_where(found)}"
    )


def _better(
    found: Judgement, steps: pd.DataFrame, shown: pd.DataFrame, level: float, effort: Effort
) -> str:
    return (
        f"better than random, by {points(found.area.difference)} on average over the curve "
        f"{_interval(found, level, _over(found))}{_where(found)}; that it saves labels for the "
        f"accuracy of {count(found.saving.target)} random ones was not shown{_at(shown)}"
    )


def _at(shown: pd.DataFrame) -> str:
    """The most random labels for whose accuracy a saving is shown, if there are any."""
    if shown.empty:
        return ""
    row = shown.sort_values("target_labels").iloc[-1]
    return f"; for that of {count(row.target_labels)} it saves at least {count(row.low)}"


def _worse(
    found: Judgement, steps: pd.DataFrame, shown: pd.DataFrame, level: float, effort: Effort
) -> str:
    return (
        f"worse than random{_worse_where(steps, level)}, by {points(-found.area.difference)} on "
        f"average over the curve {_interval(found, level, _over(found))}; kept on, it costs up to "
        f"{points(-found.worst)} at a step"
    )


def _no_difference(
    found: Judgement, steps: pd.DataFrame, shown: pd.DataFrame, level: float, effort: Effort
) -> str:
    said = (
        f"no difference from random was shown: {points(abs(found.area.difference))} "
        f"{_side(found)} it on average over the curve {_interval(found, level, _over(found))}"
    )
    if found.area.p < 1 - level:  # the interval is of this arm alone
        return (
            f"{said}; p = {found.area.p:.2g} alone, but {found.area.p_holm:.2g} among the arms "
            "tested"
        )
    seen = f"{said}; {points(found.detectable)} would have been seen 8 times in 10"
    return seen + (f", {_wanted(found)}" if found.detectable > GAIN else "")


def _missing_decides(
    found: Judgement, steps: pd.DataFrame, shown: pd.DataFrame, level: float, effort: Effort
) -> str:
    gone = "1 is" if found.missing == 1 else f"{found.missing} are"
    return (
        f"cannot tell: of {seeds(found.seeds + found.missing)} {gone} missing, and counted as bad "
        "as the best of the others is good, no difference is shown; the same command goes on with "
        "what is missing"
    )


def _side(found: Judgement) -> str:
    return "above" if found.area.difference >= 0 else "below"


def _interval(found: Judgement, level: float, of: str = "") -> str:
    """Of the area's difference."""
    ends = f"{100 * level:g} %: {signed(found.area.low)} to {signed(found.area.high)}"
    return f"({ends}; {of})" if of else f"({ends})"


def _over(found: Judgement) -> str:
    """What an interval is over."""
    rows = f" and {found.rows:,} test rows" if found.rows > 1 else ", test rows taken as fixed"
    gone = ""
    if found.missing:
        gone = f", {found.missing} more missing and counted as bad as the best is good"
    return f"{seeds(found.seeds)}{rows}{gone}"


def _where(found: Judgement) -> str:
    gain = f", better from {count(found.begins)} labels on" if found.begins else ""
    loss = f", at no step more than {points(-found.worst)} below" if found.worst < 0 else ""
    return gain + loss


def _wanted(found: Judgement) -> str:
    """How many seeds or test rows would show GAIN."""
    ways = []
    if found.seeds_for is not None:
        ways.append(f"{count(found.seeds_for)} seeds")
    if found.rows_for is not None:
        ways.append(f"{count(found.rows_for)} test rows")
    if not ways:
        return f"and {points(GAIN)} only with more seeds and more test rows"
    return f"{points(GAIN)} with {' or '.join(ways)}"


def _worse_where(steps: pd.DataFrame, level: float) -> str:
    """' before N labels' if it is worse beyond doubt up to a step, and from N on no more."""
    steps = steps.sort_values("n_labelled")
    worse = ((steps.p_holm < 1 - level) & (steps.difference < 0)).tolist()
    run = worse.index(False) if False in worse else len(worse)
    if 0 < run < len(worse) and not any(worse[run:]):
        return f" before {count(steps.n_labelled.iloc[run])} labels"
    return ""


def _why_unpaired(arm: Arm, study: Study) -> str:
    every = study.arms()
    same = every[every.strategy == RANDOM]
    setting = pd.Series({name: arm[name] for name in SETTING})
    if not (same[SETTING] == setting).all(axis=1).any():
        return "there is no random arm of its setting to compare it with"
    return "no seed is complete for both it and random"


def seeds(number: int) -> str:
    """So many."""
    return f"{number} seed{'s' if number != 1 else ''}"


def count(value: float) -> str:
    """Of labels and the like; three digits are more than any interval bears."""
    if not math.isfinite(value):
        return "an unknown number"
    digits = max(0, len(str(int(abs(value)))) - 3)
    return f"{int(round(value, -digits)):,}"


def points(value: float) -> str:
    """A share in points."""
    return f"{100 * value:.1f} points"
