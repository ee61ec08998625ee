"""`--start linear` against the frozen head: a fit begins where that ends."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import transformers
from helpers import mini_setup
from test_batches import tokens_of
from test_fit_predict import LABELS, ROWS, save, training

from al_ray.errors import AlRayError, ModelError
from al_ray.learners import linear as frozen
from al_ray.learners.encoder import predict
from al_ray.learners.encoder.fit import fit
from al_ray.learners.encoder.load import get_weights, load
from al_ray.learners.encoder.source import ModelSource
from al_ray.learners.encoder.weights import check_start
from al_ray.strategies import log_softmax
from al_ray.workers import FitJob, LocalWorkers

pytestmark = pytest.mark.usefixtures("one_thread")
KINDS = {
    "bert": transformers.BertModel,
    "electra": transformers.ElectraModel,
    "xlm-roberta": transformers.XLMRobertaModel,
    "distilbert": transformers.DistilBertModel,
}
EVERY = np.arange(24)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {name: save(tmp_path_factory.mktemp(name), kind) for name, kind in KINDS.items()}


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    draw = np.random.default_rng(0)
    texts = [draw.integers(6, 60, n).tolist() for n in draw.integers(3, 14, 24)]
    return tokens_of(tmp_path_factory.mktemp("tokens") / "tokens.arrow", texts, pad_id=5)


def frozen_head(vectors, rows, labels, n_labels, folder):
    """Log-probabilities of all vectors (rows, width) by the head that is fitted on some of them."""
    first = np.concatenate([vectors[rows], vectors])
    frozen.standardise(iter([first]), folder / "vectors.npy", len(first), len(rows))
    standard = np.load(folder / "vectors.npy")
    linear, *_ = frozen.fit(standard[: len(rows)], labels, n_labels)
    return log_softmax(frozen.logits(linear, standard[len(rows) :]))


def begun(folder, tokens, pooling, rows=ROWS, labels=LABELS, n_labels=3, **recipe):
    module = load(folder, n_labels, 0, pooling)
    frozen.start(module, tokens, rows, labels, training(**recipe))
    return module


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_mean_pooled_head_begins_where_the_frozen_head_ends(
    kind, precision, folders, tokens, tmp_path
):
    """On the rows it was fitted on, and on others."""
    recipe = training(precision=precision)
    module = begun(folders[kind], tokens, "mean", precision=precision)
    vectors = frozen.embed(folders[kind], tokens, EVERY, recipe, "cpu")
    expected = frozen_head(vectors, ROWS, LABELS, 3, tmp_path)
    found = log_softmax(predict.logits(module, tokens, EVERY, recipe))
    # The batches of `embed` are of other rows, which bfloat16 is not indifferent to.
    np.testing.assert_allclose(found, expected, atol=1e-5 if precision == "float32" else 1e-3)
    assert np.ptp(expected) > 1


def test_so_does_a_pretrained_pooler(folders, tokens, tmp_path):
    base = transformers.AutoModel.from_pretrained(folders["bert"]).eval()
    with torch.no_grad():
        texts = [torch.tensor(tokens[row].astype(np.int64))[None] for row in EVERY]
        vectors = torch.cat([base(text).pooler_output for text in texts]).numpy()
    expected = frozen_head(vectors, ROWS, LABELS, 3, tmp_path)
    module = begun(folders["bert"], tokens, "own")
    found = log_softmax(predict.logits(module, tokens, EVERY, training()))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_one_row_of_one_of_two_labels(folders, tokens, tmp_path):
    """Every feature is constant then, so that nothing is known but which label there was."""
    module = begun(
        folders["bert"], tokens, "mean", np.array([7]), np.array([1], np.int32), n_labels=2
    )
    assert not module.classifier.weight.detach().any()
    low, high = module.classifier.bias.detach().tolist()
    assert np.isfinite([low, high]).all()
    assert low < high


@pytest.mark.parametrize("pooling", ["own", "mean"])
def test_it_follows_from_the_rows_and_moves_the_layer_alone(pooling, folders, tokens):
    order = np.random.default_rng(1).permutation(len(ROWS))
    one = get_weights(begun(folders["bert"], tokens, pooling))
    two = get_weights(
        begun(folders["bert"], tokens, pooling, ROWS[order], LABELS[order], token_budget=9)
    )
    before = get_weights(load(folders["bert"], 3, 0, pooling))
    for name, value in one.items():
        np.testing.assert_array_equal(value, two[name])
        assert (value != before[name]).any() == name.startswith("classifier.")


def test_a_layer_without_a_bias_is_refused_in_one_line(folders, tokens):
    module = load(folders["bert"], 3, 0)
    module.classifier.bias = None
    with pytest.raises(AlRayError, match=r"--start linear: .*leave it out"):
        frozen.start(module, tokens, ROWS, LABELS, training())


# Members


@pytest.fixture(scope="module")
def setup(tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    return mini_setup(cache, pooling="mean", start="linear", updates=2)


def job(setup, rate=1e-3, **changes):
    rows = np.arange(3, 43, 2)
    labels = (rows % setup.n_labels).astype(np.int32)
    return replace(FitJob(0, rows, labels, rate, 0, 0, None), **changes)


def test_a_cold_fit_begins_there_and_a_warm_one_goes_on(setup):
    workers = LocalWorkers(setup, [0], "")
    (cold,) = workers.fit([job(setup)])
    (warm,) = workers.fit([job(setup, initial=cold.weights, step=1)])
    (again,) = workers.fit([job(setup)])
    module, given = load(setup.encoder, setup.n_labels, 0, "mean"), job(setup)
    tokens, recipe = workers._members[0]._tokens, setup.training
    frozen.start(module, tokens, given.rows, given.labels, recipe)
    for step, fitted in ((0, cold), (1, warm)):
        fit(module, tokens, given.rows, given.labels, recipe, 1e-3, 0, step)
        for name, value in get_weights(module).items():
            np.testing.assert_array_equal(value, fitted.weights[name], err_msg=name)
    for name, value in cold.weights.items():
        np.testing.assert_array_equal(value, again.weights[name])


def test_a_fit_that_hardly_moves_says_what_the_frozen_head_says(setup, tmp_path):
    """From end to end, through member and shard."""
    workers, given = LocalWorkers(setup, [0], ""), job(setup, rate=1e-9)
    (fitted,) = workers.fit([given])
    tokens = workers._members[0]._tokens
    rows = np.arange(140)
    vectors = frozen.embed(setup.encoder, tokens, rows, setup.training, "cpu")
    expected = frozen_head(vectors, given.rows, given.labels, setup.n_labels, tmp_path)
    found = workers.predict(rows, fitted.weights).log_probabilities
    np.testing.assert_allclose(found, expected, atol=1e-3)


# What cannot be good


def wanted(**changes):
    return training(**{"start": "linear", "pooling": "own", **changes})


@pytest.mark.parametrize("safe", [True, False], ids=["safetensors", "bin"])
def test_a_model_without_a_pretrained_pooler_is_refused(safe, tmp_path):
    def source(name, kind):
        folder = save(tmp_path / name, kind)
        if not safe:
            torch.save(kind.from_pretrained(folder).state_dict(), folder / "pytorch_model.bin")
            (folder / "model.safetensors").unlink()
        return ModelSource(name, folder, "")

    bert = source("bert", transformers.BertModel)
    check_start(bert, wanted())
    for kind in (
        transformers.BertForMaskedLM,
        transformers.RobertaModel,
        transformers.ElectraModel,
    ):
        other = source(kind.__name__, kind)
        with pytest.raises(ModelError, match=rf"--start linear: {other.name} .*--pooling mean"):
            check_start(other, wanted())
        check_start(other, wanted(pooling="mean"))
        check_start(other, wanted(start="random"))


def test_mini_has_none(setup):
    with pytest.raises(ModelError, match="--start linear: mini "):
        check_start(ModelSource("mini", setup.encoder, ""), wanted())
