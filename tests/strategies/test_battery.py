"""What holds for every strategy; one that is added to `STRATEGIES` is tested here by itself."""

from dataclasses import replace

import numpy as np
import pytest
from outputs import choose, outputs_of, relabel, take

from al_ray.randomness import row_hashes
from al_ray.strategies import (
    DISAGREEMENTS,
    STRATEGIES,
    Outputs,
    Sequential,
    build,
    log_softmax,
    select,
)

EVERY = list(STRATEGIES)
EVERY += [f"qbc:disagreement={name}" for name in DISAGREEMENTS if name != "vote-entropy"]
EVERY += ["bald:passes=3", "contrastive:neighbours=2"]
RANKING = [each for each in EVERY if build(each).ranks]
COMMITTEES = [each for each in EVERY if build(each).committee]
SEQUENTIAL = [each for each in EVERY if isinstance(build(each), Sequential)]
SIZES = [1, 2, 3, 17, 200]


def hashes_of(rows):
    return row_hashes(map(str, range(rows)))


@pytest.fixture(params=EVERY, ids="-".join)
def strategy(request):
    return build(request.param)


@pytest.fixture(params=RANKING, ids="-".join)
def ranking(request):
    return build(request.param)


@pytest.fixture(params=COMMITTEES, ids="-".join)
def committee(request):
    return build(request.param)


@pytest.fixture(params=SEQUENTIAL, ids="-".join)
def sequential(request):
    return build(request.param)


