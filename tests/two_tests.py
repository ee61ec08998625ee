"""A study with two tests, two step sizes, two heads and two regimes, written down by hand.

Its main test is called `holdout`; on the given one, `test`, every arm is 6 rows of 20 worse. Rows
of a test are said right in order, so that accuracies, recalls and flips can be counted on fingers.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from al_ray.results import VERSION, Store

ARM = ("step_size", "initial", "retrain", "head", "strategy")
CURVES = {
    (10, 10, "cold", "fine-tuned", "random"): (8, 10, 12),
    (10, 10, "cold", "fine-tuned", "margin"): (8, 12, 14),
    (10, 10, "cold", "frozen", "random"): (10, 11, 12),
    (10, 10, "cold", "frozen", "margin"): (10, 12, 13),
    (10, 10, "warm", "fine-tuned", "random"): (8, 9, 10),
    (10, 10, "warm", "fine-tuned", "margin"): (8, 8, 9),
    (20, 20, "cold", "fine-tuned", "random"): (10, 14, 16),
    (20, 20, "cold", "fine-tuned", "margin"): (10, 15, 18),
}
"""Rows of 20 that an arm says right of the main test, at each of its steps, by ARM."""
SEEDS = {0: -1, 1: 0, 2: 0, 3: 0, 4: 1}
"""What each seed says right more: nothing on average, and a deviation of sqrt(1/2) rows."""
TESTS = {"holdout": 0, "test": -6}
"""The main test first, and what is said right more of it."""
LABELS = ("가", "나", "다")
TRUTH = ["가"] * 8 + ["나"] * 7 + ["다"] * 5
FAILED = ((10, 10, "cold", "frozen", "margin"), 4)


def name_of(arm: tuple, seed: int) -> str:
    return f"{'-'.join(map(str, arm))}-s{seed}"


def n_labelled(arm: tuple, step: int) -> int:
    return arm[1] + step * arm[0]


def write(out: Path) -> Store:
    """The study's folder."""
    store = Store(out)
    asked = {}
    for arm, curve in CURVES.items():
        for seed, more in SEEDS.items():
            name, failed = name_of(arm, seed), (arm, seed) == FAILED
            asked[name] = len(curve)
            facts = {**dict(zip(ARM, arm, strict=True)), "seed": seed}
            said = {"status": "complete"} if not failed else {"status": "failed", "error": "heat"}
            rates = {"rates": [[1e-4]], "learning_rate": 1e-4}
            store.write("trajectories", {**facts, **said, **rates}, name)
            _draw(store, name, -1, arm[1])
            for step, right in enumerate(curve):
                _step(store, name, step, facts, [right + more + less for less in TESTS.values()])
                if step < len(curve) - 1:
                    _draw(store, name, step, arm[0])
    rows = {"row_id": [f"r{i}" for i in range(60)], "split": "train", "label": LABELS * 20}
    store.write("rows", {**rows, "text": ["글"] * 60, "tokens": 1}, "corpus")
    store.study_json.write(
        {
            "schema_version": VERSION,
            "demonstration": False,
            "trajectories": asked,
            "corpus": {"name": "a corpus", "digest": "d"},
            "labels": LABELS,
            "tests": dict.fromkeys(TESTS, len(TRUTH)),
        }
    )
    return store


def _draw(store: Store, name: str, step: int, rows: int) -> None:
    """Margin buys 가 alone, and what it scored it had taken for 나; random buys in turn."""
    first, ranked = 0 if step < 0 else 20 * (step + 1), "margin" in name and step >= 0
    ids = range(first, first + rows)
    columns = {
        "rank": list(range(rows)),
        "row_id": [f"r{i % 60}" for i in ids],
        "label": ["가"] * rows if ranked else [LABELS[i % 3] for i in range(rows)],
    }
    if ranked:
        columns |= {"score": [float(-i) for i in range(rows)], "prediction": ["나"] * rows}
    store.write("selections", columns, name, step)


def _step(store: Store, name: str, step: int, facts: dict, right: list[int]) -> None:
    """A wrong row of 나 is taken for 다, and all others for 나."""
    wrong = ["다" if label == "나" else "나" for label in TRUTH]
    said = [[*TRUTH[:k], *wrong[k:]] for k in right]
    store.write(
        "predictions",
        {
            "test": [test for test in TESTS for _ in TRUTH],
            "main": [test == "holdout" for test in TESTS for _ in TRUTH],
            "row_id": [f"{test}-{i}" for test in TESTS for i in range(len(TRUTH))],
            "label": TRUTH * len(TESTS),
            "prediction": [label for labels in said for label in labels],
            "confidence": 0.5,
        },
        name,
        step,
    )
    confusion = {"predicted_counts": [[3, 0, 3]], "confusion": [[[2, 0, 0], [1, 0, 1], [0, 0, 2]]]}
    store.write("members", {"member": [0], "learning_rate": 1e-4, **confusion}, name, step)
    shares = [k / len(TRUTH) for k in right]
    labelled = facts["initial"] + step * facts["step_size"]
    metrics = ("test_accuracy", "test_balanced_accuracy", "test_macro_f1")
    seconds = {"fit": 6.0, "evaluate": 2.0, "score": 1.0, "select": 1.0, "step": 10.0}
    store.write(
        "steps",
        {
            **facts,
            "test": list(TESTS),
            "main": [True, False],
            **dict.fromkeys(metrics, shares),
            **{f"{phase}_seconds": value for phase, value in seconds.items()},
            "n_labelled": labelled,
            "n_labels_paid": labelled,
            "pool_share": labelled / 60,
            "updates": 10,
        },
        name,
        step,
    )


def as_before_main(store: Store, of: Callable[[str], bool] = lambda _: True) -> None:
    """Files as an earlier al_ray has written them: without the column `main`."""
    for table in ("steps", "predictions"):
        for file in filter(of, store.files(table)):
            rows = store.get(file)  # and no seal, which none of these has
            pq.write_table(rows.drop_columns(["main"]), store.folder / file)


def expected(test: str = "holdout") -> pd.DataFrame:
    """ARM, n_labelled, accuracy, deviation and seeds, by hand."""
    made = [
        {
            **dict(zip(ARM, arm, strict=True)),
            "n_labelled": n_labelled(arm, step),
            "accuracy": (right + TESTS[test]) / 20,
            "deviation": 0.5**0.5 / 20,
            "seeds": 5,
        }
        for arm, curve in CURVES.items()
        for step, right in enumerate(curve)
    ]
    return pd.DataFrame(made).sort_values([*ARM, "n_labelled"], ignore_index=True)
