"""Metrics against numbers worked by hand and against scikit-learn."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al_ray.strategies import Outputs, log_softmax
from al_ray.tasks.classification import Classification, confusion


def metrics(log_probabilities, labels):
    """Of rows (rows, labels)."""
    found = Classification().evaluated(Outputs(log_probabilities[None]), labels)
    assert found.score == pytest.approx(found.scores.mean())
    assert found.metrics["loss"] == pytest.approx(found.losses.mean())
    return SimpleNamespace(accuracy=found.score, losses=found.losses, **found.metrics)


def sure(predictions, n_labels, p=0.75):
    """Log-probabilities that put p on each prediction and share the rest."""
    chances = np.full((len(predictions), n_labels), (1 - p) / (n_labels - 1))
    chances[np.arange(len(predictions)), predictions] = p
    return np.log(chances)


def test_by_hand():
    labels = np.array([0, 0, 0, 1], np.int32)
    result = metrics(sure([0, 0, 1, 1], 3), labels)
    assert result.accuracy == 0.75
    assert result.balanced_accuracy == pytest.approx((2 / 3 + 1) / 2)  # label 2 does not occur
    assert result.macro_f1 == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert result.loss == pytest.approx(-(3 * np.log(0.75) + np.log(0.125)) / 4)


def test_a_label_that_is_only_predicted_counts_in_f1():
    labels = np.array([0, 0], np.int32)
    result = metrics(sure([0, 2], 3), labels)
    assert result.balanced_accuracy == 0.5
    assert result.macro_f1 == pytest.approx((2 / 3 + 0) / 2)


def test_one_label_only():
    result = metrics(sure([1, 1, 1], 2), np.ones(3, np.int32))
    assert (result.accuracy, result.balanced_accuracy, result.macro_f1) == (1, 1, 1)
    wrong = metrics(sure([0, 0, 0], 2), np.ones(3, np.int32))
    assert (wrong.accuracy, wrong.balanced_accuracy, wrong.macro_f1) == (0, 0, 0)


def test_equal_probabilities_predict_the_first():
    assert metrics(np.log(np.full((4, 2), 0.5)), np.zeros(4, np.int32)).accuracy == 1


def test_confusion_by_hand():
    table = confusion(np.array([0, 0, 1, 2], np.int32), np.array([0, 2, 1, 1], np.int32), 4)
    assert table.tolist() == [[1, 0, 1, 0], [0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    assert table.dtype == np.int64
    empty = np.array([], np.int32)
    assert confusion(empty, empty, 2).tolist() == [[0, 0], [0, 0]]


def test_confusion_of_many_labels_does_not_overflow():
    top = np.array([69_999], np.int32)  # 70,000² is beyond 32 bits
    cells = top.astype(np.int64) * 70_000 + top
    assert cells[0] > 2**32
    table = confusion(np.array([2_999], np.int32), np.array([2_999], np.int32), 3_000)
    assert table[2_999, 2_999] == 1 == table.sum()


@settings(deadline=None)
@given(st.integers(2, 6), st.integers(1, 40), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_is_scikit_learns(n_labels, n_rows, n_present, seed):
    learn = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(seed)
    present = random.permutation(n_labels)[:n_present]  # the others are absent
    labels = random.choice(present, n_rows).astype(np.int32)
    log_probabilities = log_softmax(random.normal(size=(n_rows, n_labels)).astype(np.float32))
    predictions = log_probabilities.argmax(axis=1)
    result = metrics(log_probabilities, labels)
    every = list(range(n_labels))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of labels that are predicted and do not occur
        assert result.accuracy == pytest.approx(learn.accuracy_score(labels, predictions))
        assert result.balanced_accuracy == pytest.approx(
            learn.balanced_accuracy_score(labels, predictions)
        )
        assert result.macro_f1 == pytest.approx(
            learn.f1_score(labels, predictions, average="macro", zero_division=0)
        )
        assert result.loss == pytest.approx(
            learn.log_loss(labels, np.exp(log_probabilities), labels=every)
        )
        assert np.array_equal(
            confusion(labels, predictions.astype(np.int32), n_labels),
            learn.confusion_matrix(labels, predictions, labels=every),
        )


def test_losses_are_the_cross_entropy():
    torch = pytest.importorskip("torch")
    losses = Classification().losses
    logits = np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32)
    labels = np.arange(9, dtype=np.int32) % 3
    ours = losses(torch.from_numpy(logits), torch.from_numpy(labels.astype(np.int64)), None)
    np.testing.assert_allclose(ours, metrics(log_softmax(logits), labels).losses, rtol=1e-6)
    half = losses(
        torch.from_numpy(logits).bfloat16(), torch.from_numpy(labels.astype(np.int64)), None
    )
    assert half.dtype == torch.float32
