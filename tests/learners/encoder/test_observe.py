"""What strategies are told of a model, against torch's own answer for one text at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from test_batches import tokens_of
from test_fit_predict import digest, save, training

from al_ray.corpus.embedded.news import generate
from al_ray.errors import AlRayError
from al_ray.learners.encoder import fit as fit_module
from al_ray.learners.encoder import mini, predict
from al_ray.learners.encoder.fit import fit
from al_ray.learners.encoder.load import get_weights, load, set_weights
from al_ray.learners.encoder.loss_prediction import (
    LossPrediction,
    attach,
    loss_prediction,
    ranking_loss,
)
from al_ray.randomness import derive
from al_ray.strategies import Outputs, build, log_softmax
from al_ray.tasks import Targets
from al_ray.tasks.classification import Classification

CLS, SEP = 6, 7
TEXTS = [
    [CLS, 10, 11, 12, SEP],
    [CLS, 20, 21, 20, 22, 20, 21, SEP],  # words that are repeated
    [CLS, SEP],  # no word at all
    [CLS, 30, SEP],
    [CLS, 30, 30, 30, 30, SEP],
    [CLS, *range(40, 51), SEP],
    [CLS, 10, SEP, 11, SEP],  # a special token in the middle
]
pytestmark = pytest.mark.usefixtures("one_thread")
ROWS = np.array([5, 0, 3, 2, 6, 1, 4])


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    made = tokens_of(tmp_path_factory.mktemp("tokens") / "tokens.arrow", TEXTS, pad_id=5)
    made.special_ids = frozenset({5, CLS, SEP})
    return made


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return save(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def roberta(tmp_path_factory):
    return save(tmp_path_factory.mktemp("roberta"), transformers.XLMRobertaModel, 5)


def sharpened(folder, labels=3):
    """With a head whose answers differ between texts, as after a fit."""
    module = load(folder, labels, 0)
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(1)
        for parameter in predict.classifier(module).parameters():
            parameter.normal_(std=2.0)
    return module


def alone(module, text):
    return module(input_ids=torch.tensor([list(text)])).logits[0]


# Gradients of words


def by_autograd(module, text, special):
    """Word to its norm at each label: rows of the gradient of the embedding *matrix*."""
    matrix, found = module.get_input_embeddings().weight, {}
    for label in range(module.config.num_labels):
        module.zero_grad()
        torch.nn.functional.cross_entropy(alone(module, text), torch.tensor(label)).backward()
        for word in set(text) - special:
            found.setdefault(word, []).append(float(matrix.grad[word].norm()))
    module.zero_grad()
    return found


@pytest.mark.parametrize("kind", ["bert", "roberta"])
@pytest.mark.parametrize("budget", [1, 160, 100_000])
def test_word_gradients_are_rows_of_the_embedding_matrix(kind, budget, request, tokens):
    """Repeated words summed, special tokens left out, whatever a row is batched with."""
    module = sharpened(request.getfixturevalue(kind))
    found = predict.word_gradients(module, tokens, ROWS, training(token_budget=budget))
    assert found.dtype == np.float32
    assert found.shape == (7, 3, 11)
    for row, norms in zip(ROWS, found, strict=True):
        module.eval()
        expected = by_autograd(module, TEXTS[row], tokens.special_ids)
        words = sorted(map(tuple, norms.T[: len(expected)].tolist()))
        truth = sorted(map(tuple, expected.values()))
        np.testing.assert_allclose(words or [0], truth or [0], rtol=2e-3, atol=1e-6)
        assert not norms[:, len(expected) :].any()
        if expected:
            assert norms.max() > 1e-4  # so there was something to compare


def test_the_score_is_the_largest_sum_over_labels(bert, tokens):
    """From end to end against autograd: max over words of sum_y p_y |gradient|."""
    module = sharpened(bert)
    norms = predict.word_gradients(module, tokens, ROWS, training())
    logs = log_softmax(predict.logits(module, tokens, ROWS, training()))[None]
    found = build("expected-gradient-length-word").score(Outputs(logs, word_gradients=norms))
    for row, score in zip(ROWS, found, strict=True):
        module.eval()
        p = torch.softmax(alone(module, TEXTS[row]), dim=0).tolist()
        words = by_autograd(module, TEXTS[row], tokens.special_ids).values()
        sums = [sum(q * x for q, x in zip(p, word, strict=True)) for word in words]
        assert score == pytest.approx(max(sums, default=0), rel=2e-3)


def test_word_gradients_of_mini(tmp_path):
    """The real one, on generated texts with the tokenizer that was learnt from them."""
    from al_ray.corpus.tokens.tokenisers import open_tokeniser

    corpus = generate(train=60, test=10)
    folder = mini.build(corpus, tmp_path)
    tokeniser = open_tokeniser(folder)
    lengths, ids = tokeniser.encode(corpus.train.texts[:4], 24)
    texts = [part.tolist() for part in np.split(ids, np.cumsum(lengths)[:-1])]
    made = tokens_of(tmp_path / "tokens.arrow", texts, pad_id=tokeniser.pad_id)
    made.special_ids = tokeniser.special_ids
    module = load(folder, 7, 0)
    found = predict.word_gradients(module, made, np.arange(4), training())
    module.eval()
    for text, norms in zip(texts, found, strict=True):
        expected = by_autograd(module, text, made.special_ids)
        assert len(expected) < len(text)
        words = sorted(map(tuple, norms.T[: len(expected)].tolist()))
        np.testing.assert_allclose(
            words, sorted(map(tuple, expected.values())), rtol=5e-3, atol=1e-6
        )


def test_word_gradients_leave_the_module_as_it_was(bert, tokens):
    module = sharpened(bert)
    before = digest(get_weights(module))
    predict.word_gradients(module, tokens, ROWS, training())
    assert digest(get_weights(module)) == before
    assert all(parameter.grad is None for parameter in module.parameters())
    assert all(parameter.requires_grad for parameter in module.parameters())
    assert not module.get_input_embeddings()._forward_hooks


# Vectors


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_vectors_are_what_the_classification_layer_is_fed(kind, request, tokens):
    """Weight · vector + bias gives the logits of the same pass, in the order of the rows."""
    module = sharpened(request.getfixturevalue(kind))
    recipe = training(token_budget=30)
    raw = predict.observe(module, tokens, ROWS, recipe, {"vectors"})
    layer = predict.classifier(module)
    made = raw.vectors @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
    np.testing.assert_allclose(made, raw.logits, atol=1e-5)
    np.testing.assert_array_equal(raw.logits, predict.logits(module, tokens, ROWS, recipe))
    assert not layer._forward_pre_hooks
    assert raw.predicted_loss is None


def test_nothing_is_made_that_is_not_asked_for(bert, tokens):
    module = load(bert, 3, 0)
    attach(module, 0)
    raw = predict.observe(module, tokens, ROWS, training())
    assert raw.vectors is None
    assert raw.predicted_loss is None


def test_the_gradient_length_is_that_of_the_layer(bert, tokens):
    """From end to end against autograd, bias included."""
    module = sharpened(bert)
    raw = predict.observe(module, tokens, ROWS, training(), {"vectors"})
    outputs = Outputs(log_softmax(raw.logits)[None], vectors=raw.vectors, bias=True)
    found = build("expected-gradient-length").score(outputs)
    layer = list(predict.classifier(module).parameters())
    for row, score in zip(ROWS, found, strict=True):
        module.eval()
        log_p = torch.log_softmax(alone(module, TEXTS[row]), dim=0)
        expected = 0.0
        for value in log_p:
            grads = torch.autograd.grad(-value, layer, retain_graph=True)
            length = torch.cat([g.flatten() for g in grads]).norm()
            expected += float(value.detach().exp() * length)
        assert score == pytest.approx(expected, rel=1e-4)


def test_a_model_without_a_classification_layer_is_refused():
    class Bare(torch.nn.Module):
        config = transformers.BertConfig(num_labels=3)

    with pytest.raises(AlRayError, match="classification layer"):
        predict.classifier(Bare())


# Dropout


def passes(module, tokens, seeds, rows=ROWS):
    return predict.dropout_logits(module, tokens, rows, training(), seeds)


def test_a_seed_is_a_pass(bert, tokens):
    module = sharpened(bert)
    state = torch.get_rng_state()
    first = passes(module, tokens, [1, 2])
    assert first.shape == (2, 7, 3)
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(7)  # nor does the global generator matter
    again = passes(module, tokens, [2, 1, 3])
    np.testing.assert_array_equal(again[:2], first[::-1])
    assert not np.isclose(first[0], first[1]).all()
    assert not np.isclose(again[2], again[0]).all()


def test_passes_are_around_the_pass_without_dropout(bert, tokens):
    module = sharpened(bert)
    whole = predict.logits(module, tokens, ROWS, training())
    many = passes(module, tokens, list(range(60)))
    assert (many.std(axis=0) > 0.05).all()
    assert np.abs(many.mean(axis=0) - whole).mean() < many.std(axis=0).mean()
    np.testing.assert_array_equal(predict.logits(module, tokens, ROWS, training()), whole)
    assert not any(part.training for part in module.modules())


def test_only_dropout_is_as_in_training(bert, tokens):
    """A batch norm would learn from the pool, and make rows depend on one another."""
    module = load(bert, 3, 0)
    norm = torch.nn.BatchNorm1d(16)
    module.dropout = torch.nn.Sequential(norm, module.dropout)
    seen = []
    norm.register_forward_hook(lambda part, *_: seen.append(part.training))
    before = norm.running_mean.clone()
    passes(module, tokens, [0])
    assert seen == [False] * len(seen)
    assert seen
    assert torch.equal(norm.running_mean, before)


def test_a_model_without_dropout_is_refused(tmp_path, tokens):
    facts = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    module = load(save(tmp_path), 3, 0)
    for part in module.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
    assert not predict.has_dropout(module)
    with pytest.raises(AlRayError, match="no dropout"):
        passes(module, tokens, [0, 1])
    assert not predict.has_dropout(
        transformers.BertForSequenceClassification(
            transformers.BertConfig(hidden_size=16, num_attention_heads=2, **facts)
        )
    )


# Loss prediction


def ranking_twin(predicted, true):
    """The paper's loss written out: pairs (i, B - 1 - i), s = +1 only where l_i > l_j."""
    size = len(predicted)
    terms = []
    for i in range(size // 2):
        j = size - 1 - i
        s = 1 if true[i] > true[j] else -1
        terms.append(max(0.0, 1.0 - s * (predicted[i] - predicted[j])))
    return sum(terms) / len(terms) if terms else 0.0


numbers = st.integers(-8, 8).map(lambda n: n / 4)


@settings(deadline=None)
@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=9))
def test_ranking_loss_against_plain_python(pairs):
    """Odd batches, one row, and equal losses included."""
    predicted, true = (list(column) for column in zip(*pairs, strict=True))
    found = ranking_loss(torch.tensor(predicted), torch.tensor(true))
    assert float(found) == pytest.approx(ranking_twin(predicted, true), abs=1e-6)


