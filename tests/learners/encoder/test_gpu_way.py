"""What is done on GPUs, of which there is none here: its results on the processor, and its devices.

Tensors of the device `meta` have no values, and are somewhere else than the processor all the same.
"""

import inspect

import numpy as np
import pytest
import torch
import transformers
from test_packed import KINDS, SIZE, Texts, settings
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from al_ray.learners.encoder import attention, fit, packed
from al_ray.learners.encoder.head import MeanPooled, PerCharacter
from al_ray.learners.encoder.packed import Packed
from al_ray.tasks.classification import Classification
from al_ray.workers.module import _repeatable

ROWS = np.arange(8)


def module_of(kind, wrapped=None):
    config, more = KINDS[kind]
    torch.manual_seed(0)
    made = transformers.AutoModelForSequenceClassification.from_config(config(**SIZE, **more))
    return made if wrapped is None else wrapped(made)


def one_group(lengths, padded, device="cpu"):
    """Of all sequences, as on a GPU."""
    ends = torch.from_numpy(np.concatenate([[0], lengths.cumsum()]).astype(np.int32))
    return attention.Sequences([attention._group(lengths, device)], ends, int(lengths.max()))


def by_lengths(query, key, value, ends, own_ends, longest, own_longest):
    """What torch.nn.attention.varlen.varlen_attn does, read off its documentation."""
    assert query.dtype in (torch.bfloat16, torch.float16)
    assert ends.dtype == torch.int32
    assert torch.equal(ends, own_ends)
    lengths = ends.diff().tolist()
    assert longest == own_longest == max(lengths)
    made = []
    for each in zip(*(x.split(lengths) for x in (query, key, value)), strict=True):
        one = functional.scaled_dot_product_attention(*(x.transpose(0, 1) for x in each))
        made.append(one.transpose(0, 1))
    return torch.cat(made)


def test_torch_has_it_as_we_call_it():
    from torch.nn.attention.varlen import varlen_attn

    names = ["query", "key", "value", "cu_seq_q", "cu_seq_k", "max_q", "max_k"]
    assert list(inspect.signature(varlen_attn).parameters)[:7] == names
    assert attention._by_lengths() is varlen_attn


@pytest.mark.parametrize("way", ["padded", "by lengths"])
@pytest.mark.parametrize("half", [False, True])
def test_logits_and_gradients_are_those_of_the_processor_s_way(way, half, monkeypatch):
    module = module_of("bert").eval()
    found = []
    for gpu in (False, True):
        if gpu:
            monkeypatch.setattr(packed, "sequences", one_group)
            if way == "by lengths":
                asked = lambda query, heads: query.dtype == torch.bfloat16  # noqa: E731
                monkeypatch.setattr(attention, "can_go_by_lengths", asked)
                monkeypatch.setattr(attention, "_by_lengths", lambda: by_lengths)
        module.zero_grad()
        logits = Packed(module, half, trained=True).logits(Texts(), ROWS)
        torch.log_softmax(logits, 1)[:, 1].sum().backward()
        found.append([logits.detach(), *(p.grad.clone() for p in module.parameters())])
    for ours, plain in zip(*found, strict=True):
        near = {"rtol": 0.1, "atol": 0.1 * float(plain.abs().max()) + 1e-4} if half else {}
        torch.testing.assert_close(ours, plain, **{"rtol": 1e-4, "atol": 1e-5} | near)


class OneDevice(TorchDispatchMode):
    """Refuses an operation on tensors of two devices, as a GPU does; not copies, nor numbers."""

    def __torch_dispatch__(self, function, types, given=(), named=None):
        tensors = [x for x in tree_leaves((given, named)) if isinstance(x, torch.Tensor)]
        devices = {x.device.type for x in tensors if x.dim()}
        copies = "copy" in str(function) and "index" not in str(function)
        assert copies or len(devices) < 2, f"{function}: {devices}"
        return function(*given, **named or {})


def test_two_devices_are_refused():
    there = torch.empty(3, 4, device="meta")
    with OneDevice(), pytest.raises(AssertionError, match="index"):
        there[torch.tensor([0, 1])]
    with OneDevice(), pytest.raises(AssertionError, match="embedding"):
        functional.embedding(torch.tensor([0, 1]), there)


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("goes", [False, True], ids=["padded", "by lengths"])
@pytest.mark.parametrize("wrapped", [None, MeanPooled], ids=["own head", "mean"])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_on_the_processor(kind, wrapped, goes, half, monkeypatch):
    """Training and scoring; with torch's own attention over variable lengths."""
    module, asked = module_of(kind, wrapped).to("meta"), []

    def can_go(query, heads):
        asked.append(query.dtype)
        return goes and query.dtype == torch.bfloat16

    monkeypatch.setattr(attention, "can_go_by_lengths", can_go)
    target, task = torch.zeros(8, dtype=torch.int64, device="meta"), Classification()
    for training in (True, False):
        module.train(training)
        with OneDevice():
            logits = Packed(module, half, trained=training).logits(Texts(), ROWS)
            assert (logits.device.type, logits.dtype) == ("meta", torch.float32)
            loss = task.losses(logits, target, None).mean()
            if training:
                loss.backward()
    assert all(p.grad.device.type == "meta" for p in module.parameters() if p.grad is not None)
    assert len(asked) == SIZE["num_hidden_layers"]  # not while something is dropped


def test_a_fit_is_repeatable_by_torch_s_own_account(monkeypatch):
    """What is not, it refuses."""
    monkeypatch.setattr(packed, "sequences", one_group)
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    _repeatable()
    try:
        assert torch.are_deterministic_algorithms_enabled()
        assert not torch.is_deterministic_algorithms_warn_only_enabled()
        labels = np.array([0, 1, 2, 0, 1, 2, 0, 1], np.int32)
        report = fit.fit(module_of("bert"), Texts(), ROWS, labels, settings(updates=2), 1e-3, 0, 0)
    finally:
        torch.use_deterministic_algorithms(False)
        torch.utils.deterministic.fill_uninitialized_memory = True
    assert report.updates == 2


def test_no_marks_are_on_the_processor():
    module = module_of("bert", PerCharacter).to("meta").train()
    texts = Texts()
    texts.characters = texts.lengths
    texts.places = lambda row: np.arange(texts.lengths[row])
    target = torch.zeros(int(texts.lengths.sum()), dtype=torch.int64, device="meta")
    with OneDevice():
        loss = fit._of_characters(module, texts, ROWS, target, Classification(), True)
        loss.backward()
    assert loss.device.type == "meta"
