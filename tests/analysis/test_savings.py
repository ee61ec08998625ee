"""Labels saved, of a study's tables: worked by hand, and what is printed of them."""

import math

import numpy as np
import pytest
from small_studies import name_of, noisy, predictions, study
from statsmodels.stats.multitest import multipletests

from al_ray.analysis.savings import COLUMNS, said, savings

CURVE = [0.4, 0.5, 0.6, 0.7]


def test_table_by_hand():
    arms = {
        "random": dict.fromkeys(range(5), CURVE),
        "margin": {seed: [0.4, 0.6, 0.7, 0.8] for seed in range(5)},
    }
    table = savings(study(arms, [10, 20, 30, 40]), labels_per_day=100)
    assert list(table.columns) == COLUMNS
    assert table.target_labels.tolist() == [20, 30, 40]
    assert table.target_accuracy.tolist() == pytest.approx([0.5, 0.6, 0.7])
    assert table.need.tolist() == pytest.approx([20, 30, 40])
    # Halfway from 10 to 20 on the logarithm; the others at a step of margin's own.
    assert table.labels.tolist() == pytest.approx([math.sqrt(200), 20, 30])
    assert table.saved_labels.tolist() == pytest.approx([20 - math.sqrt(200), 10, 10])
    assert table.saved_days.tolist()[1:] == pytest.approx([0.1, 0.1])
    # Without noise nothing is in doubt: both ends are the number itself, but for the grid.
    assert table.low.tolist() == pytest.approx(table.saved_labels.tolist(), abs=1)
    assert table.high.tolist() == pytest.approx(table.saved_labels.tolist(), abs=1)
    assert table.shown.all()
    assert table.seeds.tolist() == [5, 5, 5]


@pytest.mark.parametrize("seeds", [2, 3, 10])
def test_equal_arms_are_printed_without_numbers(seeds):
    """Of four equal arms one was printed as needing 80 % or less in half of all studies."""
    arms = {"random": noisy(CURVE, seeds, 0.02)}
    arms |= {name: noisy(CURVE, seeds, 0.02, place) for place, name in enumerate("abcd", 1)}
    printed = said(savings(study(arms, [10, 20, 30, 40])))
    assert not printed.shown.any()
    numbers = ["need", "labels", "saved_labels", "low", "high", "saved_days", "low_days"]
    assert printed[numbers].isna().all(axis=None)


def test_correction_is_over_arms_and_targets():
    arms = {"random": noisy(CURVE, 8, 0.01)}
    arms |= {name: noisy(CURVE, 8, 0.01, place, 0.02) for place, name in enumerate("ab", 1)}
    one = study(arms, [10, 20, 30, 40])
    alone = [
        savings(study({"random": arms["random"], name: arms[name]}, [10, 20, 30, 40]), targets=[n])
        for name in "ab"
        for n in (20, 30, 40)
    ]
    corrected = multipletests([table.p_holm[0] for table in alone], method="holm")[1]
    assert savings(one).p_holm.tolist() == pytest.approx(corrected)


def test_a_name_more_is_tested_once():
    same = noisy(CURVE, 8, 0.01, 1, 0.02)
    arms = {"random": noisy(CURVE, 8, 0.01), "margin": same}
    alone = savings(study(arms, [10, 20, 30, 40]))
    both = study(arms | {"entropy": same}, [10, 20, 30, 40])
    picks = both.steps.strategy.replace("entropy", "margin")
    both.steps["picks_digest"] = picks + both.steps.seed.astype(str)
    table = savings(both)
    for strategy in ("margin", "entropy"):
        own = table[table.strategy == strategy]
        assert own.p_holm.tolist() == pytest.approx(alone.p_holm.tolist())


def test_no_interval_below_five_seeds():
    arms = {"random": noisy(CURVE, 4, 0.01), "margin": noisy(CURVE, 4, 0.01, 1, 0.1)}
    table = savings(study(arms, [10, 20, 30, 40]))
    assert table.low.isna().all()
    assert table.high.isna().all()
    assert not table.shown.any()


