"""Best with best: each strategy at its best training beside random, tuned as hard."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from al_ray.analysis.baseline import baselines
from al_ray.analysis.comparison import Arm, aliases, key_of, setting_of, together
from al_ray.analysis.names import arm_name, several, told
from al_ray.analysis.statistics.best import best_with_best
from al_ray.analysis.statistics.intervals import LEAST_SEEDS, holm
from al_ray.analysis.statistics.pairs import area_weights
from al_ray.analysis.study import BASE, CHOICE, SETTING, Study, groups, records, remembered
from al_ray.analysis.summary import ARM, FROZEN
from al_ray.language import mark, tr
from al_ray.study.training import FIT

LEAST: Final = 3
"""Seeds, without which nothing can be chosen on others than the one that is compared."""

UNTUNED: Final = [name for name in ARM if name not in FIT]
"""What tells arms apart that are compared at the best of their trainings."""

MEANT: Final = mark(
    "Each strategy, and random as well, at the training that has the largest area over the other "
    "seeds, of the same trainings. Nothing is concluded from that choice: interval and test are of "
    "the truly best training of each, whichever that is, over seeds and test rows, corrected over "
    "strategies (Holm), and wide for it."
)
"""What the table is."""

_NUMBERS: Final = ["difference", "low", "high", "p", "p_holm"]


def tuned(study: Study, test: str | None = None, level: float = 0.95) -> pd.DataFrame:
    """Each strategy of several trainings at its best one against random at its own.

    Args:
        study: of which.
        test: name of the test; None: the main one.
        level: of the intervals; differences are found at 1 - level.

    Returns:
        UNTUNED, name, trainings (how many were chosen from), chosen and random_chosen (by the words
        of a training, at how many seeds), seeds, missing, rows (of the test; 1 where they are not
        known), difference (of the area, in what was chosen), low, high, p, p_holm (over the
        strategies), kind: `better`, `worse`, `no difference`, `undertrained` or `cannot tell`; of
        the last two all numbers but the difference are missing.
    """
    table, _ = _tuned(study, test, level)
    return table


def untold(study: Study, test: str | None = None, level: float = 0.95) -> list[str]:
    """A line for each reason why a strategy or a training is not in `tuned`."""
    _, lines = _tuned(study, test, level)
    return lines


def chosen(counts: dict[str, int]) -> str:
    """Trainings and how often they were chosen, in words."""
    return "; ".join(f"{words} ({seeds}×)" for words, seeds in counts.items())


@remembered
def _tuned(study: Study, test: str | None, level: float) -> tuple[pd.DataFrame, list[str]]:
    arms = study.arms()
    fit = [name for name in several(arms) if name in FIT]
    others = [name for name in several(arms) if name not in FIT]
    made, lines, reasons = list[dict[str, Any]](), list[str](), dict[str, list[str]]()
    trained = arms[arms["head"] != FROZEN] if fit else arms[:0]
    for _, here in groups(trained, [name for name in SETTING if name not in FIT]):
        random, *sides = _sides(study, here, others, lines)
        for side in sides:
            first = next(iter(side.values()))
            name, why = arm_name(first, others), ""
            common, ended = _shared(study, random, side, test)
            for each in common:
                if each not in ended:
                    words = ", ".join(told(random[each], fit))
                    lines.append(
                        tr(
                            "Best with best of {arm} leaves out {training}: no seed has ended",
                            arm=name,
                            training=words,
                        )
                    )
            if len(ended) < 2:
                why = tr(
                    "random shares {n} of the trainings, and to choose takes 2 or more",
                    n=len(ended),
                )
            else:
                own, base = ([of[each] for each in ended] for of in (side, random))
                row = _compared(study, own, base, fit, test, level)
                if row["seeds"] < LEAST:
                    why = tr(
                        "to choose on other seeds than the one compared takes {least} or more "
                        "that are complete at all trainings, not {seeds} (--seeds)",
                        least=LEAST,
                        seeds=row["seeds"],
                    )
            if why:
                reasons.setdefault(why, []).append(name)
                continue
            facts = {column: first[column] for column in UNTUNED}
            made.append({**facts, "name": name, "trainings": len(ended), **row})
    lines += [
        tr("No best with best of {arms}: {why}", arms=", ".join(names), why=why)
        for why, names in reasons.items()
    ]
    said = ["name", "trainings", "chosen", "random_chosen", "seeds", "missing", "rows"]
    table = pd.DataFrame(made, columns=[*UNTUNED, *said, *_NUMBERS, "kind"])
    table["p_holm"] = holm(table.p.astype(float))
    table["kind"] = [row["kind"] or _kind(row, level) for row in records(table)]
    table.loc[table.kind == "cannot tell", _NUMBERS[1:]] = math.nan
    return table, lines


Fit = tuple[Any, ...]
"""The values of FIT."""

Side = dict[Fit, Arm]
"""A strategy's arms, by training."""


