"""From timed calls to a speed: what follows a law gives that law back."""

from __future__ import annotations

import numpy as np
import pytest

from al_ray.cluster.trials.probe import _speed, _spread
from al_ray.planning import facts_of
from al_ray.study.training import RECIPES, Training

FIT, UPDATE, TRAIN_TOKEN = 0.5, 0.2, 0.002
CALL, SCORE_TOKEN, START = 0.05, 0.0004, 12.0
TRAINING = Training(
    recipe="seed",
    **{**RECIPES["seed"], "epochs": 1},
    learning_rate=2e-5,
    batch_size=8,
    max_length=32,
    token_budget=4096,
    chunk_rows=2**40,
)


def measured(lengths):
    facts = facts_of({"train": lengths}, TRAINING, 7, 64, packs=True)

    def seconds(what, rows):
        if what == "predict":
            return CALL + SCORE_TOKEN * int(lengths[rows].sum())
        updates = TRAINING.updates_for(len(rows))
        return FIT + UPDATE * updates + TRAIN_TOKEN * int(lengths[rows].sum())

    shortest = np.array([0])
    return _speed(seconds, shortest, TRAINING, lengths, facts, START)


@pytest.mark.parametrize("rows", [16, 24, 200, 5000])
def test_the_law_comes_back(rows):
    speed = measured(np.full(rows, 20, np.int32))
    assert speed.train_token == pytest.approx(TRAIN_TOKEN)
    assert speed.update == pytest.approx(UPDATE)
    assert speed.fit == pytest.approx(FIT)
    # The one row's own tokens are counted with what is beside them, but for their last share.
    assert speed.score_token == pytest.approx(SCORE_TOKEN, rel=0.07)
    assert speed.call == pytest.approx(CALL, rel=0.07)
    single = FIT + UPDATE + 20 * TRAIN_TOKEN
    assert speed.start == pytest.approx(START - single - CALL - 20 * SCORE_TOKEN)


def test_rows_of_all_lengths():
    lengths = np.arange(100, dtype=np.int32)[::-1]
    rows = _spread(lengths, 10)
    assert rows.tolist() == sorted(rows.tolist())
    assert sorted(lengths[rows].tolist()) == [5, 15, 25, 35, 45, 55, 65, 75, 85, 95]
    assert _spread(lengths, 1000).tolist() == list(range(100))
