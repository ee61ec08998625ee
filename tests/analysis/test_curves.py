"""Curves, areas, controls and labels' accuracy, by hand and against scikit-learn."""

import math

import numpy as np
import pytest
from sklearn.metrics import recall_score
from small_studies import name_of, noisy, predictions, study

from al_ray.analysis.described.curves import (
    areas,
    controls,
    label_accuracy,
    learning_curves,
)
from al_ray.analysis.statistics.intervals import t_interval
from al_ray.errors import UserError

CURVE = [0.4, 0.5, 0.6]
LABELS = [10, 20, 30]


def test_curve_by_hand():
    arms = {"margin": {0: [0.4, 0.6], 1: [0.6]}, "random": noisy(CURVE, 5, 0.02)}
    one = study(arms, LABELS, status={("margin", 1): "running"})
    table = learning_curves(one)
    assert table.strategy.tolist() == ["margin"] * 2 + ["random"] * 3
    assert table.n_labelled.tolist() == [10, 20, 10, 20, 30]
    assert table.seeds.tolist() == [2, 1, 5, 5, 5]
    assert table["mean"][0] == pytest.approx(0.5)
    assert table.sd[0] == pytest.approx(0.2 / math.sqrt(2))
    assert math.isnan(table.low[1])
    assert table.interval.tolist() == [False, False, True, True, True]
    at_30 = [curve[2] for curve in arms["random"].values()]
    assert (table.low[4], table.high[4]) == pytest.approx(t_interval(at_30))


def test_no_such_test():
    with pytest.raises(UserError, match="no test 'dev'; it has test"):
        learning_curves(study({"random": {0: CURVE}}, LABELS), test="dev")


def test_areas_are_of_complete_trajectories_to_a_common_end():
    arms = {"random": {0: CURVE, 1: [0.4, 0.6], 2: [0.0]}}
    table = areas(study(arms, LABELS, status={("random", 2): "failed"}))
    assert table.seed.tolist() == [0, 1]
    assert table.area.tolist() == pytest.approx([0.45, 0.5])
    assert (table["first"].tolist(), table["last"].tolist()) == ([10, 10], [20, 20])
    single = areas(study({"random": {0: [0.5]}}, [10]))
    assert single.area.tolist() == [0.5]


def test_controls_by_hand():
    full = ("control", "cold", "fine-tuned", 500, 500)
    table = controls(study({full: {1: [0.9], 0: [0.8]}, "random": {0: CURVE}}, LABELS))
    assert table.seed.tolist() == [0, 1]
    assert table.accuracy.tolist() == [0.8, 0.9]
    assert table.share.tolist() == [0.5, 0.5]


def test_label_accuracy_is_scikit_learns_recall():
    rng = np.random.default_rng(0)
    truth = rng.choice(["가", "나"], 40).tolist()  # 다 is in no test row
    said = rng.choice(["가", "나", "다"], 40).tolist()
    made = predictions({(name_of("random", 0), 0): said}, truth)
    table = label_accuracy(study({"random": {0: [0.5, 0.6]}}, [10, 20], predictions=made))
    assert table.label.tolist() == ["가", "나"]
    theirs = recall_score(truth, said, labels=["가", "나"], average=None)
    assert table.accuracy.tolist() == pytest.approx(theirs)
    assert table.rows.tolist() == [truth.count("가"), truth.count("나")]
    assert label_accuracy(study({"random": {0: CURVE}}, LABELS)).empty
