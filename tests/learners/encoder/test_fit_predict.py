"""Loading, fitting and predicting, on encoders of some thousand random weights."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import transformers
from safetensors.numpy import save_file
from test_batches import tokens_of

from al_ray.corpus.embedded.news import generate
from al_ray.corpus.tokens.prepared import Tokens
from al_ray.errors import ModelError, TrainingDiverged
from al_ray.learners.encoder import fit as fit_module
from al_ray.learners.encoder.fit import fit
from al_ray.learners.encoder.load import get_weights, load, set_weights
from al_ray.learners.encoder.predict import logits
from al_ray.learners.encoder.source import resolve
from al_ray.study.training import RECIPES, Training

pytestmark = pytest.mark.usefixtures("one_thread")
ROWS = np.arange(20)
LABELS = (ROWS % 3).astype(np.int32)
SIZES = {
    "vocab_size": 60,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 40,
}


def training(**changes):
    facts = {"recipe": "seed", **RECIPES["seed"], "learning_rate": 1e-3, "batch_size": 8}
    facts |= {"max_length": 16, "precision": "float32", "token_budget": 64}
    return Training(**{**facts, **changes})


def save(folder, kind=transformers.BertModel, pad_id=5, **how):
    """A pretrained encoder without a head, as Transformers writes one."""
    config = kind.config_class(**SIZES, pad_token_id=pad_id)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        kind(config).save_pretrained(folder, **how)
    return folder


def digest(weights):
    total = hashlib.blake2b(digest_size=16)
    for name in sorted(weights):
        total.update(name.encode() + weights[name].tobytes())
    return total.hexdigest()


def trained(folder, path, rows=ROWS, labels=LABELS, rate=1e-3, seed=0, step=0, **recipe):
    """Weights after a fit from the pretrained ones."""
    module = load(folder, 3, 0)
    recipe = training(**{"updates": 4, **recipe})
    fit(module, Tokens(path), rows, labels, recipe, rate, seed, step)
    return get_weights(module)


def in_another_process(folder, path):
    """What `test_equal_in_another_process` compares; run there too."""
    torch.set_num_threads(1)
    answers = [digest(get_weights(load(Path(folder), 3, seed))) for seed in (0, 1)]
    return [*answers, digest(trained(Path(folder), path))]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def token_file(tmp_path_factory):
    draw = np.random.default_rng(0)
    texts = [draw.integers(6, 60, n).tolist() for n in draw.integers(3, 14, 24)]
    path = tmp_path_factory.mktemp("tokens") / "tokens.arrow"
    tokens_of(path, texts, pad_id=5)
    return path


@pytest.fixture
def tokens(token_file):
    return Tokens(token_file)


@pytest.fixture
def optimisers(monkeypatch):
    """Every AdamW that is made, with the rate and gradient norm of each of its updates."""
    made = []

    class Recorder(torch.optim.AdamW):
        def __init__(self, *args, **facts):
            super().__init__(*args, **facts)
            self.rates, self.norms = [], []
            made.append(self)

        def step(self, closure=None):
            self.rates.append({group["lr"] for group in self.param_groups})
            grads = [p.grad for group in self.param_groups for p in group["params"]]
            self.norms.append(float(torch.sqrt(sum((g**2).sum() for g in grads))))
            return super().step(closure)

    monkeypatch.setattr(torch.optim, "AdamW", Recorder)
    return made


# Updates, schedule, clipping, decay


@pytest.mark.parametrize(
    ("recipe", "updates"),
    [
        ({"epochs": 2}, 6),  # ceil(20 / 8) = 3 a pass
        ({"epochs": 2, "min_updates": 7}, 7),
        ({"epochs": 2, "min_updates": 5}, 6),
        ({"epochs": 9, "min_updates": 50, "updates": 4}, 4),
        ({"updates": 1}, 1),
    ],
)
def test_exact_number_of_updates(encoder, tokens, optimisers, recipe, updates):
    report = fit(load(encoder, 3, 0), tokens, ROWS, LABELS, training(**recipe), 1e-3, 0, 0)
    assert len(optimisers) == 1
    assert len(optimisers[0].rates) == report.updates == updates


def test_warm_up_decay_and_clipping_are_applied(encoder, tokens, optimisers):
    recipe = training(updates=10, warmup=0.2, decay="linear", clip=0.01)
    fit(load(encoder, 3, 0), tokens, ROWS, LABELS, recipe, 0.024, 0, 0)
    eighths = [8, 7, 6, 5, 4, 3, 2, 1]
    expected = [0.008, 0.016, *(0.024 * n / 8 for n in eighths)]
    assert [min(rates) for rates in optimisers[0].rates] == pytest.approx(expected)
    assert all(len(rates) == 1 for rates in optimisers[0].rates)  # equal in both groups
    assert optimisers[0].norms == pytest.approx([0.01] * 10, rel=1e-3)
    fit(load(encoder, 3, 0), tokens, ROWS, LABELS, training(updates=10), 0.024, 0, 0)
    assert [min(rates) for rates in optimisers[1].rates] == [0.024] * 10
    assert min(optimisers[1].norms) > 0.02  # so there was something to clip


def test_decay_leaves_biases_and_layer_norms_out(encoder, tokens, optimisers):
    module = load(encoder, 3, 0)
    fit(module, tokens, ROWS, LABELS, training(updates=1, weight_decay=0.25), 1e-3, 0, 0)
    decay = {id(p): g["weight_decay"] for g in optimisers[0].param_groups for p in g["params"]}
    words = "bert.embeddings.word_embeddings.weight"  # of which those that occur are trained
    named = [(name, p) for name, p in module.named_parameters() if name != words]
    found = {name: decay.pop(id(p)) for name, p in named}
    assert list(decay.values()) == [0.25]
    for name, value in found.items():
        spared = name.endswith(".bias") or "LayerNorm" in name
        assert value == (0.0 if spared else 0.25), name
    assert set(found.values()) == {0.0, 0.25}


def test_one_update_with_and_without_decay(encoder, token_file):
    """Decoupled: the update is the gradient's, and rate · decay · weight is taken off besides."""
    before = get_weights(load(encoder, 3, 0))
    plain, decayed = (
        trained(encoder, token_file, updates=1, weight_decay=decay, rate=0.01) for decay in (0, 0.5)
    )
    unseen = 5  # no text has the pad's own embedding
    name = "bert.embeddings.word_embeddings.weight"
    np.testing.assert_array_equal(plain[name][unseen], before[name][unseen])
    expected = before[name][unseen] * np.float32(1 - 0.01 * 0.5)
    np.testing.assert_allclose(decayed[name][unseen], expected, rtol=1e-6)
    for name, weight in before.items():
        taken = plain[name] - decayed[name]
        spared = weight.ndim == 1
        np.testing.assert_allclose(taken, 0 if spared else 0.005 * weight, atol=1e-7, err_msg=name)


