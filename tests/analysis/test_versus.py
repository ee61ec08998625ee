"""What is concluded of an arm: by SciPy at every number of labels, by hand, and by simulation."""

import math

import numpy as np
import pytest
from scipy import stats
from small_studies import alike
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from al_ray.analysis.statistics.needs import AT_FIRST, NOT_REACHED, REACHED, saving
from al_ray.analysis.statistics.pairs import Pairs
from al_ray.analysis.statistics.versus import judge
from al_ray.analysis.verdict import FOUND

LABELS = np.array([100.0, 200, 300, 400, 500])
CURVE = [0.50, 0.60, 0.66, 0.70, 0.72]


def accuracies(curve, seeds=6, sd=0.004, seed=0):
    """(seeds, 1, steps)."""
    return (np.array(curve) + np.random.default_rng(seed).normal(0, sd, (seeds, len(curve))))[
        :, None, :
    ]


def one(arm, random, missing=0, **more):
    return judge([Pairs(LABELS, arm, random, missing)], **more)[0]


def of_means(own, base, labels=(100.0, 400.0), base_labels=(100.0, 400.0)):
    values = np.array([*own, *base])[None, None, :]
    return saving(np.array(labels), np.array(base_labels), values)


# Equal arms


def test_equal_arms_that_get_other_rows_right_are_not_different():
    """The old test, of the seeds alone, called about half of these different."""
    rng = np.random.default_rng(0)
    kinds = []
    for _ in range(40):
        random, arm = alike(rng, [CURVE[:4]] * 2, seeds=20, rows=300)
        (found,) = judge([Pairs(LABELS[:4], arm, random)])
        kinds.append(found.kind)
    assert sum(kind != "no difference" for kind in kinds) <= 6  # 5 % and three standard errors


def test_a_strong_arm_among_26_is_found_at_ten_seeds():
    """Wilcoxon's least p at ten pairs is 0.002, which 26 arms make 0.05."""
    random = accuracies(CURVE, 10, 0.01)
    arms = [accuracies(CURVE, 10, 0.01, seed) for seed in range(1, 26)]
    arms.append(accuracies(np.array(CURVE) + 0.05, 10, 0.01, 26))
    found = judge([Pairs(LABELS, arm, random) for arm in arms])
    assert found[-1].kind in FOUND
    assert [each.kind for each in found[:-1]].count("no difference") >= 23


# The area


def test_area_and_steps_are_paired_t_tests_where_rows_are_not_known():
    random, arm = accuracies(CURVE), accuracies(CURVE, seed=1)
    found = one(arm, random)
    gaps = (arm - random)[:, 0]
    area = gaps @ np.array([0.5, 1, 1, 1, 0.5]) / 4
    theirs = stats.ttest_1samp(area, 0)
    assert found.area.p == pytest.approx(theirs.pvalue)
    assert (found.area.low, found.area.high) == pytest.approx(tuple(theirs.confidence_interval()))
    steps = [stats.ttest_1samp(gaps[:, step], 0).pvalue for step in range(5)]
    assert [step.p for step in found.steps] == pytest.approx(steps)


def test_correction_is_over_the_arms():
    random = accuracies(CURVE)
    pairs = [Pairs(LABELS, accuracies(CURVE, seed=n), random) for n in range(1, 5)]
    found = judge(pairs)
    for name in ("area", "saving"):
        tests = [getattr(each, name) for each in found]
        corrected = multipletests([test.p for test in tests], method="holm")[1]
        assert [test.p_holm for test in tests] == pytest.approx(corrected)


def test_detectable_has_power_of_four_fifths_after_correction():
    random, arm = accuracies(CURVE, 8), accuracies(CURVE, 8, seed=1)
    gaps = (arm - random)[:, 0] @ np.array([0.5, 1, 1, 1, 0.5]) / 4
    for arms in (1, 10):
        found = judge([Pairs(LABELS, arm, random)] * arms)[0]
        effect = found.detectable / gaps.std(ddof=1)
        power = TTestPower().power(effect, nobs=8, alpha=0.05 / arms)
        assert power == pytest.approx(0.8, abs=1e-3)