@pytest.mark.parametrize(
    ("predicted", "true", "expected"),
    [
        ([2.0, 0.0], [5.0, 1.0], 0.0),  # in order, and by more than the margin
        ([0.25, 0.0], [5.0, 1.0], 0.75),
        ([0.0, 2.0], [5.0, 1.0], 3.0),  # in the wrong order
        ([0.0, 2.0], [1.0, 5.0], 0.0),
        ([2.0, 0.0], [1.0, 1.0], 3.0),  # equal losses: s = -1
        ([0.0, 2.0], [1.0, 1.0], 0.0),
        ([2.0, 9.0, 0.0], [5.0, 0.0, 1.0], 0.0),  # the middle one has no partner
        ([1.0], [1.0], 0.0),
    ],
)
def test_ranking_loss_by_hand(predicted, true, expected):
    assert float(ranking_loss(torch.tensor(predicted), torch.tensor(true))) == expected


def test_no_gradient_into_the_true_losses():
    predicted = torch.tensor([0.1, 0.2, 0.3, 0.5], requires_grad=True)
    true = torch.tensor([1.0, 2.0, 3.0, 0.5], requires_grad=True)
    (ranking_loss(predicted, true) + 0 * true.sum()).backward()
    assert torch.equal(true.grad, torch.zeros(4))
    # Pairs (0, 3) and (1, 2): l_0 > l_3, l_1 < l_2, both within the margin, so ±1/2 each.
    assert predicted.grad.tolist() == [-0.5, 0.5, -0.5, 0.5]
    alone = torch.tensor([1.0], requires_grad=True)
    ranking_loss(alone, torch.tensor([1.0])).backward()
    assert alone.grad.tolist() == [0.0]


