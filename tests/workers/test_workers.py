"""Members and shards in process, on `mini` over some generated text."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import mini_setup
from hypothesis import given
from hypothesis import strategies as st

from al_ray.corpus.tokens.mapped import Tokens
from al_ray.errors import NotNumbers
from al_ray.randomness import row_hashes
from al_ray.strategies import Outputs, Strategy, build, log_softmax
from al_ray.workers import FitJob, LocalWorkers, Question, Scores, Shard, chunks, join

CHUNK = 32
RATES = (4e-3, 2e-3, 1e-3)


@pytest.fixture(scope="module")
def setup(tmp_path_factory):
    import torch

    before = torch.get_num_threads()
    yield mini_setup(tmp_path_factory.mktemp("cache"), updates=3)
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def workers(setup):
    return LocalWorkers(setup, [0] * 3, "qbc:disagreement=mean-kl")


@pytest.fixture(scope="module")
def jobs(setup):
    rows = np.arange(3, 33, 2)
    labels = (rows % setup.n_labels).astype(np.int32)
    return [FitJob(i, rows, labels, rate, 0, 1, None) for i, rate in enumerate(RATES)]


@pytest.fixture(scope="module")
def weights(workers, jobs):
    return [fitted.weights for fitted in workers.fit(jobs)]


def assert_same(left, right):
    for name in ("scores", "predictions", "confidence"):
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name), err_msg=name)
        assert getattr(left, name).dtype == getattr(right, name).dtype


# The grid


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], []),
        ([5], [[5]]),
        ([0, 1, 2, 3], [[0, 1, 2, 3]]),
        ([3, 4], [[3], [4]]),  # both sides of a line
        ([0, 3, 4, 7, 8], [[0, 3], [4, 7], [8]]),
        ([1, 9, 11, 30], [[1], [9, 11], [30]]),  # cells without rows
        ([6, 7], [[6, 7]]),
    ],
)
def test_chunks_by_hand(rows, expected):
    assert [part.tolist() for part in chunks(np.array(rows, np.int64), 4)] == expected


@given(st.sets(st.integers(0, 300)), st.integers(1, 70))
def test_a_chunk_is_the_rows_of_one_cell(rows, size):
    rows = np.array(sorted(rows), np.int64)
    parts = list(chunks(rows, size))
    cells = [set((part // size).tolist()) for part in parts]
    assert all(len(cell) == 1 for cell in cells)
    assert len(set.union(set(), *cells)) == len(parts)  # and all of them
    assert np.concatenate([rows[:0], *parts]).tolist() == rows.tolist()


def test_join():
    parts = [
        Scores(np.array([1.0, 2]), np.array([[0, 1], [2, 0]], np.int32), np.array([0.5, 0.6])),
        Scores(np.array([3.0]), np.array([[2], [1]], np.int32), np.array([0.7])),
    ]
    whole = join(parts)
    assert whole.scores.tolist() == [1, 2, 3]
    assert whole.predictions.tolist() == [[0, 1, 2], [2, 0, 1]]
    assert whole.confidence.tolist() == [0.5, 0.6, 0.7]
    assert whole.predictions.dtype == np.int32
    assert_same(join(parts[:1]), parts[0])


# Scores


def test_a_rows_score_does_not_depend_on_the_other_chunks(workers, weights):
    """Bit by bit, though the rows of a chunk are batched together."""
    pool = np.setdiff1d(np.arange(110), [0, 31, 32, 40, 95])
    whole = workers.score(pool, Question(weights, 1, 0, 1))
    for part in ([0], [2, 3], [1, 3], [3]):
        kept = np.isin(pool // CHUNK, part)
        some = workers.score(pool[kept], Question(weights, 1, 0, 1))
        expected = Scores(whole.scores[kept], whole.predictions[:, kept], whole.confidence[kept])
        assert_same(some, expected)
    assert_same(workers.score(pool, Question(weights, 1, 0, 1)), whole)


class Everything(Strategy):
    """Asks for all that a shard can give, and keeps it."""

    name, family, passes = "everything", "model-based", 2
    needs = frozenset({"committee", "vectors", "dropout", "labelled"})

    def score(self, outputs):
        self.seen = outputs
        return outputs.log_probabilities[0, :, 0]


def test_a_committee_s_strategy_is_given_what_else_it_needs(setup, weights):
    """What is not the members' own is of the one that is evaluated."""
    shard, strategy = Shard(setup, 0, "qbc:disagreement=mean-kl"), Everything()
    shard._strategy = strategy
    rows = np.arange(3, 20)
    labelled = shard.observe(np.arange(40, 45), weights[1], frozenset({"vectors"}))
    shard.score(rows, Question(weights, 1, 0, 1, labelled))
    for member, each in enumerate(weights):
        alone = shard.observe(rows, each, frozenset({"vectors"}))
        np.testing.assert_array_equal(
            strategy.seen.log_probabilities[member], alone.log_probabilities[0]
        )
        assert np.array_equal(strategy.seen.get("vectors"), alone.vectors) == (member == 1)
    single = Shard(setup, 0, "bald")
    single.score(rows, Question(weights[1:2], 0, 0, 1))
    outputs = single._outputs(rows, Question(weights[1:2], 0, 0, 1))
    np.testing.assert_array_equal(strategy.seen.get("dropout"), outputs.get("dropout")[:2])
    assert strategy.seen.get("labelled") is labelled