def test_the_bias_is_corrected(encoder, token_file):
    """Then the first update of a weight is its gradient's sign times the rate."""
    before = get_weights(load(encoder, 3, 0))
    after = trained(encoder, token_file, updates=1, weight_decay=0.0, rate=1e-3)
    moved = np.abs(after["classifier.weight"] - before["classifier.weight"])
    np.testing.assert_allclose(moved, 1e-3, rtol=2e-3)


class Bag(torch.nn.Module):
    """Softmax regression on counts of tokens, answering as a Transformers model does."""

    def __init__(self, vocabulary=60, labels=3):
        super().__init__()
        start = torch.linspace(-0.5, 0.5, vocabulary * labels).reshape(vocabulary, labels)
        self.weight = torch.nn.Parameter(start)
        self.bias = torch.nn.Parameter(torch.tensor([0.3, -0.2, 0.1]))

    def forward(self, input_ids, attention_mask):
        hot = torch.nn.functional.one_hot(input_ids, len(self.weight)).float()
        counts = (hot * attention_mask[..., None]).sum(1)
        return SimpleNamespace(logits=counts @ self.weight + self.bias)


@pytest.mark.parametrize(
    ("recipe", "factors"),
    [
        ({}, [1, 1, 1, 1, 1]),
        ({"warmup": 0.4, "decay": "linear", "clip": 0.2}, [1 / 3, 2 / 3, 1, 2 / 3, 1 / 3]),
    ],
)
@pytest.mark.parametrize("n_parts", [1, len(ROWS)])
def test_a_fit_is_adamw_written_out(tokens, recipe, factors, n_parts, monkeypatch):
    """All rows in one batch, so that nothing is drawn; the twin is NumPy in float64.

    Whether the batch goes through the model as one or in parts makes no difference.
    """
    monkeypatch.setattr(fit_module, "parts", lambda x: np.array_split(np.arange(len(x)), n_parts))
    rate, decay, clip = 0.05, 0.1, recipe.get("clip")
    x = np.stack([np.bincount(tokens[row], minlength=60) for row in ROWS]).astype(float)
    y = np.eye(3)[LABELS]
    module = Bag()
    values = [module.weight.detach().double().numpy(), module.bias.detach().double().numpy()]
    first, second = ([np.zeros_like(v) for v in values] for _ in range(2))
    for update, factor in enumerate(factors, start=1):
        scores = x @ values[0] + values[1]
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        loss = -(y * np.log(p)).sum(axis=1).mean()
        grads = [x.T @ (p - y) / len(x), (p - y).mean(axis=0)]
        norm = np.sqrt(sum((g**2).sum() for g in grads))
        if clip is not None:
            assert norm > clip
            grads = [g * clip / norm for g in grads]
        for i, g in enumerate(grads):
            first[i] = 0.9 * first[i] + 0.1 * g
            second[i] = 0.999 * second[i] + 0.001 * g**2
            m, v = first[i] / (1 - 0.9**update), second[i] / (1 - 0.999**update)
            shrunk = values[i] * (1 - rate * factor * decay) if i == 0 else values[i]
            values[i] = shrunk - rate * factor * m / (np.sqrt(v) + 1e-8)
    whole = training(updates=5, batch_size=20, weight_decay=decay, **recipe)
    report = fit(module, tokens, ROWS, LABELS, whole, rate, 0, 0)
    np.testing.assert_allclose(module.weight.detach(), values[0], atol=2e-5)
    np.testing.assert_allclose(module.bias.detach(), values[1], atol=2e-5)
    assert report.train_loss == pytest.approx(loss, rel=1e-5)


