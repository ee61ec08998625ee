"""What the verdict found, as a table: nothing in it that the verdict would not say."""

from __future__ import annotations

import math
from typing import Final

import pandas as pd

from al_ray.analysis.savings import said, savings
from al_ray.analysis.study import Study
from al_ray.analysis.summary import ARM
from al_ray.analysis.verdict import verdict

UNDECIDED: Final = ("undertrained", "cannot tell")
"""Kinds of verdict that rest on no interval and no test: too few seeds, or random is no measure."""

_NUMBERS = ["difference", "low", "high", "p", "p_holm", "detectable"]


def judgements(study: Study) -> pd.DataFrame:
    """Each arm's verdict and the difference in areas that it rests on.

    Returns:
        ARM, sentence, kind, seeds, missing, rows (of the test; 1 where they are not known),
        difference, low, high, p, p_holm, detectable, target_labels (of the verdict): a row per arm
        but random. All but the difference are missing where the kind is one of UNDECIDED.
    """
    frame = verdict(study)
    columns = ["seeds", "missing", "rows", *_NUMBERS, "target_labels"]
    numbers = pd.DataFrame(frame.numbers.tolist(), index=frame.index).reindex(columns=columns)
    numbers[_NUMBERS] = numbers[_NUMBERS].astype(float)
    counts = ["seeds", "missing", "rows"]
    numbers[counts] = numbers[counts].fillna(0).astype(int)
    numbers.loc[frame.kind.isin(UNDECIDED), _NUMBERS[1:]] = math.nan
    return pd.concat([frame[[*ARM, "sentence", "kind"]], numbers], axis=1)


def shown_savings(study: Study) -> pd.DataFrame:
    """Labels saved, where the verdict would say so.

    Returns:
        The columns of `savings`, and `note`: '' where a saving is shown, else what is said in
        place of its numbers, which are missing.
    """
    kinds = judgements(study)[[*ARM, "kind", "target_labels"]]
    table = savings(study).merge(kinds, on=ARM, how="left", suffixes=("", "_judged"))
    # The verdict asks at one target; the table, which asks at all, is the stricter one there.
    judged = (table.kind == "saves") & (table.target_labels == table.target_labels_judged)
    table["shown"] = (table.shown & table.kind.isin(("saves", "better"))) | judged
    table["note"] = table.kind.where(table.kind.isin(UNDECIDED), "not shown").mask(table.shown, "")
    return said(table)
