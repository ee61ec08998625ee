"""The order of selection: total, seeded, free of the file's order."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from al_ray.errors import AlRayError, NotNumbers
from al_ray.randomness import keys, row_hashes
from al_ray.strategies import picks_digest, select

IDS = [f"row-{i}" for i in range(1000)]
HASHES = row_hashes(IDS)

few_values = st.sampled_from([-math.inf, -1.0, -0.0, 0.0, 0.25, 0.5, 1.0, math.inf])
any_scores = st.lists(few_values | st.floats(allow_nan=False), min_size=1, max_size=60)


def twin(scores, n, seed, step):
    """A full sort of (score, key) in plain Python."""
    tie = keys(HASHES[: len(scores)], seed, step, "tie").tolist()
    return sorted(range(len(scores)), key=lambda row: (-scores[row], tie[row]))[:n]


@given(any_scores, st.integers(0, 70), st.integers(0, 5), st.integers(0, 5))
def test_equals_a_full_sort(scores, n, seed, step):
    chosen = select(np.array(scores), HASHES[: len(scores)], n, seed, step)
    assert chosen.rows.dtype == np.int64
    assert chosen.rows.tolist() == twin(scores, n, seed, step)


@given(any_scores, st.integers(1, 70), st.integers(0, 5))
def test_tie_share_equals_counting(scores, n, seed):
    n = min(n, len(scores))
    chosen = select(np.array(scores), HASHES[: len(scores)], n, seed, 0)
    taken = [scores[row] for row in chosen.rows]
    last = min(taken)
    contested = scores.count(last) > taken.count(last)
    assert chosen.tie_share == (taken.count(last) / n if contested else 0.0)


@pytest.mark.parametrize(
    ("scores", "n", "expected"),
    [
        ([3, 2, 1, 0], 2, 0.0),
        ([3, 2, 2, 2], 2, 0.5),  # one of the three 2s
        ([3, 2, 2, 2], 3, 2 / 3),
        ([3, 2, 2, 2], 4, 0.0),  # all of them are in: nothing was left to the tie rule
        ([5, 5, 1, 0], 2, 0.0),  # equal, but both are in by their score
        ([1, 1, 1, 1], 2, 1.0),
        ([0.0, -0.0, -1], 1, 1.0),  # the two zeros are equal
        ([np.inf, np.inf, 0], 1, 1.0),
        ([0, -np.inf, -np.inf], 2, 0.5),
    ],
)
def test_tie_share_by_hand(scores, n, expected):
    scores = np.array(scores, dtype=float)
    assert select(scores, HASHES[: len(scores)], n, 0, 0).tie_share == expected


def test_minus_zero_does_not_come_after_zero():
    plus, minus = np.zeros(50), np.zeros(50)
    minus[::2] = -0.0
    left, right = (select(scores, HASHES[:50], 20, 0, 0).rows for scores in (plus, minus))
    np.testing.assert_array_equal(left, right)


def test_equal_scores_do_not_come_in_file_order():
    """A file grouped by class: a batch by file order would be of one class."""
    labels = np.repeat(np.arange(10), 100)
    for rows in (select(np.ones(1000), HASHES, 200, seed, 0).rows for seed in range(5)):
        counts = np.bincount(labels[rows], minlength=10)
        assert counts.min() >= 5
        assert counts.max() <= 40
        assert (np.diff(rows) < 0).any()


@pytest.mark.parametrize("tied", [True, False])
def test_the_order_of_the_pool_does_not_matter(tied):
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 5, 1000) / 4 if tied else rng.normal(size=1000)
    shuffled = rng.permutation(1000)
    picks = select(scores, HASHES, 130, 1, 2).rows
    again = select(scores[shuffled], HASHES[shuffled], 130, 1, 2).rows
    assert [IDS[row] for row in picks] == [IDS[shuffled[row]] for row in again]
    picks, again = (
        select(None, HASHES, 130, 1, 2).rows,
        select(None, HASHES[shuffled], 130, 1, 2).rows,
    )
    assert [IDS[row] for row in picks] == [IDS[shuffled[row]] for row in again]


def test_draws_are_prefixes_of_one_permutation():
    permutation = select(None, HASHES, 1000, 0, 0).rows.tolist()
    assert sorted(permutation) == list(range(1000))
    for n in (0, 1, 7, 500, 999):
        assert select(None, HASHES, n, 0, 0).rows.tolist() == permutation[:n]


def test_the_rest_of_a_draw_goes_on_with_the_permutation():
    """Steps of 100 then 50 of what is left are the first 150: random arms nest."""
    permutation = select(None, HASHES, 1000, 0, 0).rows
    first = select(None, HASHES, 100, 0, 0).rows
    left = np.setdiff1d(np.arange(1000), first)
    second = left[select(None, HASHES[left], 50, 0, 1).rows]
    np.testing.assert_array_equal(np.concatenate([first, second]), permutation[:150])


def test_the_draw_is_ascending_in_its_key():
    key = keys(HASHES, 4, 0, "draw")
    np.testing.assert_array_equal(select(None, HASHES, 1000, 4, 9).rows, np.argsort(key))


def test_the_step_changes_ties_and_not_the_draw():
    ties = [select(np.zeros(1000), HASHES, 50, 0, step).rows.tolist() for step in range(3)]
    draws = [select(None, HASHES, 50, 0, step).rows.tolist() for step in range(3)]
    assert ties[0] != ties[1] != ties[2]
    assert draws[0] == draws[1] == draws[2]
    assert draws[0] not in ties


def test_the_seed_changes_both():
    ties = [select(np.zeros(1000), HASHES, 50, seed, 0).rows.tolist() for seed in range(3)]
    draws = [select(None, HASHES, 50, seed, 0).rows.tolist() for seed in range(3)]
    assert ties[0] != ties[1] != ties[2]
    assert draws[0] != draws[1] != draws[2]


def test_random_draws_are_uniform():
    """Each row of 20 is in a draw of 5 a quarter of the time: 500 of 2,000 seeds, sd 19."""
    counts = np.zeros(20)
    for seed in range(2000):
        counts[select(None, HASHES[:20], 5, seed, 0).rows] += 1
    assert abs(counts - 500).max() < 5 * 19.4


@pytest.mark.parametrize("scores", [np.arange(7.0), None])
def test_a_batch_larger_than_the_pool_takes_all(scores):
    chosen = select(scores, HASHES[:7], 100, 0, 0)
    assert sorted(chosen.rows.tolist()) == list(range(7))
    assert chosen.tie_share == (None if scores is None else 0.0)


@pytest.mark.parametrize(("size", "n"), [(7, 0), (0, 5), (0, 0)])
@pytest.mark.parametrize("ranked", [True, False])
def test_nothing_to_take(size, n, ranked):
    chosen = select(np.zeros(size) if ranked else None, HASHES[:size], n, 0, 0)
    assert chosen.rows.shape == (0,)
    assert chosen.rows.dtype == np.int64
    assert chosen.tie_share == (0.0 if ranked else None)


def test_infinite_scores_are_ordered():
    scores = np.array([0.0, np.inf, -np.inf, 1.0])
    assert select(scores, HASHES[:4], 4, 0, 0).rows.tolist() == [1, 3, 0, 2]


@pytest.mark.parametrize("n", [0, 1, 5])
def test_scores_that_are_not_numbers_are_refused(n):
    with pytest.raises(NotNumbers, match="2 of 5 rows have scores") as caught:
        select(np.array([1, np.nan, 2, np.nan, 3]), HASHES[:5], n, 0, 0)
    assert caught.value.rows == [1, 3]


@pytest.mark.parametrize("shape", [(4,), (5, 1), ()])
def test_scores_that_are_not_one_a_candidate_are_refused(shape):
    with pytest.raises(AlRayError, match="5 candidates"):
        select(np.zeros(shape), HASHES[:5], 2, 0, 0)


def test_a_negative_batch_is_refused():
    with pytest.raises(ValueError, match="-1"):
        select(None, HASHES[:5], -1, 0, 0)


def test_nothing_is_changed_in_place():
    scores = np.random.default_rng(0).normal(size=1000)
    scores.flags.writeable = False
    hashes = HASHES.copy()
    select(scores, hashes, 10, 0, 0)
    select(None, hashes, 10, 0, 0)
    np.testing.assert_array_equal(hashes, HASHES)


def test_picks_digest_is_fixed():
    """Written in tables, so it must not change between versions."""
    assert picks_digest([]) == "e4a6a0577479b2b4"
    assert len(picks_digest(["a", "b"])) == 16


def test_picks_digest_tells_orders_and_boundaries_apart():
    lists = (
        [],
        [""],
        ["", ""],
        ["a", "b"],
        ["b", "a"],
        ["ab"],
        ["a\x00b"],
        ["a\nb"],
        ["a,b"],
        ["a", "", "b"],
        ["가", "나"],
        ["\ud800"],
        ["a\x00\x00\x00\x00\x00\x00\x00\x01b"],
        ["a", "b", "c"],
    )
    assert len({picks_digest(ids) for ids in lists}) == len(lists)
    assert picks_digest(("a", "b")) == picks_digest(["a", "b"])
