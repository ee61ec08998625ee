"""What is done on GPUs, of which there is none here: its results on the processor, and its devices.

Tensors of the device `meta` have no values, and are somewhere else than the processor all the same.
"""

import inspect
import os
import re

import numpy as np
import pytest
import torch
import transformers
from test_packed import KINDS, SIZE, Texts
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from al_ray.learners.encoder import attention, fit
from al_ray.learners.encoder.head import MeanPooled, PerCharacter
from al_ray.learners.encoder.packed import Packed
from al_ray.learners.encoder.process import set_up
from al_ray.tasks.classification import Classification
from al_ray.tasks.tagging import Tagging

ROWS = np.arange(8)


class Windowed(Texts):
    """Texts that are read in windows of ten tokens, and what is left."""

    def read_together(self, rows):
        cut = [[10] * (n // 10) + [n % 10] * int(n % 10 > 0) for n in self.lengths[rows]]
        return np.concatenate(cut).astype(np.int64)


def module_of(kind, wrapped=None):
    """With weights by which attention matters: drawn as usual, it hardly tells tokens apart."""
    config, more = KINDS[kind]
    torch.manual_seed(0)
    made = transformers.AutoModelForSequenceClassification.from_config(config(**SIZE, **more))
    with torch.no_grad():
        for name, tensor in made.named_parameters():
            tensor += (0.4 if ".self." in name else 0.1) * torch.randn_like(tensor)
    return made if wrapped is None else wrapped(made)


def by_lengths(query, key, value, ends, own_ends, longest, own_longest):
    """What torch.nn.attention.varlen.varlen_attn does, read off its documentation."""
    assert ends.dtype == own_ends.dtype == torch.int32
    many, own = ends.diff().tolist(), own_ends.diff().tolist()
    assert (longest, own_longest) == (max(many), max(own))
    made = []
    for each in zip(query.split(many), key.split(own), value.split(own), strict=True):
        heads = (x.transpose(0, 1) for x in each)
        made.append(functional.scaled_dot_product_attention(*heads).transpose(0, 1))
    return torch.cat(made)


def test_torch_has_it_as_we_call_it():
    from torch.nn.attention.varlen import varlen_attn

    names = ["query", "key", "value", "cu_seq_q", "cu_seq_k", "max_q", "max_k"]
    assert list(inspect.signature(varlen_attn).parameters)[:7] == names
    assert attention._by_lengths() is varlen_attn


@pytest.mark.parametrize("way", ["padded", "by lengths"])
@pytest.mark.parametrize("wrapped", [None, MeanPooled], ids=["own head", "mean"])
@pytest.mark.parametrize("texts", [Texts(), Windowed()], ids=["whole", "in windows"])
@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_logits_and_gradients_are_those_of_the_processor_s_way(
    way, wrapped, texts, kind, monkeypatch
):
    """In float32, so that nothing hides in rounding; torch's own takes halves alone."""
    module = module_of(kind, wrapped).eval()
    found = []
    for grouping in ("equal", "all"):
        if grouping == "all" and way == "by lengths":
            monkeypatch.setattr(attention, "can_go_by_lengths", lambda *_: True)
            monkeypatch.setattr(attention, "_by_lengths", lambda: by_lengths)
        module.zero_grad()
        packed = Packed(module, half=False, trained=True)
        packed.grouping = grouping
        logits = packed.logits(texts, ROWS)
        torch.log_softmax(logits, 1)[:, 1].sum().backward()
        grads = {n: p.grad.clone() for n, p in module.named_parameters() if p.grad is not None}
        found.append({"logits": logits.detach()} | grads)
    plain, ours = found
    (query,) = [x for n, x in plain.items() if n.endswith("layer.0.attention.self.query.weight")]
    assert float(query.abs().max()) > 1e-2
    for name, value in plain.items():
        torch.testing.assert_close(ours[name], value, rtol=1e-4, atol=1e-5, msg=name)


UNREPEATABLE = re.compile(
    r"aten\.(put_|histc|bincount|median|nanmedian|kthvalue|cumsum|grid_sampl|nll_loss2d|upsample"
    r"|(_?adaptive_)?(avg|max)_pool|fractional_max|max_unpool|reflection_pad|_ctc_loss|embedding_bag"
    r"|scatter_reduce|resize_)"
)
"""What torch refuses on GPUs where all is to be repeatable, as its documentation lists it."""


class OneDevice(TorchDispatchMode):
    """Refuses what a GPU refuses: an operation on tensors of two devices, but for copies and
    numbers, and what is not repeatable."""

    def __torch_dispatch__(self, function, types, given=(), named=None):
        tensors = [x for x in tree_leaves((given, named)) if isinstance(x, torch.Tensor)]
        devices = {x.device.type for x in tensors if x.dim()}
        copies = "copy" in str(function) and "index" not in str(function)
        assert copies or len(devices) < 2, f"{function}: {devices}"
        assert not UNREPEATABLE.match(str(function)), function
        return function(*given, **named or {})


def test_two_devices_are_refused():
    there = torch.empty(3, 4, device="meta")
    with OneDevice(), pytest.raises(AssertionError, match="index"):
        there[torch.tensor([0, 1])]
    with OneDevice(), pytest.raises(AssertionError, match="embedding"):
        functional.embedding(torch.tensor([0, 1]), there)
    with OneDevice(), pytest.raises(AssertionError, match="cumsum"):
        there.cumsum(0)


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
    assert len(asked) == SIZE["num_hidden_layers"]  # not while something is dropped


def test_a_gpu_is_asked_to_repeat_itself(monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "to be put back")
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    threads = torch.get_num_threads()
    set_up("cpu", 1)
    assert not torch.are_deterministic_algorithms_enabled()
    set_up("cuda", 1)
    try:
        assert torch.are_deterministic_algorithms_enabled()
        assert not torch.is_deterministic_algorithms_warn_only_enabled()
        # One of the two that cuBLAS is documented to be repeatable with.
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    finally:
        torch.use_deterministic_algorithms(False)
        torch.utils.deterministic.fill_uninitialized_memory = True
        torch.set_num_threads(threads)


def test_no_marks_are_on_the_processor():
    module = module_of("bert", PerCharacter).to("meta").train()
    texts = Texts()
    texts.characters = texts.lengths
    texts.places = lambda row: np.arange(texts.lengths[row])
    target = torch.zeros(int(texts.lengths.sum()), dtype=torch.int64, device="meta")
    with OneDevice():
        loss = fit._of_characters(module, texts, ROWS, target, Tagging(("O", "B-PS", "I-PS")), True)
        loss.backward()
    assert loss.device.type == "meta"
