"""A head for characters: packed as padded, whatever the batches, and it learns."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import Inline, small_training

from al_ray.corpus.embedded import EMBEDDED
from al_ray.corpus.tokens import prepared
from al_ray.corpus.tokens.prepared import Rows, Tokens
from al_ray.learners.encoder import fit as fit_module
from al_ray.learners.encoder import mini, predict
from al_ray.learners.encoder.batches import characters
from al_ray.learners.encoder.load import get_weights, load
from al_ray.tasks import task_of

TRAINING = small_training(learning_rate=1e-3, max_length=48, token_budget=400, epochs=1,
                          min_updates=60)  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Encoder, tokens, rows and task of 120 generated sentences."""
    folder = tmp_path_factory.mktemp("characters")
    corpus = EMBEDDED["embedded-entities"](120, 40)
    encoder = mini.build(corpus, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepared, "ProcessPoolExecutor", Inline)
        made = prepared.prepare(corpus, encoder, "mini", 48, folder, places="characters")
    return encoder, Tokens(made.tokens), Rows.load(made.rows), task_of(corpus.task, corpus.labels)


def module_of(world, seed=0):
    encoder, _, _, task = world
    return load(encoder, len(task.classes), seed, "mean", task.head)


def test_the_tokens_say_where_characters_are(world):
    _, tokens, _, _ = world
    found = characters(tokens, np.array([3, 0, 7]))
    n = int(tokens.characters[[3, 0, 7]].sum())
    assert len(found.tokens) == len(found.from_start) == len(found.from_end) == n
    assert (np.diff(found.tokens) >= 0).all()
    runs = np.unique(found.tokens, return_counts=True)[1]
    np.testing.assert_array_equal(found.from_start + found.from_end + 1, np.repeat(runs, runs))


def test_packed_is_padded(world, monkeypatch):
    _, tokens, _, _ = world
    module, rows = module_of(world), np.arange(60)
    packed = predict.observe(module, tokens, rows, TRAINING, {"vectors"})
    monkeypatch.setattr(predict, "can_pack", lambda module: False)
    padded = predict.observe(module, tokens, rows, TRAINING, {"vectors"})
    np.testing.assert_array_equal(packed.units, tokens.characters[rows])
    np.testing.assert_allclose(packed.logits, padded.logits, atol=2e-5)
    np.testing.assert_allclose(packed.vectors, padded.vectors, atol=2e-5)


def test_rows_in_any_batch_and_order_are_the_same(world):
    _, tokens, _, _ = world
    module, rows = module_of(world), np.arange(40)
    whole = predict.observe(module, tokens, rows, TRAINING, {"vectors"})
    other = predict.observe(
        module, tokens, rows[::-1].copy(), replace(TRAINING, token_budget=90), {"vectors"}
    )
    first = np.cumsum(whole.units) - whole.units
    back = np.concatenate([first[r] + np.arange(whole.units[r]) for r in rows[::-1]])
    np.testing.assert_allclose(other.logits, whole.logits[back], atol=2e-5)
    np.testing.assert_allclose(other.vectors, whole.vectors[::-1], atol=2e-5)


def test_it_learns_and_is_the_same_whatever_the_order_of_rows(world):
    _, tokens, rows, task = world
    chosen = rows.train[:80]
    answers = task.known(rows.labels[chosen], rows.label_names)
    module, again = module_of(world), module_of(world)
    facts = (TRAINING, 1e-3, 0, 0, task)
    report = fit_module.fit(module, tokens, chosen, answers, *facts)
    fit_module.fit(again, tokens, chosen[::-1], answers[::-1], *facts)
    for name, value in get_weights(module).items():
        np.testing.assert_array_equal(value, get_weights(again)[name], err_msg=name)
    said = predict.observe(module, tokens, chosen, TRAINING)
    found = task.evaluated(task.believed(said.logits, said.units), answers)
    untrained = predict.observe(module_of(world), tokens, chosen, TRAINING)
    before = task.evaluated(task.believed(untrained.logits, untrained.units), answers)
    assert report.updates == 60
    assert found.metrics["loss"] < 0.5 * before.metrics["loss"]
    assert found.metrics["character_f1"] > before.metrics["character_f1"]


def test_the_loss_is_the_mean_over_rows_of_their_characters_mean(world):
    """By plain torch, a row at a time; padded and packed."""
    _, tokens, rows, task = world
    module, chosen = module_of(world).eval(), rows.train[:5]
    answers = task.known(rows.labels[chosen], rows.label_names)
    targets = task.targets(answers, tokens.characters[chosen])
    each = []
    for place, row in enumerate(chosen):
        said = predict.observe(module, tokens, np.array([row]), TRAINING)
        right = targets.take(np.array([place])).values
        logs = torch.log_softmax(torch.from_numpy(said.logits), dim=1)
        each.append(-logs[torch.arange(len(right)), torch.from_numpy(right)].mean())
    with torch.no_grad():
        loss, _ = fit_module._losses(module, tokens, chosen, targets, task, TRAINING, False)
    assert float(loss) == pytest.approx(float(torch.stack(each).mean()), rel=1e-5)
