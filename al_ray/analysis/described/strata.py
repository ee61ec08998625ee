"""How well each kind of text is answered: by question word, by how many entities it has."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from al_ray.analysis.answers import answers
from al_ray.analysis.statistics.intervals import LEAST_SEEDS, t_interval
from al_ray.analysis.study import Study, groups
from al_ray.analysis.summary import ARM

LEAST_ROWS = 5
"""Test rows of a kind, of fewer of which its mean says nothing."""


def strata(study: Study) -> pd.DataFrame:
    """The mean score of each kind of test row, at the last number of labels that all arms have.

    Returns:
        ARM, of (what tells the kinds apart, such as `question word`), stratum, rows, n_labelled,
        seeds, mean (over rows and seeds), low, high (95 % over seeds, on these rows, from
        LEAST_SEEDS on): kinds of LEAST_ROWS rows or more, in the order of their names and numbers.
        Empty where the table `rows` has no kinds, or arms have no step in common.
    """
    kinds, found = _of_rows(study), answers(study)
    curves = study.curves()
    curves = curves[curves.complete]
    shared = [set(rows.n_labelled) for _, rows in groups(curves, ARM)]
    common = set.intersection(*shared) if shared else set()
    made: list[dict[str, Any]] = []
    if kinds.empty or not common:
        return pd.DataFrame()
    place = pd.Series(np.arange(len(found.row_ids)), found.row_ids)
    kinds = kinds.assign(place=kinds.row_id.map(place)).dropna(subset="place")
    last = curves[curves.n_labelled == max(common)]
    for key, rows in groups(last, ARM):
        models = zip(rows.trajectory, rows.step.astype(int), strict=True)
        scores = [found.scores[model] for model in models if model in found.scores]
        if not scores:
            continue
        values = np.array(scores, np.float64)
        for (of, stratum), own in kinds.groupby(["of", "stratum"], sort=False):
            means = values[:, own.place.astype(int)].mean(axis=1)
            low, high = t_interval(means) if len(means) >= LEAST_SEEDS else (np.nan, np.nan)
            made.append(
                {
                    **dict(zip(ARM, key, strict=True)),
                    "of": of,
                    "stratum": stratum,
                    "rows": len(own),
                    "n_labelled": max(common),
                    "seeds": len(means),
                    "mean": float(means.mean()),
                    "low": low,
                    "high": high,
                }
            )
    table = pd.DataFrame(made)
    return table[table.rows >= LEAST_ROWS].reset_index(drop=True) if made else table


def _of_rows(study: Study) -> pd.DataFrame:
    """row_id, of, stratum: a row for each kind that a test row is of, kinds in order."""
    rows = study.rows[study.rows.split == study.test]
    if "strata" not in rows or rows.strata.isna().all():
        return pd.DataFrame()
    known = rows.drop_duplicates("row_id")[["row_id", "strata"]].explode("strata").dropna()
    named = known.strata.str.split(": ", n=1, expand=True)
    known = known.assign(of=named[0], stratum=named[1]).drop(columns="strata")
    order = known.stratum.map(_first_number)
    return known.assign(order=order).sort_values(["of", "order", "stratum"], kind="stable")


def _first_number(stratum: str) -> int:
    """Of a band; others by their names."""
    digits = stratum.split("–")[0].rstrip("+")
    return int(digits) if digits.isdigit() else -1
