"""BADGE against the gradients written out, its draws against D², and one holder against many."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from outputs import choose, outputs_of, take

from al_ray import randomness
from al_ray.strategies import Holder, Outputs, build, log_softmax, pick
from al_ray.strategies.built_in.badge import Badge, GradientDistances, residuals

BADGE = build("badge")


def hashes_of(rows):
    return randomness.row_hashes(map(str, range(rows)))


def outputs(p, h):
    with np.errstate(divide="ignore"):
        return Outputs(np.log(np.asarray(p, float))[None], vectors=np.asarray(h, np.float32))


def gradients(p, h):
    """(p - e) h of the predicted label, (rows, labels · width), in float64."""
    p, h = np.asarray(p, float), np.asarray(h, np.float32).astype(float)
    missed = p - np.eye(p.shape[1])[p.argmax(axis=1)]
    return np.stack([np.outer(a, x).ravel() for a, x in zip(missed, h, strict=True)])


def half(pick):
    """Draws of which none moves the arg-max: the Gumbel noise of 1/2 is one constant."""
    return np.float64(0.5)


CONSTANT = -np.log(np.log(2.0))


def squared(field):
    """D² of each row, from a field with the constant noise."""
    return np.exp(field.values() - CONSTANT)


cases = st.tuples(st.integers(1, 7), st.integers(2, 5), st.integers(1, 4)).flatmap(
    lambda shape: st.tuples(
        hnp.arrays(np.float32, shape[:2], elements=st.integers(-3, 3).map(float)),
        hnp.arrays(np.float32, (shape[0], shape[2]), elements=st.floats(-9, 9, width=32)),
        st.permutations(range(shape[0])),
    )
)


@settings(deadline=None, max_examples=80)
@given(cases)
def test_distances_against_the_gradients_written_out(case):
    """The D² to the nearest of those taken, after every pick, in any order of picks."""
    logits, h, order = case
    p = np.exp(log_softmax(logits))
    g = gradients(p, h)
    field = BADGE.begin(outputs(p, h), half)
    np.testing.assert_allclose(field.values(), np.linalg.norm(g, axis=1), rtol=1e-12, atol=1e-14)
    nearest = np.full(len(g), np.inf)
    for row in order:
        field.take(field.centre(row))
        nearest = np.minimum(nearest, np.square(g - g[row]).sum(axis=1))
        largest = np.square(g).sum(axis=1).max()
        np.testing.assert_allclose(squared(field), nearest, rtol=1e-10, atol=1e-14 * largest)
        assert field.values()[row] == -np.inf


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_close_vectors_far_from_the_origin(offset):
    """D² from what differs: the norms are 1e8 times as large, and float32 has seven digits."""
    rng = np.random.default_rng(0)
    h = (offset + rng.integers(-6, 7, (60, 24))).astype(np.float32)
    p = np.tile([0.5, 0.25, 0.25], (60, 1))
    g = gradients(p, h)
    field = BADGE.begin(outputs(p, h), half)
    field.take(field.centre(7))
    exact = np.square(g - g[7]).sum(axis=1)
    np.testing.assert_allclose(squared(field), exact, rtol=1e-9)


def test_residuals_are_of_the_predicted_label():
    """p - e, and the most negative entry is where the model is most certain."""
    p = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [1.0, 0.0, 0.0]])
    with np.errstate(divide="ignore"):
        found = residuals(np.log(p))
    np.testing.assert_allclose(
        found, [[-0.3, 0.2, 0.1], [0.1, 0.3, -0.4], [0, 0, 0]], rtol=1e-14, atol=1e-16
    )


def test_a_nearly_certain_row_keeps_its_digits():
    logs = log_softmax(np.array([[50, 0, 0]], np.float32))
    rest = np.exp(-50.0)
    np.testing.assert_allclose(residuals(logs), [[-2 * rest, rest, rest]], rtol=1e-12)


def test_the_longest_gradient_comes_first():
    """Whatever the seed; its value is that length."""
    given = outputs_of(100)
    g = gradients(np.exp(given.log_probabilities[0]), given.vectors)
    lengths = np.linalg.norm(g, axis=1)
    for seed in range(5):
        assert choose(BADGE, given, hashes_of(100), 1, seed=seed) == [lengths.argmax()]
    np.testing.assert_allclose(BADGE.score(given), lengths, rtol=1e-12)


def drawn(x, seeds, picks):
    """Which row each seed's `picks`-th pick is."""
    hashes = hashes_of(len(x))
    chosen = [choose(BADGE, x, hashes, picks, seed=seed).tolist() for seed in seeds]
    assert all(len(set(rows)) == picks for rows in chosen)
    return chosen


def test_the_second_pick_is_drawn_by_squared_distance():
    """4,000 seeds against D² / sum D²: not by distance, and not uniformly."""
    rng = np.random.default_rng(1)
    # Along nearly one line, so that the distances to its end are small and large.
    h = np.linspace(1, 4, 12)[:, None] * (1 + 0.1 * rng.normal(size=(12, 3)))
    given = outputs([[0.5, 0.3, 0.2]] * 12, h)
    g = gradients(np.exp(given.log_probabilities[0]), given.vectors)
    chosen = drawn(given, range(4000), 2)
    first = chosen[0][0]
    assert {rows[0] for rows in chosen} == {first}
    counts = np.bincount([rows[1] for rows in chosen], minlength=12)
    assert counts[first] == 0

    def p_value(weights):
        others = np.arange(12) != first
        expected = weights[others] / weights[others].sum() * 4000
        return scipy.stats.chisquare(counts[others], expected).pvalue

    squares = np.square(g - g[first]).sum(axis=1)
    assert p_value(squares) > 1e-4
    assert p_value(np.sqrt(squares)) < 1e-9
    assert p_value(np.ones(12)) < 1e-9


