"""Sentences and kinds of verdict on studies whose answer is plain."""

import json
import re

import pytest
from small_studies import name_of, noisy, predictions, study

from al_ray.analysis.verdict import KINDS, decide, missing_lines, sentences, verdict

LABELS = [1000, 2000, 3000, 4000, 5000]
CURVE = [0.5, 0.6, 0.66, 0.70, 0.72]


def of(margin, seeds=6, random=None, **more):
    arms = {"random": random or noisy(CURVE, seeds, 0.004), "margin": margin}
    return verdict(study(arms, LABELS, **more)).iloc[0]


def test_a_saving():
    row = of(noisy([0.5, 0.64, 0.70, 0.74, 0.76], 6, 0.004, 1))
    assert row.kind == "saves"
    pattern = (
        r"margin reaches the accuracy of 5,000 random labels with 3,[3-6]\d0 \(95 %: "
        r"3,\d\d0–3,\d\d0; 6 seeds\), which saves 1\.[3-7] person-days"
    )
    assert re.fullmatch(pattern, row.sentence), row.sentence
    numbers = row.numbers
    assert numbers["target_labels"] == 5000
    assert numbers["labels_low"] < numbers["labels"] < numbers["labels_high"] < 5000
    assert 0 < numbers["low"] < numbers["difference"] < numbers["high"]
    json.dumps(numbers, allow_nan=False)


def test_a_saving_of_few_labels_is_said_in_labels():
    arms = {"random": noisy(CURVE, 6, 0.004), "margin": noisy(CURVE, 6, 0.004, 1, 0.1)}
    small = study(arms, [10, 20, 30, 40, 50])
    assert verdict(small).sentence[0].endswith(" labels")
    assert "person-day" in verdict(small, labels_per_day=10).sentence[0]


def test_better_on_the_way_alone():
    row = of(noisy([0.5, 0.68, 0.70, 0.71, 0.70], 6, 0.004, 1))
    assert row.kind == "better"
    assert "better than random on average over the curve" in row.sentence
    assert "could not be shown" in row.sentence


def test_no_difference():
    row = of(noisy(CURVE, 6, 0.004, 1))
    assert row.kind == "no difference"
    assert row.sentence.startswith("margin: no difference from random that 6 seeds could show (")
    assert "would have been seen 8 times in 10" in row.sentence
    three = of(noisy(CURVE, 3, 0.02, 1), random=noisy(CURVE, 3, 0.02))
    assert three.kind == "no difference"
    assert "no difference from random that 3 seeds could show" in three.sentence
    assert "95 %" not in three.sentence


def test_an_arm_that_is_random_by_mathematics():
    curves = noisy(CURVE, 6, 0.004)
    assert of(curves, random=curves).kind == "no difference"


def test_worse_everywhere_and_worse_before():
    row = of(noisy(CURVE, 6, 0.004, 1, -0.05))
    assert row.kind == "worse"
    assert row.sentence.startswith("margin: worse than random, by 4.9 points on average")
    early = of(noisy([0.5, 0.4, 0.66, 0.70, 0.72], 6, 0.002, 1), random=noisy(CURVE, 6, 0.002))
    assert early.kind == "worse"
    assert early.sentence.startswith("margin: worse than random before 3,000 labels, by ")


def test_few_seeds_claim_nothing():
    row = of(noisy(CURVE, 4, 0.002, 1, 0.1), random=noisy(CURVE, 4, 0.002))
    assert row.kind == "cannot tell"
    assert "4 seeds are too few to claim anything: run 5 or more" in row.sentence
    assert "95 %" not in row.sentence
    assert row.numbers["labels_low"] is None
    one = of({0: CURVE}, random={0: CURVE})
    assert (one.kind, one.sentence) == (
        "cannot tell",
        "margin: cannot tell, 1 seed shows no spread",
    )


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


@pytest.mark.parametrize(
    ("seeds", "p", "difference", "high", "kind"),
    [
        (10, 0.01, 0.02, 3000, "saves"),
        (10, 0.01, 0.02, 5000, "better"),
        (10, 0.01, 0.02, float("inf"), "better"),
        (10, 0.01, -0.02, 3000, "worse"),
        (10, 0.2, 0.02, 3000, "no difference"),
        (4, 0.01, 0.02, 3000, "cannot tell"),
        (4, 0.2, 0.02, 3000, "no difference"),
        (1, float("nan"), 0.02, 3000, "cannot tell"),
    ],
)
def test_kinds_follow_from_the_tests(seeds, p, difference, high, kind):
    compared = {"seeds": seeds, "p_holm": p, "difference": difference}
    assert decide(compared, {"high": high, "target_labels": 5000}) == kind
    assert kind in KINDS


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
