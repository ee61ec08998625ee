"""Training the tokens that occur, against training the whole vocabulary."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
import transformers
from test_packed import SIZE, Texts, settings

from al_ray.learners.encoder import fit as fit_module
from al_ray.learners.encoder.fit import fit
from al_ray.learners.encoder.occurring import Occurring, occurring

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
    for way in (occurring, lambda *_: nullcontext(None)):
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
    whole = module.get_input_embeddings()
    before = whole.weight.detach().clone()
    with occurring(module, texts, np.array([1, 4])) as small:
        assert isinstance(small, Occurring)
        assert module.get_input_embeddings() is small
        used = sorted({1, *texts[1].tolist(), *texts[4].tolist()})  # 1 is the pad's
        assert torch.equal(small.weight, before[used])
        ids = torch.tensor([[*texts[4].tolist(), 1]])
        assert torch.equal(small(ids), whole(ids))
        with torch.no_grad():
            small.weight.add_(1)
    assert module.get_input_embeddings() is whole
    assert torch.equal(whole.weight[used], before[used] + 1)
    others = [row for row in range(400) if row not in used]
    assert torch.equal(whole.weight[others], before[others])


def test_it_is_given_back_though_a_fit_fails():
    module = made()
    whole = module.get_input_embeddings()
    with pytest.raises(RuntimeError, match="no memory"), occurring(module, Texts(), np.arange(2)):
        raise RuntimeError("no memory")
    assert module.get_input_embeddings() is whole


def test_weights_that_are_used_twice_are_left_alone():
    module = made()
    module.again = torch.nn.Linear(32, 400, bias=False)
    module.again.weight = module.get_input_embeddings().weight
    with occurring(module, Texts(), np.arange(2)) as small:
        assert small is None
    with occurring(torch.nn.Linear(2, 2), Texts(), np.arange(2)) as small:
        assert small is None