def test_predict_does_not_depend_on_the_other_chunks(workers, weights):
    rows = np.arange(110, 140)  # the test; it begins within a cell
    whole = workers.predict(rows, weights[0]).log_probabilities
    assert whole.shape == (30, 7)
    assert whole.dtype == np.float64
    np.testing.assert_allclose(np.exp(whole).sum(axis=1), 1, atol=1e-12)
    later = rows[rows // CHUNK == 4]
    again = workers.predict(later, weights[0]).log_probabilities
    np.testing.assert_array_equal(again, whole[-len(later) :])


@pytest.mark.parametrize("disagreement", ["vote-entropy", "mean-kl", "consensus"])
@pytest.mark.parametrize("evaluated", [0, 1, 2])
def test_scores_are_the_strategys_on_what_is_predicted(setup, weights, disagreement, evaluated):
    shard = Shard(setup, 5, f"qbc:disagreement={disagreement}")
    rows = np.arange(4, 30)
    found = shard.score(rows, Question(weights, evaluated, 0, 1))
    predicted = [shard.predict(rows, member).log_probabilities for member in weights]
    expected = build(f"qbc:disagreement={disagreement}").score(Outputs(np.stack(predicted)))
    np.testing.assert_array_equal(found.scores, expected)
    assert found.predictions.shape == (3, 26)
    assert found.predictions.dtype == np.int32
    for member in range(3):  # in the members' order
        np.testing.assert_array_equal(found.predictions[member], predicted[member].argmax(axis=1))
    np.testing.assert_array_equal(found.confidence, np.exp(predicted[evaluated].max(axis=1)))


def test_one_member(setup, weights):
    shard = Shard(setup, 0, "margin")
    rows = np.arange(64, 96)
    p = np.sort(np.exp(shard.predict(rows, weights[0]).log_probabilities), axis=1)
    found = shard.score(rows, Question(weights[:1], 0, 0, 1))
    np.testing.assert_allclose(found.scores, p[:, -2] - p[:, -1], atol=1e-12)


def test_predictions_are_the_modules_own(setup, weights):
    import torch

    from al_ray.corpus.tokens.prepared import Tokens
    from al_ray.learners.encoder.load import load, set_weights

    tokens, module = Tokens(setup.tokens), load(setup.encoder, setup.n_labels, 9).eval()
    set_weights(module, weights[2])
    rows = [3, 70, 12]
    found = Shard(setup, 0, "").predict(np.array(rows), weights[2])
    for row, answer in zip(rows, found.log_probabilities, strict=True):
        ids = torch.from_numpy(tokens[row].astype(np.int64))[None]
        with torch.no_grad():
            logits = module(input_ids=ids).logits.numpy()
        np.testing.assert_allclose(answer, log_softmax(logits)[0], atol=1e-5)


def test_a_shard_keeps_nothing_between_calls(setup, weights):
    one = Shard(setup, 0, "qbc:disagreement=mean-kl")
    rows = np.arange(10, 30)
    first = one.score(rows, Question(weights, 0, 0, 1))
    one.predict(np.arange(5), weights[2])
    one.score(np.arange(40, 60), Question(weights[::-1], 2, 0, 1))
    assert_same(one.score(rows, Question(weights, 0, 0, 1)), first)
    assert_same(
        Shard(setup, 8, "qbc:disagreement=mean-kl").score(rows, Question(weights, 0, 0, 1)), first
    )


@pytest.mark.parametrize("strategy", ["margin", "core-set", "expected-gradient-length-word"])
def test_outputs_that_are_not_numbers_are_named_by_their_rows(setup, weights, strategy):
    """One word's embedding is broken: the rows of this chunk that have it, and no others."""
    shard, tokens = Shard(setup, 0, strategy), Tokens(setup.tokens)
    rows = np.arange(70, 95)
    words = [word for word in tokens[int(rows[7])].tolist() if word not in tokens.special_ids]
    broken = {name: value.copy() for name, value in weights[0].items()}
    broken["bert.embeddings.word_embeddings.weight"][words[0]] = np.nan
    expected = [row for row in rows.tolist() if words[0] in tokens[row]]
    assert 77 in expected
    assert len(expected) < 25
    calls = [lambda: shard.predict(rows, broken), lambda: shard.observe(rows, broken, frozenset())]
    question = Question([broken], 0, 0, 1)
    if strategy == "core-set":
        hashes = row_hashes(map(str, rows))
        calls.append(lambda: shard.hold("here", [(rows, hashes)], question))
    else:
        calls.append(lambda: shard.score(rows, question))
    for call in calls:
        with pytest.raises(NotNumbers, match=f"{len(expected)} of 25 rows have") as caught:
            call()
        assert caught.value.rows == expected


# Fits


def test_a_member_keeps_nothing_between_fits(setup, workers, jobs, weights):
    again = workers.fit(jobs)
    other = LocalWorkers(setup, [0] * 3, "qbc:disagreement=mean-kl")
    alone = [other.fit([job])[0] for job in jobs[::-1]][::-1]
    for one, two, three in zip(weights, again, alone, strict=True):
        for name in one:
            np.testing.assert_array_equal(one[name], two.weights[name])
            np.testing.assert_array_equal(one[name], three.weights[name])
    assert [fitted.updates for fitted in again] == [3, 3, 3]


def test_members_differ_by_their_rate_alone(setup, workers, jobs, weights):
    """So the evaluated member of a committee equals the single model of the other arms."""
    single = LocalWorkers(setup, [0], "margin")
    job = FitJob(0, jobs[1].rows, jobs[1].labels, RATES[1], 0, 1, None)
    (fitted,) = single.fit([job])
    for name in fitted.weights:
        np.testing.assert_array_equal(fitted.weights[name], weights[1][name])
    assert not np.array_equal(weights[0]["classifier.weight"], weights[1]["classifier.weight"])


def test_a_fit_from_given_weights(setup, workers, jobs, weights):
    warm = FitJob(1, jobs[1].rows, jobs[1].labels, 1e-30, 0, 2, weights[0])
    (fitted,) = workers.fit([warm])
    for name, value in weights[0].items():
        np.testing.assert_array_equal(fitted.weights[name], value)


def test_weights_pass_as_they_are(workers, weights):
    assert workers.get(workers.put(weights[0])) is weights[0]
    assert workers.device == "cpu"