def test_seeds_that_only_one_has_do_not_count():
    arms = {
        "random": {0: CURVE, 1: [0.0] * 4, 2: CURVE},
        "margin": {0: CURVE, 2: CURVE, 3: [1.0] * 4},
    }
    table = savings(study(arms, [10, 20, 30, 40]), targets=[30])
    (row,) = table.itertuples()
    assert (row.seeds, row.baseline_fits, row.target_accuracy) == (2, 3, pytest.approx(0.6))
    assert row.labels == pytest.approx(30)


def test_no_seed_in_common():
    arms = {"random": {0: CURVE}, "margin": {1: CURVE}}
    (row,) = savings(study(arms, [10, 20, 30, 40]), targets=[40]).itertuples()
    assert (row.seeds, row.reached) == (0, "")
    assert math.isnan(row.labels)


def test_failed_trajectories_do_not_count():
    arms = {"random": {0: CURVE, 1: CURVE}, "margin": {0: CURVE, 1: [0.4, 0.0]}}
    failed = study(arms, [10, 20, 30, 40], status={("margin", 1): "failed"})
    (row,) = savings(failed, targets=[40]).itertuples()
    assert (row.seeds, row.labels) == (1, pytest.approx(40))


def test_a_control_is_a_baseline_of_cold_arms_alone():
    full = ("control", "cold", "fine-tuned", 500, 500)
    warm = ("margin", "warm-new", "fine-tuned", 10, 10)
    arms = {
        "random": {0: CURVE},
        "margin": {0: [0.4, 0.6, 0.8, 0.9]},
        warm: {0: [0.4, 0.6, 0.8, 0.9]},
        full: {0: [0.8]},
    }
    table = savings(study(arms, [10, 20, 30, 40]))
    assert set(table.retrain) == {"cold"}
    assert table[table.target_labels == 500].labels.tolist() == pytest.approx([30])


def test_another_step_sizes_random_rows_are_the_same_rows_where_cold():
    """Draws of a seed are prefixes of one permutation."""
    large = [(name, "cold", "fine-tuned", 20, 20) for name in ("random", "margin")]
    arms = {
        "random": {0: CURVE},
        large[1]: {0: [0.5, 0.6]},
    }
    table = savings(study(arms, [10, 20, 30, 40]), targets=[30, 35])
    assert table.target_labels.tolist() == [30]


def test_test_rows_count_where_they_are_known():
    """Two arms that differ on a few rows: the rows' part makes the interval wider."""
    rng = np.random.default_rng(0)
    truth = ["가"] * 60
    answers, accuracies = {}, {"random": {}, "margin": {}}
    hard = rng.random(60)
    for strategy in accuracies:
        own = rng.normal(0, 0.3, 60)
        for seed in range(6):
            accuracies[strategy][seed] = []
            for step, ability in enumerate((0.4, 0.6, 0.8)):
                right = hard + own < ability + rng.normal(0, 0.05)
                answers[name_of(strategy, seed), step] = ["가" if r else "나" for r in right]
                accuracies[strategy][seed].append(float(right.mean()))
    labels = [10, 20, 30]
    without = savings(study(accuracies, labels), targets=[20])
    rows = savings(study(accuracies, labels, predictions=predictions(answers, truth)), targets=[20])
    assert rows.labels.tolist() == pytest.approx(without.labels.tolist())
    assert rows.p_holm[0] != pytest.approx(without.p_holm[0])


def test_nothing_to_save():
    assert savings(study({}, [10, 20])).columns.tolist() == COLUMNS
    assert savings(study({"margin": {0: [0.5, 0.6]}}, [10, 20])).empty
    assert savings(study({"random": {0: [0.5]}, "margin": {0: [0.5]}}, [10])).empty