# What a fit follows from


def test_fit_again_is_bit_identical(encoder, token_file):
    once = trained(encoder, token_file)
    assert digest(once) == digest(trained(encoder, token_file))
    assert digest(once) != digest(trained(encoder, token_file, seed=1))
    assert digest(once) != digest(trained(encoder, token_file, step=1))


def test_equal_in_another_process(encoder, token_file):
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_fit_predict as t\n"
        "print(*t.in_another_process(*sys.argv[2:]))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(Path(__file__).parent), str(encoder), str(token_file)],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    here = in_another_process(encoder, token_file)
    assert ended.stdout.split() == here
    assert len(set(here)) == 3


def test_the_order_in_which_rows_are_listed_does_not_matter(encoder, token_file):
    order = np.random.default_rng(1).permutation(20)
    listed = trained(encoder, token_file, rows=ROWS[order], labels=LABELS[order])
    assert digest(listed) == digest(trained(encoder, token_file))
    wrong = trained(encoder, token_file, rows=ROWS[order])  # the labels of other rows
    assert digest(wrong) != digest(listed)


def test_global_generators_are_untouched(encoder, token_file, tokens):
    def state():
        kind, keys, *rest = np.random.get_state()  # noqa: NPY002
        numbers = (kind, keys.tobytes(), *rest)
        return torch.get_rng_state().numpy().tobytes(), numbers, random.getstate()

    before = state()
    once = digest(trained(encoder, token_file))
    logits(load(encoder, 3, 1), tokens, ROWS, training())
    assert state() == before
    torch.rand(3), np.random.rand(3)  # noqa: NPY002  # nor do they matter
    assert digest(trained(encoder, token_file)) == once


def test_members_at_other_rates_have_one_data_order_and_dropout(encoder, token_file, tokens):
    seen = {}
    for rate in (1e-3, 5e-4):
        module, calls = load(encoder, 3, 0), []
        module.get_input_embeddings().register_forward_pre_hook(
            lambda _, args, calls=calls: calls.append(
                (args[0].tolist(), torch.get_rng_state().tolist())
            )
        )
        fit(module, tokens, ROWS, LABELS, training(updates=7), rate, 0, 0)
        seen[rate] = calls
    assert len(seen[1e-3]) == 7
    assert seen[1e-3] == seen[5e-4]
    weights = [trained(encoder, token_file, rate=rate) for rate in (1e-3, 5e-4, 1e-3)]
    assert digest(weights[0]) == digest(weights[2]) != digest(weights[1])


