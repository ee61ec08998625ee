"""The verdict: one sentence per arm that follows from tests and not from means.

Two questions are asked of an arm, in this order. Is its area under the curve different from that of
random, seed by seed, after Holm's correction over the arms? If it is not, nothing else is said, so
that of arms that equal random at most one study in twenty has one that is called anything but 'no
difference'. If it is better: does the whole interval of the labels that it needs lie below those of
the most random labels that there were? Then it saves.
"""

from __future__ import annotations

import math
from typing import Any, Final, Literal

import pandas as pd

from al_ray.analysis.baseline import flat_baselines
from al_ray.analysis.comparison import against_random, by_step
from al_ray.analysis.intervals import LEAST_SEEDS
from al_ray.analysis.savings import AT_FIRST, savings
from al_ray.analysis.study import RANDOM, SETTING, Study, groups, records
from al_ray.analysis.summary import ARM

KINDS: Final = ("saves", "better", "no difference", "worse", "cannot tell")
"""`better`: more accurate than random over the curve, but a saving at its end was not shown."""

Kind = Literal["saves", "better", "no difference", "worse", "cannot tell"]

DEMONSTRATION: Final = "Demonstration on generated text, not a finding: "
"""What every sentence of a study of generated text begins with."""


def verdict(
    study: Study,
    level: float = 0.95,
    labels_per_day: float | None = None,
    test: str | None = None,
) -> pd.DataFrame:
    """One sentence per arm.

    Args:
        study: of which.
        level: of the intervals; differences are found at 1 - level.
        labels_per_day: what one person labels in a day; None: as the study was told.
        test: name of the test; None: the main one.

    Returns:
        ARM, sentence, kind (one of KINDS), numbers: a row per arm but random, in order. `numbers`
        is a dict of what the sentence rests on, with None for what is not known or not bounded:
        the columns of `against_random`, and of `savings` at the most random labels.
    """
    compared = against_random(study, test=test, level=level)
    ends = _ends(study, test)
    targets = sorted(set(ends.values()))
    saved = savings(study, targets, test=test, level=level, labels_per_day=labels_per_day)
    steps = by_step(study, test=test, level=level)
    names = arm_names(study)
    made: list[dict[str, Any]] = []
    for row in records(compared):
        arm = {name: row[name] for name in ARM}
        own = saved[(saved[ARM] == pd.Series(arm)).all(axis=1)]
        at_end = _headline(own, ends.get(tuple(arm[name] for name in SETTING)))
        kind = decide(row, at_end, level)
        local = steps[(steps[ARM] == pd.Series(arm)).all(axis=1)]
        name = names[tuple(arm.values())]
        said = _sentence(name, kind, row, at_end, local, level)
        if kind == "cannot tell" and not row["seeds"]:
            said = f"{name}: cannot tell, {_why_unpaired(arm, study)}"
        numbers = {
            **{key: value for key, value in row.items() if key not in ARM},
            **{key: value for key, value in at_end.items() if key not in [*ARM, "seeds"]},
        }
        if at_end:  # both have an interval; the savings' is of labels
            numbers |= {"low": row["low"], "high": row["high"]}
            numbers |= {"labels_low": at_end["low"], "labels_high": at_end["high"]}
        made.append(
            {
                **arm,
                "sentence": (DEMONSTRATION if study.demonstration else "") + said,
                "kind": kind,
                "numbers": {key: _plain(value) for key, value in numbers.items()},
            }
        )
    return pd.DataFrame(made, columns=[*ARM, "sentence", "kind", "numbers"])


def sentences(study: Study, level: float = 0.95, labels_per_day: float | None = None) -> list[str]:
    """The verdict as lines: the arms', where random gains nothing, and what is missing."""
    lines = verdict(study, level, labels_per_day).sentence.tolist()
    return [*lines, *flat_baselines(study, level=level), *missing_lines(study)]


def missing_lines(study: Study) -> list[str]:
    """What is missing, a line per arm, status and error."""
    missing = study.missing()
    missing["error"] = missing.error.astype(object).where(missing.error.notna(), "")
    names = arm_names(study)
    lines = []
    for key, rows in missing.groupby([*ARM, "status", "error"], sort=False, dropna=False):
        name = names.get(tuple(key[: len(ARM)]), str(key[0]))
        seeds = ", ".join(str(seed) for seed in rows.seed)
        error = f" ({key[-1]})" if key[-1] else ""
        plural = "s" if len(rows) > 1 else ""
        lines.append(f"Missing: {name}, seed{plural} {seeds}: {key[-2]}{error}")
    return lines


def arm_names(study: Study) -> dict[tuple[Any, ...], str]:
    """By the values of ARM, what an arm is called: its strategy, and what else tells it apart."""
    arms = study.arms()
    several = [name for name in SETTING if arms[name].nunique() > 1]
    if "initial" in several and (arms.initial == arms.step_size).all():
        several.remove("initial")
    words = {"step_size": "steps of {:,}", "initial": "from {:,}"}
    names = {}
    for arm in records(arms):
        told = [words.get(name, "{}").format(arm[name]) for name in several]
        names[tuple(arm[name] for name in ARM)] = arm["strategy"] + (
            f" ({', '.join(told)})" if told else ""
        )
    return names


def decide(compared: dict[str, Any], at_end: dict[str, Any], level: float = 0.95) -> Kind:
    """What kind of verdict the numbers bear.

    Args:
        compared: a row of `against_random`.
        at_end: the arm's row of `savings` at the most random labels; empty where there is none.
        level: differences are found at 1 - level.
    """
    seeds, p = compared["seeds"], compared["p_holm"]
    if seeds < 2 or math.isnan(p):
        return "cannot tell"
    if p >= 1 - level:
        return "no difference"
    if seeds < LEAST_SEEDS:
        return "cannot tell"
    if compared["difference"] < 0:
        return "worse"
    return "saves" if at_end and at_end["high"] < at_end["target_labels"] else "better"