def test_the_module_averages_over_a_rows_tokens_alone():
    """Padding counts nothing; every layer has a part."""
    module = LossPrediction(2, 4).requires_grad_(False)
    draw = np.random.default_rng(0)
    layers = [torch.from_numpy(draw.normal(size=(1, 3, 4)).astype(np.float32)) for _ in range(2)]
    found = module(layers, torch.ones(1, 3, dtype=torch.int64))
    means = [layer.mean(dim=1) for layer in layers]
    features = [torch.relu(fc(x)) for fc, x in zip(module.layers, means, strict=True)]
    expected = module.last(torch.cat(features, dim=1))[0]
    assert found.shape == (1,)
    assert float(found) == pytest.approx(float(expected), abs=1e-6)
    padded = [torch.cat([layer, torch.full((1, 2, 4), 99.0)], dim=1) for layer in layers]
    mask = torch.tensor([[1, 1, 1, 0, 0]])
    assert float(module(padded, mask)) == pytest.approx(float(found), abs=1e-6)
    for i in range(2):
        other = [layer + (n == i) for n, layer in enumerate(layers)]
        assert float(module(other, torch.ones(1, 3, dtype=torch.int64))) != float(found)


def with_predictor(folder, seed=0):
    module = load(folder, 3, 0)
    attach(module, seed)
    return module


