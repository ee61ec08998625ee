"""A device whose memory runs out: simulated by modules that refuse batches above a size."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers import mini_setup

from al_ray.errors import AlRayError, TrainingDiverged
from al_ray.randomness import row_hashes
from al_ray.workers import FitJob, LocalWorkers, Question

POOL = np.arange(4, 100)
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def setup(tmp_path_factory):
    return mini_setup(tmp_path_factory.mktemp("cache"), updates=3)


def workers_of(setup, strategy, tokens=None, budget=None):
    """One member and shard; no batch of the shard may have more than so many tokens."""
    from dataclasses import replace

    if budget is not None:
        setup = replace(setup, training=replace(setup.training, token_budget=budget))
    made = LocalWorkers(setup, [0], strategy)
    if tokens is not None:
        refuse(made._shard._module, lambda ids: ids.numel() > tokens)
    return made


def refuse(module, too_much):
    """Raise torch's own error at batches that are too much; how often is in the list."""
    refused = []

    def hook(_, args):
        if too_much(args[0]):
            refused.append(args[0].shape)
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.\nmore")

    module.get_input_embeddings().register_forward_pre_hook(hook)
    return refused


def texts(ids):
    """How many there are in a batch, padded or packed: each begins with [CLS]."""
    return int((ids == ids.flatten()[0]).sum())


def job(halvings=0, rate=2e-3, rows=8):
    rows = np.arange(3, 3 + rows)
    return FitJob(0, rows, (rows % 7).astype(np.int32), rate, 0, 1, None, halvings)


@pytest.fixture(scope="module")
def weights(setup):
    return workers_of(setup, "margin").fit([job()])[0].weights


def test_a_chunk_is_scored_again_with_half_the_token_budget(setup, weights):
    """200 tokens, 100, 50: 60 fit, so that the scores are those of a study that has 50."""
    tight, small = workers_of(setup, "margin", tokens=60), workers_of(setup, "margin", budget=50)
    question = Question([weights], 0, 0, 1)
    found, expected = tight.score(POOL, question), small.score(POOL, question)
    np.testing.assert_array_equal(found.scores, expected.scores)
    np.testing.assert_array_equal(found.predictions, expected.predictions)
    assert tight.smallest_budget() == 50
    assert tight.smallest_budget() is None  # told once
    assert small.smallest_budget() is None
    tests = np.arange(110, 140)
    np.testing.assert_array_equal(
        tight.predict(tests, weights).log_probabilities,
        small.predict(tests, weights).log_probabilities,
    )
    assert tight.smallest_budget() == 50


def test_only_the_chunk_that_is_too_long_is_done_again(setup, weights):
    """The first time anything is refused, once; the next chunk begins with the study's budget."""
    made = workers_of(setup, "margin")
    refused = refuse(made._shard._module, lambda _: not refused)
    made.score(POOL, Question([weights], 0, 0, 1))
    assert len(refused) == 1
    assert made.smallest_budget() == 100


@pytest.mark.parametrize("strategy", ["core-set", "badge"])
def test_what_is_held_while_a_batch_is_chosen(setup, weights, strategy):
    question, hashes = Question([weights], 0, 0, 1), row_hashes(map(str, POOL))
    picks = []
    for made in (
        workers_of(setup, strategy, tokens=60),
        workers_of(setup, strategy, budget=50),
    ):
        needs = frozenset({"vectors"})
        labelled = made.observe(np.arange(4), weights, needs)
        made.hold(POOL, hashes, Question([weights], 0, 0, 1, labelled))
        picks.append(made.pick(5).rows.tolist())
        assert made.smallest_budget() == (50 if len(picks) == 1 else None)
    assert picks[0] == picks[1]
    assert question.labelled is None


def test_no_room_for_one_text_is_one_line(setup, weights):
    made = workers_of(setup, "margin", tokens=2)
    with pytest.raises(
        AlRayError, match=r"out of memory with one text at a time.*--max-length"
    ) as e:
        made.predict(POOL, weights)
    assert "\n" not in str(e.value)
    assert "20.00 MiB" in str(e.value)


def test_other_errors_come_as_they_are(setup, weights):
    made = workers_of(setup, "margin")

    def broken(*_):
        raise ValueError("something else")

    made._shard._module.get_input_embeddings().register_forward_pre_hook(broken)
    with pytest.raises(ValueError, match="something else"):
        made.predict(POOL, weights)


def test_a_fits_batches_are_cut_into_parts(setup):
    """8 rows, 4, 2: 3 fit. Without dropout the weights differ by rounding alone."""
    fitted = []
    for most in (None, 3):
        made = LocalWorkers(setup, [0], "margin")
        module = made._members[0]._module
        for part in module.modules():
            if isinstance(part, torch.nn.Dropout):
                part.p = 0.0
        refused = [] if most is None else refuse(module, lambda ids: texts(ids) > 3)
        fitted += made.fit([job(rows=16)])
        assert len(refused) == (0 if most is None else 2)
    whole, parts = fitted
    assert whole.part_rows is None
    assert parts.part_rows == 2
    assert parts.updates == whole.updates == 3
    assert parts.train_loss == pytest.approx(whole.train_loss, rel=1e-4)
    for name, value in whole.weights.items():
        np.testing.assert_allclose(parts.weights[name], value, atol=2e-4, err_msg=name)


def test_a_fit_without_room_for_one_text_fails_clearly(setup):
    made = LocalWorkers(setup, [0], "margin")
    refuse(made._members[0]._module, lambda _: True)
    with pytest.raises(AlRayError, match=r"out of memory with one text.*--max-length") as caught:
        made.fit([job()])
    assert "\n" not in str(caught.value)


# Training that diverges


def test_a_lower_rate_is_tried_where_that_is_wanted(setup, monkeypatch):
    """It diverges at 8e-3 and 4e-3, and not at 2e-3: the fit is the one that began at 2e-3."""
    from al_ray.learners.encoder import fit as fit_module

    true_fit, tried = fit_module.fit, []

    def fit(module, tokens, rows, labels, training, rate, *others):
        tried.append(rate)
        report = true_fit(module, tokens, rows, labels, training, rate, *others)
        if rate > 2e-3:
            raise TrainingDiverged("not finite")
        return report

    monkeypatch.setattr(fit_module, "fit", fit)
    made = workers_of(setup, "margin")
    (found,) = made.fit([job(halvings=4, rate=8e-3)])
    assert tried == [8e-3, 4e-3, 2e-3]
    assert found.learning_rate == 2e-3
    (expected,) = workers_of(setup, "margin").fit([job(rate=2e-3)])
    assert expected.learning_rate is None
    for name, value in expected.weights.items():
        np.testing.assert_array_equal(found.weights[name], value, err_msg=name)
    with pytest.raises(TrainingDiverged):
        made.fit([job(halvings=1, rate=8e-3)])
    with pytest.raises(TrainingDiverged):
        made.fit([job(rate=8e-3)])


def test_real_divergence_halves_until_it_is_finite(setup):
    """1e38 overflows at once, and so do its half and quarter."""
    made = workers_of(setup, "margin")
    with pytest.raises(TrainingDiverged, match=r"learning rate 2\.5e"):
        made.fit([job(halvings=2, rate=1e38)])
