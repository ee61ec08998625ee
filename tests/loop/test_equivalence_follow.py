"""On two labels a follower's tables are what it would have written by itself."""

import itertools
import shutil

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loop_stub import (
    FragileStore,
    World,
    assert_same,
    assert_same_run,
    config_of,
    ended,
    go,
    tables,
)

from al_ray.loop.equivalence import follow, scores_from_confidence
from al_ray.loop.record import steps_done
from al_ray.results import Store
from al_ray.strategies import EQUIVALENT_ON_TWO_LABELS, Outputs, build, log_softmax

WORLD = World(n_labels=2, train=70, seed=3)
PAIRS = list(itertools.permutations(EQUIVALENT_ON_TWO_LABELS, 2))


def config(strategy, **changes):
    return config_of(strategy=strategy, validation=4, **changes)


def assert_same_to_rounding_of_scores(ours, alone):
    """All columns by value, the score to 1e-12."""
    left, right = dict(ours), dict(alone)
    for one in (left, right):
        one.pop("scores")
    scores = [one.pop("selections") for one in (left, right)]
    assert_same(left, right)
    np.testing.assert_allclose(scores[0].score, scores[1].score, rtol=0, atol=1e-12)
    bare = [frame.drop(columns="score") for frame in scores]
    pd.testing.assert_frame_equal(*bare, check_exact=True)


@pytest.mark.parametrize("retrain", ["cold", "warm-new"])
@pytest.mark.parametrize(("leader", "follower"), PAIRS)
def test_follower_has_what_it_would_have_written(tmp_path, leader, follower, retrain):
    lead, after = config(leader, retrain=retrain), config(follower, retrain=retrain)
    store, _, _ = go(tmp_path / "together", WORLD, lead)
    assert follow(store, lead, after) == after.schedule.steps
    alone, _, _ = go(tmp_path / "alone", WORLD, after)
    expected = tables(alone)
    ours = {name: store.read(name, [after.id])[list(frame)] for name, frame in expected.items()}
    assert len(ours["selections"]) == 6 + 3 * 5
    assert_same_to_rounding_of_scores(ours, expected)
    assert steps_done(store, after) == after.schedule.steps


@pytest.mark.parametrize(("leader", "follower"), PAIRS)
def test_ledger_of_a_follower(tmp_path, leader, follower):
    """The ledger's rows and predictions are there; it has no confidence to score them from."""
    lead, after = config(leader), config(follower)
    store, _, _ = go(tmp_path / "together", WORLD, lead, ledger=True)
    follow(store, lead, after)
    alone, _, _ = go(tmp_path / "alone", WORLD, after, ledger=True)
    ours, theirs = store.read("scores", [after.id]), alone.read("scores")
    pd.testing.assert_frame_equal(ours.drop(columns="score"), theirs.drop(columns="score"))
    assert ours.score.isna().all()
    assert theirs.score.notna().all()


def test_nothing_to_follow(tmp_path):
    lead, after = config("margin"), config("entropy")
    store = Store(tmp_path)
    assert follow(store, lead, after) == 0
    assert not any(tmp_path.iterdir())


def test_follows_step_by_step_and_writes_nothing_twice(tmp_path):
    lead, after = config("margin"), config("entropy")
    store = Store(tmp_path)
    written = []
    put = store.put

    def noted(name, rows, trajectory, *beside):
        written.append(name.partition("/")[0])
        put(name, rows, trajectory, *beside)

    store.put = noted
    for steps in (1, 3, 4):
        go(tmp_path, WORLD, ended(lead, steps))
        written.clear()
        leads, follows = ended(lead, steps), ended(after, steps)
        assert follow(store, leads, follows) == steps
        # `steps` comes last of each step.
        assert written[-1] == "steps"
        written.clear()
        follow(store, leads, follows)
        assert written == []
    alone, _, _ = go(tmp_path / "alone", WORLD, after)
    expected = tables(alone)
    ours = {name: store.read(name, [after.id])[list(frame)] for name, frame in expected.items()}
    assert_same_to_rounding_of_scores(ours, expected)


def test_killed_while_following(tmp_path):
    lead, after = config("margin"), config("entropy")
    go(tmp_path / "led", WORLD, lead)
    shutil.copytree(tmp_path / "led", tmp_path / "whole")
    whole = Store(tmp_path / "whole")
    follow(whole, lead, after)
    writes = 1 + 4 * 4 + 3  # the draw; members, predictions, metrics, steps; selections
    for k in range(1, writes + 1):
        folder = tmp_path / str(k)
        shutil.copytree(tmp_path / "led", folder)
        with pytest.raises(InterruptedError):
            follow(FragileStore(folder, k), lead, after)
        assert follow(Store(folder), lead, after) == 4
        assert_same_run(Store(folder), whole)
    follow(FragileStore(tmp_path / "led", writes + 1), lead, after)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-15, 15), st.floats(-15, 15)), min_size=1, max_size=20))
def test_scores_from_confidence(logits):
    outputs = Outputs(log_softmax(np.array(logits, np.float32))[np.newaxis])
    confidence = np.exp(outputs.log_probabilities[0].max(axis=1))
    for strategy in EQUIVALENT_ON_TWO_LABELS:
        np.testing.assert_allclose(
            scores_from_confidence(strategy, confidence),
            build(strategy).score(outputs),
            rtol=0,
            atol=1e-12,
        )


def test_scores_of_certain_and_even_rows():
    confidence = np.array([1.0, 0.5])
    assert scores_from_confidence("least-confidence", confidence).tolist() == [0.0, 0.5]
    assert scores_from_confidence("margin", confidence).tolist() == [-1.0, 0.0]
    np.testing.assert_allclose(scores_from_confidence("entropy", confidence), [0, np.log(2)])
