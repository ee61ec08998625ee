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
from al_ray.study.training import FIT

LEAST: Final = 3
"""Seeds, without which nothing can be chosen on others than the one that is compared."""

UNTUNED: Final = [name for name in ARM if name not in FIT]
"""What tells arms apart that are compared at the best of their trainings."""

MEANT: Final = (
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
    arms, made = study.arms(), list[dict[str, Any]]()
    lines, reasons = list[str](), dict[str, list[str]]()
    columns = several(arms)
    fit = [name for name in columns if name in FIT]
    others = [name for name in columns if name not in FIT]
    place = [name for name in SETTING if name not in FIT]
    trained = arms[arms["head"] != FROZEN] if fit else arms[:0]
    for _, here in groups(trained, place):
        by_choice = {
            key: {tuple(arm[name] for name in FIT): arm for arm in records(rows)}
            for key, rows in groups(here, CHOICE)
        }
        random = by_choice.pop(tuple(BASE[name] for name in CHOICE), {})
        by_choice = {key: found for key, found in by_choice.items() if len(found) > 1}
        if not by_choice:
            continue
        for key, found in list(by_choice.items()):
            one = next(iter(found.values()))
            if all(key_of(arm) in aliases(study) for arm in found.values()):
                leader = arm_name(aliases(study)[key_of(one)], others)
                lines.append(f"Best with best: {arm_name(one, others)} is the same as {leader}")
                del by_choice[key]
        sides = [random, *by_choice.values()]
        common = [fit_ for fit_ in random if all(fit_ in side for side in sides)]
        empty = [f for f in common if any(together(study, [key_of(s[f])], test=test) is None
                                          for s in sides)]  # fmt: skip
        for gone in empty:
            said = ", ".join(told(random[gone], fit))
            lines.append(f"Best with best leaves out {said}: no seed of an arm of it is complete")
        common = [fit_ for fit_ in common if fit_ not in empty]
        for found in by_choice.values():
            name = arm_name(next(iter(found.values())), others)
            if len(common) < 2:
                reason = (
                    f"random and all strategies share {len(common)} of the trainings, and to "
                    "choose takes 2 or more"
                )
                reasons.setdefault(reason, []).append(name)
                continue
            both = [found[f] for f in common], [random[f] for f in common]
            row = _compared(study, *both, fit, test, level)
            if row["seeds"] < LEAST:
                reason = (
                    "to choose on other seeds than the one compared takes "
                    f"{LEAST} or more that are complete at all trainings, not {row['seeds']} "
                    "(--seeds)"
                )
                reasons.setdefault(reason, []).append(name)
                continue
            facts = {column: both[0][0][column] for column in UNTUNED}
            made.append({**facts, "name": name, "trainings": len(common), **row})
    lines += [f"No best with best of {', '.join(names)}: {why}" for why, names in reasons.items()]
    columns = ["name", "trainings", "chosen", "random_chosen", "seeds", "missing", "rows"]
    table = pd.DataFrame(made, columns=[*UNTUNED, *columns, *_NUMBERS, "kind"])
    table["p_holm"] = holm(table.p.astype(float))
    decided = table.kind == ""
    found = np.where(table.difference > 0, "better", "worse")
    none = np.where(table.missing == 0, "no difference", "cannot tell")
    table.loc[decided, "kind"] = np.where(table.p_holm < 1 - level, found, none)[decided]
    return table, lines


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
    found = best_with_best(areas[: len(arm)], areas[len(arm) :], level, both.missing)
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
