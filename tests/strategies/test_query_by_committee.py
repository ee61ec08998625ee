"""Question by committee: by hand, against plain Python, against SciPy, and its edge cases."""

import math

import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

from al_ray.errors import UserError
from al_ray.strategies import DISAGREEMENTS, Outputs, build

LN2, LN3 = math.log(2), math.log(3)


def score(disagreement, members):
    """Scores of probabilities (members, rows, labels)."""
    with np.errstate(divide="ignore"):
        outputs = Outputs(np.log(np.array(members, dtype=float)))
    return build(f"qbc:disagreement={disagreement}").score(outputs)


def twin(disagreement, members):
    """The score of one row, members as lists of probabilities, in plain Python."""

    def entropy(p):
        return -math.fsum(x * math.log(x) for x in p if x > 0)

    labels, size = range(len(members[0])), len(members)
    mean = [math.fsum(p[c] for p in members) / size for c in labels]
    if disagreement == "consensus":
        return entropy(mean)
    if disagreement == "mean-kl":
        return (
            math.fsum(p[c] * math.log(p[c] / mean[c]) for p in members for c in labels if p[c] > 0)
            / size
        )
    votes = [p.index(max(p)) for p in members]
    return entropy([votes.count(c) / size for c in labels])


@st.composite
def committees(draw):
    """Distributions of one row (members, labels), zeros and ties included, as lists of floats."""
    size, labels = draw(st.integers(1, 10)), draw(st.integers(2, 6))
    weights = st.lists(st.integers(0, 50), min_size=labels, max_size=labels).filter(any)
    return [[w / sum(row) for w in row] for row in (draw(weights) for _ in range(size))]


@pytest.mark.parametrize(
    ("disagreement", "members", "expected"),
    [
        # Votes 2 : 1.
        ("vote-entropy", [[0.6, 0.4], [0.9, 0.1], [0.2, 0.8]], LN3 - 2 / 3 * LN2),
        # An equal first counts for the lowest label: votes 0, 0, 1.
        ("vote-entropy", [[0.5, 0.5], [0.9, 0.1], [0.2, 0.8]], LN3 - 2 / 3 * LN2),
        # Mean (3/4, 1/4); (0.5 log 2/3 + 0.5 log 2 + log 4/3) / 2.
        ("mean-kl", [[0.5, 0.5], [1.0, 0.0]], 1.5 * LN2 - 0.75 * LN3),
        # Entropy of (3/4, 1/4).
        ("consensus", [[0.5, 0.5], [1.0, 0.0]], 2 * LN2 - 0.75 * LN3),
    ],
)
def test_by_hand(disagreement, members, expected):
    rows = [[row] for row in members]
    assert score(disagreement, rows) == pytest.approx([expected], abs=1e-15)


@given(committees())
def test_against_plain_python(members):
    rows = [[row] for row in members]
    for disagreement in DISAGREEMENTS:
        # A vote is only defined up to rounding of p, and equal weights give equal p here.
        assert score(disagreement, rows)[0] == pytest.approx(twin(disagreement, members), abs=1e-13)


@given(committees())
def test_mean_kl_against_scipy_and_as_a_jensen_shannon_divergence(members):
    p = np.array(members)
    mean = p.mean(axis=0)
    ours = score("mean-kl", p[:, None])[0]
    assert ours == pytest.approx(scipy.special.rel_entr(p, mean).sum(axis=1).mean(), abs=1e-13)
    entropies = scipy.special.entr(p).sum(axis=1)
    assert ours == pytest.approx(scipy.special.entr(mean).sum() - entropies.mean(), abs=1e-13)
    assert 0 <= ours <= math.log(min(p.shape)) + 1e-13


def test_mean_kl_is_of_members_from_the_mean_and_not_the_reverse():
    """Zero probabilities: the reverse is infinite; and the two differ where both are finite."""
    assert score("mean-kl", [[[1.0, 0.0]], [[0.0, 1.0]]]) == pytest.approx([LN2], abs=1e-15)
    p = np.array([[0.9, 0.1], [0.5, 0.5]])
    mean = p.mean(axis=0)
    reverse = scipy.special.rel_entr(mean, p).sum(axis=1).mean()
    ours = score("mean-kl", p[:, None])[0]
    assert ours == pytest.approx(scipy.special.rel_entr(p, mean).sum(axis=1).mean(), abs=1e-15)
    assert abs(ours - reverse) > 0.01


def test_mean_kl_is_a_mean_and_not_the_largest():
    p = np.array([[0.9, 0.1], [0.5, 0.5], [0.5, 0.5]])
    each = scipy.special.rel_entr(p, p.mean(axis=0)).sum(axis=1)
    assert score("mean-kl", p[:, None])[0] == pytest.approx(each.sum() / 3, abs=1e-15)


def test_zero_probabilities_stay_finite():
    """A label that no member, one member, and every member excludes."""
    members = [[[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]]
    for disagreement in DISAGREEMENTS:
        scores = score(disagreement, members)
        assert np.isfinite(scores).all()
        assert scores[1] == 0


def test_underflowing_probabilities_stay_finite():
    """exp(-800) is 0 though its logarithm is finite."""
    outputs = Outputs(np.array([[[0.0, -800.0]], [[-800.0, 0.0]]]))
    for disagreement in DISAGREEMENTS:
        assert build(f"qbc:disagreement={disagreement}").score(outputs) == pytest.approx(
            [LN2], abs=1e-15
        )


@given(committees())
def test_one_member(members):
    rows = [[members[0]]]
    assert score("vote-entropy", rows) == [0]
    assert score("mean-kl", rows) == [0]
    with np.errstate(divide="ignore"):
        alone = build("entropy").score(Outputs(np.log(np.array(rows))))
    np.testing.assert_array_equal(score("consensus", rows), alone)


@given(committees(), st.integers(2, 9))
def test_identical_members(members, size):
    rows = [[members[0]]] * size
    assert score("vote-entropy", rows) == [0]
    assert score("mean-kl", rows) == [0]
    np.testing.assert_array_equal(score("consensus", rows), score("consensus", rows[:1]))


def test_rounding_never_makes_mean_kl_negative():
    """Members that differ in the last bits, as after equal fits on two machines."""
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(7), size=1000)
    scores = score("mean-kl", [p, p * (1 + 1e-12 * rng.normal(size=p.shape))])
    assert scores.min() == 0
    assert scores.max() < 1e-14


@pytest.mark.parametrize(("size", "labels"), [(2, 2), (3, 3), (3, 7), (5, 5)])
def test_maximal_disagreement(size, labels):
    """Members certain of different labels."""
    members = np.eye(labels)[:size, None]
    for disagreement in DISAGREEMENTS:
        assert score(disagreement, members) == pytest.approx([math.log(size)], abs=1e-14)


@given(committees(), st.randoms(use_true_random=False))
def test_the_order_of_members_changes_no_bit(members, random):
    shuffled = random.sample(members, len(members))
    for disagreement in DISAGREEMENTS:
        np.testing.assert_array_equal(
            score(disagreement, [[row] for row in shuffled]),
            score(disagreement, [[row] for row in members]),
        )


def test_an_unknown_disagreement_is_refused_with_the_known_ones():
    with pytest.raises(UserError, match=r"'max-kl'.*vote-entropy, mean-kl, consensus"):
        build("qbc:disagreement=max-kl")
