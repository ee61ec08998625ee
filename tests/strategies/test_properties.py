"""The thirteen groups of properties of the notes on active learning, section 3.1.

| | property | held by |
|---|---|---|
| 1 | two labels: one order; margin = 2 LC - 1; three labels: three orders | test_equivalence |
| 2 | uniform and one-hot distributions | test_formulae: uniform, one_hot; here for the others |
| 3 | one member, identical members, members certain of different labels | test_query_by_committee |
| 4 | zero probabilities, and the direction of KL | test_query_by_committee; here for contrastive |
| 5 | order of members, labels, pool; chunks and shards | test_battery; test_workers; test_study |
| 6 | ties: (score, key of the id), and their share | test_selection |
| 7 | gradient length: expected gradient 0, autograd, L2 | test_gradient_length; test_observe |
| 8 | core-set: radius, farthest first, empty set, duplicates, incremental | test_core_set; here |
| 9 | spread out: bit-equal to central, and not merely a 4-approximation | test_core_set; here |
| 10 | learning loss: ties, odd batches, no gradient into the target | test_observe; here |
| 11 | BADGE with identical vectors; BALD of one row is that row's | test_badge; here |
| 12 | sequence labelling | there is no such task |
| 13 | reading comprehension | there is no such task |
"""

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
from outputs import choose, outputs_of, take

from al_ray import randomness
from al_ray.loop.correlation import rank_correlation
from al_ray.strategies import STRATEGIES, Outputs, build, log_softmax


def hashes_of(rows):
    return randomness.row_hashes(map(str, range(rows)))


def outputs(p, **facts):
    with np.errstate(divide="ignore"):
        return Outputs(np.log(np.asarray(p, float)), **facts)


@pytest.mark.parametrize("labels", [2, 3, 7])
def test_group_2_uniform_and_one_hot(labels):
    """What the strategies that are newer than test_formulae make of them."""
    uniform, certain = np.full((1, 1, labels), 1 / labels), np.eye(labels)[None]
    h = np.ones((1, 3), np.float32)
    length = build("expected-gradient-length")
    # |p - e| = sqrt(1 - 1/C) at each label, and |[h; 1]| = 2.
    expected = 2 * math.sqrt(1 - 1 / labels)
    assert length.score(outputs(uniform, vectors=h)) == pytest.approx([expected])
    hot = outputs(certain, vectors=np.ones((labels, 3), np.float32))
    assert (length.score(hot) == 0).all()
    assert (build("badge").score(hot) == 0).all()
    # p - e of a uniform row: its norm is sqrt(1 - 1/C), and |h| = sqrt(3).
    assert build("badge").score(outputs(uniform, vectors=h)) == pytest.approx(
        [math.sqrt(3 * (1 - 1 / labels))]
    )
    assert build("bald").score(outputs(uniform, dropout=np.log(uniform))) == [0]
    known = outputs(uniform, vectors=h)
    assert build("contrastive").score(outputs(uniform, vectors=h, labelled=known)) == [0]


def test_group_4_contrastive_is_infinite_where_the_row_excludes_a_label():
    """And only there; a label that the neighbour excludes costs nothing."""
    h = np.ones((1, 2), np.float32)
    half, certain = [[[0.5, 0.5]]], [[[1.0, 0.0]]]
    cal = build("contrastive")
    assert cal.score(outputs(certain, vectors=h, labelled=outputs(half, vectors=h))) == [math.inf]
    found = cal.score(outputs(half, vectors=h, labelled=outputs(certain, vectors=h)))
    assert found == pytest.approx([math.log(2)])


@pytest.mark.parametrize("name", ["core-set", "badge"])
def test_group_8_no_row_is_taken_twice_though_it_is_nearest_to_nothing(name):
    """A pool of one text: every distance is 0, and an unmasked arg-max answers [0, 0, 0]."""
    same = take(outputs_of(1), np.zeros(6, int))
    for holders in (1, 2, 3):
        chosen = choose(build(name), same, hashes_of(6), 6, cuts=(2, 3), holders=holders)
        assert sorted(chosen.tolist()) == list(range(6))


def test_group_9_shards_that_choose_alone_would_choose_otherwise():
    """Greedy on each half and then on the union of both is not what is done here."""
    given, hashes = outputs_of(200, labelled=3), hashes_of(200)
    core_set = build("core-set")
    central = choose(core_set, given, hashes, 20)
    halves = [np.arange(100), np.arange(100, 200)]
    union = np.sort(
        np.concatenate([h[choose(core_set, take(given, h), hashes[h], 20)] for h in halves])
    )
    alone = union[choose(core_set, take(given, union), hashes[union], 20)]
    assert set(alone.tolist()) != set(central.tolist())
    spread = choose(core_set, given, hashes, 20, cuts=(100,), holders=2)
    assert spread.tolist() == central.tolist()


def test_group_10_the_correlation_tells_a_learnt_rank_from_a_random_one():
    """Spearman's, with equal ranks shared; what `steps` records as `loss_correlation`."""
    rng = np.random.default_rng(0)
    true = rng.exponential(size=300).round(1)  # many ties
    learnt = true + rng.normal(size=300)
    for predicted in (learnt, rng.normal(size=300), -true):
        expected = scipy.stats.spearmanr(predicted, true).statistic
        assert rank_correlation(predicted, true) == pytest.approx(expected, abs=1e-12)


def test_group_11_bald_of_a_row_does_not_know_the_others():
    """BALD({x}) each: a duplicate scores what the first does. There is no BatchBALD."""
    given = outputs_of(30)
    twice = take(given, np.repeat(np.arange(30), 2))
    found = build("bald").score(twice)
    np.testing.assert_array_equal(found[::2], found[1::2])
    np.testing.assert_array_equal(found[::2], build("bald").score(given))


@pytest.mark.parametrize("name", [n for n in STRATEGIES if build(n).ranks and n != "qbc"])
def test_group_5_other_members_change_nothing(name):
    """Of a strategy without a committee: member 0 alone counts."""
    given = outputs_of(40)
    other = log_softmax(np.random.default_rng(1).normal(size=(2, 40, 7)).astype(np.float32))
    mixed = np.concatenate([given.log_probabilities[:1], other])
    np.testing.assert_array_equal(
        build(name).score(replace(given, log_probabilities=mixed)), build(name).score(given)
    )
