"""How much an arm's accuracy varies: over seeds, and from one step to the next."""

from __future__ import annotations

import pandas as pd

from al_ray.analysis.study import Study


def stability(study: Study, test: str | None = None) -> pd.DataFrame:
    """ARM, seeds, sd_over_seeds, drops, steps, largest_drop: a row per arm."""
    raise NotImplementedError
