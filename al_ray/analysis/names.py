"""What arms are called: their strategy, and what else tells them apart within their study."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from al_ray.analysis.summary import ARM, CHOOSER, FROZEN, LEARNER
from al_ray.language import mark, tr
from al_ray.study.chooser import spelt
from al_ray.study.knobs import words
from al_ray.study.training import FIT

_WORDS: Final = {
    **{"retrain": "{value}", "head": "{value}", "model": "{value}", "committee": "{value}"},
    "step_size": mark("steps of {value:,}"),
    "initial": mark("from {value:,}"),
    "strategy_source": mark("source {value:.8}"),
    "multiples": mark("rates times {value}"),
    "candidates": mark("of {value:,} candidates"),
    "chosen_by": mark("chosen by {value}"),
}

_HEADS: Final = {"fine-tuned": mark("fine-tuned"), "frozen": mark("frozen")}

_CODES: Final[dict[str, dict[str, str]]] = {
    "retrain": {"cold": mark("cold"), "warm": mark("warm"), "warm-new": mark("warm-new")},
    "head": _HEADS,
    "chosen_by": _HEADS,
    "committee": {"rates": mark("members by rates"), "seeds": mark("members by seeds")},
}
"""What values are called that are words, by column."""

TRAINED = [name for name in LEARNER if name != "head"]
"""The columns that tell apart what a head is trained on, and how."""

STRATEGY = ["strategy", "parameters"]
"""The columns that say which strategy it is."""


def several(arms: pd.DataFrame) -> list[str]:
    """The columns of ARM, but for the strategy and its parameters, that tell arms apart, in order.

    A frozen head has none of FIT, so that it does not count there; and what a strategy has none of
    does not tell it from others.
    """
    trained = arms[arms["head"] != FROZEN]

    def vary(name: str) -> bool:
        if name in CHOOSER:
            return bool(arms.groupby(STRATEGY)[name].nunique().gt(1).any())
        return bool((trained if name in FIT else arms)[name].nunique() > 1)

    found = [name for name in ARM if name not in STRATEGY and vary(name)]
    if "initial" in found and (arms.initial == arms.step_size).all():
        found.remove("initial")
    return found


MANY: Final = 8
"""More arms than this cannot be told apart side by side: they are grouped, and most are grey."""


def told(arm: Any, columns: list[str]) -> list[str]:
    """What these columns say of an arm, each in a few words."""
    frozen = arm["head"] == FROZEN
    return [
        _words(name, arm[name])
        for name in columns
        if not (frozen and name in FIT) and not (name in CHOOSER and not arm[name])
    ]


def arm_name(arm: Any, columns: list[str]) -> str:
    """The strategy, and what these columns say of it in brackets."""
    said = told(arm, columns)
    return spelt(arm["strategy"], arm["parameters"]) + (f" ({', '.join(said)})" if said else "")


def _words(name: str, value: Any) -> str:
    if name not in _WORDS:
        return words(name, value)
    code = _CODES.get(name, {}).get(value)
    return tr(_WORDS[name], value=value if code is None else tr(code))