class TestEveryStrategy:
    def test_declares_itself(self, strategy):
        assert strategy.name in STRATEGIES
        assert strategy.family in ("data-based", "model-based", "prediction-based")
        assert strategy.passes >= 2 if "dropout" in strategy.needs else strategy.passes == 0
        assert {"probabilities", "units"} & strategy.needs or not strategy.needs

    @pytest.mark.parametrize("rows", SIZES)
    def test_one_finite_score_a_row(self, ranking, rows):
        scores = ranking.score(outputs_of(rows))
        assert scores.shape == (rows,)
        assert scores.dtype == np.float64
        assert np.isfinite(scores).all()

    def test_reads_nothing_that_it_does_not_declare(self, ranking):
        """Its score is the same where all else is missing."""
        outputs = outputs_of(50)
        names = {
            "vectors": "vectors",
            "word_gradients": "word-gradients",
            "predicted_loss": "predicted-loss",
            "dropout": "dropout",
            "labelled": "labelled",
        }
        absent = {name: None for name, need in names.items() if need not in ranking.needs}
        logs = outputs.log_probabilities if ranking.committee else outputs.log_probabilities[:1]
        bare = replace(outputs, log_probabilities=logs, **absent)
        np.testing.assert_array_equal(ranking.score(bare), ranking.score(outputs))

    @pytest.mark.parametrize("rows", SIZES)
    @pytest.mark.parametrize("n", [1, 2, 16, 200])
    def test_exact_batch_without_repeats(self, strategy, rows, n):
        """Down to a pool of one and the last rows of a pool."""
        outputs, hashes = outputs_of(rows), hashes_of(rows)
        chosen = choose(strategy, outputs, hashes, n)
        assert len(chosen) == len(set(chosen.tolist())) == min(n, rows)
        assert set(chosen.tolist()) <= set(range(rows))
        np.testing.assert_array_equal(choose(strategy, outputs, hashes, n + 1)[:n], chosen)

    def test_an_empty_chunk(self, ranking):
        assert ranking.score(take(outputs_of(1), slice(0, 0))).shape == (0,)

    def test_the_whole_pool_step_by_step(self, strategy):
        """Batches of 16 over what is left label each of 50 rows once, and none again."""
        outputs, hashes = outputs_of(50), hashes_of(50)
        left, taken = np.arange(50), []
        for step in range(4):
            chosen = choose(strategy, take(outputs, left), hashes[left], 16, step=step)
            taken += left[chosen].tolist()
            left = np.delete(left, chosen)
        assert len(left) == 0
        assert sorted(taken) == list(range(50))

    def test_reproducible_and_leaves_its_inputs_alone(self, strategy):
        outputs, hashes = outputs_of(100), hashes_of(100)
        for name in ("log_probabilities", "vectors", "word_gradients", "predicted_loss", "dropout"):
            getattr(outputs, name).flags.writeable = False
        state = np.random.get_state()[1].copy()  # noqa: NPY002
        first, second = (choose(strategy, outputs, hashes, 30) for _ in range(2))
        np.testing.assert_array_equal(first, second)
        np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002

    def test_another_seed_chooses_otherwise_only_where_something_is_drawn(self, strategy):
        outputs, hashes = outputs_of(100), hashes_of(100)
        first, other = (choose(strategy, outputs, hashes, 30, seed=seed) for seed in (0, 1))
        drawn = strategy.name in ("random", "badge")
        ties = strategy.name == "qbc" and strategy.disagreement == "vote-entropy"
        assert np.array_equal(first, other) != (drawn or ties)

    @pytest.mark.parametrize("labels", [2, 3, 8, 20])
    @pytest.mark.parametrize("members", [1, 3, 11])
    def test_chunks_change_no_bit_of_a_score(self, ranking, labels, members):
        """Scores of two chunks, and of rows one at a time."""
        outputs = outputs_of(103, members, labels, seed=1)
        whole = ranking.score(outputs)
        for cuts in ([57], [1, 2, 5, 13, 100], range(1, 103)):
            parts = np.split(np.arange(103), list(cuts))
            scores = [ranking.score(take(outputs, part)) for part in parts]
            np.testing.assert_array_equal(np.concatenate(scores), whole)

    @pytest.mark.parametrize("holders", [1, 2, 3])
    @pytest.mark.parametrize("cuts", [(), (57,), (10, 20, 30, 80, 103)])
    def test_shards_change_no_pick(self, strategy, holders, cuts):
        outputs, hashes = outputs_of(120), hashes_of(120)
        expected = choose(strategy, outputs, hashes, 60)
        shared = choose(strategy, outputs, hashes, 60, cuts=cuts, holders=holders)
        np.testing.assert_array_equal(shared, expected)

    def test_memory_layout_changes_no_bit(self, ranking):
        outputs = outputs_of(103, members=11, labels=20)
        expected = ranking.score(outputs)
        for arrange in (np.asfortranarray, lambda x: np.repeat(x, 2, 0)[::2]):
            names = ("log_probabilities", "vectors", "word_gradients", "predicted_loss", "dropout")
            other = {name: arrange(getattr(outputs, name)) for name in names}
            np.testing.assert_array_equal(ranking.score(replace(outputs, **other)), expected)

    @pytest.mark.parametrize("labels", [2, 3, 7, 20])
    def test_the_order_of_labels_changes_no_bit(self, ranking, labels):
        """No two labels are equally likely here: a tied vote goes to the lowest index."""
        outputs = outputs_of(100, 3, labels, seed=2)
        expected = ranking.score(outputs)
        rng = np.random.default_rng(2)
        for _ in range(5):
            other = relabel(outputs, rng.permutation(labels))
            np.testing.assert_array_equal(ranking.score(other), expected)

    def test_the_order_of_the_pool_changes_no_pick(self, strategy):
        outputs, hashes = outputs_of(200), hashes_of(200)
        shuffled = np.random.default_rng(3).permutation(200)
        chosen = choose(strategy, outputs, hashes, 30)
        again = choose(strategy, take(outputs, shuffled), hashes[shuffled], 30)
        np.testing.assert_array_equal(shuffled[again], chosen)

    def test_the_order_of_the_labelled_rows_changes_no_pick(self, strategy):
        outputs, hashes = outputs_of(200), hashes_of(200)
        order = np.random.default_rng(4).permutation(20)
        other = replace(outputs, labelled=take(outputs.labelled, order))
        expected = choose(strategy, outputs, hashes, 30)
        np.testing.assert_array_equal(choose(strategy, other, hashes, 30), expected)

    def test_equal_rows_are_all_taken_once(self, strategy):
        """A pool of one text, many times: the tie rule decides, and nothing is taken twice."""
        outputs, hashes = take(outputs_of(1), np.zeros(9, int)), hashes_of(9)
        chosen = choose(strategy, outputs, hashes, 9, cuts=(4,), holders=2)
        assert sorted(chosen.tolist()) == list(range(9))
        assert choose(strategy, outputs, hashes, 9, seed=1).tolist() != chosen.tolist()

    def test_outputs_that_are_absent_are_named(self, ranking):
        outputs = Outputs(outputs_of(5).log_probabilities)
        optional = ranking.needs - {
            "probabilities",
            "units",
            "sequence",
            "labels",
            "committee",
            "labelled",
        }
        if not optional and "labelled" not in ranking.needs:
            assert ranking.score(outputs).shape == (5,)
            return
        with pytest.raises(Exception, match="needs"):
            ranking.score(outputs)

    def test_the_order_of_members_changes_no_bit_of_a_committee(self, committee):
        outputs = outputs_of(100, members=5)
        other = replace(outputs, log_probabilities=outputs.log_probabilities[[3, 0, 4, 2, 1]])
        np.testing.assert_array_equal(committee.score(other), committee.score(outputs))

    def test_a_holder_that_is_told_again_offers_the_same(self, sequential):
        """What a shard that began anew is told: its chunks, then all that was chosen before."""
        from al_ray.strategies import Holder

        outputs, hashes = outputs_of(60), hashes_of(60)
        holder, chosen = Holder(sequential, 0, 1), []
        holder.add(np.arange(60), hashes, outputs)
        best = holder.best()
        for _ in range(20):
            chosen.append(best)
            best = holder.take(best)
        again = Holder(sequential, 0, 1)
        again.add(np.arange(60), hashes, outputs)
        for earlier in chosen:
            offer = again.take(earlier)
        assert (offer.row, offer.value, offer.key) == (best.row, best.value, best.key)


def test_random_says_that_it_has_no_scores():
    with pytest.raises(TypeError, match="ranks nothing"):
        build("random").score(outputs_of(5))


def test_logits_in_chunks_change_no_bit():
    logits = np.random.default_rng(1).normal(scale=3, size=(3, 103, 7)).astype(np.float32)
    whole = log_softmax(logits)
    parts = [log_softmax(part) for part in np.split(logits, range(1, 103), axis=1)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)


def test_select_and_pick_agree_on_scores_that_do_not_change():
    """Choosing one by one from a field that stays as it is, is sorting it."""

    class Fixed(Sequential):
        name, family = "fixed", "data-based"

        def begin(self, outputs, draw):
            class Field:
                def values(self):
                    return outputs.predicted_loss.round()  # many ties

                def centre(self, row):
                    return None

                def take(self, centre):
                    pass

            return Field()

    outputs, hashes = outputs_of(100), hashes_of(100)
    picked = choose(Fixed(), outputs, hashes, 40, cuts=(30, 60), holders=2)
    selected = select(outputs.predicted_loss.round(), hashes, 40, 0, 1).rows
    np.testing.assert_array_equal(picked, selected)
