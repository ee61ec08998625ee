"""Contrastive active learning against every neighbour looked at, in plain Python."""

import math

import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st
from outputs import outputs_of

from al_ray.strategies import Outputs, build

CAL = build("contrastive")


def outputs(p, vectors, labelled=None):
    with np.errstate(divide="ignore"):
        logs = np.log(np.array(p, dtype=float))[None]
    return Outputs(logs, vectors=np.array(vectors, np.float32), labelled=labelled)


def kl(p, q):
    """KL(p || q), with 0 log 0 = 0."""
    if any(x > 0 and y == 0 for x, y in zip(p, q, strict=True)):
        return math.inf
    return math.fsum(x * math.log(x / y) for x, y in zip(p, q, strict=True) if x > 0)


def unit(vector):
    length = math.sqrt(math.fsum(float(x) ** 2 for x in vector))
    return [float(x) / length for x in vector] if length else [0.0] * len(vector)


def twin(row, vector, labelled, k=10):
    """Of one row: the mean KL(neighbour || row) of its k nearest (p, vector) by unit vectors."""
    near = sorted(
        range(len(labelled)), key=lambda i: (math.dist(unit(vector), unit(labelled[i][1])), i)
    )[:k]
    return math.fsum(kl(labelled[i][0], row) for i in near) / len(near)


def some(draw, rows, labels):
    p = draw(
        st.lists(
            st.lists(st.integers(0, 9), min_size=labels, max_size=labels).filter(any),
            min_size=rows,
            max_size=rows,
        )
    )
    return [[x / sum(row) for x in row] for row in p]


@st.composite
def cases(draw):
    labels, rows, known = draw(st.integers(2, 5)), draw(st.integers(1, 5)), draw(st.integers(1, 15))
    rng = np.random.default_rng(draw(st.integers(0, 99)))  # distances that do not tie
    vectors = [rng.normal(size=(n, 4)).astype(np.float32) for n in (rows, known)]
    return some(draw, rows, labels), vectors[0], some(draw, known, labels), vectors[1]


@settings(deadline=None)
@given(cases())
def test_against_plain_python(case):
    """Zero probabilities and fewer labelled rows than neighbours included."""
    p, x, known, centres = case
    found = CAL.score(outputs(p, x, outputs(known, centres)))
    labelled = list(zip(known, centres, strict=True))
    expected = [twin(row, vector, labelled) for row, vector in zip(p, x, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13)
    assert (found >= 0).all()


def test_by_hand_and_not_the_other_direction():
    """KL((1, 0) || (1/2, 1/2)) = log 2; the reverse is infinite."""
    labelled = outputs([[1.0, 0.0]], [[1.0, 0.0]])
    assert CAL.score(outputs([[0.5, 0.5]], [[0.0, 1.0]], labelled)) == pytest.approx([math.log(2)])
    labelled = outputs([[0.5, 0.5]], [[1.0, 0.0]])
    assert CAL.score(outputs([[1.0, 0.0]], [[0.0, 1.0]], labelled)) == [math.inf]
    one, other = [0.9, 0.1], [0.6, 0.4]
    found = CAL.score(outputs([one], [[1, 0]], outputs([other], [[1, 0]])))[0]
    assert found == pytest.approx(scipy.special.rel_entr(other, one).sum(), rel=1e-13)
    assert abs(found - scipy.special.rel_entr(one, other).sum()) > 0.01


def test_neighbours_are_near_in_direction():
    """[10, 1] points as [1, 0] does, though [0, 1] is nearer to the eye."""
    known = [[0.2, 0.8], [0.9, 0.1]]
    labelled = outputs(known, [[0, 1], [30, 0]])
    one = type(CAL)()
    one.neighbours = 1
    found = one.score(outputs([[0.5, 0.5]], [[10, 1]], labelled))
    assert found == pytest.approx([kl(known[1], [0.5, 0.5])])
    assert found != one.score(outputs([[0.5, 0.5]], [[1, 10]], labelled))


def test_ten_neighbours_and_no_more():
    """Eleven labelled rows; the one that is predicted otherwise is the farthest."""
    angles = np.linspace(0, 1, 11)
    x = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    p = [[0.5, 0.5]] * 10 + [[0.99, 0.01]]
    assert CAL.score(outputs([[0.5, 0.5]], [[1, 0]], outputs(p, x))) == [0]
    assert CAL.score(outputs([[0.5, 0.5]], [[0, 1]], outputs(p, x)))[0] > 0


def test_neighbours_that_agree_score_nothing():
    same = outputs([[0.3, 0.7]] * 12, np.random.default_rng(0).normal(size=(12, 3)))
    assert CAL.score(outputs([[0.3, 0.7]] * 2, [[1, 2, 3], [0, 0, 0]], same)).tolist() == [0, 0]


def test_no_row_is_its_own_neighbour():
    """Neighbours are labelled rows alone: the pool around a row changes nothing."""
    given = outputs_of(50)
    alone = [
        CAL.score(
            Outputs(
                given.log_probabilities[:, [row]],
                vectors=given.vectors[[row]],
                labelled=given.labelled,
            )
        )[0]
        for row in range(50)
    ]
    np.testing.assert_array_equal(CAL.score(given), alone)
