"""Training the tokens that occur, against training the whole vocabulary."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
import transformers
from test_packed import SIZE, Texts, settings

from al_ray.learners.encoder import fit as fit_module
from al_ray.learners.encoder.fit import fit
from al_ray.learners.encoder.occurring import Others, occurring
from al_ray.workers.module import call_at_passes

LABELS = np.array([0, 1, 2, 0, 1, 2, 0, 1], np.int32)


def made(kind=transformers.BertConfig, **more):
    torch.manual_seed(0)
    config = kind(**SIZE | {"vocab_size": 400} | more)
    return transformers.AutoModelForSequenceClassification.from_config(config)


@pytest.mark.parametrize("packs", [True, False])
@pytest.mark.parametrize("clip", [None, 0.5])
def test_weights_are_those_of_a_fit_of_all(monkeypatch, packs, clip):
    """Of all tokens, those that no text has, too: they decay. Ids are below 60 of 400."""
    recipe = settings(updates=6, weight_decay=0.1, clip=clip, decay="linear", warmup=0.1)
    ends = []
    for way in (occurring, lambda *_: nullcontext(Others())):
        monkeypatch.setattr(fit_module, "occurring", way)
        if not packs:
            monkeypatch.setattr(fit_module, "can_pack", lambda _: False)
        module = made()
        fit(module, Texts(), np.arange(8), LABELS, recipe, 1e-2, 0, 0)
        ends.append({name: value.detach() for name, value in module.named_parameters()})
    assert ends[0].keys() == ends[1].keys()
    before = made().get_input_embeddings().weight
    after = ends[0]["bert.embeddings.word_embeddings.weight"]
    assert (after[60:].abs() < before[60:].abs()).all()
    for name, value in ends[0].items():
        torch.testing.assert_close(value, ends[1][name], rtol=1e-4, atol=1e-6, msg=name)


def test_what_is_trained_is_what_occurs():
    module, texts = made(), Texts()
    embedding = module.get_input_embeddings()
    whole, padding = embedding.weight, embedding.padding_idx
    before = whole.detach().clone()
    ids = torch.tensor([[*texts[4].tolist(), 1]])
    expected = embedding(ids).detach()
    with occurring(module, texts, np.array([1, 4])):
        used = sorted({1, *texts[1].tolist(), *texts[4].tolist()})  # 1 is the pad's
        assert torch.equal(embedding.weight, before[used])
        assert torch.equal(embedding(ids), expected)
        with torch.no_grad():
            embedding.weight.add_(1)
    assert embedding.weight is whole
    assert embedding.padding_idx == padding
    assert torch.equal(whole[used], before[used] + 1)
    others = [row for row in range(400) if row not in used]
    assert torch.equal(whole[others], before[others])
    assert torch.equal(embedding(ids), whole[ids])  # no hook is left


def test_it_is_given_back_though_a_fit_fails():
    module = made()
    whole = module.get_input_embeddings().weight
    with pytest.raises(RuntimeError, match="no memory"), occurring(module, Texts(), np.arange(2)):
        raise RuntimeError("no memory")
    assert module.get_input_embeddings().weight is whole


def test_a_fit_gives_a_pulse_at_every_pass():
    """Or whoever watches an actor takes it to be stalled."""
    module, pulses = made(), []
    call_at_passes(module, lambda: pulses.append(1))
    fit(module, Texts(), np.arange(8), LABELS, settings(updates=5), 1e-2, 0, 0)
    assert len(pulses) == 5


def test_a_fit_after_one_that_failed_is_a_fit_of_its_own():
    ends = []
    for fails in (True, False):
        module = made()
        if fails:
            with pytest.raises(RuntimeError, match="no memory"):
                fit(module, Texts(), np.arange(8), LABELS, settings(updates=3), 1e-2, 0, 0,
                    progress=failing(module))  # fmt: skip
            module.load_state_dict(made().state_dict())
        fit(module, Texts(), np.arange(8), LABELS, settings(updates=3), 1e-2, 0, 0)
        ends.append({name: value.detach() for name, value in module.named_parameters()})
    assert all(torch.equal(value, ends[1][name]) for name, value in ends[0].items())


def failing(module):
    """Leaves gradients and fails, as a pass without memory does."""

    def fail(*_):
        for parameter in module.parameters():
            parameter.grad = torch.ones_like(parameter)
        raise RuntimeError("no memory")

    return fail


def test_what_is_of_another_kind_is_left_alone():
    """Weights that are used twice; no embedding; one of hashes, which Transformers' has none of."""
    module = made()
    embedding = module.get_input_embeddings()
    module.again = torch.nn.Linear(32, 400, bias=False)
    module.again.weight = embedding.weight
    size = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4}
    config = transformers.CanineConfig(**size, intermediate_size=48, num_labels=3)
    hashes = transformers.CanineForSequenceClassification(config)
    for each in (module, torch.nn.Linear(2, 2), hashes):
        before = [id(parameter) for parameter in each.parameters()]
        with occurring(each, Texts(), np.arange(2)):
            assert [id(parameter) for parameter in each.parameters()] == before
