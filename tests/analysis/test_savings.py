"""Labels needed for a baseline: worked by hand, by scikit-learn, and with known truth."""

import math

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from small_studies import name_of, noisy, predictions, study

from al_ray.analysis.savings import AT_FIRST, COLUMNS, NOT_REACHED, REACHED, reach, savings


def of_accuracies(curves, baseline):
    """Values of `reach`: (seeds, 1, steps + 1)."""
    curves, baseline = np.asarray(curves, float), np.asarray(baseline, float)
    return np.hstack([curves, baseline[:, None]])[:, None, :]


def test_crossing_by_hand():
    # 0.7 lies halfway from 0.6 at 100 to 0.8 at 400: on the logarithm, that is 200 labels.
    found = reach(np.array([100.0, 400.0]), of_accuracies([[0.6, 0.8]], [0.7]))
    assert (found.labels, found.reached) == (pytest.approx(200), REACHED)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_a_lucky_step_is_not_a_saving():
    """A running maximum would say 100 labels; the isotonic curve levels 0.9, 0.5, 0.7 to 0.7."""
    found = reach(np.array([50.0, 100, 200, 400]), of_accuracies([[0.4, 0.9, 0.5, 0.7]], [0.75]))
    assert found.reached == NOT_REACHED
    assert math.isnan(found.labels)


def test_the_curve_is_scikit_learns():
    mean = [0.3, 0.5, 0.45, 0.6, 0.58, 0.7]
    labels = np.array([10.0, 20, 30, 40, 50, 60])
    level = IsotonicRegression().fit_transform(np.log(labels), mean)
    for target in (0.35, 0.55, 0.65):
        found = reach(labels, of_accuracies([mean], [target]))
        assert np.interp(np.log(found.labels), np.log(labels), level) == pytest.approx(target)


def test_at_the_first_step_and_never():
    labels = np.array([10.0, 20])
    assert reach(labels, of_accuracies([[0.7, 0.8]], [0.6])).reached == AT_FIRST
    assert reach(labels, of_accuracies([[0.7, 0.8]], [0.6])).labels == 10
    assert reach(labels, of_accuracies([[0.7, 0.8]], [0.9])).reached == NOT_REACHED
    one = reach(labels[:1], of_accuracies([[0.7]], [0.7]))
    assert (one.reached, one.labels) == (AT_FIRST, 10)


def test_interval_ends_where_the_paired_t_test_does():
    """Brute force: SciPy's test at every number of labels."""
    from scipy.stats import ttest_rel

    rng = np.random.default_rng(0)
    labels = np.arange(1.0, 7) * 100
    own = np.array([0.5, 0.58, 0.64, 0.68, 0.71, 0.73]) + rng.normal(0, 0.01, (6, 6))
    base = 0.65 + rng.normal(0, 0.01, 6)
    found = reach(labels, of_accuracies(own, base))
    at = np.exp(np.linspace(np.log(100), np.log(600), 4000))
    doubtful = []
    for n in at:
        there = [np.interp(np.log(n), np.log(labels), seed) for seed in own]
        if ttest_rel(there, base).pvalue >= 0.05:
            doubtful.append(n)
    assert found.low == pytest.approx(min(doubtful), rel=2e-3)
    assert found.high == pytest.approx(max(doubtful), rel=2e-3)
    assert found.low < found.labels < found.high


def test_what_was_not_shown_is_open():
    rng = np.random.default_rng(0)
    labels = np.array([10.0, 20, 30])
    own = np.array([0.5, 0.6, 0.7]) + rng.normal(0, 0.05, (5, 3))
    found = reach(labels, of_accuracies(own, 0.7 + rng.normal(0, 0.05, 5)))
    assert math.isinf(found.high)
    never = reach(labels, of_accuracies(own, 0.95 + rng.normal(0, 0.01, 5)))
    assert math.isinf(never.low)
    assert math.isinf(never.high)


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
    # Halfway from 10 to 20 on the logarithm; the others at a step of margin's own.
    assert table.labels.tolist() == pytest.approx([math.sqrt(200), 20, 30])
    assert table.share.tolist() == pytest.approx([math.sqrt(200) / 20, 2 / 3, 3 / 4])
    assert table.saved_labels.tolist()[1:] == pytest.approx([10, 10])
    assert table.saved_days.tolist()[1:] == pytest.approx([0.1, 0.1])
    # Without noise nothing is in doubt: both ends are the number itself.
    assert table.low.tolist() == pytest.approx(table.labels.tolist())
    assert table.high.tolist() == pytest.approx(table.labels.tolist(), rel=0.05)
    assert table.seeds.tolist() == [5, 5, 5]


def test_no_interval_below_five_seeds():
    arms = {"random": noisy(CURVE, 4, 0.01), "margin": noisy(CURVE, 4, 0.01, 1, 0.1)}
    table = savings(study(arms, [10, 20, 30, 40]))
    assert table.low.isna().all()
    assert table.high.isna().all()
    assert table.labels.notna().any()


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
    assert rows.low[0] <= without.low[0]
    assert rows.high[0] >= without.high[0]
    assert (rows.low[0], rows.high[0]) != pytest.approx((without.low[0], without.high[0]))


def test_nothing_to_save():
    assert savings(study({}, [10, 20])).columns.tolist() == COLUMNS
    assert savings(study({"margin": {0: [0.5, 0.6]}}, [10, 20])).empty
    assert savings(study({"random": {0: [0.5]}, "margin": {0: [0.5]}}, [10])).empty
