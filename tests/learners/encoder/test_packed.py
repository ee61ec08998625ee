"""Packed rows against Transformers' own modules, one row at a time and unpadded."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers
from torch.utils.flop_counter import FlopCounterMode

from al_ray.learners.encoder import fit as fit_module
from al_ray.learners.encoder.fit import fit
from al_ray.learners.encoder.packed import Packed, can_pack, packed
from al_ray.learners.encoder.predict import dropout_logits, observe
from al_ray.study.training import Training

SIZE = {
    "vocab_size": 60,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 40,
    "num_labels": 3,
    "pad_token_id": 1,
}
KINDS = {
    "bert": (transformers.BertConfig, {}),
    "electra": (transformers.ElectraConfig, {"embedding_size": 16}),
    "electra, no projection": (transformers.ElectraConfig, {"embedding_size": 32}),
    "roberta": (transformers.RobertaConfig, {}),
    "xlm-roberta": (transformers.XLMRobertaConfig, {}),
}
LENGTHS = [9, 4, 9, 30, 3, 4, 12, 9]


class Texts:
    """Rows of random ids, none of them the pad's."""

    pad_id = 1

    def __init__(self, lengths=LENGTHS):
        drawn = np.random.default_rng(0)
        self.lengths = np.array(lengths, np.int32)
        self._rows = [drawn.integers(2, 60, length) for length in lengths]

    def __getitem__(self, row):
        return self._rows[row]

    def read_together(self, rows):
        return self.lengths[rows]


@pytest.fixture(params=KINDS)
def module(request):
    config, more = KINDS[request.param]
    torch.manual_seed(0)
    made = transformers.AutoModelForSequenceClassification.from_config(config(**SIZE, **more))
    for name, tensor in made.named_parameters():  # biases begin at 0, where a wrong one is unseen
        with torch.no_grad():
            tensor += 0.1 * torch.randn_like(tensor) * (name.endswith("bias") or 0.3)
    return made.eval()


def one_by_one(module, texts):
    with torch.inference_mode():
        rows = [torch.from_numpy(texts[row])[None] for row in range(len(texts.lengths))]
        return torch.cat([module(input_ids=row).logits for row in rows]).float().numpy()


def settings(**changes):
    facts = {"precision": "float32", "token_budget": 64} | changes
    return Training(
        recipe="stable", epochs=1, learning_rate=1e-3, batch_size=4, max_length=40, **facts
    )


@pytest.mark.parametrize("order", [range(8), [3, 6, 0, 2, 7, 1, 5, 4], [4]])
def test_logits_are_those_of_each_row_alone(module, order):
    texts, rows = Texts(), np.array(order)
    with torch.inference_mode():
        found = Packed(module, half=False).logits(texts, rows).numpy()
    np.testing.assert_allclose(found, one_by_one(module, texts)[rows], rtol=1e-5, atol=1e-6)


def test_the_last_layer_is_computed_where_it_is_read():
    """Torch's own count of a pass: all places have keys and values, first ones alone the rest."""
    torch.manual_seed(0)
    made = transformers.BertForSequenceClassification(transformers.BertConfig(**SIZE)).eval()
    texts, counted = Texts(), FlopCounterMode(display=False)
    with torch.inference_mode(), counted:
        Packed(made, half=False).logits(texts, np.arange(8))
    tokens, rows, width, inner = sum(LENGTHS), len(LENGTHS), 32, 48
    whole, keys = 4 * width**2 + 2 * width * inner, 2 * width**2
    first = whole - keys + width**2 + 3 * width  # of BERT's pooler and the labels, too
    by_linear = {"aten.mm", "aten.addmm"}
    found = counted.get_flop_counts()["Global"].items()
    products = sum(many for name, many in found if str(name) in by_linear)
    assert products == 2 * (tokens * (2 * whole + keys) + rows * first)


def test_observe_takes_the_packed_way_and_has_the_vectors_of_the_padded_one(module, monkeypatch):
    texts, rows, needs = Texts(), np.arange(8), frozenset({"vectors"})
    found = observe(module, texts, rows, settings(), needs)
    assert "_al_ray_packed" in module.__dict__
    monkeypatch.setattr("al_ray.learners.encoder.predict.can_pack", lambda _: False)
    expected = observe(module, texts, rows, settings(), needs)
    np.testing.assert_allclose(found.logits, expected.logits, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.vectors, expected.vectors, rtol=1e-4, atol=1e-5)


