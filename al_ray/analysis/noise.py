"""The noise floor: how far refits of the same rows differ."""

from __future__ import annotations

import pandas as pd

from al_ray.analysis.study import Study


def floor(study: Study, test: str | None = None, level: float = 0.95) -> pd.DataFrame:
    """step, groups, fits, sd, difference, flips: a row per step whose rows were fitted again."""
    raise NotImplementedError
