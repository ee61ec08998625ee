"""Scores of one model: by hand, against plain Python, against SciPy."""

import math

import numpy as np
import pytest
import scipy.special
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from al_ray.errors import AlRayError
from al_ray.strategies import Outputs, build, log_softmax

LN2 = math.log(2)


def score(name, rows):
    """Scores of rows of probabilities."""
    with np.errstate(divide="ignore"):
        return build(name).score(Outputs(np.log(np.array(rows, dtype=float))[None]))


distributions = (
    st.lists(st.integers(0, 1000), min_size=2, max_size=9)
    .filter(any)
    .map(lambda weights: [weight / sum(weights) for weight in weights])
)
"""One distribution, zeros and ties included, as plain floats."""

logits = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 5), st.integers(2, 9)),
    elements=st.floats(-200, 200, width=32),
)


@pytest.mark.parametrize(
    ("name", "p", "expected"),
    [
        ("least-confidence", [0.7, 0.2, 0.1], 0.3),
        ("least-confidence", [0.25, 0.75], 0.25),
        ("margin", [0.7, 0.2, 0.1], -0.5),
        ("margin", [0.4, 0.2, 0.4], 0.0),
        ("margin", [0.25, 0.75], -0.5),
        ("entropy", [0.5, 0.25, 0.25], 1.5 * LN2),
        ("entropy", [0.5, 0.0, 0.5], LN2),
        ("entropy", [0.25, 0.75], 2 * LN2 - 0.75 * math.log(3)),
    ],
)
def test_by_hand(name, p, expected):
    assert score(name, [p]) == pytest.approx([expected], abs=1e-15)


@given(distributions)
def test_least_confidence_is_one_minus_the_largest(p):
    assert score("least-confidence", [p])[0] == pytest.approx(1 - max(p), abs=1e-15)


@given(distributions)
def test_margin_is_second_minus_first(p):
    first, second = sorted(p, reverse=True)[:2]
    assert score("margin", [p])[0] == pytest.approx(second - first, abs=1e-15)


@given(distributions)
def test_entropy_is_minus_sum_p_log_p(p):
    twin = -math.fsum(x * math.log(x) for x in p if x > 0)
    assert score("entropy", [p])[0] == pytest.approx(twin, abs=1e-14)
    assert score("entropy", [p])[0] == pytest.approx(scipy.stats.entropy(p), abs=1e-14)


@given(logits)
def test_log_softmax_is_scipys_in_double_precision(z):
    ours = log_softmax(z)
    assert ours.dtype == np.float64
    np.testing.assert_allclose(
        ours, scipy.special.log_softmax(z.astype(np.float64), axis=-1), rtol=1e-14, atol=1e-14
    )
    assert (ours <= 0).all()


@given(logits)
def test_log_softmax_keeps_what_a_saturated_row_has_left(z):
    """The largest log-probability is -log(1 + rest), to full relative precision."""
    for row, ours in zip(z.tolist(), log_softmax(z).tolist(), strict=True):
        row.sort()
        rest = math.fsum(math.exp(value - row[-1]) for value in row[:-1])
        assert max(ours) == pytest.approx(-math.log1p(rest), rel=1e-13, abs=0)


def test_log_softmax_of_a_masked_label():
    masked = np.array([[0, -np.inf, 0]], np.float32)
    np.testing.assert_allclose(np.exp(log_softmax(masked)), [[0.5, 0.0, 0.5]], rtol=1e-15)


def test_half_precision_logits_are_refused():
    with pytest.raises(AlRayError, match="float16"):
        log_softmax(np.zeros((1, 2), np.float16))


@pytest.mark.parametrize("labels", [2, 3, 7, 20])
def test_uniform(labels):
    uniform = [[1 / labels] * labels]
    assert score("least-confidence", uniform) == pytest.approx(1 - 1 / labels, abs=1e-15)
    assert score("margin", uniform) == [0.0]
    assert score("entropy", uniform) == pytest.approx(math.log(labels), abs=1e-14)


@pytest.mark.parametrize("labels", [2, 3, 7, 20])
def test_one_hot(labels):
    certain = np.eye(labels)
    assert (score("least-confidence", certain) == 0).all()
    assert (score("margin", certain) == -1).all()
    assert (score("entropy", certain) == 0).all()


def test_certainty_is_told_from_near_certainty():
    """1 - max p of these is 0 in float64 if subtracted."""
    gaps = np.array([40, 60, 80, 100], np.float32)
    outputs = Outputs(log_softmax(np.stack([gaps, 0 * gaps], axis=1))[None])
    p = [math.exp(-gap) for gap in gaps.tolist()]
    np.testing.assert_allclose(build("least-confidence").score(outputs), p, rtol=1e-13)
    expected = [x * (1 - math.log(x)) for x in p]
    np.testing.assert_allclose(build("entropy").score(outputs), expected, rtol=1e-13)


def test_small_margins_keep_their_digits():
    """p1 - p2 = tanh(gap / 2) for two labels."""
    gaps = np.array([1e-3, 1e-5, 1e-7], np.float32)
    outputs = Outputs(log_softmax(np.stack([gaps, 0 * gaps], axis=1))[None])
    expected = [-math.tanh(gap / 2) for gap in gaps.tolist()]
    np.testing.assert_allclose(build("margin").score(outputs), expected, rtol=0, atol=2e-16)


def test_the_margin_of_nearly_equal_labels_is_exact():
    """exp(-1) (1 - exp(-d)); subtracting the two probabilities leaves one digit or none."""
    d = 3 * 2.0**-52
    outputs = Outputs(np.array([[[-1 - d, -1.0, -9.0]]]))
    assert build("margin").score(outputs) == pytest.approx(
        [math.expm1(-d) / math.e], rel=1e-14, abs=0
    )


def test_only_member_0_counts_where_there_is_no_committee():
    rng = np.random.default_rng(0)
    members = np.log(rng.dirichlet(np.ones(4), size=(3, 6)))
    for name in ("least-confidence", "margin", "entropy"):
        alone = build(name).score(Outputs(members[:1]))
        np.testing.assert_array_equal(build(name).score(Outputs(members)), alone)


@pytest.mark.parametrize("shape", [(3, 4), (0, 3, 4), (1, 3, 1), (1, 1, 3, 4)])
def test_outputs_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match="members, units, labels"):
        Outputs(np.zeros(shape))


def test_outputs_that_are_not_numbers_are_refused():
    values = np.zeros((2, 5, 3))
    values[0, 1, 0] = values[1, 1, 2] = values[1, 4, 1] = np.nan
    with pytest.raises(AlRayError, match="2 of 5 rows"):
        Outputs(values)