def test_seeds_and_rows_that_would_show_a_gain_do():
    """Where rows are the limit no seeds are offered, and the rows that are offered suffice."""
    rng = np.random.default_rng(0)
    random, arm = alike(rng, [CURVE] * 2, seeds=20, rows=300, suits=1.5, fit=0.001)
    found = one(arm, random, gain=0.01)
    assert found.seeds_for is None
    assert found.rows_for > 300
    random, arm = alike(rng, [CURVE] * 2, seeds=20, rows=found.rows_for, suits=1.5, fit=0.001)
    assert one(arm, random).detectable == pytest.approx(0.01, rel=0.25)


def test_where_the_gain_begins_and_the_worst_loss():
    arm = np.array([0.50, 0.55, 0.66, 0.74, 0.78])
    random = accuracies(CURVE)
    both = accuracies(arm, seed=1)
    both[:, :, 0] = random[:, :, 0]
    found = one(both, random)
    assert found.begins == 400
    gaps = (both - random)[:, 0]
    # Four steps at once: Bonferroni.
    low = stats.ttest_1samp(gaps[:, 1], 0).confidence_interval(1 - 0.05 / 4).low
    assert found.worst == pytest.approx(low)


# Savings, by hand


def test_crossing_by_hand():
    # 0.7 lies halfway from 0.6 at 100 to 0.8 at 400: on the logarithm, that is 200 labels.
    found = of_means([0.6, 0.8], [0.6, 0.7])
    assert (found.labels, found.reached) == (pytest.approx(200), REACHED)
    assert (found.need, found.saved) == pytest.approx((400, 200))
    assert math.isnan(found.low)


def test_a_lucky_step_is_not_a_saving():
    """A running maximum would say 100 labels; the isotonic curve levels 0.9, 0.5, 0.7 to 0.7."""
    found = of_means([0.4, 0.9, 0.5, 0.7], [0.4, 0.75], (50.0, 100, 200, 400), (50.0, 400.0))
    assert found.reached == NOT_REACHED
    assert math.isnan(found.saved)


def test_what_random_needs_itself_is_what_is_saved_from():
    """Random has all its accuracy at 500 of 900 labels; the arm has it at 343."""
    labels = (100.0, 343.0, 500.0, 900.0)
    found = of_means([0.4, 0.6, 0.6, 0.6], [0.4, 0.5, 0.6, 0.6], labels, labels)
    assert (found.target, found.need, found.labels) == pytest.approx((900, 500, 343))
    assert found.saved == pytest.approx(157)


def test_a_shared_first_draw_and_a_flat_curve_are_no_saving():
    """An arm that is better from the second step on, beside a random that gains nothing."""
    random, arm = accuracies([0.5] * 5), accuracies([0.5, 0.52, 0.53, 0.54, 0.55], seed=1)
    arm[:, :, 0] = random[:, :, 0]
    found = one(arm, random)
    assert found.kind == "better"
    assert found.saving.low <= 0
    exact = of_means([0.5, 0.52], [0.5, 0.5])
    assert (exact.reached, exact.need, exact.saved) == (AT_FIRST, 100, 0)


def test_the_interval_inverts_scipys_tests():
    """Brute force over what random may need and what the arm may need."""
    random, arm = (
        accuracies(CURVE, sd=0.01),
        accuracies([0.5, 0.64, 0.7, 0.74, 0.76], sd=0.01, seed=1),
    )
    arm[:, :, 0] = random[:, :, 0]
    found = one(arm, random).saving
    at = np.log(LABELS)
    grid = np.linspace(at[0], at[-1], 161)
    own = np.array([np.interp(grid, at, seed) for seed in arm[:, 0]])
    base = np.array([np.interp(grid, at, seed) for seed in random[:, 0]])

    def ends(differences):
        return stats.ttest_1samp(differences, 0).confidence_interval()

    kept = [
        place for place in range(161) if place == 160 or ends(base[:, -1] - base[:, place]).low <= 0
    ]
    low, high = math.inf, -math.inf
    for place in range(kept[0], 161):
        intervals = [ends(own[:, m] - base[:, place]) for m in range(161)]
        doubtful = [m for m in range(161) if intervals[m].low <= 0]
        most = math.inf if doubtful and doubtful[-1] == 160 else math.exp(grid[doubtful[-1]])
        least = math.exp(grid[next(m for m in range(161) if intervals[m].high >= 0)])
        low = min(low, math.exp(grid[place]) - most)
        high = max(high, math.exp(grid[place]) - least)
    assert found.low == pytest.approx(low, abs=6)
    assert found.high == pytest.approx(high, abs=6)
    assert 0 < found.low < found.saved < found.high


