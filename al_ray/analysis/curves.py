"""Learning curves: what an arm's accuracy is after how many labels, over seeds, with intervals."""

from __future__ import annotations

import pandas as pd

from al_ray.analysis.study import Study


def learning_curves(
    study: Study, metric: str = "accuracy", test: str | None = None, level: float = 0.95
) -> pd.DataFrame:
    """ARM, n_labelled, seeds, mean, sd, low, high, interval: a row per arm and number of labels."""
    raise NotImplementedError


def metrics_disagree(study: Study) -> pd.DataFrame:
    """ARM, rank_accuracy, rank_balanced_accuracy, rank_macro_f1, word: a row per arm."""
    raise NotImplementedError


def areas(study: Study, metric: str = "accuracy", test: str | None = None) -> pd.DataFrame:
    """ARM, seed, area, first, last: a row per arm and seed."""
    raise NotImplementedError


def controls(study: Study, test: str | None = None) -> pd.DataFrame:
    """share, seed, n_labelled, accuracy, balanced_accuracy, macro_f1: a row per control fit."""
    raise NotImplementedError


def label_accuracy(study: Study, test: str | None = None) -> pd.DataFrame:
    """ARM, seed, step, n_labelled, label, accuracy, rows: a row per label at each step."""
    raise NotImplementedError