def _ends(study: Study, test: str | None) -> dict[tuple[Any, ...], int]:
    """By setting, the most labels that all complete random trajectories have."""
    curves = study.curves(test)
    random = curves[curves.complete & (curves.strategy == RANDOM)]
    last = random.groupby([*SETTING, "trajectory"], sort=False).n_labelled.max().reset_index()
    return {key: int(rows.n_labelled.min()) for key, rows in groups(last, SETTING)}


def _headline(own: pd.DataFrame, end: int | None) -> dict[str, Any]:
    """The row of these random labels."""
    found = records(own[own.target_labels == end])
    return found[0] if found else {}


def _sentence(
    name: str,
    kind: Kind,
    row: dict[str, Any],
    at_end: dict[str, Any],
    steps: pd.DataFrame,
    level: float,
) -> str:
    seeds = _seeds(row["seeds"])
    percent = f"{100 * level:g} %"
    gap = _points(abs(row["difference"]))
    side = "above" if row["difference"] >= 0 else "below"
    between = f"{percent}: {_signed(row['low'])} to {_signed(row['high'])}"
    if kind == "cannot tell" and row["seeds"] < 2:
        return f"{name}: cannot tell, {seeds} {'shows' if row['seeds'] == 1 else 'show'} no spread"
    if kind == "cannot tell":
        return (
            f"{name}: cannot tell yet; it was {gap} {side} random on average over the curve (p = "
            f"{row['p_holm']:.2g}), but {seeds} are too few to claim anything: run "
            f"{LEAST_SEEDS} or more"
        )
    if kind == "no difference":
        shown = f"{_points(row['detectable'])} would have been seen 8 times in 10"
        if row["seeds"] < LEAST_SEEDS:
            return f"{name}: no difference from random that {seeds} could show ({shown})"
        if row["p"] < 1 - level:  # the interval is of this arm alone
            shown = f"p = {row['p']:.2g} alone, but {row['p_holm']:.2g} among the arms tested"
        return (
            f"{name}: no difference from random that {seeds} could show ({gap} {side} it on "
            f"average over the curve, {between}; {shown})"
        )
    if kind == "worse":
        where = _worse_where(steps, level)
        return (
            f"{name}: worse than random{where}, by {gap} on average over the curve ({between}; "
            f"{seeds})"
        )
    if kind == "better":
        return (
            f"{name}: {gap} better than random on average over the curve ({between}; {seeds}), "
            f"but that this saves labels{_at_end(at_end, percent)} could not be shown"
        )
    return f"{name} {_reaches(at_end, percent)}"


def _at_end(at_end: dict[str, Any], percent: str) -> str:
    if not at_end:
        return ""
    target = f" in the end, at the accuracy of {_labels(at_end['target_labels'])} random labels"
    if math.isnan(at_end["low"]):
        return target
    high = _labels(at_end["high"]) if math.isfinite(at_end["high"]) else "not reached"
    low = _labels(at_end["low"]) if math.isfinite(at_end["low"]) else "not reached"
    return f"{target} ({percent}: {low} to {high})"


def _reaches(at_end: dict[str, Any], percent: str) -> str:
    target = f"reaches the accuracy of {_labels(at_end['target_labels'])} random labels"
    if at_end["reached"] == AT_FIRST:
        return (
            f"{target} with its first {_labels(at_end['labels'])} or fewer "
            f"({percent}: up to {_labels(at_end['high'])}; {_seeds(at_end['seeds'])})"
        )
    days, saved = at_end["saved_days"], at_end["saved_labels"]
    saves = f"{days:.1f} person-days" if days >= 0.95 else f"{_labels(saved)} labels"
    return (
        f"{target} with {_labels(at_end['labels'])} ({percent}: {_labels(at_end['low'])}–"
        f"{_labels(at_end['high'])}; {_seeds(at_end['seeds'])}), which saves {saves}"
    )


def _worse_where(steps: pd.DataFrame, level: float) -> str:
    """' before N labels' if it is worse beyond doubt up to a step, and from N on no more."""
    steps = steps.sort_values("n_labelled")
    worse = ((steps.p_holm < 1 - level) & (steps.difference < 0)).tolist()
    run = worse.index(False) if False in worse else len(worse)
    if 0 < run < len(worse) and not any(worse[run:]):
        return f" before {_labels(steps.n_labelled.iloc[run])} labels"
    return ""


def _why_unpaired(arm: dict[str, Any], study: Study) -> str:
    every = study.arms()
    same = every[every.strategy == RANDOM]
    setting = pd.Series({name: arm[name] for name in SETTING})
    if not (same[SETTING] == setting).all(axis=1).any():
        return "there is no random arm of its setting to compare it with"
    return "no seed is complete for both it and random"


def _seeds(count: int) -> str:
    return f"{count} seed{'s' if count != 1 else ''}"


def _labels(value: float) -> str:
    """Three digits are more than any interval bears."""
    digits = max(0, len(str(int(value))) - 3)
    return f"{int(round(value, -digits)):,}"


def _points(value: float) -> str:
    return f"{100 * value:.1f} points"


def _signed(value: float) -> str:
    return f"{100 * value:+.1f}".replace("-", "−")


def _plain(value: Any) -> Any:
    """For JSON: no NaN, no infinity, no NumPy."""
    if isinstance(value, str) or value is None:
        return value
    number = float(value)
    if not math.isfinite(number):
        return None
    return int(number) if number == int(number) and not isinstance(value, float) else number