def test_mean_saving_is_the_area_between_the_inverse_curves():
    """By SciPy's integral of what each needs, over the accuracies that random gains."""
    curve = [0.50, 0.63, 0.70, 0.74, 0.76]
    random, arm = accuracies(CURVE, sd=1e-4), accuracies(curve, sd=1e-4, seed=1)
    arm[:, :, 0] = random[:, :, 0]
    found = one(arm, random).on_the_way
    at = np.linspace(0.50, 0.72, 20001)
    needed = np.interp(at, CURVE, LABELS) - np.interp(at, curve, LABELS)
    assert found.difference == pytest.approx(needed.mean(), rel=5e-3)
    assert found.low < needed.mean() < found.high
    assert found.high - found.low < 5


def test_of_a_flat_random_no_mean_saving_is_known():
    random, arm = accuracies([0.5] * 5), accuracies([0.5, 0.52, 0.53, 0.54, 0.55], seed=1)
    assert math.isnan(one(arm, random).on_the_way.low)


def test_a_saving_needs_no_difference_of_areas():
    """The first steps are noisy, the last are not: the area shows nothing, the saving is plain."""
    rng = np.random.default_rng(3)
    random, arm = (
        accuracies(CURVE, 10, 0.002),
        accuracies([0.5, 0.6, 0.70, 0.74, 0.77], 10, 0.002, 1),
    )
    arm[:, 0, 1] += rng.normal(0, 0.25, 10)
    arm[:, :, 0] = random[:, :, 0]
    found = one(arm, random)
    assert found.area.p > 0.05
    assert found.kind == "saves"


# What lowers a verdict


@pytest.mark.parametrize("seeds", [1, 2, 3, 4])
def test_below_five_seeds_nothing_can_be_told(seeds):
    random = accuracies(CURVE, seeds, 0.001)
    for shift in (0.0, 0.1):
        found = one(accuracies(np.array(CURVE) + shift, seeds, 0.001, 1), random)
        assert found.kind == "cannot tell"
        assert math.isnan(found.detectable)
        assert math.isnan(found.saving.low)


def test_survivors_are_not_better():
    """The fifth of the seeds in which an equal arm would have done worst is missing."""
    rng = np.random.default_rng(2)
    better = 0
    for _ in range(40):
        random = np.array(CURVE) + rng.normal(0, 0.02, (20, 1)) + rng.normal(0, 0.01, (20, 5))
        arm = np.array(CURVE) + rng.normal(0, 0.02, (20, 1)) + rng.normal(0, 0.01, (20, 5))
        kept = np.argsort((arm - random).mean(axis=1))[4:]
        pairs = Pairs(LABELS, arm[kept][:, None], random[kept][:, None], missing=4)
        better += judge([pairs])[0].kind in FOUND
    assert better <= 2


def test_missing_seeds_take_no_difference_for_granted():
    random, arm = accuracies(CURVE, 8, 0.01), accuracies(np.array(CURVE) + 0.01, 8, 0.01, 1)
    assert one(arm, random).kind in FOUND
    assert one(arm, random, missing=3).kind == "cannot tell"
    strong = accuracies(np.array(CURVE) + 0.1, 8, 0.01, 1)
    assert one(strong, random, missing=1).kind in FOUND


def test_one_step_is_the_first_draw():
    values = accuracies([0.5])
    (found,) = judge([Pairs(LABELS[:1], values, values)])
    assert found.kind == "no difference"
