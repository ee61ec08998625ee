"""In bfloat16 the body of an encoder is that, and scores are float32's: rows do not tie by it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers
from test_batches import tokens_of
from test_fit_predict import training
from test_packed import KINDS, SIZE

from al_ray.learners.encoder import predict
from al_ray.learners.encoder.fit import fit
from al_ray.learners.encoder.loss_prediction import attach, loss_prediction
from al_ray.learners.encoder.precision import body_in_half

pytestmark = pytest.mark.usefixtures("one_thread")
OTHERS = {
    "distilbert": (transformers.DistilBertConfig, {"dim": 32, "n_layers": 2, "n_heads": 4}),
    "deberta": (transformers.DebertaV2Config, {"relative_attention": True}),
    "albert": (transformers.AlbertConfig, {"embedding_size": 16}),
    "modernbert": (
        transformers.ModernBertConfig,
        {"reference_compile": False, "classifier_dropout": 0.1},
    ),
}
ALL = KINDS | OTHERS
ROWS, LABELS = np.arange(300), np.arange(300, dtype=np.int32) % 2
HALF = training(precision="bfloat16", token_budget=2048)
FIT = training(precision="bfloat16", updates=1)
SOME = ROWS[:40]


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    draw = np.random.default_rng(0)
    texts = [draw.integers(6, 60, n).tolist() for n in draw.integers(3, 20, len(ROWS))]
    made = tokens_of(tmp_path_factory.mktemp("tokens") / "tokens.arrow", texts, pad_id=1)
    made.special_ids = frozenset({1})
    return made


def made(kind):
    config, more = ALL[kind]
    torch.manual_seed(0)
    module = transformers.AutoModelForSequenceClassification.from_config(
        config(**SIZE | {"num_labels": 2} | more)
    )
    with torch.no_grad():  # as after a fit: rows are told apart
        predict.classifier(module).weight.normal_(std=0.5)
    return module


@pytest.fixture(params=[*ALL, "bert, padded", "xlm-roberta, padded"])
def module(request, monkeypatch):
    kind, _, padded = request.param.partition(", ")
    if padded == "padded":
        monkeypatch.setattr(predict, "can_pack", lambda _: False)
    return made(kind if padded == "padded" else request.param)


def distinct(logits):
    """Share of the margins of rows that no row before has."""
    return len(np.unique(logits[:, 0] - logits[:, 1])) / len(logits)


def test_rows_tie_no_more_than_in_float32(module, tokens):
    """Where bfloat16 had made the logits, most rows would tie."""
    half = predict.logits(module, tokens, ROWS, HALF)
    full = predict.logits(module, tokens, ROWS, training(token_budget=2048))
    assert not np.array_equal(half, full)  # it is bfloat16, within
    np.testing.assert_allclose(half, full, atol=0.05 * np.ptp(full))
    assert distinct(half) >= distinct(full) - 0.01
    assert distinct(torch.from_numpy(half).bfloat16().float().numpy()) < distinct(full) - 0.1


class Seen:
    """What kinds of numbers go through the layer of the logits, and through the body's others."""

    def __init__(self, module):
        self.head, self.body = set(), set()
        last = predict.classifier(module)
        last.register_forward_hook(self._note(self.head))
        for name, part in module.base_model.named_modules():
            if isinstance(part, torch.nn.Linear) and "pooler" not in name and part is not last:
                part.register_forward_hook(self._note(self.body))

    def _note(self, kinds):
        return lambda _, given, output: kinds.update({given[0].dtype, output.dtype})


@pytest.mark.parametrize("way", ["fit", "dropout", "words", "vectors", "learning loss"])
@pytest.mark.parametrize("kind", ALL)
def test_every_way_has_its_head_in_float32(kind, way, tokens):
    module = made(kind)
    if way == "learning loss":
        attach(module, 0)
    seen = Seen(module)
    if way in ("fit", "learning loss"):
        fit(module, tokens, SOME, LABELS[:40], FIT, 1e-4, 0, 0)
    if way == "dropout":
        predict.dropout_logits(module, tokens, SOME, HALF, [1])
    if way == "words":
        assert predict.word_gradients(module, tokens, SOME, HALF).any()
    if way == "vectors":
        said = predict.observe(module, tokens, SOME, HALF, frozenset({"vectors"}))
        assert len(np.unique(said.vectors, axis=0)) == len(SOME)
    if way == "learning loss":
        said = predict.observe(module, tokens, SOME, HALF, frozenset({"predicted-loss"}))
        assert len(np.unique(said.predicted_loss)) == len(SOME)
        assert loss_prediction(module).last.weight.dtype == torch.float32
    assert seen.head == {torch.float32}
    # Packed rows do not go through the body's modules.
    packed = kind in KINDS and way not in ("words", "learning loss")
    assert (torch.bfloat16 in seen.body) is not packed


def test_an_error_within_leaves_the_module_as_it_was():
    module = made("bert")
    with pytest.raises(torch.OutOfMemoryError), body_in_half(module, True):
        raise torch.OutOfMemoryError
    assert not any("forward" in vars(part) for part in module.modules())
