"""What an arm costs: seconds per phase, device-hours, labels, tokens read, person-days."""

from __future__ import annotations

import pandas as pd

from al_ray.analysis.study import Study


def costs(study: Study, labels_per_day: float = 1000.0) -> pd.DataFrame:
    """ARM, seeds, fit_seconds, evaluate_seconds, score_seconds, select_seconds (each per step),
    hours (of a trajectory), labels, tokens_read, days: a row per arm.
    """
    raise NotImplementedError
