"""The noise floor: how far refits of the same rows differ.

A replay (`trajectories.replay_of`, `replay_step`, `fit_seed`) fits a cold model once on the rows
that another trajectory had chosen by a step. Replays of one trajectory and step that differ in
their fit seed alone differ by nothing but initialisation, data order and dropout.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from al_ray.analysis.answers import answers
from al_ray.analysis.study import Study, groups


def replays(study: Study, test: str | None = None) -> pd.DataFrame:
    """Each refit beside the model that it repeats.

    Returns:
        trajectory, replay_of, replay_step, fit_seed, strategy, retrain (of the trajectory it
        repeats), n_labelled, accuracy, original (accuracy of that trajectory at that step; NaN
        where it is not in the study).
    """
    wanted = study.test if test is None else test
    steps = study.steps[study.steps.test == wanted]
    columns = ["trajectory", "replay_of", "replay_step", "fit_seed"]
    found = study.trajectories.loc[study.trajectories.replay_of.notna(), columns]
    own = steps[["trajectory", "n_labelled", "test_score"]]
    found = found.merge(own.rename(columns={"test_score": "accuracy"}), on="trajectory")
    original = steps[["trajectory", "step", "strategy", "retrain", "test_score"]].rename(
        columns={"trajectory": "replay_of", "step": "replay_step", "test_score": "original"}
    )
    found["replay_step"] = found.replay_step.astype(np.int64)
    return found.merge(original, on=["replay_of", "replay_step"], how="left")


def floor(study: Study, test: str | None = None, level: float = 0.95) -> pd.DataFrame:
    """How large a difference is noise, at each step whose rows were fitted again.

    Args:
        study: of which.
        test: name of the test; None: the main one.
        level: of `difference`.

    Returns:
        step, groups (trajectories with two or more refits there), fits (in them), sd (of the
        accuracy of one fit, pooled over the groups with fits - groups degrees of freedom),
        difference (of two single fits of the same rows, which this share of pairs stays below:
        t * sqrt(2) * sd), flips (mean share of the test rows on which two refits answer
        differently; NaN without `predictions`).
    """
    predictions = answers(study, test).predictions
    own_step = study.steps.groupby("trajectory").step.max()
    found = replays(study, test)
    made: list[dict[str, Any]] = []
    for step, rows in groups(found.sort_values("replay_step", kind="stable"), "replay_step"):
        squares, fits, sets = 0.0, 0, 0
        flips: list[float] = []
        for _, group in rows.groupby("replay_of"):
            if len(group) < 2:
                continue
            values = group.accuracy.to_numpy(np.float64)
            squares += float(((values - values.mean()) ** 2).sum())
            fits, sets = fits + len(group), sets + 1
            keys = [(name, int(own_step[name])) for name in group.trajectory]
            known = [predictions[key] for key in keys if key in predictions]
            flips += [float((a != b).mean()) for a, b in combinations(known, 2)]
        if not sets:
            continue
        freedom = fits - sets
        sd = float(np.sqrt(squares / freedom))
        made.append(
            {
                "step": int(step),
                "groups": sets,
                "fits": fits,
                "sd": sd,
                "difference": float(stats.t.ppf((1 + level) / 2, freedom) * np.sqrt(2) * sd),
                "flips": float(np.mean(flips)) if flips else np.nan,
            }
        )
    return pd.DataFrame(made, columns=["step", "groups", "fits", "sd", "difference", "flips"])
