"""Spans, against all pairs of characters tried one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from al_ray.strategies.spans import Spans, distinct

Found = list[tuple[int, int, float]]


def everything(start: list[float], end: list[float], most: int) -> Found:
    """All legal spans in order: the likelier, then the earlier, then the shorter."""
    spans = []
    for i in range(len(start)):
        for j in range(len(end)):
            if i <= j and j - i + 1 <= most and start[i] > -math.inf and end[j] > -math.inf:
                spans.append((i, j, start[i] + end[j]))
    return sorted(spans, key=lambda span: (-span[2], span[0], span[1] - span[0]))


def without_overlaps(spans: Found, k: int) -> Found:
    kept: Found = []
    for i, j, score in spans:
        if len(kept) < k and not any(
            set(range(i, j + 1)) & set(range(a, b + 1)) for a, b, _ in kept
        ):
            kept.append((i, j, score))
    return kept


def check(found: Spans, expected: Found, every: Found, k: int) -> None:
    n = len(expected)
    assert found.first.tolist() == [i for i, _, _ in expected] + [-1] * (k - n)
    assert found.last.tolist() == [j for _, j, _ in expected] + [-1] * (k - n)
    assert found.first.dtype == found.last.dtype == np.int64
    assert found.log_probabilities.shape == (k,)
    assert np.isneginf(found.log_probabilities[n:]).all()
    if not every:
        assert found.rest == 0.0
        return
    top = every[0][2]
    total = math.fsum(math.exp(score - top) for _, _, score in every)
    logs = [score - top - math.log(total) for _, _, score in expected]
    np.testing.assert_allclose(found.log_probabilities[:n], logs, rtol=1e-12, atol=1e-12)
    others = [score for i, j, score in every if (i, j, score) not in expected]
    rest = math.fsum(math.exp(score - top) for score in others) / total
    assert math.exp(found.rest) == pytest.approx(rest, rel=1e-9, abs=1e-300)
    assert np.exp(found.distribution).sum() == pytest.approx(1.0, abs=1e-12)
    assert found.distribution.shape == (k + 1,)


LOGITS = st.one_of(
    st.sampled_from([-math.inf, -1.0, 0.0, 0.5]),  # masks and ties
    st.floats(-40, 40),
)
ROWS = st.integers(0, 9).flatmap(
    lambda n: st.tuples(*[st.lists(LOGITS, min_size=n, max_size=n)] * 2)
)


@settings(deadline=None, max_examples=300)
@given(row=ROWS, most=st.integers(1, 12), k=st.integers(1, 6))
@example(row=([0.0], [0.0]), most=1, k=1)
@example(row=([0.0], [0.0]), most=9, k=3)
@example(row=([], []), most=3, k=2)
@example(row=([-math.inf] * 3, [0.0] * 3), most=3, k=2)
@example(row=([0.0] * 6, [0.0] * 6), most=3, k=4)  # all tie
@example(row=([-math.inf, -math.inf, 0.0], [0.0, 0.0, -math.inf]), most=3, k=1)  # ends too early
def test_against_all_spans(row: tuple[list[float], list[float]], most: int, k: int) -> None:
    every = everything(*row, most)
    start, end = (np.array(logits, np.float64) for logits in row)
    check(distinct(start, end, most, k), without_overlaps(every, k), every, k)


def test_by_hand() -> None:
    start, end = np.log([0.5, 0.25, 0.25]), np.log([0.25, 0.25, 0.5])
    # Spans of up to 2: 0-0 2/16, 0-1 2/16, 1-1 1/16, 1-2 2/16, 2-2 2/16: of 9/16.
    # 0-0 is first, and the shorter; it bars 0-1 alone. Of what is left, 1-2 is before 2-2.
    apart = distinct(start, end, 2, 3)
    assert (apart.first.tolist(), apart.last.tolist()) == ([0, 1, -1], [0, 2, -1])
    np.testing.assert_allclose(np.exp(apart.distribution), [2 / 9, 2 / 9, 0, 5 / 9], atol=1e-15)


def test_a_margin_of_distinct_spans_sees_through_a_particle() -> None:
    """서울 and 서울에 are near to each other and one answer; 부산 is another."""
    start, end = np.full(8, -np.inf), np.full(8, -np.inf)
    start[[0, 5]] = np.log([0.9, 0.1])
    end[[1, 2, 6]] = np.log([0.5, 0.4, 0.1])
    apart = distinct(start, end, 3, 2).log_probabilities
    assert np.exp(apart[0] - apart[1]) == pytest.approx(45)


@settings(deadline=None)
@given(
    row=ROWS,
    most=st.integers(1, 6),
    before=st.integers(0, 5),
    after=st.integers(0, 5),
)
def test_masked_characters_around_change_no_bit(
    row: tuple[list[float], list[float]], most: int, before: int, after: int
) -> None:
    start, end = (np.array(logits, np.float64) for logits in row)
    padded = [np.pad(x, (before, after), constant_values=-np.inf) for x in (start, end)]
    a, b = distinct(start, end, most, 3), distinct(padded[0], padded[1], most, 3)
    assert a.distribution.tobytes() == b.distribution.tobytes()
    assert np.where(a.first < 0, -1, a.first + before).tolist() == b.first.tolist()


def test_logits_and_log_probabilities_are_one_distribution() -> None:
    draw = np.random.default_rng(0)
    start, end = draw.normal(size=(2, 40))
    a, b = distinct(start, end, 7, 5), distinct(start - 900, end + 1200, 7, 5)
    assert a.first.tolist() == b.first.tolist()
    np.testing.assert_allclose(a.distribution, b.distribution, atol=1e-11)


def test_a_saturated_row_keeps_what_is_left() -> None:
    start, end = np.array([0.0, -400.0]), np.array([0.0, -400.0])
    found = distinct(start, end, 2, 1)
    assert found.log_probabilities[0] == 0.0
    assert found.rest == pytest.approx(-400.0)


@pytest.mark.parametrize(
    ("start", "end", "most", "k"),
    [
        ([0.0], [0.0, 0.0], 1, 1),
        ([[0.0]], [[0.0]], 1, 1),
        ([0.0], [0.0], 0, 1),
        ([0.0], [0.0], 1, 0),
        ([math.nan, 0.0], [0.0, 0.0], 1, 1),
        ([0.0, 0.0], [0.0, math.nan], 1, 1),
        ([0.0, math.inf], [0.0, 0.0], 1, 1),
    ],
)
def test_what_is_refused(start: list[float], end: list[float], most: int, k: int) -> None:
    with pytest.raises(ValueError, match=r"start and end|not a number"):
        distinct(np.array(start), np.array(end), most, k)
