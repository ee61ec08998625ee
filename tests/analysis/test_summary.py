"""Arms and curves, against numbers worked by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al_ray.analysis.names import arm_name, several
from al_ray.analysis.summary import ARM, COLUMNS, area_under_curve, arms, with_learner

SHORT = ARM[:5]
"""Without what was trained, which is equal here."""


def wanted(*rows):
    columns = ["trajectory", *SHORT, "seed", "status", "error"]
    return with_learner(pd.DataFrame(rows, columns=columns), {})


def steps_of(trajectory, arm, labels, accuracies, test="test"):
    return pd.DataFrame(
        {
            "trajectory": trajectory,
            **dict(zip(SHORT, arm, strict=True)),
            "n_labelled": labels,
            "test": test,
            "test_accuracy": accuracies,
            "test_balanced_accuracy": [accuracy / 2 for accuracy in accuracies],
            "test_macro_f1": [accuracy / 4 for accuracy in accuracies],
        }
    )


def test_an_edited_strategy_is_another_arm():
    """Whose seeds are not counted as those of the one before, and which is named."""
    told = wanted(*(
        (f"{source}-{seed}", "my:Gini", "cold", "fine-tuned", 10, 10, seed, "complete", None)
        for source in "ab" for seed in range(3)
    ))  # fmt: skip
    told = told.assign(strategy_source=[name[0] * 32 for name in told.trajectory])
    steps = pd.concat(
        steps_of(name, ("my:Gini", "cold", "fine-tuned", 10, 10), [10], [0.5])
        for name in told.trajectory
    )
    found = arms(steps, told, "test")
    assert found.seeds.tolist() == [3, 3]
    names = [arm_name(row, several(found)) for row in found.to_dict("records")]
    assert names == ["my:Gini (source aaaaaaaa)", "my:Gini (source bbbbbbbb)"]


MARGIN = ("margin", "cold", "fine-tuned", 10, 10)
RANDOM = ("random", "cold", "fine-tuned", 10, 10)
ALL = ("control", "cold", "fine-tuned", 40, 40)


def test_area_by_hand():
    # (10·0.6 + 20·0.8) / 30, of segments 0.5–0.7 over 10 labels and 0.7–0.9 over 20.
    assert area_under_curve([10, 20, 40], [0.5, 0.7, 0.9]) == pytest.approx(22 / 30)
    assert area_under_curve([100], [0.25]) == 0.25


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=9), st.integers(0, 1000))
def test_area_is_a_mean_and_numpys_trapezoid(accuracy, seed):
    labels = np.cumsum(np.random.default_rng(seed).integers(1, 50, len(accuracy)))
    area = area_under_curve(labels.tolist(), accuracy)
    assert min(accuracy) - 1e-12 <= area <= max(accuracy) + 1e-12
    assert area == pytest.approx(np.trapezoid(accuracy, labels) / (labels[-1] - labels[0]))


@pytest.mark.parametrize(
    ("labels", "accuracy"), [([], []), ([2, 1], [0, 1]), ([1, 1], [0, 1]), ([1, 2], [0])]
)
def test_no_area(labels, accuracy):
    with pytest.raises(ValueError, match="labels"):
        area_under_curve(labels, accuracy)


def test_two_seeds_by_hand():
    steps = pd.concat(
        [
            steps_of("m0", MARGIN, [20, 10], [0.8, 0.6]),  # rows need not be in order
            steps_of("m1", MARGIN, [10, 20], [0.4, 0.6]),
            steps_of("m1", MARGIN, [10, 20], [0.0, 0.0], "other"),
        ]
    )
    named = wanted(("m0", *MARGIN, 0, "complete", None), ("m1", *MARGIN, 1, "complete", None))
    table = arms(steps, named, "test")
    assert list(table.columns) == COLUMNS
    (row,) = table.itertuples()
    assert (row.strategy, row.seeds, row.n_labelled, row.missing) == ("margin", 2, 20, [])
    assert row.final_mean == pytest.approx(0.7)
    assert row.final_sd == pytest.approx(0.2 / math.sqrt(2))
    assert (row.balanced_mean, row.macro_f1_mean) == pytest.approx((0.35, 0.175))
    assert row.area_mean == pytest.approx(0.6)  # 0.7 and 0.5
    assert row.area_sd == pytest.approx(0.2 / math.sqrt(2))


def test_missing_are_listed_and_do_not_count():
    steps = pd.concat(
        [
            steps_of("m0", MARGIN, [10, 20], [0.6, 0.8]),
            steps_of("m1", MARGIN, [10], [0.1]),  # died on the way
            steps_of("r0", RANDOM, [10], [0.1]),
            steps_of("all", ALL, [40], [0.9]),
        ]
    )
    named = wanted(
        ("r0", *RANDOM, 0, "running", None),
        ("all", *ALL, 0, "complete", None),
        ("m0", *MARGIN, 0, "complete", None),
        ("m1", *MARGIN, 1, "failed", "training diverged"),
        ("r1", *RANDOM, 1, None, None),
    )
    table = arms(steps, named, "test")
    assert table.strategy.tolist() == ["random", "control", "margin"]  # as first met
    random, control, margin = table.itertuples()
    assert random.seeds == 0
    assert random.missing == [(0, "running", None), (1, "not begun", None)]
    assert math.isnan(random.final_mean)
    assert math.isnan(random.area_mean)
    assert math.isnan(random.n_labelled)
    assert (control.initial, control.n_labelled, control.seeds) == (40, 40, 1)
    assert control.final_mean == control.area_mean == 0.9
    assert margin.seeds == 1
    assert margin.missing == [(1, "failed", "training diverged")]
    assert margin.final_mean == 0.8
    assert math.isnan(margin.final_sd)
    assert margin.area_mean == pytest.approx(0.7)
    assert math.isnan(margin.area_sd)


def test_seeds_of_different_length_are_cut_where_all_are():
    steps = pd.concat(
        [
            steps_of("m0", MARGIN, [10, 20, 30], [0.6, 0.8, 1.0]),
            steps_of("m1", MARGIN, [10, 20], [0.6, 0.8]),
        ]
    )
    named = wanted(("m0", *MARGIN, 0, "complete", None), ("m1", *MARGIN, 1, "complete", None))
    (row,) = arms(steps, named, "test").itertuples()
    assert (row.n_labelled, row.final_sd, row.area_sd) == (20, 0, 0)


def test_arms_differ_by_each_of_their_columns():
    others = [
        MARGIN,
        RANDOM,
        ("margin", "warm", "fine-tuned", 10, 10),
        ("margin", "cold", "fine-tuned", 20, 10),
    ]
    others.append(("margin", "cold", "fine-tuned", 10, 30))
    steps = pd.concat([steps_of(str(i), arm, [10], [i / 10]) for i, arm in enumerate(others)])
    named = wanted(*[(str(i), *arm, 0, "complete", None) for i, arm in enumerate(others)])
    table = arms(steps, named, "test")
    assert [tuple(row) for row in table[SHORT].itertuples(index=False)] == others
    assert table.final_mean.tolist() == [0.0, 0.1, 0.2, 0.3, 0.4]


def test_no_rows_of_the_test():
    steps = steps_of("m0", MARGIN, [10], [0.5])
    named = wanted(("m0", *MARGIN, 0, "complete", None))
    with pytest.raises(ValueError, match="m0: complete, but"):
        arms(steps, named, "dev")
    assert arms(steps, named[:0], "test").columns.tolist() == COLUMNS