def test_it_follows_from_the_seed_and_touches_no_global_generator(bert):
    state = torch.get_rng_state()
    weights = [get_weights(with_predictor(bert, seed)) for seed in (0, 0, 1)]
    assert torch.equal(torch.get_rng_state(), state)
    assert digest(weights[0]) == digest(weights[1]) != digest(weights[2])
    with torch.random.fork_rng():
        torch.manual_seed(derive(0, 0, "loss prediction"))
        drawn = LossPrediction(2, 16).state_dict()
    for name, value in drawn.items():
        np.testing.assert_array_equal(weights[0][f"loss_prediction.{name}"], value.numpy())
    plain = get_weights(load(bert, 3, 0))
    for name, value in plain.items():  # the rest of the model is that of the other arms
        np.testing.assert_array_equal(weights[0][name], value)


def test_its_weights_travel_with_the_others(bert, tokens):
    module, other = with_predictor(bert), with_predictor(bert, 1)
    needs = {"predicted-loss"}
    found = predict.observe(module, tokens, ROWS, training(), needs).predicted_loss
    assert found.shape == (7,)
    assert len(set(found.tolist())) == 7
    before = predict.observe(other, tokens, ROWS, training(), needs).predicted_loss
    assert not np.array_equal(before, found)
    set_weights(other, get_weights(module))
    after = predict.observe(other, tokens, ROWS, training(), needs).predicted_loss
    np.testing.assert_array_equal(after, found)


def test_predicted_losses_are_the_modules_own(bert, tokens):
    module = with_predictor(bert)
    found = predict.observe(module, tokens, ROWS, training(), {"predicted-loss"}).predicted_loss
    for row, value in zip(ROWS, found, strict=True):
        ids = torch.tensor([TEXTS[row]])
        with torch.no_grad():
            answer = module(input_ids=ids, output_hidden_states=True)
            layers = answer.hidden_states[1:]  # without the embeddings
            expected = loss_prediction(module)(layers, torch.ones_like(ids))
        assert value == pytest.approx(float(expected), abs=1e-5)


