"""How much an arm's accuracy varies: over seeds, and from one step to the next."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from al_ray.analysis.study import Study
from al_ray.analysis.summary import ARM

DROP: Final = 0.01
"""What accuracy must lose from one step to the next to count as a drop."""


def stability(
    study: Study, metric: str = "accuracy", test: str | None = None, least: float = DROP
) -> pd.DataFrame:
    """Spread over seeds, and drops.

    Args:
        study: of which.
        metric: a name in `Study.columns`.
        test: name of the test; None: the main one.
        least: what must be lost from one step to the next to count as a drop.

    Returns:
        ARM, seeds, sd_over_seeds (root of the mean variance over the numbers of labels that two
        or more seeds have; NaN of one seed), turns (from a step to the next, over all seeds),
        drops (those that lose `least` or more), drop_share, largest_drop (0 where nothing is ever
        lost; NaN of one step).
    """
    column = study.columns[metric]
    made: list[dict[str, Any]] = []
    for key, rows in study.curves(test).groupby(ARM, sort=False):
        variances = rows.groupby("n_labelled")[column].var(ddof=1).dropna()
        change = rows.groupby("trajectory", sort=False)[column].diff().dropna()
        drops = int((change <= -least + 1e-12).sum())
        made.append(
            {
                **dict(zip(ARM, key, strict=True)),
                "seeds": rows.seed.nunique(),
                "sd_over_seeds": float(np.sqrt(variances.mean())) if len(variances) else np.nan,
                "turns": len(change),
                "drops": drops,
                "drop_share": drops / len(change) if len(change) else np.nan,
                "largest_drop": max(0.0, -float(change.min())) if len(change) else np.nan,
            }
        )
    columns = [*ARM, "seeds", "sd_over_seeds", "turns", "drops", "drop_share", "largest_drop"]
    return pd.DataFrame(made, columns=columns)
