"""Least confidence, margin and entropy: one order on two labels, three on more."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from al_ray.randomness import row_hashes
from al_ray.strategies import (
    EQUIVALENT_ON_TWO_LABELS,
    Outputs,
    build,
    log_softmax,
    select,
)

ROWS = 4000
HASHES = row_hashes(str(row) for row in range(ROWS))


def ranking(name, z, n=ROWS, seed=0):
    scores = build(name).score(Outputs(log_softmax(z)[None]))
    return select(scores, HASHES[: len(z)], n, seed, step=3).rows.tolist()


def two_labels(scale, seed):
    z = np.random.default_rng(seed).normal(scale=scale, size=(ROWS, 2)).astype(np.float32)
    z[: ROWS // 8] = z[ROWS // 8 : ROWS // 4]  # exact ties
    z[: ROWS // 16] = z[: ROWS // 16, ::-1]  # and mirrored ones
    return z


@pytest.mark.parametrize("scale", [0.02, 0.5, 2.0, 4.0])
@pytest.mark.parametrize("seed", range(3))
def test_two_labels_have_one_ranking(scale, seed):
    z = two_labels(scale, seed)
    least_confidence, margin, entropy = (ranking(name, z) for name in EQUIVALENT_ON_TWO_LABELS)
    assert least_confidence == margin == entropy


@pytest.mark.parametrize("seed", range(3))
def test_two_labels_with_saturated_gaps_have_one_ranking(seed):
    """Gaps at which the smaller probability is 0, beside ordinary ones: they tie in all three."""
    z = two_labels(2.0, seed)
    z[::3, 0] += np.float32(1000)
    z[1::3, 1] += np.float32(3e38)
    least_confidence, margin, entropy = (ranking(name, z) for name in EQUIVALENT_ON_TWO_LABELS)
    assert least_confidence == margin == entropy


@pytest.mark.parametrize("seed", range(3))
def test_two_labels_with_wide_gaps(seed):
    """Up to 700 nats p is positive: least confidence and entropy still agree on every row.

    Margin cannot (1 - 1e-20 is 1 in float64), yet takes the same rows before those.
    """
    z = two_labels(2.0, seed)
    z[::2, 0] += np.random.default_rng(seed).uniform(30, 600, len(z[::2])).astype(np.float32)
    assert ranking("least-confidence", z) == ranking("entropy", z)
    n = int((abs(np.diff(z.astype(float))[:, 0]) < 20).sum())
    assert ranking("least-confidence", z, n) == ranking("margin", z, n)


@given(
    hnp.arrays(
        np.float32,
        st.tuples(st.integers(2, 20), st.just(2)),
        elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
    )
)
def test_two_labels_are_never_inverted_beyond_rounding(z):
    """Whatever the logits: the smaller gap scores no lower, but for the last bits."""
    by_gap = np.argsort(abs(np.diff(z.astype(np.float64))[:, 0]))
    for name in EQUIVALENT_ON_TWO_LABELS:
        scores = build(name).score(Outputs(log_softmax(z)[None]))[by_gap]
        assert (np.diff(scores) <= 4 * np.finfo(float).eps).all()


def test_two_labels_margin_is_twice_least_confidence_less_one():
    outputs = Outputs(log_softmax(two_labels(2.0, 0))[None])
    np.testing.assert_allclose(
        build("margin").score(outputs),
        2 * build("least-confidence").score(outputs) - 1,
        rtol=0,
        atol=1e-15,
    )


def test_three_labels_have_three_rankings():
    p = [[0.46, 0.42, 0.12], [0.498, 0.497, 0.005], [0.48, 0.26, 0.26]]
    outputs = Outputs(np.log(np.array(p))[None])
    orders = {
        name: np.argsort(-build(name).score(outputs)).tolist() for name in EQUIVALENT_ON_TWO_LABELS
    }
    assert orders == {
        "least-confidence": [0, 2, 1],  # 1 - max p: 0.54, 0.502, 0.52
        "margin": [1, 0, 2],  # p1 - p2: 0.04, 0.001, 0.22
        "entropy": [2, 0, 1],  # 0.98, 0.72, 1.05
    }


def test_more_labels_overlap_little():
    """Of the 100 first among 4,000 Dirichlet rows with 3 labels."""
    p = np.random.default_rng(0).dirichlet(np.ones(3), ROWS)
    outputs = Outputs(np.log(p)[None])
    first = {
        name: set(select(build(name).score(outputs), HASHES, 100, 0, 0).rows.tolist())
        for name in EQUIVALENT_ON_TWO_LABELS
    }
    assert len(first["least-confidence"] & first["margin"]) < 50
    assert len(first["entropy"] & first["margin"]) < 50
    assert 50 < len(first["least-confidence"] & first["entropy"]) < 100
