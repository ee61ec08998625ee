"""BALD and learning loss, on given passes and predictions: against Python, SciPy and by hand."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from al_ray.strategies import Outputs, build, log_softmax

BALD = build("bald")


def score(passes):
    """Scores of probabilities (passes, rows, labels)."""
    with np.errstate(divide="ignore"):
        logs = np.log(np.array(passes, dtype=float))
    return BALD.score(Outputs(logs[:1], dropout=logs))


def twin(passes):
    """H(mean) - mean H of one row's passes, in plain Python."""

    def entropy(p):
        return -math.fsum(x * math.log(x) for x in p if x > 0)

    mean = [math.fsum(column) / len(passes) for column in zip(*passes, strict=True)]
    return entropy(mean) - math.fsum(map(entropy, passes)) / len(passes)


@st.composite
def samples(draw):
    """One row's distributions (passes, labels), zeros included."""
    passes, labels = draw(st.integers(2, 12)), draw(st.integers(2, 6))
    weights = st.lists(st.integers(0, 50), min_size=labels, max_size=labels).filter(any)
    return [[w / sum(row) for w in row] for row in (draw(weights) for _ in range(passes))]


@settings(deadline=None)
@given(samples())
def test_against_plain_python_and_scipy(passes):
    found = score([[p] for p in passes])[0]
    assert found == pytest.approx(twin(passes), abs=1e-13)
    p = np.array(passes)
    entropies = scipy.stats.entropy(p, axis=1)
    assert found == pytest.approx(scipy.stats.entropy(p.mean(axis=0)) - entropies.mean(), abs=1e-13)
    assert 0 <= found <= math.log(min(p.shape)) + 1e-13


@given(samples())
def test_equal_passes_say_nothing(passes):
    assert score([[passes[0]]] * 7) == [0]


def test_by_hand():
    """Certain of different labels: log 2. Unsure in every pass: 0, where entropy is log 2."""
    assert score([[[1.0, 0.0]], [[0.0, 1.0]]]) == pytest.approx([math.log(2)])
    assert score([[[0.5, 0.5]], [[0.5, 0.5]]]) == [0]


def test_the_order_of_passes_changes_no_bit():
    rng = np.random.default_rng(0)
    passes = rng.dirichlet(np.ones(5), (10, 40))
    np.testing.assert_array_equal(score(passes[rng.permutation(10)]), score(passes))


def test_underflowing_passes_stay_finite():
    logs = np.array([[[0.0, -800.0]], [[-800.0, 0.0]]])
    found = BALD.score(Outputs(logs[:1], dropout=logs))
    assert found == pytest.approx([math.log(2)], abs=1e-15)


def test_the_pass_without_dropout_has_no_part():
    rng = np.random.default_rng(1)
    passes = log_softmax(rng.normal(size=(4, 9, 3)).astype(np.float32))
    others = log_softmax(rng.normal(size=(2, 1, 9, 3)).astype(np.float32))
    found = [BALD.score(Outputs(logs, dropout=passes)) for logs in others]
    np.testing.assert_array_equal(*found)


def test_learning_loss_is_what_is_predicted_larger_first():
    logs = log_softmax(np.zeros((1, 3, 2), np.float32))
    found = build("learning-loss").score(Outputs(logs, predicted_loss=np.array([0.5, -2.0, 7.0])))
    assert found.tolist() == [0.5, -2.0, 7.0]
