"""What holds for every strategy; one that is added to `STRATEGIES` is tested here by itself."""

import numpy as np
import pytest

from al_ray.randomness import row_hashes
from al_ray.strategies import DISAGREEMENTS, STRATEGIES, Outputs, build, log_softmax, select

EVERY = [(name, "vote-entropy") for name in STRATEGIES]
EVERY += [("qbc", disagreement) for disagreement in DISAGREEMENTS if disagreement != "vote-entropy"]
RANKING = [each for each in EVERY if STRATEGIES[each[0]].ranks]
COMMITTEES = [each for each in EVERY if STRATEGIES[each[0]].committee]
SIZES = [1, 2, 3, 17, 500]


def log_probabilities(rows, members=3, labels=7, seed=0):
    """As a shard makes them."""
    rng = np.random.default_rng(seed)
    return log_softmax(rng.normal(scale=3, size=(members, rows, labels)).astype(np.float32))


def score(strategy, values):
    return strategy.score(Outputs(values)) if strategy.ranks else None


@pytest.fixture(params=EVERY, ids="-".join)
def strategy(request):
    return build(*request.param)


@pytest.fixture(params=RANKING, ids="-".join)
def ranking(request):
    return build(*request.param)


@pytest.fixture(params=COMMITTEES, ids="-".join)
def committee(request):
    return build(*request.param)


class TestEveryStrategy:
    def test_declares_itself(self, strategy):
        assert strategy.name in STRATEGIES
        assert strategy.family in ("data-based", "model-based", "prediction-based")
        assert isinstance(strategy.committee, bool)

    @pytest.mark.parametrize("rows", SIZES)
    def test_one_finite_score_a_row(self, ranking, rows):
        scores = score(ranking, log_probabilities(rows))
        assert scores.shape == (rows,)
        assert scores.dtype == np.float64
        assert np.isfinite(scores).all()

    @pytest.mark.parametrize("rows", SIZES)
    @pytest.mark.parametrize("n", [1, 2, 16, 500])
    def test_exact_batch_without_repeats(self, strategy, rows, n):
        """Down to a pool of one and the last rows of a pool."""
        hashes = row_hashes(map(str, range(rows)))
        chosen = select(score(strategy, log_probabilities(rows)), hashes, n, 0, 1).rows
        assert len(chosen) == len(set(chosen.tolist())) == min(n, rows)
        assert set(chosen.tolist()) <= set(range(rows))
        larger = select(score(strategy, log_probabilities(rows)), hashes, n + 1, 0, 1).rows
        np.testing.assert_array_equal(larger[:n], chosen)

    def test_an_empty_chunk(self, strategy):
        scores = score(strategy, log_probabilities(1)[:, :0])
        assert scores is None or scores.shape == (0,)

    def test_the_whole_pool_step_by_step(self, strategy):
        """Batches of 16 over what is left label each of 50 rows once."""
        values, hashes = log_probabilities(50), row_hashes(map(str, range(50)))
        left, taken = np.arange(50), []
        for step in range(4):
            chosen = select(score(strategy, values[:, left]), hashes[left], 16, 0, step).rows
            taken += left[chosen].tolist()
            left = np.delete(left, chosen)
        assert len(left) == 0
        assert sorted(taken) == list(range(50))

    def test_reproducible_and_leaves_its_inputs_alone(self, strategy):
        values = log_probabilities(100)
        values.flags.writeable = False
        state = np.random.get_state()[1].copy()  # noqa: NPY002
        first, second = (score(strategy, values) for _ in range(2))
        np.testing.assert_array_equal(first, second)
        np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002

    @pytest.mark.parametrize("labels", [2, 3, 8, 20])
    @pytest.mark.parametrize("members", [1, 3, 11])
    def test_chunks_change_no_bit(self, ranking, labels, members):
        """Scores of two chunks, and of rows one at a time, from logits on."""
        logits = np.random.default_rng(1).normal(scale=3, size=(members, 103, labels))
        logits = logits.astype(np.float32)
        whole = score(ranking, log_softmax(logits))
        for cuts in ([57], [1, 2, 5, 13, 100], range(1, 103)):
            parts = [score(ranking, log_softmax(part)) for part in np.split(logits, cuts, axis=1)]
            np.testing.assert_array_equal(np.concatenate(parts), whole)

    def test_memory_layout_changes_no_bit(self, ranking):
        values = log_probabilities(103, members=11, labels=20)
        expected = score(ranking, values)
        np.testing.assert_array_equal(score(ranking, np.asfortranarray(values)), expected)
        np.testing.assert_array_equal(score(ranking, np.repeat(values, 2, 1)[:, ::2]), expected)

    @pytest.mark.parametrize("labels", [2, 3, 7, 20])
    def test_the_order_of_labels_changes_no_bit(self, ranking, labels):
        """No two labels are equally likely here: a tied vote goes to the lowest index."""
        rng = np.random.default_rng(2)
        logits = rng.normal(scale=3, size=(3, 100, labels)).astype(np.float32)
        expected = score(ranking, log_softmax(logits))
        for _ in range(5):
            shuffled = logits[:, :, rng.permutation(labels)]
            np.testing.assert_array_equal(score(ranking, log_softmax(shuffled)), expected)

    def test_the_order_of_the_pool_changes_no_pick(self, strategy):
        values, hashes = log_probabilities(200), row_hashes(map(str, range(200)))
        shuffled = np.random.default_rng(3).permutation(200)
        chosen = select(score(strategy, values), hashes, 30, 0, 1).rows
        again = select(score(strategy, values[:, shuffled]), hashes[shuffled], 30, 0, 1).rows
        np.testing.assert_array_equal(shuffled[again], chosen)

    def test_the_order_of_members_changes_no_bit_of_a_committee(self, committee):
        values = log_probabilities(100, members=5)
        expected = score(committee, values)
        np.testing.assert_array_equal(score(committee, values[[3, 0, 4, 2, 1]]), expected)


def test_random_says_that_it_has_no_scores():
    with pytest.raises(TypeError, match="ranks nothing"):
        build("random").score(Outputs(log_probabilities(5)))