def test_the_third_pick_is_drawn_given_the_second():
    """D² to the nearer of two; the expectation is over the second picks that were made."""
    rng = np.random.default_rng(2)
    given = outputs(rng.dirichlet(np.ones(3), 6), rng.normal(size=(6, 4)))
    g = gradients(np.exp(given.log_probabilities[0]), given.vectors)
    chosen = drawn(given, range(3000), 3)
    apart = np.square(g[:, None] - g).sum(axis=2)
    expected, counts = np.zeros((6, 6)), np.zeros((6, 6))
    for first, second, third in chosen:
        nearest = apart[:, [first, second]].min(axis=1)
        expected[second] += nearest / nearest.sum()
        counts[second, third] += 1
    seen = expected > 0
    assert not counts[~seen].any()
    statistic = (np.square(counts - expected)[seen] / expected[seen]).sum()
    degrees = seen.sum() - (expected.sum(axis=1) > 0).sum()
    assert scipy.stats.chi2.sf(statistic, degrees) > 1e-4


def test_noise_is_of_the_row_and_the_pick():
    """Row ids, not places: a pool in another order is drawn from with the same numbers."""
    seen = {}

    class Spy(Badge):
        def begin(self, given, draw):
            seen[len(seen)] = [draw(pick) for pick in (1, 2, 1)]
            return super().begin(given, draw)

    given, hashes, order = outputs_of(50), hashes_of(50), np.random.default_rng(3).permutation(50)
    Holder(Spy(), 0, 1).add(np.arange(50), hashes, given)
    Holder(Spy(), 0, 1).add(np.arange(50), hashes[order], take(given, order))
    Holder(Spy(), 0, 2).add(np.arange(50), hashes, given)
    one, two, again = seen[0]
    np.testing.assert_array_equal(one, again)
    assert not np.isclose(one, two).any()
    np.testing.assert_array_equal(seen[1][0], one[order])
    assert not np.isclose(seen[2][0], one).any()
    assert ((one > 0) & (one < 1)).all()
    assert scipy.stats.kstest(one, "uniform").pvalue > 1e-4


@pytest.mark.parametrize("holders", [1, 2, 3, 7])
@pytest.mark.parametrize("cuts", [(), (50,), (1, 2, 17, 80, 81)])
def test_holders_and_cuts_change_no_bit(holders, cuts):
    given, hashes = outputs_of(100, labels=5, seed=4), hashes_of(100)

    def run(cuts, holders):
        held = [Holder(BADGE, 0, 1) for _ in range(holders)]
        for i, part in enumerate(np.split(np.arange(100), list(cuts))):
            held[i % holders].add(part, hashes[part], take(given, part))
        return pick([h.best() for h in held], lambda chosen: [h.take(chosen) for h in held], 90)

    central, spread = run((), 1), run(cuts, holders)
    assert spread.rows.tolist() == central.rows.tolist()
    assert spread.values.tolist() == central.values.tolist()


def test_identical_gradients_do_not_end_in_not_a_number():
    """After the first pick every D² is 0: the rest is drawn by the tie rule, each row once."""
    given = outputs([[0.6, 0.4]] * 8, [[1.0, 2.0]] * 8)
    chosen = choose(BADGE, given, hashes_of(8), 8, cuts=(3,), holders=2)
    keys = randomness.keys(hashes_of(8), 0, 1, "tie")
    assert chosen.tolist() == np.argsort(keys).tolist()


def test_a_gradient_of_zero_is_a_point_as_any_other():
    """A certain row, and a vector of zeros: at the origin, as far as the others are long."""
    given = outputs([[1.0, 0.0], [0.5, 0.5], [0.6, 0.4]], [[3, 4], [0, 0], [1, 0]])
    field = BADGE.begin(given, half)
    assert field.values().tolist() == [0, 0, pytest.approx(0.4 * np.sqrt(2))]
    field.take(field.centre(2))
    np.testing.assert_allclose(squared(field), [0.32, 0.32, 0], rtol=1e-12)
    field.take(field.centre(0))
    assert squared(field).tolist() == [0, 0, 0]


def test_never_rows_times_labels_times_width():
    """The gradients of 20,000 rows would be 1.2 GB: 77 labels of width 100 in float64."""
    import tracemalloc

    rng = np.random.default_rng(5)
    given = Outputs(
        log_softmax(rng.normal(size=(1, 20_000, 77)).astype(np.float32)),
        vectors=rng.normal(size=(20_000, 100)).astype(np.float32),
    )
    tracemalloc.start()
    try:
        field = BADGE.begin(given, half)
        assert isinstance(field, GradientDistances)
        for row in (1, 2):
            field.take(field.centre(row))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100e6


def test_gold_labels_are_not_even_there():
    """Labels of the pool reach no strategy: `Outputs` has no place for them."""
    assert "labels" not in Outputs.__dataclass_fields__
    # The predicted label has the largest p, so its residual is the one below 0 in every row.
    found = residuals(outputs_of(200).log_probabilities[0])
    best = outputs_of(200).log_probabilities[0].argmax(axis=1)
    np.testing.assert_array_equal((found < 0).nonzero()[1], best)
