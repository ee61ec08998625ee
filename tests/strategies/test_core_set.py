"""k-centre greedy against the algorithm of the paper in plain float64, however rows are held."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from outputs import choose, outputs_of

from al_ray import randomness
from al_ray.strategies import Holder, Outputs, build, pick
from al_ray.strategies.built_in.core_set import NearestCentre

CORE_SET = build("core-set")


def outputs(vectors, labelled=None):
    """A pool of these vectors, beside labelled ones."""

    def some(x):
        return np.full((1, len(x), 2), np.log(0.5))

    pool = Outputs(some(vectors), vectors=vectors)
    if labelled is None:
        return pool
    return replace(pool, labelled=Outputs(some(labelled), vectors=labelled))


def hashes_of(rows):
    return randomness.row_hashes(map(str, range(rows)))


def picks_of(x, labelled, n, cuts=(), holders=1, seed=0, threads=1):
    """Rows and values as shards choose them."""
    whole, hashes = outputs(x, labelled), hashes_of(len(x))
    held = [Holder(CORE_SET, seed, 1, threads) for _ in range(holders)]
    for i, part in enumerate(np.split(np.arange(len(x)), list(cuts))):
        some = replace(whole, log_probabilities=whole.log_probabilities[:, part], vectors=x[part])
        held[i % holders].add(part, hashes[part], some)
    return pick([h.best() for h in held], lambda chosen: [h.take(chosen) for h in held], n)


def twin(x, labelled, n, seed=0):
    """Every distance anew for every pick, in float64 and the definition's order."""
    keys = randomness.keys(hashes_of(len(x)), seed, 1, "tie").tolist()
    x = x.astype(float)
    centres = [] if labelled is None else list(labelled.astype(float))
    taken, radii = [], []
    for _ in range(min(n, len(x))):
        far = [min((float(((row - c) ** 2).sum()) for c in centres), default=np.inf) for row in x]
        best = max((i for i in range(len(x)) if i not in taken), key=lambda i: (far[i], -keys[i]))
        taken.append(best)
        radii.append(np.sqrt(far[best]))
        centres.append(x[best])
    return taken, radii


grid = st.integers(-4, 4).map(float)
"""On it every distance is exact, so that equal ones are equal in any arithmetic."""


@settings(deadline=None, max_examples=60)
@given(
    hnp.arrays(np.float32, st.tuples(st.integers(1, 14), st.just(3)), elements=grid),
    hnp.arrays(np.float32, st.tuples(st.integers(0, 4), st.just(3)), elements=grid),
    st.integers(1, 14),
    st.integers(0, 3),
)
def test_against_brute_force_with_ties(x, labelled, n, seed):
    """Duplicates, an empty labelled set and equal distances included."""
    picks = picks_of(x, labelled, n, seed=seed)
    rows, radii = twin(x, labelled, n, seed)
    assert picks.rows.tolist() == rows
    assert picks.values.tolist() == radii


@pytest.mark.parametrize("labelled", [None, 0, 1, 25])
@pytest.mark.parametrize(("width", "scale"), [(2, 1.0), (64, 30.0), (768, 1e-3)])
def test_against_brute_force(labelled, width, scale):
    rng = np.random.default_rng(width)
    x = (scale * rng.normal(size=(90, width))).astype(np.float32)
    known = None if labelled is None else rng.normal(size=(labelled, width)).astype(np.float32)
    picks, (rows, radii) = picks_of(x, known, 40), twin(x, known, 40)
    assert picks.rows.tolist() == rows
    np.testing.assert_allclose(picks.values, radii, rtol=1e-12)


@pytest.mark.parametrize("offset", [1e4, 3e6])
def test_far_from_the_origin(offset):
    """Distances are some units, coordinates millions: their squares in float32 know no units."""
    rng = np.random.default_rng(1)
    x, labelled = (
        (offset + rng.integers(-6, 7, (rows, 32))).astype(np.float32) for rows in (80, 5)
    )
    picks, (rows, radii) = picks_of(x, labelled, 50), twin(x, labelled, 50)
    assert picks.rows.tolist() == rows
    assert picks.values.tolist() == radii  # sums of small squares, so they are exact


