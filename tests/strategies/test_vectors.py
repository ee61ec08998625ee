"""Exact distances from fast products, and the filter against near-duplicates: by brute force."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from al_ray.strategies import diverse, vectors

few = st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0, 3.0])
"""So that equal distances and equal vectors are common."""

coordinates = few | st.floats(-1e6, 1e6, width=32)


def matrices(rows, width, elements=coordinates):
    return hnp.arrays(np.float32, st.tuples(rows, width), elements=elements)


@st.composite
def pairs(draw):
    """Vectors and centres of one width, some of them equal, all shifted alike."""
    width = draw(st.integers(1, 5))
    elements = draw(st.sampled_from([few, coordinates]))
    x = draw(matrices(st.integers(0, 8), st.just(width), elements))
    centres = draw(matrices(st.integers(1, 8), st.just(width), elements))
    shift = np.float32(draw(st.sampled_from([0, 0, 1000, 1e6])))
    return x + shift, centres + shift


def distance(a, b):
    """Squared, in exact arithmetic, rounded once."""
    return float(
        sum((Fraction(x) - Fraction(y)) ** 2 for x, y in zip(a.tolist(), b.tolist(), strict=True))
    )


@settings(deadline=None)
@given(pairs(), st.integers(1, 8))
def test_nearest_against_exact_arithmetic(case, k):
    x, centres = case
    k = min(k, len(centres))
    found, distances = vectors.nearest(x, centres, k)
    assert found.shape == distances.shape == (len(x), k)
    for row, near, values in zip(x, found.tolist(), distances.tolist(), strict=True):
        every = [distance(row, centre) for centre in centres]
        expected = sorted(every)[:k]
        assert values == pytest.approx(expected, rel=1e-14, abs=0)
        assert len(set(near)) == k
        assert values == pytest.approx([every[centre] for centre in near], rel=1e-14, abs=0)
        assert values == sorted(values)


@settings(deadline=None)
@given(matrices(st.integers(1, 6), st.just(3), few), matrices(st.integers(1, 8), st.just(3), few))
def test_equally_near_centres_go_by_position(x, centres):
    """On a coarse grid, where float64 is exact."""
    k = len(centres)
    found, _ = vectors.nearest(x, centres, k)
    for row, near in zip(x, found.tolist(), strict=True):
        every = [distance(row, centre) for centre in centres]
        assert near == sorted(range(k), key=lambda centre: (every[centre], centre))


@pytest.mark.parametrize("offset", [1e3, 1e5, 3e6])
def test_far_from_the_origin_no_digits_cancel(offset):
    """|x|² + |c|² - 2xc in float32 would have no digit left: offset² is 1e13 times the distance."""
    rng = np.random.default_rng(0)
    x = (offset + rng.integers(-8, 9, (60, 24))).astype(np.float32)
    centres = (offset + rng.integers(-8, 9, (30, 24))).astype(np.float32)
    found, distances = vectors.nearest(x, centres, 3)
    exact = np.square(x[:, None].astype(float) - centres).sum(axis=2)  # small integers
    order = np.lexsort((np.broadcast_to(np.arange(30), exact.shape), exact), axis=1)[:, :3]
    np.testing.assert_array_equal(found, order)
    np.testing.assert_array_equal(distances, np.take_along_axis(exact, order, axis=1))


@pytest.mark.parametrize("scale", [1e-30, 1e-22, 1e-19, 1e17])
def test_vectors_whose_products_underflow(scale):
    """Products of such numbers are no float32: the fast part knows nothing, and must not decide."""
    rng = np.random.default_rng(1)
    x, centres = ((scale * rng.normal(size=(n, 7))).astype(np.float32) for n in (30, 20))
    found, distances = vectors.nearest(x, centres, 4)
    exact = np.square(x[:, None].astype(float) - centres).sum(axis=2)
    np.testing.assert_array_equal(found, np.argsort(exact, axis=1)[:, :4])
    np.testing.assert_allclose(distances, np.sort(exact, axis=1)[:, :4], rtol=1e-14)


@pytest.mark.parametrize("cells", [1, 10, 10**9])
def test_blocks_change_no_bit(monkeypatch, cells):
    rng = np.random.default_rng(2)
    x, centres = (rng.normal(size=(n, 33)).astype(np.float32) for n in (50, 20))
    expected = vectors.nearest(x, centres, 5)
    monkeypatch.setattr(vectors, "_CELLS", cells)
    for ours, theirs in zip(vectors.nearest(x, centres, 5), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(
        vectors.squared_distances(x, centres[0]),
        [vectors.squared_distances(row[None], centres[0])[0] for row in x],
    )


def test_the_bound_of_the_rounding_holds():
    """All of one sign and size, where rounding adds up worst; measured in float64."""
    rng = np.random.default_rng(3)
    for width in (1, 3, 64, 768, 5000):
        x, y = ((1 + 0.01 * rng.random((20, width))).astype(np.float32) for _ in range(2))
        error = np.abs(x @ y.T - x.astype(float) @ y.T.astype(float))
        norms = vectors.squared_norms(x)[:, None] + vectors.squared_norms(y)
        assert (2 * error <= vectors.slack(width, norms)).all()


@pytest.mark.parametrize("k", [0, 4])
def test_more_neighbours_than_centres_are_refused(k):
    with pytest.raises(ValueError, match=f"{k} nearest of 3"):
        vectors.nearest(np.zeros((2, 2), np.float32), np.zeros((3, 2), np.float32), k)


def test_normalised():
    found = vectors.normalised(np.array([[3, 4], [0, 0], [0, -2], [3e18, 4e18]], np.float32))
    np.testing.assert_allclose(found, [[0.6, 0.8], [0, 0], [0, -1], [0.6, 0.8]], rtol=1e-7)
    assert found.dtype == np.float32


# Near-duplicates in a batch


def twin(rows, n, limit):
    """Greedy, in plain Python: a row that is like a taken one is passed over, and fills up."""

    def cosine(a, b):
        lengths = math.hypot(*a) * math.hypot(*b)
        return math.fsum(x * y for x, y in zip(a, b, strict=True)) / lengths if lengths else 0.0

    taken, passed = [], []
    for row in range(len(rows)):
        if len(taken) == n:
            break
        alike = any(cosine(rows[row], rows[other]) > limit for other in taken)
        (passed if alike else taken).append(row)
    return (taken + passed)[:n]


@settings(deadline=None)
@given(
    matrices(st.integers(0, 12), st.integers(1, 4), st.integers(-3, 3).map(float)),
    st.integers(0, 14),
    st.sampled_from([0.123, 0.4567, 0.789, 0.951]),  # no cosine of small integers
)
def test_diverse_against_brute_force(x, n, limit):
    assert diverse(x, n, limit).tolist() == twin(x.tolist(), n, limit)


def test_diverse_fills_up_in_rank_order():
    """Three texts that are one, and two others: the duplicates come last, in their order."""
    a, b, c = [1, 0, 0], [0, 1, 0], [0, 0, 1]
    rows = np.array([a, a, b, a, c], np.float32)
    assert diverse(rows, 5, 0.9).tolist() == [0, 2, 4, 1, 3]
    assert diverse(rows, 3, 0.9).tolist() == [0, 2, 4]
    assert diverse(rows, 4, 0.9).tolist() == [0, 2, 4, 1]
    assert diverse(rows, 9, 0.9).tolist() == [0, 2, 4, 1, 3]


def test_diverse_is_of_directions():
    """Length does not count, opposite is not alike, and what is exactly at the limit is kept."""
    rows = np.array([[1, 0], [100, 0], [-1, 0], [0.6, 0.8]], np.float32)
    assert diverse(rows, 3, 0.7).tolist() == [0, 2, 3]
    assert diverse(rows, 4, 0.5).tolist() == [0, 2, 1, 3]