def test_bfloat16_rounds_as_autocast_does(module):
    """Off float32's logits by as much as autocast's are, not more."""
    texts, true = Texts(), one_by_one(module, Texts())
    with torch.inference_mode():
        found = Packed(module, half=True).logits(texts, np.arange(8)).numpy()
        with torch.autocast("cpu", torch.bfloat16):
            cast = one_by_one(module, texts)
    error, allowed = np.abs(found - true).max(), np.abs(cast - true).max()
    assert 0 < error < 3 * allowed


@pytest.mark.parametrize("half", [False, True])
def test_gradients_are_those_of_the_padded_way(module, half):
    texts, rows = Texts(), np.array([3, 6, 0, 2])
    ids = np.full((4, 30), texts.pad_id)
    for place, row in enumerate(rows):
        ids[place, : texts.lengths[row]] = texts[row]
    mask = torch.from_numpy((np.arange(30) < texts.lengths[rows, None]).astype(np.int64))
    given = []
    for packed_way in (False, True):
        module.zero_grad()
        if packed_way:
            logits = Packed(module, half, trained=True).logits(texts, rows)
        else:
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                logits = module(input_ids=torch.from_numpy(ids), attention_mask=mask).logits
        torch.log_softmax(logits.float(), 1)[:, 1].sum().backward()
        given.append({n: p.grad.numpy().copy() for n, p in module.named_parameters()})
    padded, found = given
    assert found.keys() == padded.keys()
    for name, gradient in padded.items():
        if half:
            scale = np.abs(gradient).max() + 1e-3
            np.testing.assert_allclose(found[name], gradient, atol=0.1 * scale, err_msg=name)
        else:
            np.testing.assert_allclose(found[name], gradient, rtol=1e-4, atol=1e-5, err_msg=name)


def test_a_fit_without_dropout_is_the_padded_one(module, monkeypatch):
    for part in module.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
        if hasattr(part, "dropout_prob"):  # of attention, beside its module
            part.dropout_prob = 0.0
    texts, start = Texts(), {n: p.clone() for n, p in module.state_dict().items()}
    labels = np.array([0, 1, 2, 0, 1, 2, 0, 1], np.int32)
    losses, ends = [], []
    for way in (lambda _: False, can_pack):
        monkeypatch.setattr(fit_module, "can_pack", way)
        module.load_state_dict(start)
        report = fit(module, texts, np.arange(8), labels, settings(updates=4), 1e-3, 0, 0)
        losses.append(report.train_loss)
        ends.append({n: p.detach().numpy().copy() for n, p in module.named_parameters()})
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    for name, value in ends[0].items():
        np.testing.assert_allclose(ends[1][name], value, atol=5e-4, err_msg=name)


def test_dropout_passes_differ_and_are_their_seeds(module):
    passes = dropout_logits(module, Texts(), np.arange(8), settings(), [1, 2, 1])
    np.testing.assert_array_equal(passes[0], passes[2])
    assert (np.abs(passes[0] - passes[1]).max(axis=1) > 1e-6).all()
    mean = dropout_logits(module, Texts(), np.arange(8), settings(), list(range(150))).mean(axis=0)
    # Their mean is near the logits without dropout; far less near than this if some part had none
    # of the scaling.
    np.testing.assert_allclose(mean, one_by_one(module, Texts()), atol=0.25)


def test_conversions_are_kept_until_weights_change(module):
    first = packed(module, True)
    assert packed(module, True) is first
    assert packed(module, False) is not first
    texts = Texts()
    with torch.inference_mode():
        before = packed(module, True).logits(texts, np.arange(8)).clone()
    with torch.no_grad():
        module.base_model.encoder.layer[0].output.dense.weight.mul_(2)
    with torch.inference_mode():
        after = packed(module, True).logits(texts, np.arange(8))
        assert not torch.equal(before, after)


def test_what_is_not_of_the_kind_is_not_packed():
    def made(kind, **more):
        config = kind(**SIZE, **more)
        return transformers.AutoModelForSequenceClassification.from_config(config)

    assert can_pack(made(transformers.BertConfig))
    assert not can_pack(made(transformers.BertConfig, position_embedding_type="relative_key"))
    assert not can_pack(made(transformers.AlbertConfig))
    assert not can_pack(torch.nn.Linear(2, 2))
