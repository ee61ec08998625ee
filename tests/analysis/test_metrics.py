"""Metrics row by row: their mean is scikit-learn's, their spread what a bootstrap of rows gives."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, recall_score

from al_ray.analysis.metrics import NAMES, RARE, values


def answers(rows, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.choice(4, rows, p=[0.6, 0.25, 0.1, 0.05])
    return truth, np.where(rng.random(rows) < 0.7, truth, rng.choice(4, rows))


def theirs(metric, truth, said):
    if metric == "accuracy":
        return (truth == said).mean()
    if metric == "balanced_accuracy":
        return balanced_accuracy_score(truth, said)
    if metric == "macro_f1":
        return f1_score(truth, said, average="macro")
    return recall_score(truth, said, labels=[2, 3], average="macro")


@pytest.mark.parametrize("metric", NAMES)
def test_the_mean_is_the_metric(metric):
    truth, said = answers(300)
    labels = [2, 3] if metric == RARE else range(5)  # the fifth never occurs
    assert values(metric, truth, said, labels).mean() == pytest.approx(
        theirs(metric, truth, said), abs=1e-6
    )


@pytest.mark.parametrize("metric", NAMES)
def test_the_spread_is_that_of_other_rows(metric):
    truth, said = answers(1500, 1)
    own = values(metric, truth, said, [2, 3] if metric == RARE else range(4))
    rng = np.random.default_rng(2)
    drawn = [rng.integers(0, len(truth), len(truth)) for _ in range(300)]
    again = [theirs(metric, truth[rows], said[rows]) for rows in drawn]
    assert own.std() / np.sqrt(len(own)) == pytest.approx(np.std(again), rel=0.15)


def test_a_label_that_does_not_occur_counts_for_nothing():
    truth, said = np.array([0, 0, 1]), np.array([0, 0, 0])
    assert values(RARE, truth, said, [3]).mean() == 0
    assert values("macro_f1", truth, said, [0, 1, 2]).mean() == pytest.approx(0.4)
