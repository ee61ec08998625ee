"""Whether random is worth beating, with the intervals that SciPy gives."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from small_studies import alike, answered, study

from al_ray.analysis.baseline import baselines, warnings
from al_ray.analysis.verdict import FOUND, sentences, verdict
from al_ray.commands.experiment import Experiment
from al_ray.commands.parser import study_parser

FLAT = {seed: [0.70 + 0.01 * seed, 0.72, 0.70 + 0.01 * (4 - seed)] for seed in range(5)}
RISING = {seed: [0.50, 0.60, 0.70 + 0.01 * seed] for seed in range(5)}
LABELS = [100, 200, 300]
TUNED, FROZEN = (
    {name: (name, "cold", head, 100, 100) for name in ("random", "margin")}
    for head in ("fine-tuned", "frozen")
)


def test_a_flat_curve_is_named_with_its_gain():
    (line,) = warnings(study({"random": FLAT}, LABELS))
    gains = np.array([4.0, 2.0, 0.0, -2.0, -4.0])  # points, from the first step to the last
    low, high = stats.t.interval(0.95, 4, gains.mean(), stats.sem(gains))
    assert line.startswith("random gains nothing from 100 to 300 labels that 5 seeds could show")
    assert f"+0.0 points, 95 %: −{-low:.1f} to +{high:.1f}" in line
    assert "--epochs" in line


def test_a_frozen_head_is_given_no_remedy_that_it_has_not():
    """What is printed as a remedy must be an option that changes something."""
    (line,) = warnings(study({FROZEN["random"]: FLAT}, LABELS))
    assert not any(option in line for option in ("--epochs", "--updates", "--min-updates"))
    assert "--model" in line


def test_no_saving_is_claimed_beside_a_flat_random():
    """BEEP: margin's first labels are random's own, and random's curve is flat."""
    better = {seed: [value[0], 0.80, 0.82] for seed, value in FLAT.items()}
    one = study({"random": FLAT, "margin": better}, LABELS)
    assert verdict(one).kind.tolist() != ["saves"]
    assert any("gains nothing" in line for line in sentences(one))


def test_a_rising_curve_is_not_named():
    assert warnings(study({"random": RISING, "margin": FLAT}, LABELS)) == []


@pytest.mark.parametrize("seeds", [1, 4])
def test_few_seeds_say_nothing(seeds):
    few = {seed: FLAT[seed] for seed in range(seeds)}
    assert warnings(study({"random": few}, LABELS)) == []


def test_a_seed_that_failed_does_not_count():
    assert warnings(study({"random": FLAT}, LABELS, status={("random", 2): "failed"})) == []


def test_two_settings_are_told_apart():
    arms = {
        ("random", "cold", "fine-tuned", 100, 100): FLAT,
        ("random", "warm", "fine-tuned", 100, 100): RISING,
    }
    (line,) = warnings(study(arms, LABELS))
    assert line.startswith("random (cold) gains nothing")


# The most frequent label


def of_one_label(accuracy, seeds=6):
    """All test rows are of the pool's most frequent label."""
    rng = np.random.default_rng(0)
    random, arm = alike(rng, [accuracy] * 2, seeds, 200)
    pool = pd.DataFrame({"row_id": ["a", "b", "c"], "split": "train", "label": ["가", "가", "나"]})
    return replace(answered({"random": random, "margin": arm}, LABELS, rows=pool), memory={})


def test_the_most_frequent_label_has_a_line():
    line = warnings(of_one_label([0.5, 0.6, 0.7]))[0]
    assert line == "The pool's most frequent label alone is right in 100 % of the test rows"


def test_a_model_that_has_not_learnt_gets_no_verdict():
    one = of_one_label([0.5, 0.6, 0.7])
    assert verdict(one).kind.tolist() == ["cannot tell"]
    assert any("random is not shown to have learnt" in line for line in sentences(one))
    rare = one.rows.assign(label=["나", "나", "다"])
    learnt = replace(one, rows=rare, memory={})
    assert next(iter(baselines(learnt).values())).majority == 0
    assert verdict(learnt).kind.tolist() == ["no difference"]


# Undertraining


def of_heads(tuned, frozen):
    arms = {
        TUNED["random"]: tuned,
        TUNED["margin"]: {seed: [a, b + 0.1, c + 0.1] for seed, (a, b, c) in tuned.items()},
        FROZEN["random"]: frozen,
        FROZEN["margin"]: frozen,
    }
    return study(arms, LABELS)


def test_fine_tuning_below_a_frozen_head_is_undertrained():
    above = {seed: [value + 0.05 for value in curve] for seed, curve in RISING.items()}
    low = of_heads(RISING, above)
    assert verdict(low).kind.tolist() == ["undertrained", "no difference"]
    said = verdict(low).sentence[0]
    assert "5.0 points below" in said
    assert "--epochs" in said
    high = of_heads(above, RISING)
    assert verdict(high).kind[0] in FOUND


def test_each_encoder_has_its_own_frozen_head_beside_it():
    above = {seed: [value + 0.05 for value in curve] for seed, curve in RISING.items()}
    below = {seed: [value - 0.05 for value in curve] for seed, curve in RISING.items()}
    arms = {}
    for model, frozen in (("one", below), ("other", above)):
        for name in ("random", "margin"):
            arms[*TUNED[name], model] = RISING
        arms[*FROZEN["random"], model] = frozen
    found = verdict(study(arms, LABELS))
    kinds = dict(zip(found.model, found.kind, strict=True))
    assert kinds["other"] == "undertrained"
    assert kinds["one"] != "undertrained"


def test_what_is_undertrained_needs_five_seeds():
    four = {seed: RISING[seed] for seed in range(4)}
    above = {seed: [value + 0.05 for value in curve] for seed, curve in four.items()}
    assert verdict(of_heads(four, above)).kind.tolist() == ["cannot tell"] * 2


def test_what_is_offered_as_a_remedy_is_an_option():
    known = study_parser(Experiment("x", "", ("random",), (1,), 1, 1, 1))._option_string_actions
    above = {seed: [value + 0.05 for value in curve] for seed, curve in RISING.items()}
    few = study({"random": {0: RISING[0]}, "margin": {0: RISING[0]}}, LABELS)
    said = [
        *warnings(study({"random": FLAT}, LABELS)),
        *warnings(study({FROZEN["random"]: FLAT}, LABELS)),
        *verdict(of_heads(RISING, above)).sentence,
        *verdict(few).sentence,
    ]
    offered = re.findall(r"--[a-z-]+", " ".join(said))
    assert len(offered) >= 6
    assert set(offered) <= set(known)
