"""What each arm of a study came to: accuracy at the end and over all labels, across seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from al_ray.results.schema import scored
from al_ray.study.chooser import DISAGREEMENT
from al_ray.study.knobs import kinds, knobs
from al_ray.study.training import FIT, READ, Training

FROZEN: Final = "frozen"
"""The head that is a linear model on an encoder's vectors."""

LEARNER: Final = ["head", "model", *READ, *FIT]
"""The columns that tell apart what is trained. A frozen head has none of FIT: they are 0 or ''."""

CHOOSER: Final = [
    *("parameters", "strategy_source", "committee", "multiples"),
    *("candidates", "diversity", "chosen_by"),
]
"""The columns beside `strategy` that tell apart how rows are chosen: '' or 0 where there is nothing
to say. `strategy_source` is of a strategy of one's own, which may be edited; `multiples` are a
committee's learning rates, of the evaluated member's; `chosen_by` is the head whose rows a
successor learns."""

ARM: Final = [
    *("strategy", "retrain", "head", "step_size", "initial", "model", *READ, *FIT),
    *CHOOSER,
]
"""The columns that tell arms of one study apart; seeds repeat an arm."""

_CHOOSER: Final = {
    **{"strategy_source": str, "committee": str},
    **{"candidates": int, "diversity": float, "chosen_by": str},
}

COLUMNS: Final = [
    *ARM,
    "seeds",
    "n_labelled",
    "final_mean",
    "final_sd",
    "balanced_mean",
    "macro_f1_mean",
    "area_mean",
    "area_sd",
    "missing",
]
"""The columns of `arms`."""

Missing = tuple[int, str, str | None]
"""Seed, status and error of a trajectory that is not complete."""


def with_learner(trajectories: pd.DataFrame, training: Mapping[str, Any]) -> pd.DataFrame:
    """The table `trajectories` with all of LEARNER and CHOOSER, and no nulls in these.

    Args:
        trajectories: as it is on disk, or lacking columns.
        training: the first of the study, by field: what folders of before a column was there mean.
    """
    declared, types = knobs(Training), kinds(Training)
    head = _column(trajectories, "head").fillna("fine-tuned")
    model = _column(trajectories, "model").astype(object)
    # Of one that never began in a folder of before, which has one encoder.
    one = next(iter(model.dropna()), "")
    made: dict[str, Any] = {"head": head, "model": model.where(model.notna(), one)}
    for name in (*READ, *FIT):
        kind = types.get(name, str)
        default = declared[name].default if name in declared else None
        told = training.get(name, default)
        values = _column(trajectories, name).astype(object)
        values = values.where(values.notna(), kind() if told is None else told)
        made[name] = values.where((head != FROZEN) | (name in READ), kind()).astype(kind)
    told = _column(trajectories, "parameters").astype(object)
    # Before strategies had parameters one of them had a column of its own.
    before = _column(trajectories, DISAGREEMENT).astype(object)
    usual = before.isna() | before.isin(["", "vote-entropy"])
    made["parameters"] = told.where(
        told.notna(), (f"{DISAGREEMENT}=" + before.astype(str)).where(~usual, "")
    )
    rates, evaluated = (
        _column(trajectories, name).astype(object) for name in ("rates", "learning_rate")
    )
    made["multiples"] = [_multiples(*each) for each in zip(rates, evaluated, strict=True)]
    for name, kind in _CHOOSER.items():
        values = _column(trajectories, name).astype(object)
        made[name] = values.where(values.notna(), kind()).astype(kind)
    return trajectories.assign(**made)


def _multiples(rates: Any, evaluated: Any) -> str:
    if rates is None or isinstance(rates, float) or len(rates) < 2 or not evaluated:
        return ""
    return " ".join(f"{rate / evaluated:.6g}" for rate in rates)


def _column(frame: pd.DataFrame, name: str) -> pd.Series[Any]:
    return frame[name] if name in frame else pd.Series(None, frame.index, object)


