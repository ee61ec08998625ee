"""Long contexts in windows: against each window run on its own, and a search by token."""

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import SHARED, Inline, small_training
from hypothesis import given
from hypothesis import strategies as st

from al_ray.corpus.embedded import EMBEDDED
from al_ray.corpus.tokens import prepared
from al_ray.corpus.tokens.places import windowed
from al_ray.corpus.tokens.prepared import Rows, Tokens
from al_ray.corpus.tokens.tokenisers import open_tokeniser
from al_ray.learners.encoder import fit as fit_module
from al_ray.learners.encoder import mini, predict
from al_ray.learners.encoder.load import load
from al_ray.tasks import task_of

MOST = 30
TRAINING = small_training(learning_rate=1e-3, max_length=MOST, token_budget=300, epochs=1,
                          min_updates=80)  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Encoder, tokens in windows, tokens in one piece, rows, task and texts."""
    folder = tmp_path_factory.mktemp("windows")
    corpus = EMBEDDED["embedded-questions"](60, 20)
    encoder = mini.build(corpus, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepared, "ProcessPoolExecutor", Inline)
        made, whole = (
            prepared.prepare(corpus, encoder, "mini", most, folder, places="context")
            for most in (MOST, 512)
        )
    rows = Rows.load(made.rows)
    task = task_of(corpus.task, corpus.labels)
    assert Tokens(made.tokens).window == MOST
    return encoder, Tokens(made.tokens), Tokens(whole.tokens), rows, task, corpus.train.texts


def by_search(n, room, overlap):
    """Where windows begin; and for each of n tokens the one with most around it, and the place.

    After BERT's run_squad.py, but that an end of the context cuts nothing off. Of equal ones the
    later.
    """
    begins = [0]
    while begins[-1] + room < n:
        begins.append(begins[-1] + room - overlap)
    found = []
    for token in range(n):
        held = [w for w, begin in enumerate(begins) if begin <= token < begin + room]
        left = {w: token - begins[w] if w else n for w in held}
        right = {w: begins[w] + room - 1 - token if begins[w] + room < n else n for w in held}
        best = max(held, key=lambda w: (min(left[w], right[w]), w))
        found.append((best, token - begins[best]))
    return begins, found


@given(st.integers(0, 9), st.integers(0, 80), st.integers(0, 3), st.integers(14, 40))
def test_windows_are_the_question_and_a_part_of_the_context(asked, n, ends, most):
    """Every token of the context is in one of them, and is read where most is around it."""
    before, inner, after = [1] * asked, list(range(100, 100 + n)), [2] * ends
    room = most - asked - ends
    begins, chosen = by_search(n, room, min(most // 4, room // 2))
    row, places = windowed(before, inner, after, most)
    windows = [row[at : at + most] for at in range(0, len(row), most)]
    assert windows == [[*before, *inner[b : b + room], *after] for b in begins] or not row
    assert [row[at] for at in places] == inner
    assert [(at // most, at % most - asked) for at in places.tolist()] == chosen


def test_each_window_is_read_on_its_own(world, monkeypatch):
    """Packed and padded, in any batch: as if the model were given that window alone."""
    encoder, tokens, _, _, task, _ = world
    module, rows = load(encoder, len(task.classes), 0, "mean", task.head).eval(), np.arange(20)
    with torch.no_grad():
        alone = [
            torch.cat(
                [
                    module.base_model(
                        input_ids=torch.tensor(part[None].astype(np.int64)),
                        attention_mask=torch.ones(1, len(part), dtype=torch.long),
                    ).last_hidden_state[0]
                    for part in np.split(
                        tokens[row], np.cumsum(tokens.read_together(np.array([row])))[:-1]
                    )
                ]
            )
            for row in rows
        ]
        expected = module.logits(torch.cat(alone), predict.characters(tokens, rows)).numpy()
    means = torch.stack([part.mean(dim=0) for part in alone]).numpy()
    for packed in (True, False):
        monkeypatch.setattr(predict, "can_pack", lambda module, packed=packed: packed)
        found = predict.observe(module, tokens, rows, TRAINING, {"vectors"})
        np.testing.assert_allclose(found.logits, expected, atol=2e-5)
        np.testing.assert_allclose(found.vectors, means, atol=2e-5)


def test_answers_beyond_the_first_window_are_learnt(world):
    """Of rows whose answers no model sees that reads 30 tokens."""
    encoder, tokens, whole, rows, task, _ = world
    answers = task.known(rows.labels, rows.label_names)
    begins = np.array([int(answer.split("-")[0]) for answer in answers])
    beyond = np.array(
        [
            row for row in rows.train
            if tokens.places(row)[begins[row]] >= MOST and whole.places(row)[begins[row]] >= MOST
        ]
    )  # fmt: skip
    assert len(beyond) >= 5
    module = load(encoder, len(task.classes), 0, "mean", task.head)
    chosen = beyond[:8]
    fit_module.fit(module, tokens, chosen, answers[chosen], TRAINING, 1e-3, 0, 0, task)
    said = predict.observe(module, tokens, chosen, TRAINING)
    found = task.evaluated(
        task.believed(said.logits, said.units), answers[chosen], rows_texts(rows, world, chosen)
    )
    assert found.score > 0.8


def rows_texts(rows, world, chosen):
    """The texts of these rows of train."""
    place = {row: i for i, row in enumerate(rows.train)}
    return [world[-1][place[row]] for row in chosen]


@pytest.mark.parametrize("model", ["me5-small-ko", "kobert-tokenizer"])
def test_real_tokenisers_have_the_same_windows(model):
    """In windows of 40 and in one piece every character has the same token."""
    folder = Path(SHARED, "models", model)
    if not folder.exists():
        pytest.skip(f"{folder} is not here")
    tokeniser = open_tokeniser(folder)
    texts = ["무엇을 물었나?\n" + "가나다라 마바사, 12,345원과 “따옴표”를 ㈜한빛이 산다. " * 6]
    (size,), ids = tokeniser.pairs(texts, 40)[0]
    (_, places), (_, all_ids) = tokeniser.pairs(texts, 40)[1], tokeniser.pairs(texts, 512)[0]
    _, all_places = tokeniser.pairs(texts, 512)[1]
    assert size > 80
    assert ids[places].tolist() == all_ids[all_places].tolist()
    assert len(places) == len(texts[0].split("\n", 1)[1])
    assert max(places) >= 80