def _sides(study: Study, arms: pd.DataFrame, others: list[str], lines: list[str]) -> list[Side]:
    """Random, then each strategy of several trainings; one under another name is said instead."""
    found = {
        key: {tuple(arm[name] for name in FIT): arm for arm in records(rows)}
        for key, rows in groups(arms, CHOICE)
    }
    random = found.pop(tuple(BASE[name] for name in CHOICE), {})
    same, kept = aliases(study), []
    for side in found.values():
        first = next(iter(side.values()))
        if len(side) > 1 and all(key_of(arm) in same for arm in side.values()):
            leader = arm_name(same[key_of(first)], others)
            lines.append(
                tr(
                    "Best with best: {arm} is the same as {other}",
                    arm=arm_name(first, others),
                    other=leader,
                )
            )
        elif len(side) > 1:
            kept.append(side)
    return [random, *kept]


def _shared(
    study: Study, random: Side, side: Side, test: str | None
) -> tuple[list[Fit], list[Fit]]:
    """The trainings of both; and those of which a seed has ended, with both."""
    common = [each for each in random if each in side]
    ended = [
        each
        for each in common
        if together(study, [key_of(random[each]), key_of(side[each])], test=test) is not None
    ]
    return common, ended


def _kind(row: dict[str, Any], level: float) -> str:
    """What p, corrected, bears."""
    if row["p_holm"] < 1 - level:
        return "better" if row["difference"] > 0 else "worse"
    return "cannot tell" if row["missing"] else "no difference"


def _compared(
    study: Study,
    arm: Sequence[Arm],
    random: Sequence[Arm],
    fit: list[str],
    test: str | None,
    level: float,
) -> dict[str, Any]:
    """What `tuned` says of one strategy, its kind '' where p decides."""
    both = together(study, [key_of(each) for each in (*arm, *random)], test=test)
    if both is None or len(both.values[0]) < LEAST:
        return {"seeds": 0 if both is None else len(both.values[0])}
    areas = np.stack([values @ area_weights(both.labels) for values in both.values])
    found = best_with_best(areas[: len(arm)], areas[len(arm) :], level, both.missing, both.clusters)
    usual = random[Counter(found.random.tolist()).most_common(1)[0][0]]
    base = baselines(study, test, level).get(setting_of(usual))
    kind = ""
    if len(found.arm) < LEAST_SEEDS or (base is not None and base.has_not_learnt):
        kind = "cannot tell"
    elif base is not None and base.is_undertrained:
        kind = "undertrained"
    effect = vars(found.effect)
    return {
        "chosen": _counted(found.arm, arm, fit),
        "random_chosen": _counted(found.random, random, fit),
        "seeds": len(found.arm),
        "missing": both.missing,
        "rows": areas.shape[2],
        **(dict.fromkeys(_NUMBERS, math.nan) | {"difference": effect["difference"]}
           if kind else effect),
        "kind": kind,
    }  # fmt: skip


def _counted(chosen: Any, arms: Sequence[Arm], fit: list[str]) -> dict[str, int]:
    """By the words of a training, at how many seeds it was chosen, the most first."""
    counts = Counter(chosen.tolist()).most_common()
    return {", ".join(told(arms[place], fit)): seeds for place, seeds in counts}