def area_under_curve(n_labelled: Sequence[float], accuracy: Sequence[float]) -> float:
    """Mean accuracy over the labels, by trapezoids: the area divided by the range of labels.

    Args:
        n_labelled: (points,), ascending.
        accuracy: (points,), at each of these.

    Returns:
        A value between the least and the largest accuracy; of one point its accuracy.

    Raises:
        ValueError: there are no points, or not as many of both, or labels do not ascend.
    """
    x, y = np.asarray(n_labelled, np.float64), np.asarray(accuracy, np.float64)
    if not len(x) or x.shape != y.shape:
        raise ValueError(f"{len(x)} numbers of labels and {len(y)} accuracies: no curve")
    widths = np.diff(x)
    if not (widths > 0).all():
        raise ValueError("numbers of labels must ascend")
    if len(x) == 1:
        return float(y[0])
    return float((widths * (y[1:] + y[:-1]) / 2).sum() / (x[-1] - x[0]))


def arms(steps: pd.DataFrame, trajectories: pd.DataFrame, test: str) -> pd.DataFrame:
    """One row per arm, in the order in which `trajectories` first has them.

    Args:
        steps: the table `steps`.
        trajectories: a row per trajectory that was wanted, with columns trajectory, strategy,
            retrain, step_size, initial, seed, status (null: not begun) and error.
        test: the name of the test to summarise.

    Returns:
        COLUMNS. Accuracy at the end has mean and deviation, balanced accuracy and macro-F1 there
        the mean, for label mixes that are skewed. `seeds` counts complete trajectories, the only
        ones in the means and standard deviations (n - 1; NaN of one seed). `n_labelled` is where
        these end: the least of them, and all are cut there, where some seeds were extended and
        others not. Arms that are controls have their rows as `initial`. `missing` lists the others
        as (seed, status, error).

    Raises:
        ValueError: a complete trajectory has no rows for this test.
    """
    steps = scored(steps)
    of_test = steps[steps.test == test].sort_values("n_labelled", kind="stable")
    curves = {str(name): rows for name, rows in of_test.groupby("trajectory", sort=False)}
    made = [
        dict(zip(ARM, key, strict=True)) | _summarise(group, curves, test)
        for key, group in trajectories.groupby(ARM, sort=False)
    ]
    return pd.DataFrame(made, columns=COLUMNS)


def _summarise(
    group: pd.DataFrame, curves: dict[str, pd.DataFrame], test: str
) -> dict[str, object]:
    complete = group.status == "complete"
    absent = [str(name) for name in group.trajectory[complete] if str(name) not in curves]
    if absent:
        raise ValueError(f"{absent[0]}: complete, but without rows for the test {test!r}")
    found = [curves[str(name)] for name in group.trajectory[complete]]
    end = min((int(rows.n_labelled.iloc[-1]) for rows in found), default=None)
    found = [rows[rows.n_labelled <= end] for rows in found]
    final = [float(rows.test_score.iloc[-1]) for rows in found]
    area = [area_under_curve(rows.n_labelled.tolist(), rows.test_score.tolist()) for rows in found]
    others = group.loc[~complete, ["seed", "status", "error"]].astype(object)
    missing: list[Missing] = [
        (
            int(seed),
            "not begun" if pd.isna(status) else str(status),
            None if pd.isna(error) else str(error),
        )
        for seed, status, error in others.to_numpy().tolist()
    ]
    return {
        "seeds": len(found),
        "n_labelled": end,
        "final_mean": _mean(final),
        "final_sd": _sd(final),
        "balanced_mean": _mean([float(r.test_balanced_accuracy.iloc[-1]) for r in found]),
        "macro_f1_mean": _mean([float(r.test_macro_f1.iloc[-1]) for r in found]),
        "area_mean": _mean(area),
        "area_sd": _sd(area),
        "missing": missing,
    }


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else math.nan


def _sd(values: list[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
