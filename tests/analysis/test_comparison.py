"""Paired tests and penalties, against SciPy, statsmodels and by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from small_studies import noisy, study
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from al_ray.analysis.comparison import (
    against_random,
    by_step,
    holm,
    paired_test,
    penalties,
    worse_cells,
)

CURVE = [0.4, 0.5, 0.6]
LABELS = [10, 20, 30]


def test_few_seeds_get_students_test():
    gaps = [0.02, 0.01, 0.03, -0.01, 0.02]
    found = paired_test(gaps)
    theirs = stats.ttest_1samp(gaps, 0)
    assert (found.test, found.seeds) == ("t", 5)
    assert found.p == pytest.approx(theirs.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(theirs.confidence_interval(0.95)))
    assert found.difference == pytest.approx(0.014)
    assert found.effect == pytest.approx(0.014 / np.std(gaps, ddof=1))


def test_many_seeds_get_wilcoxons():
    gaps = np.linspace(-0.01, 0.05, 12) ** 3
    found = paired_test(gaps)
    assert found.test == "wilcoxon"
    assert found.p == pytest.approx(stats.wilcoxon(gaps).pvalue)


def test_detectable_has_power_of_four_fifths():
    gaps = np.random.default_rng(0).normal(size=8)
    found = paired_test(gaps)
    effect = found.detectable / np.std(gaps, ddof=1)
    assert TTestPower().power(effect, nobs=8, alpha=0.05) == pytest.approx(0.8, abs=1e-4)


def test_what_cannot_be_tested():
    assert paired_test([]).seeds == 0
    assert math.isnan(paired_test([]).p)
    one = paired_test([0.3])
    assert (one.difference, one.test) == (0.3, "")
    assert math.isnan(one.p)
    same = paired_test([0.0] * 6)  # arms that are one by mathematics
    assert (same.p, same.difference) == (1.0, 0.0)
    assert math.isnan(same.effect)
    assert paired_test([0.1] * 5).p == 0.0
    assert paired_test([0.0] * 12).p == 1.0


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_statsmodels(p):
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])


def test_holm_leaves_out_what_was_not_tested():
    assert holm([0.01, math.nan, 0.04])[[0, 2]] == pytest.approx([0.02, 0.04])
    assert math.isnan(holm([0.01, math.nan])[1])
    assert len(holm([])) == 0


def test_against_random_pairs_by_seed():
    arms = {
        # Areas: 0.5 and, by seed, 0.525 + the first and last halves of a trapezoid.
        "random": {0: CURVE, 1: CURVE, 2: CURVE, 7: [0.0] * 3},
        "margin": {2: [0.4, 0.55, 0.6], 0: [0.4, 0.6, 0.6], 1: [0.4, 0.5, 0.7], 8: [1.0] * 3},
    }
    table = against_random(study(arms, LABELS))
    (row,) = table.itertuples()
    gaps = [0.025, 0.05, 0.025]  # seed 2: 0.05 / 2; seed 0: 0.1 / 2; seed 1: 0.1 / 4
    assert row.seeds == 3
    assert row.difference == pytest.approx(np.mean(gaps))
    assert row.p == row.p_holm == pytest.approx(stats.ttest_1samp(gaps, 0).pvalue)


def test_correction_is_over_the_arms():
    arms = {"random": noisy(CURVE, 6, 0.01)}
    arms |= {name: noisy(CURVE, 6, 0.01, place, 0.01) for place, name in enumerate("abc", 1)}
    table = against_random(study(arms, LABELS))
    assert table.p_holm.tolist() == pytest.approx(multipletests(table.p, method="holm")[1])


def test_another_setting_is_another_random():
    warm = ("margin", "warm", "fine-tuned", 10, 10)
    table = against_random(study({"random": {0: CURVE, 1: CURVE}, warm: {0: CURVE}}, LABELS))
    (row,) = table.itertuples()
    assert (row.seeds, row.test) == (0, "")


def test_arms_that_were_extended_apart_are_cut():
    arms = {
        "random": {0: CURVE, 1: CURVE},
        "margin": {0: [0.5, 0.6, 0.7, 0.9], 1: [0.5, 0.6, 0.7, 0.9]},
    }
    (row,) = against_random(study(arms, [*LABELS, 40])).itertuples()
    assert row.difference == pytest.approx(0.1)


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


def test_worse_cells_by_hand():
    one = study(
        {"random": {0: CURVE, 1: CURVE}, "margin": {0: [0.4, 0.4, 0.9], 1: [0.4, 0.5, 0.9]}}, LABELS
    )
    other = study({"random": {0: CURVE}, "margin": {0: [0.4, 0.5, 0.5]}}, LABELS)
    (row,) = worse_cells([one, other]).itertuples()
    # Below at 20 and above at 30; equal at 20 and below at 30.
    assert (row.strategy, row.cells, row.worse, row.share) == ("margin", 4, 2, 0.5)
    assert worse_cells([]).empty
    assert worse_cells([study({"margin": {0: CURVE}}, LABELS)]).empty


def test_penalties_by_hand():
    arms = {
        "random": {0: CURVE, 1: CURVE, 2: CURVE},
        "margin": {0: [0.4, 0.6, 0.6], 1: [0.4, 0.62, 0.6], 2: [0.4, 0.61, 0.6]},
    }
    table = penalties(study(arms, LABELS)).set_index(["strategy_a", "strategy_b"])
    # random loses at 20 labels and not at 30; margin never does.
    assert table.penalty["random", "margin"] == 0.5
    assert table.penalty["margin", "random"] == 0.0
    assert table.cells.tolist() == [2, 2]
    single = penalties(study({"random": {0: CURVE}, "margin": {0: CURVE}}, LABELS))
    assert single.penalty.isna().all()
    assert penalties(study({}, LABELS)).empty
