"""The reference study's claims C1 to C13, and what these studies answer."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from al_ray.analysis.study import Study


def claims(studies: Sequence[Study]) -> pd.DataFrame:
    """claim, text, theirs, ours, answer (`supported`, `contradicted`, `cannot tell`), why."""
    raise NotImplementedError
