"""Sentences and kinds of verdict on studies whose answer is plain."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from small_studies import alike, answered, name_of, noisy, predictions, study

from al_ray.analysis.metrics import rare_labels
from al_ray.analysis.verdict import FOUND, disagreements, missing_lines, sentences, verdict

LABELS = [1000, 2000, 3000, 4000, 5000]
CURVE = [0.5, 0.6, 0.66, 0.70, 0.72]


def of(margin, seeds=6, random=None, **more):
    arms = {"random": random or noisy(CURVE, seeds, 0.004), "margin": margin}
    return verdict(study(arms, LABELS, **more)).iloc[0]


def test_a_saving_says_at_least_first():
    row = of(noisy([0.5, 0.64, 0.70, 0.74, 0.76], 6, 0.004, 1))
    assert row.kind == "saves"
    numbers = row.numbers
    assert 0 < numbers["labels_low"] < numbers["saved_labels"] < numbers["labels_high"] < 5000
    said = [int(n.replace(",", "")) for n in re.findall(r"\d,\d{3}", row.sentence)]
    # At least, of how many, the interval, most likely: to three digits.
    low, high = numbers["labels_low"], numbers["labels_high"]
    assert said[:5] == pytest.approx([low, 5000, low, high, numbers["saved_labels"]], abs=5)
    assert row.sentence.startswith("margin: saves at least 1,")
    assert 0 < numbers["low"] < numbers["difference"] < numbers["high"]
    json.dumps(numbers, allow_nan=False)


def test_a_saving_of_days_is_said_in_days():
    arms = {"random": noisy(CURVE, 6, 0.004), "margin": noisy(CURVE, 6, 0.004, 1, 0.1)}
    small = study(arms, [10, 20, 30, 40, 50])
    assert "person-days" not in verdict(small).sentence[0]
    assert "person-days" in verdict(small, labels_per_day=10).sentence[0]


def test_better_on_the_way_alone():
    row = of(noisy([0.5, 0.68, 0.70, 0.71, 0.70], 6, 0.004, 1))
    assert row.kind == "saves on the way"
    assert row.sentence.startswith("margin: saves at least 4")
    assert "at the end itself none that was shown; for that of " in row.sentence
    assert row.numbers["mean_saved_low"] > 0


def test_no_difference_says_what_limits():
    row = of(noisy(CURVE, 6, 0.004, 1))
    assert row.kind == "no difference"
    assert "8 times in 10" in row.sentence
    assert "test rows taken as fixed" in row.sentence
    rng = np.random.default_rng(0)
    random, arm = alike(rng, [CURVE] * 2, seeds=20, rows=300, suits=1.5, fit=0.001)
    limited = verdict(answered({"random": random, "margin": arm}, LABELS)).iloc[0]
    assert "20 seeds and 300 test rows" in limited.sentence
    assert limited.numbers["seeds_for"] is None
    rows = limited.sentence.rsplit("with ", 1)[1].removesuffix(" test rows").replace(",", "")
    assert int(rows) == pytest.approx(limited.numbers["rows_for"], rel=0.01)


def test_an_arm_that_is_random_by_mathematics():
    curves = noisy(CURVE, 6, 0.004)
    assert of(curves, random=curves).kind == "no difference"


def test_worse_everywhere_and_worse_before():
    row = of(noisy(CURVE, 6, 0.004, 1, -0.05))
    assert row.kind == "worse"
    assert row.sentence.startswith("margin: worse than random, by 4.9 points")
    early = of(noisy([0.5, 0.4, 0.66, 0.70, 0.72], 6, 0.002, 1), random=noisy(CURVE, 6, 0.002))
    assert early.kind == "worse"
    assert early.sentence.startswith("margin: worse than random before 3,000 labels, ")


@pytest.mark.parametrize("seeds", [1, 2, 3, 4])
def test_few_seeds_cannot_tell_and_print_no_number(seeds):
    for shift in (0.0, 0.1):
        row = of(noisy(CURVE, seeds, 0.002, 1, shift), random=noisy(CURVE, seeds, 0.002))
        assert row.kind == "cannot tell"
        assert not re.search("points|95 %|nan", row.sentence)
        assert ("1 seed:" if seeds == 1 else f"{seeds} seeds:") in row.sentence
    assert row.numbers["labels_low"] is None


def test_missing_seeds_are_said_and_lower_the_verdict():
    margin = noisy(CURVE, 8, 0.01, 1, 0.02)
    random = noisy(CURVE, 8, 0.01)
    arms = {"random": random, "margin": margin}
    assert verdict(study(arms, LABELS)).kind[0] in FOUND
    gone = {("margin", seed): "failed" for seed in (0, 1, 2)}
    row = verdict(study(arms, LABELS, status=gone)).iloc[0]
    assert row.kind == "cannot tell"
    assert "3 are missing" in row.sentence


def test_metrics_that_disagree_are_one_line_on_top():
    arms = {"random": noisy(CURVE, 8, 0.01), "margin": noisy(CURVE, 8, 0.01, 1)}
    one = study(arms, LABELS)
    assert disagreements(one) == []
    is_margin = one.steps.strategy == "margin"
    one.steps.loc[is_margin, "test_macro_f1"] += 0.05
    apart = study(arms, LABELS)
    apart.steps.loc[is_margin, "test_macro_f1"] += 0.05
    (line,) = disagreements(apart)
    assert line.startswith(
        "The metrics disagree on margin: better than random by macro-F1 (+4.8 points"
    )
    assert line.endswith("by accuracy no difference was shown")
    assert sentences(apart)[0] == line
    assert verdict(apart, metric="macro_f1").kind[0] in FOUND


def test_rare_labels_have_a_verdict_of_their_own():
    """Of one rare label all is recalled by margin and none by random; accuracy is the same."""
    truth = ["가"] * 90 + ["다"] * 10
    said = {"random": ["가"] * 100, "margin": ["나"] * 10 + ["가"] * 80 + ["다"] * 10}
    curves = {arm: {seed: [0.9] * 5 for seed in range(6)} for arm in said}
    first = {(name_of(a, s, 1000, 1000), 0): said["random"] for a in said for s in range(6)}
    later = {
        (name_of(arm, seed, 1000, 1000), step): said[arm]
        for arm in said
        for seed in range(6)
        for step in range(1, 5)
    }
    pool = pd.DataFrame({"split": "train", "label": ["나"] * 60 + ["가"] * 30 + ["다"] * 5})
    one = study(curves, LABELS, predictions=predictions(first | later, truth), rows=pool)
    assert rare_labels(one) == ["다"]
    (line,) = disagreements(one)
    assert "recall of rare labels (+87.5 points" in line


def test_nothing_to_compare_with():
    apart = verdict(study({"random": {0: CURVE}, "margin": {1: CURVE}}, LABELS)).iloc[0]
    assert apart.sentence == "margin: cannot tell, no seed is complete for both it and random"
    alone = verdict(study({"margin": {1: CURVE}}, LABELS)).iloc[0]
    assert alone.sentence == (
        "margin: cannot tell, there is no random arm of its setting to compare it with"
    )
    assert verdict(study({}, LABELS)).empty
    assert verdict(study({"random": {0: CURVE}}, LABELS)).empty


def test_one_step():
    arms = {"random": noisy([0.5], 6, 0.01), "margin": noisy([0.5], 6, 0.01)}
    (row,) = verdict(study(arms, [10])).itertuples()
    assert row.kind == "no difference"


def test_an_arm_that_never_reaches():
    row = of(noisy([0.5] * 5, 6, 0.004, 1))
    assert row.kind == "worse"
    assert (row.numbers["reached"], row.numbers["labels"]) == ("not reached", None)


def test_one_arm_under_two_names_says_so():
    same = noisy(CURVE, 6, 0.004, 1, 0.05)
    one = study({"random": noisy(CURVE, 6, 0.004), "margin": same, "entropy": same}, LABELS)
    one.steps["picks_digest"] = one.steps.strategy.replace("entropy", "margin") + "!"
    found = verdict(one)
    assert found.kind[0] == found.kind[1]
    assert found.sentence[1].startswith("entropy: the same as margin")


def test_arms_are_told_apart_by_what_differs():
    warm = [(name, "warm", "fine-tuned", 1000, 1000) for name in ("random", "margin")]
    arms = {"random": {0: CURVE}, "margin": {0: CURVE}, warm[0]: {0: CURVE}, warm[1]: {0: CURVE}}
    said = verdict(study(arms, LABELS)).sentence.tolist()
    assert [line.split(":")[0] for line in said] == ["margin (cold)", "margin (warm)"]


def test_demonstrations_are_marked():
    row = of(noisy(CURVE, 6, 0.002, 1, 0.1), demonstration=True)
    assert row.sentence.startswith("Demonstration on generated text, not a finding: margin")


def test_missing_are_named():
    arms = {"random": {0: CURVE, 1: CURVE[:1]}, "margin": {0: CURVE, 1: CURVE[:2], 2: []}}
    one = study(
        arms,
        LABELS,
        status={("random", 1): "running", ("margin", 1): "failed", ("margin", 2): "failed"},
    )
    assert missing_lines(one) == [
        "Missing: random, seed 1: running",
        "Missing: margin, seeds 1, 2: failed (training diverged)",
    ]
    assert sentences(one)[1:] == missing_lines(one)


def test_korean_labels_and_predictions_do_no_harm():
    answers = {
        (name_of(arm, seed, 1000, 1000), step): ["가", "나"]
        for arm in ("random", "margin")
        for seed in range(6)
        for step in range(5)
    }
    made = predictions(answers, ["가", "다"])
    row = of(noisy(CURVE, 6, 0.004, 1), predictions=made)
    assert row.kind == "no difference"
