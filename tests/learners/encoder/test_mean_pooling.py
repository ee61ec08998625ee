"""`--pooling mean` against Transformers' plain encoder, one text at a time, and NumPy's mean."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers
from helpers import mini_setup
from test_batches import tokens_of
from test_fit_predict import LABELS, ROWS, save, training

from al_ray.corpus.embedded.news import generate
from al_ray.learners import linear
from al_ray.learners.encoder import fit as fit_module
from al_ray.learners.encoder import mini, predict
from al_ray.learners.encoder.fit import fit
from al_ray.learners.encoder.head import MeanPooled, classifier
from al_ray.learners.encoder.load import get_weights, load, set_weights
from al_ray.learners.encoder.loss_prediction import attach
from al_ray.learners.encoder.packed import can_pack
from al_ray.workers import FitJob, LocalWorkers, Question

pytestmark = pytest.mark.usefixtures("one_thread")
PACKS = {
    "bert": transformers.BertModel,
    "electra": transformers.ElectraModel,
    "roberta": transformers.RobertaModel,
    "xlm-roberta": transformers.XLMRobertaModel,
}
KINDS = {**PACKS, "distilbert": transformers.DistilBertModel, "albert": transformers.AlbertModel}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """An encoder of each kind; `mini` has no weights, so there it is what is drawn."""
    made = {name: save(tmp_path_factory.mktemp(name), kind) for name, kind in KINDS.items()}
    return made | {"mini": mini.build(generate(train=60, test=10), tmp_path_factory.mktemp("mini"))}


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    draw = np.random.default_rng(0)
    texts = [draw.integers(6, 60, n).tolist() for n in draw.integers(3, 14, 24)]
    made = tokens_of(tmp_path_factory.mktemp("tokens") / "tokens.arrow", texts, pad_id=5)
    made.special_ids = frozenset({5, 6, 7})
    return made


def loaded(folder):
    """With a last layer whose answers differ between texts, as after a fit."""
    module = load(folder, 3, 0, "mean")
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(1)
        for parameter in module.classifier.parameters():
            parameter.normal_()
    return module


def plain(folder, module):
    """The encoder as Transformers loads it; of `mini`, with the weights that were drawn."""
    if any(folder.glob("*.safetensors")):
        return transformers.AutoModel.from_pretrained(folder).eval()
    base = transformers.AutoModel.from_config(transformers.AutoConfig.from_pretrained(folder))
    base.load_state_dict(module.base_model.state_dict(), strict=False)
    return base.eval()


def means(base, tokens, rows):
    """One text at a time, so that nothing is padded."""
    with torch.no_grad():
        said = [base(torch.tensor(tokens[row].astype(np.int64))[None]) for row in rows]
    return np.stack([one.last_hidden_state[0].numpy().mean(axis=0) for one in said])


def last(module):
    return module.classifier.weight.detach().numpy(), module.classifier.bias.detach().numpy()


def without_dropout(module):
    for part in module.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
        if hasattr(part, "dropout_prob"):  # of attention, beside its module
            part.dropout_prob = 0.0


@pytest.fixture
def padded(monkeypatch):
    for where in ("fit", "predict"):
        monkeypatch.setattr(f"al_ray.learners.encoder.{where}.can_pack", lambda _: False)


@pytest.mark.parametrize("kind", [*KINDS, "mini"])
@pytest.mark.parametrize("way", ["as it is", "padded"])
def test_the_layer_is_fed_the_mean_of_each_text_alone(kind, way, folders, tokens, request):
    if way == "padded":
        request.getfixturevalue("padded")
    module = loaded(folders[kind])
    assert can_pack(module) == (kind in {*PACKS, "mini"})
    raw = predict.observe(module, tokens, ROWS, training(), {"vectors"})
    expected = means(plain(folders[kind], module), tokens, ROWS)
    np.testing.assert_allclose(raw.vectors, expected, atol=1e-5)
    weight, bias = last(module)
    np.testing.assert_allclose(raw.logits, expected @ weight.T + bias, atol=1e-4)
    np.testing.assert_array_equal(raw.logits, predict.logits(module, tokens, ROWS, training()))


@pytest.mark.parametrize("kind", ["bert", "distilbert"])
def test_the_vectors_are_bit_by_bit_the_frozen_heads(kind, folders, tokens):
    module = loaded(folders[kind])
    raw = predict.observe(module, tokens, ROWS, training(), {"vectors"})
    embedded = linear.embed(folders[kind], tokens, ROWS, training(), "cpu")
    np.testing.assert_array_equal(raw.vectors, embedded)


@pytest.mark.parametrize(
    ("kind", "changes", "rate"),
    [
        ("bert", {}, 0.1),
        ("bert", {"hidden_dropout_prob": 0.3}, 0.3),
        ("bert", {"hidden_dropout_prob": 0.3, "classifier_dropout": 0.0}, 0.0),
        ("roberta", {"classifier_dropout": 0.25}, 0.25),
        ("electra", {"classifier_dropout": 0.25}, 0.25),
        ("distilbert", {}, 0.2),
        ("albert", {"classifier_dropout_prob": 0.4}, 0.4),
    ],
)
def test_dropout_is_the_configurations(kind, changes, rate, folders):
    config = transformers.AutoConfig.from_pretrained(folders[kind])
    config.update(changes)
    own = transformers.AutoModelForSequenceClassification.from_config(config)
    assert MeanPooled(own).dropout.p == rate


@pytest.mark.parametrize("kind", ["bert", "distilbert"])
def test_a_pass_with_dropout_drops_parts_of_the_mean(kind, folders, tokens):
    """The body's own is taken away, so that a pass is torch's dropout of what is known."""
    module = loaded(folders[kind])
    without_dropout(module.base_model)
    recipe, order = training(token_budget=10_000), np.argsort(-tokens.lengths[ROWS], kind="stable")
    found = predict.dropout_logits(module, tokens, ROWS, recipe, [3, 4, 3])
    np.testing.assert_array_equal(found[0], found[2])
    known = torch.from_numpy(means(plain(folders[kind], module), tokens, ROWS)[order])
    weight, bias = last(module)
    for seed, one in zip([3, 4], found, strict=False):
        torch.manual_seed(seed)
        dropped = torch.nn.functional.dropout(known, module.dropout.p).numpy()
        np.testing.assert_allclose(one[order], dropped @ weight.T + bias, atol=1e-4)


@pytest.mark.parametrize("kind", ["xlm-roberta", "distilbert"])
def test_word_gradients_are_rows_of_the_embedding_matrix(kind, folders, tokens):
    module = loaded(folders[kind])
    found = predict.word_gradients(module, tokens, ROWS[:6], training())
    base = plain(folders[kind], module)
    matrix = base.get_input_embeddings().weight
    for row, norms in zip(ROWS[:6], found, strict=True):
        ids, truth = tokens[row].astype(np.int64), []
        for label in range(3):
            base.zero_grad()
            pooled = base(torch.tensor(ids)[None]).last_hidden_state.mean(dim=1)
            logits = pooled @ module.classifier.weight.detach().T + module.classifier.bias.detach()
            torch.nn.functional.cross_entropy(logits, torch.tensor([label])).backward()
            words = sorted(set(ids.tolist()) - tokens.special_ids)
            truth.append([float(matrix.grad[word].norm()) for word in words])
        theirs = sorted(zip(*truth, strict=True))
        ours = sorted(map(tuple, norms.T[: len(words)].tolist()))
        np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=1e-6)
        assert not norms[:, len(words) :].any()


@pytest.mark.parametrize("kind", PACKS)
def test_a_fit_without_dropout_is_the_padded_one(kind, folders, tokens, monkeypatch):
    ends = []
    for way in (lambda _: False, can_pack):
        module = loaded(folders[kind])
        without_dropout(module)
        monkeypatch.setattr(fit_module, "can_pack", way)
        fit(module, tokens, ROWS, LABELS, training(updates=4), 1e-3, 0, 0)
        ends.append(get_weights(module))
    for name, value in ends[0].items():
        np.testing.assert_allclose(ends[1][name], value, atol=5e-4, err_msg=name)
    moved = np.abs(
        ends[0]["classifier.weight"] - get_weights(loaded(folders[kind]))["classifier.weight"]
    )
    assert np.median(moved) > 1e-4


@pytest.mark.parametrize("kind", ["bert", "distilbert"])
def test_bfloat16_is_of_the_body_alone(kind, folders, tokens):
    """The last layer's product is float32's to the last bits, as its input is no bfloat16."""
    module, recipe = loaded(folders[kind]), training(precision="bfloat16")
    raw = predict.observe(module, tokens, ROWS, recipe, {"vectors"})
    weight, bias = last(module)
    np.testing.assert_allclose(raw.logits, raw.vectors @ weight.T + bias, atol=1e-5)
    whole = predict.observe(module, tokens, ROWS, training(), {"vectors"})
    assert 1e-5 < np.abs(raw.vectors - whole.vectors).max() < 0.05


@pytest.mark.parametrize("kind", ["bert", "distilbert"])
def test_a_loss_prediction_module_goes_with_it(kind, folders, tokens):
    module = loaded(folders[kind])
    before = predict.logits(module, tokens, ROWS, training())
    attach(module, 0)
    raw = predict.observe(module, tokens, ROWS, training(), {"predicted-loss", "vectors"})
    np.testing.assert_allclose(raw.logits, before, atol=1e-5)
    assert raw.predicted_loss.shape == ROWS.shape
    start = get_weights(module)
    fit(module, tokens, ROWS, LABELS, training(updates=3), 1e-3, 0, 0)
    moved = {name for name, value in get_weights(module).items() if (value != start[name]).any()}
    assert {"classifier.weight", "loss_prediction.last.weight"} <= moved


def test_the_layer_is_not_taken_for_one_of_the_loss_prediction_module(folders):
    """Which has layers of 128 outputs, too."""
    for pooling in ("own", "mean"):
        module = load(folders["bert"], 128, 0, pooling)
        attach(module, 0)
        assert classifier(module) is module.classifier


def test_the_layer_follows_from_the_seed_and_no_pooler_is_left(folders):
    own, one, same, other = (
        get_weights(load(folders["bert"], 3, seed, pooling))
        for seed, pooling in ((0, "own"), (0, "mean"), (0, "mean"), (1, "mean"))
    )
    assert one.keys() == same.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(value, same[name])
    np.testing.assert_array_equal(one["classifier.weight"], own["classifier.weight"])
    assert (one["classifier.weight"] != other["classifier.weight"]).any()
    assert any("pooler" in name for name in own)
    assert not any("pooler" in name for name in one)
    module = load(folders["bert"], 3, 1, "mean")
    set_weights(module, one)
    for name, value in get_weights(module).items():
        np.testing.assert_array_equal(value, one[name])


STRATEGIES = ("bald", "expected-gradient-length-word", "learning-loss", "contrastive")


@pytest.fixture(scope="module")
def setup(tmp_path_factory):
    return mini_setup(tmp_path_factory.mktemp("cache"), pooling="mean", updates=3)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_rows_score_does_not_depend_on_who_has_the_other_chunks(setup, strategy):
    """Bit by bit, with one shard, two or four."""
    workers = LocalWorkers(setup, [0], strategy)
    rows = np.arange(3, 33, 2)
    labels = (rows % setup.n_labels).astype(np.int32)
    (fitted,) = workers.fit([FitJob(0, rows, labels, 1e-3, 0, 1, None)])
    labelled = workers.observe(rows, fitted.weights, frozenset({"vectors"}))
    query = Question([fitted.weights], 0, 0, 1, labelled)
    pool = np.setdiff1d(np.arange(110), rows)
    whole = workers.score(pool, query).scores
    assert np.ptp(whole) > 0
    for shards in (2, 4):
        for shard in range(shards):
            kept = pool // 32 % shards == shard
            np.testing.assert_array_equal(workers.score(pool[kept], query).scores, whole[kept])