def test_a_warm_start_goes_on_from_the_weights_given(encoder, token_file, tokens):
    once = trained(encoder, token_file, rate=1e-2)
    module = load(encoder, 3, 0)
    set_weights(module, once)
    fit(module, tokens, ROWS, LABELS, training(updates=3), 1e-30, 0, 1)
    assert digest(get_weights(module)) == digest(once)
    fit(module, tokens, ROWS, LABELS, training(updates=3), 1e-2, 0, 1)
    assert digest(get_weights(module)) != digest(once)


def test_a_shorter_fit_with_no_schedule_is_the_beginning_of_a_longer(encoder, tokens):
    """The train loss is the mean over the last pass: 3 batches of 20 rows."""
    reports = [
        fit(load(encoder, 3, 0), tokens, ROWS, LABELS, training(updates=n), 1e-3, 0, 0)
        for n in (1, 2, 3, 4)
    ]
    one, two, three, four = (report.train_loss for report in reports)
    losses = [one, 2 * two - one, 3 * three - 2 * two]
    assert 3 * four - losses[1] - losses[2] > 0
    assert three == pytest.approx(np.mean(losses))
    assert np.log(3) == pytest.approx(one, abs=0.3)


def test_divergence_is_an_error(encoder, tokens):
    module = load(encoder, 3, 0)
    weights = get_weights(module)
    weights["classifier.bias"][0] = np.nan
    set_weights(module, weights)
    with pytest.raises(TrainingDiverged, match="--learning-rate") as caught:
        fit(module, tokens, ROWS, LABELS, training(updates=2), 1e-3, 0, 4)
    assert "\n" not in str(caught.value)
    assert "step 4" in str(caught.value)
    with pytest.raises(TrainingDiverged):
        fit(load(encoder, 3, 0), tokens, ROWS, LABELS, training(updates=4), 1e30, 0, 0)


def test_weights_that_diverge_in_the_last_update_are_an_error(tokens):
    """`TrainingDiverged`: a loss or weights that are not finite."""
    module = Bag()
    try:
        fit(module, tokens, ROWS, LABELS, training(updates=1), 1e39, 0, 0)
    except TrainingDiverged:
        return
    assert torch.isfinite(module.weight).all(), "no error, and the weights are not finite"


def test_bfloat16_is_autocast_alone(encoder, token_file, tokens):
    weights = trained(encoder, token_file, precision="bfloat16")
    assert {array.dtype for array in weights.values()} == {np.dtype(np.float32)}
    assert digest(weights) == digest(trained(encoder, token_file, precision="bfloat16"))
    assert digest(weights) != digest(trained(encoder, token_file))
    module = load(encoder, 3, 0)
    half, full = (
        logits(module, tokens, ROWS, training(precision=precision))
        for precision in ("bfloat16", "float32")
    )
    assert half.dtype == np.float32
    assert not np.array_equal(half, full)
    np.testing.assert_allclose(half, full, atol=0.02)


# Predict


@pytest.mark.parametrize(
    ("kind", "pad_id"),
    [(transformers.BertModel, 5), (transformers.XLMRobertaModel, 1)],
    ids=["bert", "xlm-roberta"],
)
@pytest.mark.parametrize("budget", [1, 40, 100_000])
def test_logits_are_those_of_each_text_alone(tmp_path, kind, pad_id, budget):
    folder = save(tmp_path / "encoder", kind, pad_id)
    draw = np.random.default_rng(2)
    texts = [draw.integers(6, 60, n).tolist() for n in (3, 12, 3, 7, 1, 12)]
    tokens = tokens_of(tmp_path / "tokens.arrow", texts, pad_id)
    module = load(folder, 3, 0)
    rows = np.array([4, 1, 0, 5, 2])
    found = logits(module, tokens, rows, training(token_budget=budget))
    with torch.no_grad():
        alone = [module(input_ids=torch.tensor([texts[row]])).logits[0].numpy() for row in rows]
    assert found.dtype == np.float32
    assert np.ptp(found, axis=0).max() > 1e-3  # rows differ, so their order is seen
    np.testing.assert_allclose(found, np.stack(alone), atol=1e-5)


