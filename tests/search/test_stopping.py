"""Stopping criteria by scikit-learn and by hand; none fires while a model is collapsed."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score, f1_score
from written_studies import write_study

from al_ray.errors import UserError
from al_ray.results import Store
from al_ray.search.stopping import (
    CRITERIA,
    Course,
    agreement,
    change_of_f,
    classification_change,
    gain_excluded,
    overall_uncertainty,
    stops_at,
    validation_gain,
)
from al_ray.search.stops import stops


def course(predictions, validation=None, uncertainty=None, n_validation=100, n_labels=3):
    predictions = np.asarray(predictions)
    steps = len(predictions)
    return Course(
        predictions,
        np.full(steps, 0.5) if uncertainty is None else np.asarray(uncertainty, float),
        np.full(steps, np.nan) if validation is None else np.asarray(validation, float),
        n_validation,
        n_labels,
    )


def drifting(seed=0, steps=12, rows=400, n_labels=3):
    """Predictions that change less and less."""
    draw = np.random.default_rng(seed)
    made = [draw.integers(0, n_labels, rows)]
    for step in range(1, steps):
        row = made[-1].copy()
        changed = draw.random(rows) < 0.3 / step**2
        row[changed] = draw.integers(0, n_labels, changed.sum())
        made.append(row)
    return np.array(made)


@pytest.mark.parametrize("seed", range(5))
def test_agreement_is_the_mean_of_scikit_learns_kappas(seed):
    seen = drifting(seed)
    kappas = [cohen_kappa_score(a, b) for a, b in pairwise(seen)]
    wanted = [step >= 3 and np.mean(kappas[step - 3 : step]) >= 0.99 for step in range(len(seen))]
    assert agreement(course(seen)).tolist() == wanted
    assert any(wanted)
    assert not all(wanted[3:])


@pytest.mark.parametrize("seed", range(5))
def test_the_change_of_f_is_by_scikit_learns_f(seed):
    seen = drifting(seed)
    changes = [1 - f1_score(a, b, average="macro") for a, b in pairwise(seen)]
    wanted = [step >= 3 and max(changes[step - 3 : step]) < 0.05 for step in range(len(seen))]
    assert change_of_f(course(seen)).tolist() == wanted
    assert any(wanted)


def test_the_others_by_hand():
    same = np.zeros((5, 100), int)
    same[:, 50:] = 1
    one, two = same.copy(), same.copy()
    one[2, 0] = 2  # one row of a hundred changes, and changes back
    two[2, :2] = 2
    assert classification_change(course(one)).tolist() == [False, False, True, True, True]
    assert not classification_change(course(two)).any()
    assert overall_uncertainty(
        course(same, uncertainty=[0.9, 0.06, 0.04, 0.05, 0.049])
    ).tolist() == [
        *(False, False, True, False, True),
    ]
    gained = course(same, validation=[0.5, 0.6, 0.6, 0.59, 0.604])
    assert validation_gain(gained).tolist() == [False, False, False, False, True]
    assert not validation_gain(course(same[:2], validation=[0.5, 0.5])).any()
    assert not validation_gain(course(same)).any()  # without validation rows nothing is known


def test_a_gain_is_excluded_by_its_interval():
    """Rows whose prediction does not change cannot have gained; more change tells less."""
    still, moving = np.zeros((5, 100), int), np.zeros((5, 100), int)
    still[:, 50:] = moving[:, 50:] = 1
    moving[3:, :40] = 2
    flat = [0.7] * 5
    assert gain_excluded(course(still, flat)).tolist() == [False, False, False, True, True]
    assert not gain_excluded(course(moving, flat)).any()
    assert not gain_excluded(course(still, flat, n_validation=0)).any()
    # Its error by simulation: rows change their answer one by one, and the truth is a gain of 2.
    draw, wrong = np.random.default_rng(0), 0
    for _ in range(500):
        before = draw.random(300) < 0.7
        turned = draw.random(300)
        after = np.where(turned < 0.06, True, np.where(turned < 0.08, False, before))
        accuracy = [before.mean()] * 3 + [after.mean()]
        share = np.zeros((4, 1000), int)
        share[3, : int(1000 * np.mean(before != after))] = 1
        share[:, -300:] = 2
        wrong += bool(gain_excluded(course(share, accuracy, 300))[3])
    assert wrong / 500 < 0.07


@pytest.mark.parametrize("name", CRITERIA)
def test_nothing_is_said_while_a_model_is_collapsed(name):
    collapsed = np.zeros((8, 100), int)
    collapsed[:, :4] = 1  # 96 of 100
    said = course(collapsed, validation=[0.5] * 8, uncertainty=[0.0] * 8)
    assert CRITERIA[name](said).any()
    assert stops_at(said, CRITERIA[name]) is None
    woken = collapsed.copy()
    woken[6:, :40] = 1
    assert stops_at(course(woken, [0.5] * 8, uncertainty=[0.0] * 8), overall_uncertainty) == 6


def test_a_study_is_replayed(tmp_path):
    """Two seeds: one has predictions that stand still from the second step on."""
    out = write_study(
        tmp_path, strategies=("random",), step_sizes=(20,), seeds=2, steps=6, controls=()
    )
    store = Store(out)
    with pytest.raises(UserError, match="no complete trajectory has a stop set"):
        stops(store)
    labels = store.study_json.get("labels")["labels"]
    steps = store.read("steps")
    main = steps[steps.test == "test"]
    for number, (name, rows) in enumerate(main.groupby("trajectory")):
        for step in rows.step:
            shift = 0 if number == 0 and step > 0 else step
            told = [labels[(i + shift) % len(labels)] for i in range(70)]
            columns = {"row_id": [f"r{i}" for i in range(70)], "prediction": told}
            store.write("stop_set", {**columns, "confidence": 0.5, "entropy": 1.9}, name, int(step))
    found = {each.criterion: each for each in stops(store, worth=10)}
    assert found[""].trajectories == 2
    assert found["agreement"].fired == found["change of F"].fired == 1
    one, other = (rows.sort_values("step") for _, rows in main.groupby("trajectory"))
    stopped, end = one[one.step == 3], one.iloc[-1]
    lost = 100 * (end.test_accuracy - stopped.test_accuracy.item())
    assert found["agreement"].below == pytest.approx(lost / 2)
    assert found["agreement"].labels == (stopped.n_labelled.item() + other.n_labelled.max()) / 2
    cost = [rows.n_labelled - 1000 * rows.test_accuracy for rows in (one, other)]
    regret = [cost[0][stopped.index.item()] - cost[0].min(), cost[1].iloc[-1] - cost[1].min()]
    assert found["agreement"].regret == pytest.approx(np.mean(regret))
    assert pd.isna(found["overall uncertainty"].low) or found["overall uncertainty"].fired == 0
