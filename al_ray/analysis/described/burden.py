"""What the texts that an arm chose ask of whoever labels them: how long they are, what is in them.

A strategy that is drawn to long texts saves texts and not time.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from al_ray.analysis.statistics.intervals import LEAST_SEEDS, t_interval
from al_ray.analysis.study import Study, groups
from al_ray.analysis.summary import ARM
from al_ray.study.chooser import UNQUERIED

MEASURES = ("characters", "marks")
"""Of a text; marks are the things that are marked in it, one where it has one label."""


def burden(study: Study) -> pd.DataFrame:
    """Texts that arms chose beside those of the pool, the first draw left out.

    Returns:
        ARM, measure, seeds, chosen (mean of a chosen text, over seeds), pool (mean of train),
        ratio (of the two), low, high (its 95 % interval over seeds, from LEAST_SEEDS on), total
        (of all labelled texts at the end, the first draw included, mean over seeds). Measures that
        the table `rows` does not have are absent, and so are arms that have chosen nothing.
    """
    rows = study.rows[study.rows.split == "train"]
    known = pd.DataFrame(
        {
            "row_id": rows.row_id,
            "characters": rows.text.str.len(),
            "marks": rows.marks if "marks" in rows else None,
        }
    ).drop_duplicates("row_id")
    measures = [name for name in MEASURES if known[name].notna().any()]
    arms = study.trajectories[~study.trajectories.strategy.isin(UNQUERIED)]
    arms = arms.loc[arms.status == "complete", ["trajectory", *ARM]]
    joined = study.selections.merge(arms, on="trajectory").merge(known, on="row_id")
    made: list[dict[str, Any]] = []
    for key, own in groups(joined, ARM):
        chosen = own[own.step >= 0].groupby("trajectory")[measures].mean()
        if chosen.empty:
            continue
        totals = own.groupby("trajectory")[measures].sum().mean()
        for measure in measures:
            pool = float(known[measure].mean())
            ratios = chosen[measure] / pool if pool else chosen[measure] * float("nan")
            low, high = t_interval(ratios)
            enough = len(ratios) >= LEAST_SEEDS
            made.append(
                {
                    **dict(zip(ARM, key, strict=True)),
                    "measure": measure,
                    "seeds": len(ratios),
                    "chosen": float(chosen[measure].mean()),
                    "pool": pool,
                    "ratio": float(ratios.mean()),
                    "low": low if enough else float("nan"),
                    "high": high if enough else float("nan"),
                    "total": float(totals[measure]),
                }
            )
    columns = ["measure", "seeds", "chosen", "pool", "ratio", "low", "high", "total"]
    return pd.DataFrame(made, columns=[*ARM, *columns])
