"""The verdict: one sentence per arm that follows from tests and not from means."""

from __future__ import annotations

from typing import Final

import pandas as pd

from al_ray.analysis.study import Study

KINDS: Final = ("saves", "better", "no difference", "worse", "cannot tell")
"""`better`: more accurate than random on the way, but no saving at the end could be shown."""


def verdict(study: Study, level: float = 0.95, labels_per_day: float = 1000.0) -> pd.DataFrame:
    """ARM, sentence, kind, numbers (dict): a row per arm that is not random."""
    raise NotImplementedError


def sentences(study: Study, level: float = 0.95, labels_per_day: float = 1000.0) -> list[str]:
    """The verdict as lines of text: the arms', then what is missing."""
    raise NotImplementedError