def fitted(folder, tokens, predictor, updates=4, attached=None, monkeypatch=None, rows=ROWS):
    module = with_predictor(folder) if predictor else load(folder, 3, 0)
    if attached is not None:
        monkeypatch.setattr(fit_module, "ATTACHED", attached)
    labels = (rows % 3).astype(np.int32)
    fit(module, tokens, rows, labels, training(updates=updates), 1e-3, 0, 0)
    return get_weights(module)


def encoder_of(weights):
    return {name: value for name, value in weights.items() if not name.startswith("loss_pred")}


def test_it_is_trained_with_the_encoder_and_changes_it(bert, tokens, monkeypatch):
    start = get_weights(with_predictor(bert))
    with_it = fitted(bert, tokens, True)
    without = fitted(bert, tokens, False)
    moved = [name for name in start if not np.array_equal(start[name], with_it[name])]
    assert any(name.startswith("loss_prediction.layers.0") for name in moved)
    assert any(name.startswith("loss_prediction.layers.1") for name in moved)
    assert "loss_prediction.last.weight" in moved
    assert digest(encoder_of(with_it)) != digest(without)


def test_after_the_cut_no_gradient_reaches_the_encoder(bert, tokens, monkeypatch):
    """Cut from the start, the encoder is trained as if there were no such module."""
    # A padded batch in one piece, as it is beside a loss-prediction module.
    monkeypatch.setattr(fit_module, "can_pack", lambda _: False)
    monkeypatch.setattr(fit_module, "parts", lambda x: [np.argsort(-x, kind="stable")])
    without = fitted(bert, tokens, False)
    cut = fitted(bert, tokens, True, attached=0.0, monkeypatch=monkeypatch)
    assert digest(encoder_of(cut)) == digest(without)
    start = get_weights(with_predictor(bert))
    assert not np.array_equal(
        cut["loss_prediction.last.weight"], start["loss_prediction.last.weight"]
    )
    never = fitted(bert, tokens, True, attached=1.0, monkeypatch=monkeypatch)
    assert digest(encoder_of(never)) != digest(without)


def test_the_cut_comes_after_three_fifths_of_the_updates(bert, tokens, monkeypatch):
    """120 of the paper's 200 epochs: of ten updates six are attached."""
    seen = []
    original = fit_module._losses

    def spy(*args):
        seen.append(args[-1])
        return original(*args)

    monkeypatch.setattr(fit_module, "_losses", spy)
    fitted(bert, tokens, True, updates=10)
    assert seen == [True] * 6 + [False] * 4


def test_attached_and_cut_gradients(bert, tokens):
    """Of the ranking loss alone: into the encoder before the cut, none after."""
    for attached in (True, False):
        module = with_predictor(bert).eval()
        targets, task = Targets(np.array([0, 1, 2, 0])), Classification()
        rows = ROWS[:4]
        _, ranking = fit_module._losses(module, tokens, rows, targets, task, training(), attached)
        ranking.backward()
        encoder = [p.grad for n, p in module.named_parameters() if n.startswith("bert.encoder")]
        assert any(g is not None and g.abs().max() > 0 for g in encoder) == attached
        own = [p.grad for n, p in module.named_parameters() if n.startswith("loss_prediction")]
        assert all(g is not None for g in own)


def test_a_batch_is_one_piece_where_losses_are_ranked(bert, tokens, monkeypatch):
    """Pairs are of the whole batch: cutting it by length would pair other rows."""
    calls = []
    monkeypatch.setattr(fit_module, "can_pack", lambda _: False)
    monkeypatch.setattr(fit_module, "parts", lambda x: calls.append(len(x)) or [np.arange(len(x))])
    fitted(bert, tokens, True)
    assert not calls
    fitted(bert, tokens, False)
    assert calls


def test_an_encoder_that_names_no_layers_is_refused():
    class Bare(torch.nn.Module):
        config = transformers.PretrainedConfig()

    with pytest.raises(AlRayError, match="num_hidden_layers"):
        attach(Bare(), 0)
