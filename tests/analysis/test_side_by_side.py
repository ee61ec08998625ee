"""Two studies on the same test rows: as the same arms in one study would compare."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_studies import alike, answered, study
from statsmodels.stats.multitest import multipletests

from al_ray.analysis.comparison import judged
from al_ray.analysis.side_by_side import beside, contrasts, ends, names
from al_ray.analysis.summary import ARM
from al_ray.analysis.verdict import verdict
from al_ray.errors import UserError

LABELS = [100, 200, 300]
CURVES = [[0.6, 0.7, 0.75], [0.6, 0.72, 0.78], [0.6, 0.76, 0.82]]


def other_order(made, seed=0):
    """The same study with the rows of `predictions` in another order."""
    table = made.predictions.sample(frac=1, random_state=seed).reset_index(drop=True)
    return replace(made, predictions=table, memory={})


def called(made, name):
    return replace(made, out=Path(name), memory={})


def test_a_contrast_is_that_of_one_study_that_holds_both():
    weak, medium, strong = alike(np.random.default_rng(3), CURVES, 6, 300)
    one = answered({"random": weak, "margin": medium}, LABELS)
    two = other_order(answered({"random": strong, "margin": medium[:, ::-1]}, LABELS))
    first, second = contrasts(one, two)
    assert (first.name, first.seeds, first.rows, first.first, first.last) == (
        *("random", 6, 300),
        *(100, 300),
    )
    # As if `strong` were an arm of the first study.
    (twin,) = judged(answered({"random": weak, "margin": strong}, LABELS))
    assert first.area.difference == pytest.approx(twin.found.area.difference)
    assert (first.area.low, first.area.high) == pytest.approx(
        (twin.found.area.low, twin.found.area.high)
    )
    gap = (strong.mean(axis=(0, 1)) - weak.mean(axis=(0, 1))) @ [0.25, 0.5, 0.25]
    assert first.area.difference == pytest.approx(gap)
    assert first.kind == "better"
    # The same answers of other rows: no difference of means, but one that has an interval.
    assert second.area.difference == pytest.approx(0, abs=1e-12)
    assert second.area.high > 0.005
    assert second.kind == "no difference"
    corrected = multipletests([first.area.p, second.area.p], method="holm")[1]
    assert [first.area.p_holm, second.area.p_holm] == pytest.approx(corrected.tolist())
    (back,) = (each for each in contrasts(two, one) if each.name == "random")
    assert (back.area.difference, back.kind) == (pytest.approx(-gap), "worse")


def test_seeds_and_labels_are_those_of_both():
    weak, medium, _ = alike(np.random.default_rng(4), CURVES, 7, 100)
    one = answered({"random": weak}, LABELS)
    two = answered({"random": medium[:5, :, :2]}, LABELS[:2])
    (found,) = contrasts(one, two)
    assert (found.seeds, found.first, found.last) == (5, 100, 200)
    gap = (medium[:5, :, :2].mean(axis=(0, 1)) - weak[:5, :, :2].mean(axis=(0, 1))).mean()
    assert found.area.difference == pytest.approx(gap)
    few = answered({"random": medium[:4]}, LABELS)
    (found,) = contrasts(one, few)
    assert found.kind == "cannot tell"
    assert found.area.difference > 0  # which is all that may be said
    assert np.isnan([found.area.low, found.area.high, found.area.p, found.area.p_holm]).all()


def test_what_varies_within_a_study_has_to_be_shared_and_what_does_not_may_differ():
    weak, medium, strong = alike(np.random.default_rng(5), CURVES, 5, 400)
    facts = ("random", "cold", "fine-tuned", 100, 100)

    at = ARM.index("learning_rate")

    def arm(model, rate):
        return (*facts, model, *([0] * (at - 6)), rate)

    small = answered({arm("small", 1e-4): weak}, LABELS)
    large = answered({arm("large", 5e-5): strong}, LABELS)
    (found,) = contrasts(small, large)  # one training each: that is what is compared
    assert found.kind == "better"
    several = answered({arm("large", 5e-5): strong, arm("large", 1e-4): medium}, LABELS)
    (found,) = contrasts(small, several)
    gap = (medium.mean(axis=(0, 1)) - weak.mean(axis=(0, 1))) @ [0.25, 0.5, 0.25]
    assert found.area.difference == pytest.approx(gap)
    assert "0.0001" in found.name


def test_other_test_rows_are_not_compared_row_by_row():
    weak, medium, _ = alike(np.random.default_rng(6), CURVES, 5, 50)
    one = called(answered({"random": weak}, LABELS), "here/one")
    two = called(answered({"random": medium}, LABELS), "there/two")
    corpus = {"corpus": {"name": "a corpus", "digest": "another"}}
    foreign = replace(two, description=two.description | corpus, memory={})
    fewer = replace(two, predictions=two.predictions[two.predictions.row_id != "t3"], memory={})
    for other, why in (
        (foreign, "two was not measured on the test rows of one"),
        (fewer, "two or one lacks predictions of the test's rows"),
    ):
        assert contrasts(one, other) == []
        (pair,) = beside([one, other]).pairs
        assert pair.why.startswith(why)
    # Another train: the same rows of the test, by their texts, are the same test.
    rows = pd.DataFrame({"row_id": [f"t{n}" for n in range(50)], "split": "test", "label": "a"})
    texts, others = (rows.assign(text=[f"{n} {kind}" for n in range(50)]) for kind in "xy")
    here, there = (replace(each, rows=texts, memory={}) for each in (one, foreign))
    assert contrasts(here, there) == contrasts(one, two) != []
    assert contrasts(here, replace(there, rows=others, memory={})) == []


def test_a_seed_that_one_lacks_takes_a_difference_away_and_makes_none():
    weak, _, strong = alike(np.random.default_rng(6), CURVES, 6, 200)
    one = called(answered({"random": weak}, LABELS), "here/one")
    two = called(answered({"random": strong}, LABELS), "there/two")
    (whole,) = contrasts(one, two)
    gone = two.trajectories.assign(
        status=two.trajectories.status.where(two.trajectories.seed != 0, "failed")
    )
    (found,) = contrasts(one, replace(two, trajectories=gone, memory={}))
    assert (whole.missing, found.missing, found.seeds) == (0, 1, 5)
    assert found.area.low < whole.area.low < whole.area.high < found.area.high
    same = called(answered({"random": weak}, LABELS), "there/two")
    (equal,) = contrasts(one, same)
    assert (equal.kind, equal.found) == ("no difference", "none shown")
    (unknown,) = contrasts(one, replace(same, trajectories=gone, memory={}))
    assert unknown.kind == "cannot tell"


def test_what_else_cannot_be_compared_says_why():
    weak, medium, _ = alike(np.random.default_rng(6), CURVES, 5, 50)
    one = called(answered({"random": weak}, LABELS), "here/one")
    accuracies = {seed: [0.5, 0.6, 0.7] for seed in range(5)}
    unknown = study({"random": accuracies}, LABELS)  # without predictions
    assert contrasts(unknown, unknown) == []
    (pair,) = beside([one, called(answered({"margin": medium}, LABELS), "there/two")]).pairs
    assert pair.why.startswith("two and one share no arm")


def test_each_study_by_itself_is_as_its_verdict_says():
    weak, medium, strong = alike(np.random.default_rng(7), CURVES, 6, 200)
    made = answered({"random": weak, "margin": medium, "entropy": strong}, LABELS)
    table = ends(made).set_index("name")
    said = verdict(made).set_index("strategy")
    for name in ("margin", "entropy"):
        assert table.kind[name] == said.kind[name]
        assert table.difference[name] == said.numbers[name]["difference"]
    assert table.final_mean.tolist() == pytest.approx(
        [each[:, :, -1].mean() for each in (weak, medium, strong)]
    )
    assert table.kind["random"] == ""
    few = ends(answered({"random": weak[:4], "margin": medium[:4]}, LABELS)).set_index("name")
    assert few.kind["margin"] == "cannot tell"
    assert few.difference["margin"] > 0
    assert np.isnan([few.low["margin"], few.high["margin"]]).all()


def test_names_tell_studies_apart():
    made = study({"random": {0: [0.5]}}, [100])
    studies = [called(made, path) for path in ("a/x", "b/x", "a/y/")]
    assert names(studies) == ["a/x", "b/x", "y"]
    with pytest.raises(UserError, match="a/x is given twice"):
        beside([studies[0], studies[0]])
    with pytest.raises(UserError, match="z: no step of any arm is complete yet"):
        beside([studies[0], called(study({}, [100]), "z")])
