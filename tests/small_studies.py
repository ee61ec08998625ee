"""Studies written down as short tables, and in folders, for tests of the analyses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from al_ray.analysis.study import Study
from al_ray.analysis.summary import ARM, CHOOSER
from al_ray.results import SCHEMAS, Store

LABELS = ("가", "나", "다")


def empty(table: str) -> pd.DataFrame:
    return SCHEMAS[table].empty_table().to_pandas()


def study(
    arms: dict[Any, dict[int, list[float]]],
    labels: list[int],
    *,
    status: dict[tuple[str, int], str | None] | None = None,
    demonstration: bool = False,
    test_labels: tuple[str, ...] = LABELS,
    **frames: pd.DataFrame,
) -> Study:
    """A study of accuracies.

    Args:
        arms: by strategy, or the values of ARM, accuracies by seed; a shorter list is of a
            trajectory that ended early.
        labels: numbers of labels, from the first draw on.
        status: of trajectories that are not complete.
        demonstration: on generated text.
        test_labels: names of the labels.
        frames: other tables.
    """
    size = labels[1] - labels[0] if len(labels) > 1 else labels[0]
    trajectories, steps = [], []
    for arm, by_seed in arms.items():
        facts = arm if isinstance(arm, tuple) else (arm, "cold", "fine-tuned", size, labels[0])
        columns = dict(zip(ARM[: len(facts)], facts, strict=True))
        for seed, accuracies in by_seed.items():
            name = f"{'-'.join(map(str, facts))}-s{seed}"
            said = (status or {}).get((facts[0], seed), "complete")
            trajectories.append(
                {
                    "trajectory": name,
                    "learning_rate": 1e-4,
                    **columns,
                    "seed": seed,
                    "status": said,
                    "error": "training diverged" if said == "failed" else None,
                    "rates": [1e-4],
                }
            )
            at = [facts[4]] if facts[0] == "control" else labels
            for step, (n, accuracy) in enumerate(zip(at, accuracies, strict=False)):
                steps.append(
                    {
                        "trajectory": name,
                        **columns,
                        "seed": seed,
                        "step": step,
                        "n_labelled": n,
                        "n_labels_paid": n,
                        "pool_share": n / 1000,
                        "test": "test",
                        "test_accuracy": accuracy,
                        "test_balanced_accuracy": accuracy,
                        "test_macro_f1": accuracy,
                        "updates": 10,
                        "step_seconds": 10.0,
                        "fit_seconds": 6.0,
                        "evaluate_seconds": 2.0,
                        "score_seconds": 1.0,
                        "select_seconds": 1.0,
                    }
                )
    tables = {
        "trajectories": _frame("trajectories", trajectories),
        "steps": _frame("steps", steps),
        **{name: empty(name) for name in ("selections", "predictions", "members", "rows")},
        **frames,
    }
    description = {
        "trajectories": {row["trajectory"]: 0 for row in trajectories},
        "corpus": {"name": "a corpus", "digest": "d"},
        "labels": list(test_labels),
        "tests": {"test": 10},
    }
    return Study(
        out=Path("OUT"),
        description=description,
        labels=test_labels,
        test="test",
        tests=("test",),
        demonstration=demonstration,
        **tables,
    )


def _frame(table: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    if not rows:
        return empty(table)
    return pd.DataFrame(rows).reindex(columns=SCHEMAS[table].names)


def predictions(
    answers: dict[tuple[str, int], list[str]], truth: list[str], test: str = "test"
) -> pd.DataFrame:
    """By trajectory and step, what is predicted of each test row."""
    parts = [
        pd.DataFrame(
            {
                "trajectory": trajectory,
                "step": step,
                "test": test,
                "row_id": [f"t{place}" for place in range(len(truth))],
                "label": truth,
                "prediction": predicted,
                "confidence": 0.5,
            }
        )
        for (trajectory, step), predicted in answers.items()
    ]
    return pd.concat(parts, ignore_index=True) if parts else empty("predictions")


def answered(right: dict[Any, np.ndarray[Any, Any]], labels: list[int], **more: Any) -> Study:
    """A study of answers: by arm (seeds, rows, steps), whether a test row is answered rightly.

    All test rows are of the first label, of which the pool has none, so that nothing is learnt by
    saying its most frequent one.
    """
    arms = {
        arm: {seed: of_seed.mean(axis=0).tolist() for seed, of_seed in enumerate(found)}
        for arm, found in right.items()
    }
    made = study(arms, labels, **more)
    names = made.trajectories.trajectory.tolist()
    of_all = [of_seed for found in right.values() for of_seed in found]
    said = {
        (name, step): np.where(of_seed[:, step], LABELS[0], LABELS[1]).tolist()
        for name, of_seed in zip(names, of_all, strict=True)
        for step in range(of_seed.shape[1])
    }
    table = predictions(said, [LABELS[0]] * len(of_all[0]))
    return replace(made, predictions=table, memory={})


def alike(
    rng: np.random.Generator,
    accuracy: list[list[float]],
    seeds: int,
    rows: int,
    *,
    suits: float = 0.6,
    fit: float = 0.1,
) -> list[np.ndarray[Any, Any]]:
    """Right answers (seeds, rows, steps) of arms with these true accuracies, random first.

    A row is answered rightly with a probability on the logistic scale: what the row asks for, what
    suits the arm (the same rows for all its seeds), and the fit. The first step is shared.
    """
    hard = rng.logistic(0, 1, rows)
    many = rng.logistic(0, 1, 4000) + suits * rng.logistic(0, 1, 4000)
    scale = np.linspace(-6, 6, 241)  # what shifts such rows to an accuracy, found on many of them
    means = [(1 / (1 + np.exp(many - shift))).mean() for shift in scale]
    made: list[np.ndarray[Any, Any]] = []
    for curve in accuracy:
        of_arm = hard + suits * rng.logistic(0, 1, rows)
        level = np.interp(curve, means, scale) + rng.normal(0, fit, (seeds, 1, len(curve)))
        right = rng.random((seeds, rows, len(curve))) < 1 / (1 + np.exp(of_arm[:, None] - level))
        if made:
            right[:, :, 0] = made[0][:, :, 0]
        made.append(right)
    return made


FIT = {"recipe": "stable", "decay": "none", "pooling": "own", "start": "random"}


def arm(strategy: str, head: str = "fine-tuned", **more: object) -> tuple[object, ...]:
    """All of ARM; a frozen head has nothing of FIT."""
    facts = {"strategy": strategy, "retrain": "cold", "head": head, "step_size": 10, "initial": 10}
    facts |= (FIT if head == "fine-tuned" else {}) | more
    text = {*FIT, "model", *CHOOSER} - {"candidates", "diversity"}
    return tuple(facts.get(name, "" if name in text else 0) for name in ARM)


def name_of(strategy: str, seed: int, size: int = 10, initial: int = 10) -> str:
    return f"{strategy}-cold-fine-tuned-{size}-{initial}-s{seed}"


def noisy(
    curve: list[float], seeds: int, sd: float, seed: int = 0, shift: float = 0.0
) -> dict[int, list[float]]:
    """Accuracies by seed about a curve."""
    rng = np.random.default_rng(seed)
    first = rng.normal(0, sd, (seeds, 1))  # the seed's own, the same at every step
    made = np.array(curve) + shift + first + rng.normal(0, sd / 4, (seeds, len(curve)))
    return {number: row.tolist() for number, row in enumerate(made)}


def write(folder: Path, tables: Study) -> Store:
    """The study as a folder, one file per step."""
    store = Store(folder)
    for name in tables.steps.trajectory.unique():
        store.write("selections", {"rank": [], "row_id": []}, name, -1)
    for name in ("selections", "predictions", "members", "steps"):
        frame = getattr(tables, name)
        if not len(frame):
            continue
        for (trajectory, step), rows in frame.groupby(["trajectory", "step"], sort=False):
            known = [column for column in rows if column in SCHEMAS[name].names]
            columns = {column: rows[column].tolist() for column in known if column != "step"}
            columns = {c: [None if _nan(v) else v for v in values] for c, values in columns.items()}
            store.write(name, columns, trajectory, int(step))
    for row in tables.trajectories.to_dict("records"):
        known = [c for c in row if c in SCHEMAS["trajectories"].names]
        columns = {c: row[c] for c in known if not _nan(row[c])}
        columns = {c: [v] if isinstance(v, list) else v for c, v in columns.items()}
        store.write("trajectories", columns, row["trajectory"])
    store.study_json.write(
        {
            "schema_version": 2,
            "demonstration": tables.demonstration,
            **tables.description,
        }
    )
    return store


def _nan(value: Any) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value)) or value is pd.NaT
