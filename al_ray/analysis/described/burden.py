"""What the texts that an arm chose ask of whoever labels them: how long they are, what is in them.

A strategy that is drawn to long texts saves texts and not time.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from al_ray.analysis.statistics.intervals import LEAST_SEEDS, t_interval
from al_ray.analysis.study import Study, groups, remembered
from al_ray.analysis.summary import ARM
from al_ray.language import mark
from al_ray.study.chooser import UNQUERIED

CHARACTERS, MARKS, MINUTES = "characters", "marks", "minutes"

MEASURES: Final = {
    CHARACTERS: mark("characters to read"),
    MARKS: mark("things to mark"),
    MINUTES: mark("minutes of one person"),
}
"""What labelled texts may come to; marks are the things that are marked in a text."""


@remembered
def of_texts(study: Study) -> pd.DataFrame:
    """What each row of train asks for: index row_id, a column for each of MEASURES that is known.

    Minutes are there where the study was told the seconds of a text and of a mark.
    """
    rows = study.rows[study.rows.split == "train"].drop_duplicates("row_id")
    found = pd.DataFrame({CHARACTERS: rows.text.str.len().astype(np.float64)})
    found.index = pd.Index(rows.row_id)
    marks = rows.marks.to_numpy(np.float64, na_value=np.nan) if "marks" in rows else None
    if marks is None or study.few or np.isnan(marks).any():
        return found
    found[MARKS] = marks
    if study.annotation_seconds is not None:
        text, each = study.annotation_seconds
        found[MINUTES] = (text + each * marks) / 60
    return found if found[MARKS].nunique() > 1 else found.drop(columns=MARKS)


def measures_of(study: Study) -> list[str]:
    """Of MEASURES, those that are known."""
    return [str(name) for name in of_texts(study)]


def burden(study: Study) -> pd.DataFrame:
    """Texts that arms chose beside those of the pool, the first draw left out.

    Returns:
        ARM, measure, seeds, chosen (mean of a chosen text, over seeds), pool (mean of train),
        ratio (of the two), low, high (its 95 % interval over seeds, from LEAST_SEEDS on), total
        (of all labelled texts at the end, the first draw included, mean over seeds). Measures that
        the table `rows` does not have are absent, and so are arms that have chosen nothing.
    """
    known = of_texts(study).reset_index()
    measures = measures_of(study)
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
