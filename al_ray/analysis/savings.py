"""Label savings: how many labels an arm needs for the accuracy of N random ones."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from al_ray.analysis.study import Study


def savings(
    study: Study,
    targets: Sequence[int] | None = None,
    test: str | None = None,
    level: float = 0.95,
    labels_per_day: float = 1000.0,
) -> pd.DataFrame:
    """ARM, target_labels, target_accuracy, baseline_fits, labels, low, high, reached, share,
    saved_labels, saved_days, seeds: a row per arm and target.
    """
    raise NotImplementedError
