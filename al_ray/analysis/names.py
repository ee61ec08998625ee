"""What arms are called: their strategy, and what else tells them apart within their study."""

from __future__ import annotations

from typing import Any

import pandas as pd

from al_ray.analysis.summary import ARM, FROZEN
from al_ray.study.config import FIT
from al_ray.study.knobs import words

_WORDS = {
    "retrain": "{}",
    "head": "{}",
    "step_size": "steps of {:,}",
    "initial": "from {:,}",
    "chosen_by": "chosen by {}",
}


def several(arms: pd.DataFrame) -> list[str]:
    """The columns of ARM, but for the strategy, that have several values, in order.

    A frozen head has none of FIT, so that it does not count there.
    """
    trained = arms[arms["head"] != FROZEN]
    found = [
        name
        for name in ARM
        if name != "strategy" and (trained if name in FIT else arms)[name].nunique() > 1
    ]
    if "initial" in found and (arms.initial == arms.step_size).all():
        found.remove("initial")
    return found


def told(arm: Any, columns: list[str]) -> list[str]:
    """What these columns say of an arm, each in a few words."""
    frozen = arm["head"] == FROZEN
    return [
        _words(name, arm[name])
        for name in columns
        if not (frozen and name in FIT) and not (name == "chosen_by" and not arm[name])
    ]


def arm_name(arm: Any, columns: list[str]) -> str:
    """The strategy, and what these columns say of it in brackets."""
    said = told(arm, columns)
    return str(arm["strategy"]) + (f" ({', '.join(said)})" if said else "")


def _words(name: str, value: Any) -> str:
    return _WORDS[name].format(value) if name in _WORDS else words(name, value)