def test_a_chunk_again_is_bit_identical(encoder, token_file, tokens):
    module = load(encoder, 3, 0)
    once = logits(module, tokens, ROWS, training())
    module.train()  # as a fit leaves it
    np.testing.assert_array_equal(logits(module, tokens, ROWS, training()), once)
    other = load(encoder, 3, 7)
    set_weights(other, get_weights(module))
    np.testing.assert_array_equal(logits(other, Tokens(token_file), ROWS, training()), once)


# Load


def test_the_head_follows_from_the_seed_and_the_rest_from_the_folder(encoder):
    stored = transformers.BertModel.from_pretrained(encoder).state_dict()
    one, same, other = (get_weights(load(encoder, 3, seed)) for seed in (0, 0, 1))
    assert digest(one) == digest(same)
    for name, weight in one.items():
        if name.startswith("bert."):
            np.testing.assert_array_equal(weight, stored[name.removeprefix("bert.")].numpy())
            np.testing.assert_array_equal(weight, other[name])
    assert one["classifier.weight"].shape == (3, 16)
    assert not np.array_equal(one["classifier.weight"], other["classifier.weight"])


def test_all_of_mini_follows_from_the_seed(tmp_path):
    folder = resolve("mini", generate(train=60, test=10), tmp_path).folder
    one, same, other = (get_weights(load(folder, 2, seed)) for seed in (3, 3, 4))
    assert digest(one) == digest(same)
    for name, weight in one.items():
        if weight.ndim > 1:
            assert not np.array_equal(weight, other[name]), name


def test_weights_are_loaded_from_either_format(tmp_path, encoder):
    assert (encoder / "model.safetensors").exists()
    save(tmp_path, safe_serialization=False)
    assert (tmp_path / "pytorch_model.bin").exists()
    assert digest(get_weights(load(tmp_path, 3, 0))) == digest(get_weights(load(encoder, 3, 0)))


@pytest.mark.parametrize("safe", [True, False], ids=["safetensors", "bin"])
def test_weights_in_several_files(tmp_path, encoder, safe):
    save(tmp_path, safe_serialization=safe, max_shard_size="5KB")
    assert len([p for p in tmp_path.iterdir() if p.suffix in (".safetensors", ".bin")]) > 1
    assert digest(get_weights(load(tmp_path, 3, 0))) == digest(get_weights(load(encoder, 3, 0)))


def _truncated(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:500])


def _garbled_bin(folder):
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")


def _foreign(folder):
    """Nothing in it is the encoder's, which would silently be a random one."""
    foreign = {"another.name": np.zeros(3, np.float32)}
    save_file(foreign, folder / "model.safetensors", metadata={"format": "pt"})


def _config(text):
    return lambda folder: (folder / "config.json").write_text(text)


@pytest.mark.parametrize(
    "harm",
    [
        lambda folder: (folder / "config.json").unlink(),
        _config("{"),
        _config('{"model_type": "nosuch"}'),
        _config('{"model_type": "clip"}'),  # not for classification
        _truncated,
        _garbled_bin,
        _foreign,
    ],
    ids=["no-config", "garbled", "unknown-type", "no-head", "truncated", "lfs-bin", "foreign"],
)
def test_a_folder_without_an_encoder_is_refused_in_one_line(tmp_path, encoder, harm):
    folder = tmp_path / "encoder"
    shutil.copytree(encoder, folder)
    harm(folder)
    with pytest.raises(ModelError) as caught:
        load(folder, 3, 0)
    said = str(caught.value)
    assert str(folder) in said
    assert "--model" in said
    assert "\n" not in said


# Weights


def test_weights_survive_the_round_trip(encoder):
    module, other = load(encoder, 3, 0), load(encoder, 3, 1)
    weights = get_weights(module)
    kept = digest(weights)
    assert {type(array) for array in weights.values()} == {np.ndarray}
    assert weights.keys() == module.state_dict().keys()
    set_weights(other, weights)
    assert digest(get_weights(other)) == kept
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
    assert digest(weights) == kept  # copies
    for array in weights.values():
        array.flags.writeable = False  # as they come out of Ray's object store
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        set_weights(module, weights)
    assert digest(get_weights(module)) == kept
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
    assert digest(weights) == kept


def test_weights_of_another_model_are_refused(encoder):
    weights = get_weights(load(encoder, 3, 0))
    del weights["classifier.bias"]
    with pytest.raises(ModelError, match="another model"):
        set_weights(load(encoder, 3, 0), weights)
