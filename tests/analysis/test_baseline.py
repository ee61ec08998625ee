"""Random that gains nothing is said to, with the interval that SciPy gives."""

import numpy as np
import pytest
from scipy import stats
from small_studies import study

from al_ray.analysis.baseline import flat_baselines
from al_ray.analysis.verdict import sentences

FLAT = {seed: [0.70 + 0.01 * seed, 0.72, 0.70 + 0.01 * (4 - seed)] for seed in range(5)}
RISING = {seed: [0.50, 0.60, 0.70 + 0.01 * seed] for seed in range(5)}


def test_a_flat_curve_is_named_with_its_gain():
    (line,) = flat_baselines(study({"random": FLAT}, [100, 200, 300]))
    gains = np.array([4.0, 2.0, 0.0, -2.0, -4.0])  # points, from the first step to the last
    low, high = stats.t.interval(0.95, 4, gains.mean(), stats.sem(gains))
    assert line.startswith("random gains nothing from 100 to 300 labels that 5 seeds could show")
    assert f"(+0.0 points, 95 %: −{-low:.1f} to +{high:.1f})" in line


def test_a_rising_curve_is_not():
    assert flat_baselines(study({"random": RISING, "margin": FLAT}, [100, 200, 300])) == []


@pytest.mark.parametrize("seeds", [1, 4])
def test_few_seeds_say_nothing(seeds):
    few = {seed: FLAT[seed] for seed in range(seeds)}
    assert flat_baselines(study({"random": few}, [100, 200, 300])) == []


def test_a_seed_that_failed_does_not_count():
    one = study({"random": FLAT}, [100, 200, 300], status={("random", 2): "failed"})
    assert flat_baselines(one) == []


def test_two_settings_are_told_apart():
    arms = {
        ("random", "cold", "fine-tuned", 100, 100): FLAT,
        ("random", "warm", "fine-tuned", 100, 100): RISING,
    }
    (line,) = flat_baselines(study(arms, [100, 200, 300]))
    assert line.startswith("random (retrain cold) gains nothing")


def test_the_verdict_says_it():
    said = sentences(study({"random": FLAT, "margin": RISING}, [100, 200, 300]))
    assert any(line.startswith("random gains nothing") for line in said)
