"""Arms against random and against each other: paired tests, Holm's correction, penalties."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from al_ray.analysis.study import Study


def against_random(
    study: Study, metric: str = "accuracy", test: str | None = None, level: float = 0.95
) -> pd.DataFrame:
    """ARM, seeds, difference, low, high, p, p_holm, test, effect, detectable: a row per arm."""
    raise NotImplementedError


def worse_cells(studies: Sequence[Study]) -> pd.DataFrame:
    """ARM, cells, worse, share: a row per arm, over (corpus, budget) cells."""
    raise NotImplementedError


def penalties(study: Study, level: float = 0.95) -> pd.DataFrame:
    """ARM with _a and _b, penalty: a row per ordered pair of arms."""
    raise NotImplementedError
