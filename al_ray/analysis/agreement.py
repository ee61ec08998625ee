"""Which rows arms get right, and which they choose, together and alone."""

from __future__ import annotations

import pandas as pd

from al_ray.analysis.study import Study


def test_agreement(study: Study, test: str | None = None) -> pd.DataFrame:
    """ARM with _a and _b, n_labelled, seeds, both, only_a, only_b, neither, jaccard, chance,
    contains: a row per pair of arms at their largest common number of labels, means over seeds.
    """
    raise NotImplementedError


def right_sets(study: Study, n_labelled: int, seed: int, test: str | None = None) -> pd.DataFrame:
    """arms (tuple of the names of those that are right), rows: a row per combination."""
    raise NotImplementedError


def chosen_overlap(study: Study) -> pd.DataFrame:
    """ARM with _a and _b, seed, step, n_labelled, jaccard, chance: a row per pair and step."""
    raise NotImplementedError


def texts(study: Study, limit: int = 20) -> pd.DataFrame:
    """kind, ARM, row_id, label, prediction, count, text: the most telling rows."""
    raise NotImplementedError
