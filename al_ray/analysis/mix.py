"""The label mix of each batch beside the pool's own."""

from __future__ import annotations

import pandas as pd

from al_ray.analysis.study import Study


def batch_mix(study: Study) -> pd.DataFrame:
    """ARM, seed, step, label, chosen, share, pool_share: a row per label of a batch."""
    raise NotImplementedError


def mix_distance(study: Study) -> pd.DataFrame:
    """ARM, seed, step, rows, distance, p: a row per batch."""
    raise NotImplementedError
