"""The most telling texts: chosen first, flipped most, right only for one arm."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from al_ray.analysis.answers import answered, answers
from al_ray.analysis.study import SETTING, Study, each, groups, records
from al_ray.analysis.summary import ARM
from al_ray.language import mark
from al_ray.study.chooser import UNQUERIED

KINDS: Final = (mark("chosen first"), mark("flipped most"), mark("right only for one arm"))

_TOP = 10
"""Ranks of a batch that count as chosen first."""


def texts(study: Study, limit: int = 20) -> pd.DataFrame:
    """The most telling rows, with their texts where `rows` has them.

    Kinds: `chosen first`, the rows that the model itself put at the top of a batch most often
    (count: batches); `flipped most`, the test rows whose prediction changed most often from one
    step to the next (count: changes over seeds); `right only for one arm`, the test rows that one
    arm answers rightly and no other arm of its setting does at their last common number of labels
    (count: seeds). Ties are settled by row id.

    Returns:
        kind, ARM, row_id, label, prediction (the most frequent one, or null), count, text; at
        most `limit` rows of each kind and arm.
    """
    parts = [_chosen_first(study, limit), _flipped(study, limit), _only_one(study)]
    columns = ["kind", *ARM, "row_id", "label", "prediction", "count"]
    filled = [part for part in parts if len(part)]
    if not filled:
        return pd.DataFrame(columns=[*columns, "text"])
    every = pd.concat(filled, ignore_index=True)[columns]
    every = every.sort_values(["count", "row_id"], ascending=[False, True], kind="stable")
    top = every.groupby(["kind", *ARM], sort=False).head(limit)
    arms = study.arms().apply(tuple, axis=1).tolist()
    order = {kind: place for place, kind in enumerate(KINDS)}
    top = top.assign(_kind=top.kind.map(order), _arm=top[ARM].apply(tuple, axis=1).map(arms.index))
    top = top.sort_values(["_kind", "_arm"], kind="stable").drop(columns=["_kind", "_arm"])
    known = study.rows.drop_duplicates("row_id").set_index("row_id").text
    return top.assign(text=top.row_id.map(known)).reset_index(drop=True)


def _chosen_first(study: Study, limit: int) -> pd.DataFrame:
    arms = study.trajectories[["trajectory", *ARM]]
    ranked = study.selections[study.selections.score.notna() & (study.selections["rank"] < _TOP)]
    joined = ranked.merge(arms[~arms.strategy.isin(UNQUERIED)], on="trajectory")
    key = [*ARM, "row_id", "label"]
    table = joined.groupby(key, sort=False).size().reset_index(name="count")
    table = _most(table, limit)
    kept = joined.merge(table[key], on=key)
    modes = kept.groupby(key, sort=False).prediction.agg(_mode).reset_index()
    return table.merge(modes, on=key).assign(kind="chosen first")


def _mode(values: pd.Series[Any]) -> Any:
    found = values.dropna().mode()
    return found.iloc[0] if len(found) else None


def _flipped(study: Study, limit: int) -> pd.DataFrame:
    found, made = answers(study), []
    steps = answered(study.curves(), found.right)
    for key, rows in groups(steps, ARM):
        flips = np.zeros(len(found.row_ids), np.int64)
        said = []
        for _, own in groups(rows, "trajectory"):
            keys = zip(own.trajectory, own.step, strict=True)
            predicted = np.array([found.predictions[each] for each in keys])
            flips += (predicted[1:] != predicted[:-1]).sum(axis=0)
            said.append(predicted)
        every = np.concatenate(said)
        table = pd.DataFrame({"place": np.flatnonzero(flips)})
        table = table.assign(
            **dict(zip(ARM, key, strict=True)),
            row_id=found.row_ids[table.place],
            label=found.names[found.truth[table.place]],
            count=flips[table.place],
        )
        table = _most(table, limit)
        modes = [_mode(pd.Series(found.names[every[:, place]])) for place in table.place]
        made.append(table.assign(prediction=modes, kind="flipped most"))
    return pd.concat(made, ignore_index=True) if made else pd.DataFrame()


def _most(table: pd.DataFrame, limit: int) -> pd.DataFrame:
    """The largest counts of each arm; ties are settled by row id."""
    ordered = table.sort_values(["count", "row_id"], ascending=[False, True], kind="stable")
    return ordered.groupby(ARM, sort=False).head(limit).reset_index(drop=True)


def _only_one(study: Study) -> pd.DataFrame:
    found = answers(study)
    steps = answered(study.curves(), found.right)
    counts: dict[tuple[Any, ...], dict[int, list[int]]] = {}
    for _, setting in steps.groupby([*SETTING, "seed"], sort=False):
        arms = setting.strategy.nunique()
        there = setting.groupby("n_labelled").strategy.nunique()
        common = there.index[there == arms]
        if arms < 2 or not len(common):
            continue
        at = setting[setting.n_labelled == max(common)]
        right = np.array([found.right[row.trajectory, row.step] for row in each(at)])
        alone = right & (right.sum(axis=0) == 1)
        for row, mine in zip(records(at), alone, strict=True):
            places = counts.setdefault(tuple(row[name] for name in ARM), {})
            for place in np.flatnonzero(mine):
                places.setdefault(int(place), []).append(1)
    labels = found.names[found.truth]
    made = [
        {
            **dict(zip(ARM, arm, strict=True)),
            "row_id": found.row_ids[place],
            "label": labels[place],
            "prediction": labels[place],
            "count": len(seeds),
            "kind": "right only for one arm",
        }
        for arm, places in counts.items()
        for place, seeds in places.items()
    ]
    return pd.DataFrame(made)
