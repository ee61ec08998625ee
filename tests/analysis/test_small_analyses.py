"""Stability, costs and the noise floor, by hand; what a study says of itself."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from small_studies import name_of, predictions, study, write
from test_mix import ROWS, picks

from al_ray.analysis.described.costs import costs
from al_ray.analysis.described.noise import floor, replays
from al_ray.analysis.described.stability import stability
from al_ray.analysis.study import load
from al_ray.errors import UserError


def test_stability_by_hand():
    arms = {"margin": {0: [0.4, 0.6, 0.5], 1: [0.6, 0.6, 0.595]}}
    (row,) = stability(study(arms, [10, 20, 30])).itertuples()
    variances = [0.02, 0.0, 0.0045125]
    assert row.sd_over_seeds == pytest.approx(math.sqrt(np.mean(variances)))
    # Four turns; one loses 10 points, one half a point, which is no drop.
    assert (row.turns, row.drops, row.drop_share) == (4, 1, 0.25)
    assert row.largest_drop == pytest.approx(0.1)


def test_stability_of_one_seed_and_one_step():
    (row,) = stability(study({"margin": {0: [0.4]}}, [10])).itertuples()
    assert math.isnan(row.sd_over_seeds)
    assert (row.turns, row.drops) == (0, 0)
    assert math.isnan(row.largest_drop)
    (row,) = stability(study({"margin": {0: [0.4, 0.5]}}, [10, 20])).itertuples()
    assert row.largest_drop == 0
    assert stability(study({}, [10])).empty


def test_costs_by_hand():
    chosen = picks(margin={-1: "가가", 0: "나나나", 1: "나나나나나"})
    chosen["row_id"] = "r0"  # three tokens each
    one = study({"margin": {0: [0.1, 0.2]}}, [10, 20], selections=chosen, rows=ROWS)
    one.trajectories["rates"] = [[1e-3, 1e-4, 1e-5]]
    (row,) = costs(one, labels_per_day=10).itertuples()
    assert (row.seeds, row.steps, row.fit_seconds, row.step_seconds) == (1, 2, 6, 10)
    assert row.hours == pytest.approx(20 / 3600)
    assert (row.members, row.device_hours) == (3, pytest.approx(60 / 3600))
    assert (row.labels, row.days) == (20, 2)
    assert row.tokens_read == 15  # what the last model chose is labelled by nobody
    assert math.isnan(costs(study({"margin": {0: [0.1]}}, [10])).tokens_read[0])
    assert costs(study({}, [10])).empty


def replayed():
    arms = {"margin": {0: [0.4, 0.5], 1: [0.4, 0.5]}}
    refits = {0: [0.50, 0.52, 0.54], 1: [0.60, 0.64]}
    for seed, values in refits.items():
        for number, value in enumerate(values):
            arms["replay", "cold", "fine-tuned", 20, 100 * seed + number] = {seed: [value]}
    one = study(arms, [10, 20])
    one.trajectories["replay_of"] = one.trajectories.replay_of.astype(object)
    of_replay = one.trajectories.strategy == "replay"
    one.trajectories.loc[of_replay, "replay_of"] = [
        name_of("margin", seed) for seed in one.trajectories.seed[of_replay]
    ]
    one.trajectories.loc[of_replay, "replay_step"] = 1
    one.trajectories.loc[of_replay, "fit_seed"] = range(of_replay.sum())
    return one


def test_noise_floor_by_hand():
    one = replayed()
    (row,) = floor(one).itertuples()
    # Squares about the two means, 0.0008 each, over 5 - 2 degrees of freedom.
    sd = math.sqrt(0.0016 / 3)
    assert (row.step, row.groups, row.fits) == (1, 2, 5)
    assert row.sd == pytest.approx(sd)
    assert row.difference == pytest.approx(stats.t.ppf(0.975, 3) * math.sqrt(2) * sd)
    assert math.isnan(row.flips)
    table = replays(one)
    assert table.original.tolist() == [0.5] * 5
    assert table.strategy.unique().tolist() == ["margin"]


def test_replays_are_no_arms():
    one = replayed()
    assert one.curves().strategy.unique().tolist() == ["margin"]
    assert one.arms().strategy.tolist() == ["margin"]


def test_refits_that_answer_differently():
    one = replayed()
    names = one.trajectories.trajectory[one.trajectories.strategy == "replay"].tolist()
    said = ["가나", "가가", "나나", "가가", "가가"]
    made = predictions(
        {(name, 0): list(text) for name, text in zip(names, said, strict=True)}, ["가", "가"]
    )
    one = study({}, [10]).__class__(**{**vars(one), "predictions": made})
    # Of three: 1/2, 1/2, 1; of two: 0.
    assert floor(one).flips[0] == pytest.approx((0.5 + 0.5 + 1 + 0) / 4)


def test_no_floor_without_two_refits():
    assert floor(study({"margin": {0: [0.4, 0.5]}}, [10, 20])).empty


def test_a_folder_is_read_back(tmp_path):
    arms = {"random": {0: [0.4, 0.5]}, "margin": {0: [0.4], 1: [0.3, 0.6]}}
    one = study(arms, [10, 20], status={("margin", 0): "failed"})
    one.description["trajectories"] = {
        **dict.fromkeys(one.trajectories.trajectory, 2),
        "mine.Own-warm-new-10-s3-0123456789": 2,
    }
    write(tmp_path, one)
    found = load(tmp_path)
    assert found.labels == ("가", "나", "다")
    assert found.tests == ("test",)
    own = found.trajectories.iloc[-1]
    assert (own.strategy, own.retrain, own.step_size, own.initial, own.seed) == (
        "mine.Own",
        "warm-new",
        10,
        10,
        3,
    )
    missing = found.missing()
    assert missing.strategy.tolist() == ["margin", "mine.Own"]
    assert missing.status.tolist() == ["failed", "not begun"]
    assert missing.error[0] == "training diverged"
    pd.testing.assert_frame_equal(
        found.curves()[["trajectory", "step", "test_accuracy", "complete"]],
        one.curves()[["trajectory", "step", "test_accuracy", "complete"]],
        check_dtype=False,
    )


def test_a_trajectory_that_was_asked_for_more_is_behind(tmp_path):
    one = study({"random": {0: [0.4, 0.5]}}, [10, 20])
    one.description["trajectories"] = {one.trajectories.trajectory[0]: 3}
    write(tmp_path, one)
    assert load(tmp_path).missing().status.tolist() == ["behind"]


def test_no_study(tmp_path):
    with pytest.raises(UserError, match=r"study\.json is missing"):
        load(tmp_path)


def test_a_study_that_has_not_begun(tmp_path):
    one = study({}, [10, 20])
    one.description["trajectories"] = {"random-cold-10-s0-0123456789": 2}
    write(tmp_path, one)
    found = load(tmp_path)
    assert found.missing().status.tolist() == ["not begun"]
    assert found.curves().empty
    assert found.arms().strategy.tolist() == ["random"]
