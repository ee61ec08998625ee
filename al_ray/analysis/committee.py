"""How committees behave: labels in turns, confusions that foretell, members that collapse, ties."""

from __future__ import annotations

import pandas as pd

from al_ray.analysis.study import Study


def behaviour(study: Study) -> pd.DataFrame:
    """ARM, seed, label, batches, lag_one, confusion_foretells, confusions, p: a row per label."""
    raise NotImplementedError


def collapse(study: Study) -> pd.DataFrame:
    """ARM, seed, step, member, learning_rate, largest_share, collapsed, label."""
    raise NotImplementedError


def ties(study: Study) -> pd.DataFrame:
    """ARM, seed, step, n_labelled, tie_share: a row per batch that was ranked."""
    raise NotImplementedError
