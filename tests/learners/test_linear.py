"""The frozen head: its optimum, its vectors, and labels that are not there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers import mini_setup

from al_ray.corpus.tokens.prepared import Tokens
from al_ray.learners import linear as frozen
from al_ray.workers import FitJob, LocalWorkers, Question

RNG = np.random.default_rng(0)


def test_the_fit_is_where_the_gradient_vanishes():
    """C sum w loss + |W|² / 2 of scikit-learn, differentiated by hand; the intercepts are free."""
    x = RNG.normal(size=(40, 5)).astype(np.float32)
    y = np.repeat([0, 1, 2, 3], 10).astype(np.int32)
    linear, iterations, loss = frozen.fit(x, y, 4)
    features = np.concatenate([x, np.zeros((4, 5))])
    targets = np.eye(4)[np.concatenate([y, np.arange(4)])]
    weights = np.concatenate([np.ones(40), np.full(4, frozen.PSEUDO)])[:, None]
    scores = features @ linear["coefficients"].T + linear["intercepts"]
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    residual = weights * (p - targets)
    gradient = frozen.PENALTY * residual.T @ features + linear["coefficients"]
    assert np.abs(gradient).max() < 2e-3
    assert np.abs(frozen.PENALTY * residual.sum(axis=0)).max() < 2e-3
    assert loss == pytest.approx(-np.log(p[np.arange(40), y]).mean(), rel=1e-5)
    assert iterations >= 1


def test_two_labels_are_told_apart_as_with_one_score():
    """Two rows of logits that differ by scikit-learn's one."""
    from sklearn.linear_model import LogisticRegression

    x = RNG.normal(size=(60, 4)).astype(np.float32)
    y = (x[:, 0] + RNG.normal(size=60) > 0).astype(np.int32)
    linear, _, _ = frozen.fit(x, y, 2)
    logits = frozen.logits(linear, x)
    theirs = LogisticRegression(C=frozen.PENALTY).fit(x, y).decision_function(x)
    np.testing.assert_allclose(logits[:, 1] - logits[:, 0], theirs, atol=2e-2)


def test_a_label_that_nobody_has_yet_is_unlikely_and_not_impossible():
    x = RNG.normal(size=(30, 3)).astype(np.float32)
    linear, _, _ = frozen.fit(x, (np.arange(30) % 2).astype(np.int32), 5)
    logits = frozen.logits(linear, x).astype(np.float64)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert linear["coefficients"].shape == (5, 3)
    assert ((p[:, 2:] > 0) & (p[:, 2:] < 0.01)).all()


def test_features_are_standardised_over_the_pool_alone(tmp_path):
    x = RNG.normal(3, 5, size=(50, 4)).astype(np.float32)
    x[:, 2] = 7.0
    frozen.standardise(iter([x[:20], x[20:]]), tmp_path / "v.npy", 50, 30)
    made = np.load(tmp_path / "v.npy")
    assert made.shape == (50, 4)
    kept = [0, 1, 3]
    np.testing.assert_allclose(made[:30, kept].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(made[:30, kept].std(axis=0), 1, atol=1e-5)
    assert (made[:, 2] == 0).all()
    rest = x[:, kept]
    expected = (rest - rest[:30].mean(axis=0)) / rest[:30].std(axis=0)
    np.testing.assert_allclose(made[30:, kept], expected[30:], atol=1e-4)


@pytest.fixture(scope="module")
def setup(tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    made = mini_setup(cache)
    vectors = frozen.embed(made.encoder, Tokens(made.tokens), np.arange(140), made.training, "cpu")
    frozen.standardise(iter([vectors]), cache / "vectors.npy", 140, 110)
    return replace(made, vectors=cache / "vectors.npy"), vectors


def test_vectors_are_means_over_each_text_alone(setup):
    import torch

    from al_ray.learners.encoder.load import load

    made, vectors = setup
    base = load(made.encoder, 2, 0).base_model.eval()
    tokens = Tokens(made.tokens)
    for row in (0, 37, 139):
        ids = torch.from_numpy(tokens[row].astype(np.int64))[None]
        with torch.no_grad():
            alone = base(input_ids=ids).last_hidden_state.mean(dim=1)[0].numpy()
        np.testing.assert_allclose(vectors[row], alone, atol=1e-5)


@pytest.mark.parametrize("strategy", ["margin", "core-set", "contrastive"])
def test_a_step_of_a_frozen_head(setup, strategy):
    """As the loop asks: fit, predict, score or hold; equal again and in another order of rows."""
    made, _ = setup
    workers = LocalWorkers(made, [0], strategy, "frozen")
    rows = np.arange(0, 40, 2)
    labels = (rows % made.n_labels).astype(np.int32)
    (one,) = workers.fit([FitJob(0, rows, labels, 1e-3, 0, 0, None)])
    (two,) = workers.fit([FitJob(0, rows[::-1], labels[::-1], 1e-3, 5, 3, None)])
    for name, value in one.weights.items():
        np.testing.assert_array_equal(value, two.weights[name])
    pool = np.setdiff1d(np.arange(110), rows)
    labelled = workers.observe(rows, one.weights, frozenset({"vectors"}))
    query = Question([one.weights], 0, 0, 0, labelled)
    hashes = np.arange(len(pool), dtype=np.uint64)
    scores = (
        workers.hold(pool, hashes, query) if strategy == "core-set" else workers.score(pool, query)
    )
    assert scores.scores.shape == pool.shape
    predicted = workers.predict(pool, one.weights).log_probabilities
    np.testing.assert_array_equal(scores.predictions[0], predicted.argmax(axis=1))
