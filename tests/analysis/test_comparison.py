"""Arms of a study's tables, beside random and each other: by hand and against SciPy."""

import math

import numpy as np
import pytest
from scipy import stats
from small_studies import alike, answered, noisy, study
from statsmodels.stats.multitest import multipletests

from al_ray.analysis.comparison import (
    against_random,
    aliases,
    by_step,
    judged,
    judged_by,
    penalties,
    shown_cells,
)

CURVE = [0.4, 0.5, 0.6]
LABELS = [10, 20, 30]
STEADY = dict.fromkeys(range(5), CURVE)


def by_seed(*curves):
    return dict(enumerate(curves))


def test_against_random_pairs_by_seed():
    arms = {
        "random": {0: CURVE, 1: CURVE, 2: CURVE, 7: [0.0] * 3},
        "margin": {2: [0.4, 0.55, 0.6], 0: [0.4, 0.6, 0.6], 1: [0.4, 0.5, 0.7], 8: [1.0] * 3},
    }
    (row,) = against_random(study(arms, LABELS)).itertuples()
    gaps = [0.025, 0.05, 0.025]  # seed 2: 0.05 / 2; seed 0: 0.1 / 2; seed 1: 0.1 / 4
    assert (row.seeds, row.missing) == (3, 0)
    assert row.difference == pytest.approx(np.mean(gaps))
    assert row.p == row.p_holm == pytest.approx(stats.ttest_1samp(gaps, 0).pvalue)


def test_answers_make_intervals_of_rows_too():
    random, arm = alike(np.random.default_rng(0), [CURVE] * 2, seeds=6, rows=50)
    full = answered({"random": random, "margin": arm}, LABELS)
    (row,) = against_random(full).itertuples()
    means = study({"random": full_means(random), "margin": full_means(arm)}, LABELS)
    (seeds_alone,) = against_random(means).itertuples()
    assert (row.rows, seeds_alone.rows) == (50, 1)
    assert row.difference == pytest.approx(seeds_alone.difference)
    assert row.high - row.low > seeds_alone.high - seeds_alone.low


def full_means(right):
    return {seed: found.mean(axis=0).tolist() for seed, found in enumerate(right)}


def test_a_name_more_is_no_arm_more():
    """On two labels three names choose the same rows: one test, not three."""
    arms = {"random": noisy(CURVE, 6, 0.01)}
    same = noisy(CURVE, 6, 0.01, 1, 0.01)
    arms |= {"least-confidence": same, "margin": same, "entropy": same}
    arms["core-set"] = noisy(CURVE, 6, 0.01, 2)
    made = study(arms, LABELS)
    picks = made.steps.strategy.where(made.steps.strategy.isin(["random", "core-set"]), "two")
    made.steps["picks_digest"] = picks + made.steps.seed.astype(str)
    assert [leader["strategy"] for leader in aliases(made).values()] == ["least-confidence"] * 2
    table = against_random(made).set_index("strategy")
    p = table.p[["margin", "core-set"]]
    assert table.p_holm[["margin", "core-set"]].tolist() == pytest.approx(
        multipletests(p, method="holm")[1]
    )
    assert table.p_holm["margin"] == table.p_holm["entropy"]
    assert [row.strategy for row in shown_cells(made).itertuples()] == [
        "least-confidence",
        "core-set",
    ]


def test_failed_and_absent_seeds_are_missing():
    arms = {"random": STEADY, "margin": dict(STEADY)}
    arms["margin"] |= {5: CURVE}
    arms["random"] = STEADY | {5: CURVE}
    one = study(arms, LABELS, status={("margin", 5): "failed", ("random", 2): None})
    (row,) = against_random(one).itertuples()
    assert (row.seeds, row.missing) == (4, 2)


def test_another_setting_is_another_random():
    warm = ("margin", "warm", "fine-tuned", 10, 10)
    table = against_random(study({"random": {0: CURVE, 1: CURVE}, warm: {0: CURVE}}, LABELS))
    (row,) = table.itertuples()
    assert (row.seeds, row.kind) == (0, "cannot tell")
    assert math.isnan(row.difference)


def test_arms_that_were_extended_apart_are_cut():
    arms = {
        "random": {0: CURVE, 1: CURVE},
        "margin": {0: [0.5, 0.6, 0.7, 0.9], 1: [0.5, 0.6, 0.7, 0.9]},
    }
    (row,) = against_random(study(arms, [*LABELS, 40])).itertuples()
    assert row.difference == pytest.approx(0.1)


def test_other_metrics_are_corrected_together():
    arms = {"random": noisy(CURVE, 6, 0.01)}
    arms |= {name: noisy(CURVE, 6, 0.01, place, 0.01) for place, name in enumerate("ab", 1)}
    found = judged_by(study(arms, LABELS), ("macro_f1", "balanced_accuracy"))
    areas = [one.found.area for judgements in found.values() for one in judgements]
    corrected = multipletests([area.p for area in areas], method="holm")[1]
    assert [area.p_holm for area in areas] == pytest.approx(corrected)


def test_steps_by_hand():
    arms = {
        "random": {0: CURVE, 1: CURVE, 2: CURVE},
        "margin": {0: [0.4, 0.6, 0.6], 1: [0.4, 0.62, 0.6], 2: [0.4, 0.61, 0.6]},
    }
    table = by_step(study(arms, LABELS))
    assert table.n_labelled.tolist() == [20, 30]
    assert table.difference.tolist() == pytest.approx([0.11, 0.0])
    p = stats.ttest_1samp([0.1, 0.12, 0.11], 0).pvalue
    assert table.p.tolist() == pytest.approx([p, 1.0])
    assert table.p_holm.tolist() == pytest.approx([2 * p, 1.0])
    assert by_step(study({"margin": {0: CURVE}}, LABELS)).empty


def test_cells_are_those_that_were_shown():
    up = [[0.4, 0.6 + 0.01 * seed, 0.61 - 0.005 * seed] for seed in range(5)]
    one = study({"random": STEADY, "margin": by_seed(*up)}, LABELS)
    few = study({"random": {0: CURVE}, "margin": {0: [0.4, 0.3, 0.3]}}, LABELS)
    (row,) = shown_cells(one).itertuples()
    assert (row.strategy, row.cells, row.better, row.worse) == ("margin", 2, 1, 0)
    assert shown_cells(few).empty


def test_penalties_by_hand():
    up = [[0.4, 0.6 + 0.01 * seed, 0.6] for seed in range(5)]
    table = penalties(study({"random": STEADY, "margin": by_seed(*up)}, LABELS))
    table = table.set_index(["strategy_a", "strategy_b"])
    # random loses at 20 labels and not at 30; margin never does.
    assert table.penalty["random", "margin"] == 0.5
    assert table.penalty["margin", "random"] == 0.0
    assert table.cells.tolist() == [2, 2]
    four = penalties(study({"random": by_seed(*[CURVE] * 4), "margin": by_seed(*up[:4])}, LABELS))
    assert four.penalty.isna().all()
    assert penalties(study({}, LABELS)).empty


def test_what_is_remembered_is_of_one_study():
    first = study({"random": STEADY, "margin": STEADY}, LABELS)
    assert judged(first) is judged(first)
    other = study({"random": STEADY, "margin": by_seed(*[[0.4, 0.6, 0.7]] * 5)}, LABELS)
    assert judged(other)[0].found.kind != judged(first)[0].found.kind