@pytest.mark.parametrize("holders", [1, 2, 3, 7])
@pytest.mark.parametrize("cuts", [(), (1, 2, 90), (13, 14, 40, 77, 111), tuple(range(5, 120, 7))])
def test_holders_and_cuts_change_no_bit(holders, cuts):
    """Chunks as shards hold them: picks, the values they were taken at, and ties."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(120, 17)).astype(np.float32)
    x[60:80] = x[:20]  # duplicates, on other holders
    labelled = rng.normal(size=(9, 17)).astype(np.float32)
    central = picks_of(x, labelled, 110)
    spread = picks_of(x, labelled, 110, cuts, holders)
    assert spread.rows.tolist() == central.rows.tolist()
    assert spread.values.tolist() == central.values.tolist()
    assert spread.tie_share == central.tie_share


def test_threads_change_no_bit():
    rng = np.random.default_rng(9)
    x, labelled = (rng.normal(size=(rows, 17)).astype(np.float32) for rows in (400, 9))
    x[200:300] = x[:100]
    cuts = tuple(range(20, 400, 20))
    one, three = (picks_of(x, labelled, 200, cuts, 2, threads=n) for n in (1, 3))
    assert three.rows.tolist() == one.rows.tolist()
    assert three.values.tolist() == one.values.tolist()
    assert three.tie_share == one.tie_share


def test_blas_has_its_threads_back_after_a_pick():
    from threadpoolctl import threadpool_info, threadpool_limits

    def threads():
        return {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()}

    with threadpool_limits(2, "blas"):
        before = threads()
        picks_of(np.eye(4, dtype=np.float32), None, 3)
        assert threads() == before


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 49), max_size=6, unique=True).map(sorted), st.integers(1, 5))
def test_any_cuts_change_no_bit(cuts, holders):
    rng = np.random.default_rng(3)
    x, labelled = (rng.normal(size=(rows, 5)).astype(np.float32) for rows in (50, 4))
    central, spread = picks_of(x, labelled, 30), picks_of(x, labelled, 30, cuts, holders)
    assert spread.rows.tolist() == central.rows.tolist()
    assert spread.values.tolist() == central.values.tolist()


def test_the_radius_never_grows_and_the_farthest_comes_first():
    rng = np.random.default_rng(4)
    x, labelled = (rng.normal(size=(rows, 8)).astype(np.float32) for rows in (300, 10))
    picks = picks_of(x, labelled, 300)
    assert (np.diff(picks.values) <= 0).all()
    far = np.linalg.norm(x[:, None].astype(float) - labelled, axis=2).min(axis=1)
    assert picks.rows[0] == far.argmax()
    assert picks.values[0] == pytest.approx(far.max(), rel=1e-12)
    # And what is left is covered by the last radius.
    chosen = np.concatenate([labelled, x[picks.rows[:100]]]).astype(float)
    left = np.linalg.norm(x[picks.rows[100:], None].astype(float) - chosen, axis=2).min(axis=1)
    assert left.max() == pytest.approx(picks.values[100], rel=1e-12)


def test_at_most_twice_the_best_cover():
    """The bound of Gonzalez (1985), against every choice of three centres of twelve points."""
    from itertools import combinations

    rng = np.random.default_rng(5)
    for _ in range(10):
        x = rng.normal(size=(12, 2)).astype(np.float32)
        apart = np.linalg.norm(x[:, None].astype(float) - x, axis=2)
        best = min(apart[:, list(some)].min(axis=1).max() for some in combinations(range(12), 3))
        chosen = picks_of(x, None, 3).rows
        assert apart[:, chosen].min(axis=1).max() <= 2 * best + 1e-12


def test_without_a_labelled_row_the_first_is_drawn_by_the_seed():
    x = np.random.default_rng(6).normal(size=(40, 3)).astype(np.float32)
    empty = np.zeros((0, 3), np.float32)
    firsts = {int(picks_of(x, empty, 1, seed=seed).rows[0]) for seed in range(30)}
    assert len(firsts) > 10
    for labelled in (None, empty):
        picks = picks_of(x, labelled, 2)
        assert picks.values[0] == np.inf
        apart = np.linalg.norm(x.astype(float) - x[picks.rows[0]], axis=1)
        assert picks.rows[1] == apart.argmax()


@pytest.mark.parametrize("labelled", [None, 1])
def test_a_pool_of_duplicates_is_taken_once_each(labelled):
    x = np.ones((9, 4), np.float32)
    picks = picks_of(x, None if labelled is None else x[:1], 9, (2, 5), 2)
    assert sorted(picks.rows.tolist()) == list(range(9))
    assert picks.values.tolist() == [np.inf if labelled is None else 0.0] + [0.0] * 8
    assert picks.tie_share == pytest.approx(8 / 9)  # the last one has no rival
    keys = randomness.keys(hashes_of(9), 0, 1, "tie")
    assert picks.rows.tolist() == np.argsort(keys).tolist()


def test_a_row_that_is_labelled_elsewhere_comes_last():
    """Its twin is a centre, so it is at 0, exactly, wherever both are."""
    x = (1e5 + np.random.default_rng(7).normal(size=(20, 16))).astype(np.float32)
    picks = picks_of(x, x[[4]], 20)
    assert picks.rows[-1] == 4
    assert picks.values[-1] == 0
    assert picks.values[-2] > 0


@pytest.mark.parametrize("labelled", [0, 20])
def test_memory_is_the_vectors_and_a_fifth(labelled):
    """Of one holder, from the first distance to the last pick, the vectors themselves included."""
    rng = np.random.default_rng(8)
    x = rng.standard_normal((160_000, 256), np.float32)
    centres = rng.standard_normal((labelled, 256), np.float32)
    tracemalloc.start()
    try:
        field = NearestCentre(x, centres)
        for row in (3, 77):
            field.values()
            field.take(field.centre(row))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= 0.2 * x.nbytes


def test_a_holder_keeps_the_vectors_it_is_given():
    """No copy: what a shard has computed is what it holds."""
    given = outputs_of(50)
    field = CORE_SET.begin(given, lambda pick: np.zeros(0))
    assert field._vectors is given.vectors


def test_what_is_not_chosen_by_distance_is_chosen_by_the_tie_rule():
    """Four corners and a centre: each corner is as far as the others until one is taken."""
    x = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]], np.float32)
    centre = np.zeros((1, 2), np.float32)
    keys = randomness.keys(hashes_of(4), 0, 1, "tie")
    chosen = choose(CORE_SET, outputs(x, centre), hashes_of(4), 4)
    assert chosen[0] == keys.argmin()
    assert picks_of(x, centre, 1).tie_share == 1.0
