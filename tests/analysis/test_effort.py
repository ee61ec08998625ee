"""Arms over what their texts come to: by hand, and by the plainest reading of the tables."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_studies import answered

from al_ray.analysis import effort
from al_ray.analysis.comparison import judged
from al_ray.analysis.statistics.pairs import Effect, area_weights
from al_ray.analysis.statistics.versus import judge
from al_ray.analysis.study import BASE, records
from al_ray.errors import UserError
from al_ray.study.running import RunConfig

LABELS = [10, 20, 30, 40]
RISING = [0.40, 0.55, 0.65, 0.72]
LONG = {"random": 20, "long": 40}


def tagged(curves, lengths, seeds=6, rows=400, seconds=None):
    """Arms of known curves that choose texts of so many characters; each has one mark a ten."""
    rng = np.random.default_rng(3)
    right = {}
    for arm, curve in curves.items():
        drawn = rng.random((seeds, rows, len(LABELS))) < curve
        right[arm] = drawn
    for arm in curves:
        right[arm][:, :, 0] = right["random"][:, :, 0]
    found = answered(right, LABELS)
    made, texts = [], {}
    for name in found.trajectories.trajectory:
        strategy = name.split("-")[0]
        seed = name.rsplit("-s", 1)[1]
        for step in range(-1, len(LABELS)):
            for rank in range(10):
                owner = "first" if step < 0 else strategy
                row = f"{owner}-{seed}-{step}-{rank}"
                texts[row] = "가" * (20 if step < 0 else lengths[strategy])
                made.append({"trajectory": name, "step": step, "rank": rank, "row_id": row})
    pool = pd.DataFrame({"row_id": list(texts), "text": list(texts.values()), "split": "train"})
    pool = pool.assign(marks=pool.text.str.len() // 10, label="O", tokens=5)
    told = {"name": "tagging", "score": "entity_f1", "few": False, "metrics": []}
    description = {**found.description, "task": told, "annotation_seconds": seconds}
    predictions = found.predictions
    scores = (predictions.label == predictions.prediction).astype(float)
    return replace(
        found,
        selections=pd.DataFrame(made),
        rows=pool,
        predictions=predictions.assign(score=scores),
        description=description,
        memory={},
    )


def _one(study):
    """The study, its arm `long` and random."""
    arm = next(each for each in records(study.arms()) if each["strategy"] == "long")
    return study, arm, arm | BASE


def test_amounts_are_sums_over_what_was_learnt():
    """The first model learns 10 texts of 20 characters, each later one 10 more."""
    study = tagged({"random": RISING, "long": RISING}, {"random": 20, "long": 40}, seconds=[5, 3])
    found = effort.spent(study).set_index(["trajectory", "step"])
    name = next(n for n in study.trajectories.trajectory if n.startswith("long"))
    own = found.loc[name].loc[[0, 1, 2, 3]]
    assert own.characters.tolist() == [200, 600, 1000, 1400]
    assert own.marks.tolist() == [20, 60, 100, 140]
    by_hand = [(5 * n + 3 * m) / 60 for n, m in ((10, 20), (20, 60), (30, 100), (40, 140))]
    assert own.minutes.tolist() == pytest.approx(by_hand)


def test_values_are_of_the_longer_arm_s_models_and_between_the_other_s():
    """Long texts: models at 200, 600, 1,000 and 1,400 characters, of which random went to 800."""
    study = tagged({"random": RISING, "long": RISING}, LONG)
    pairs = effort.pair_by(*_one(study), "characters")
    assert pairs.labels.tolist() == [200, 600]
    means = study.curves().groupby(["strategy", "n_labelled"]).test_score.mean()
    assert pairs.arm.mean(axis=(0, 1)) == pytest.approx(means["long"].to_numpy()[:2])
    assert pairs.random.mean(axis=(0, 1)) == pytest.approx(means["random"].to_numpy()[[0, 2]])

    study = tagged({"random": RISING, "long": RISING}, {"random": 20, "long": 15})
    pairs = effort.pair_by(*_one(study), "characters")
    assert pairs.labels.tolist() == [200, 400, 600]  # the arm went to 650
    means = study.curves().groupby(["strategy", "n_labelled"]).test_score.mean()
    at = np.log([200, 350, 500, 650])
    expected = np.interp(np.log([200, 400, 600]), at, means["long"].to_numpy())
    assert pairs.arm.mean(axis=(0, 1)) == pytest.approx(expected)


CURVES = {
    "exponential": lambda c: 0.85 - 0.55 * np.exp(-c / 600),
    "power": lambda c: 0.9 - 0.6 * (c / 60) ** -0.35,
    "late": lambda c: 0.3 + 0.5 / (1 + (1200 / c) ** 4),
}


@pytest.mark.parametrize("ratio", [0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 10.0])
@pytest.mark.parametrize("steps", [3, 6, 10])
@pytest.mark.parametrize("curve", CURVES)
def test_what_follows_the_characters_alone_is_not_found_different(curve, steps, ratio):
    """Texts of other lengths in other seeds, accuracy exactly a curve of what was read: to read
    both arms between their models erred by up to 40 points to the disadvantage of long texts.
    """
    rng = np.random.default_rng(steps)
    first = rng.normal(200, 20, (8, 1))
    own = []
    for length in (200 * ratio, 200.0):
        read = rng.normal(length, 0.1 * length, (8, steps - 1))
        own.append(np.hstack([first, first + read.cumsum(axis=1)]))
    at = effort.shared_amounts(*own)
    if ratio == 10 and steps < 10:  # random hardly came to where the arm's second model is
        assert at.shape[1] < 2
        return
    arm, random = (
        np.stack([CURVES[curve](x) @ effort._between(x, to) for x, to in zip(arm, at, strict=True)])
        for arm in own
    )
    if at.shape[1] > 1:
        weights = area_weights(at.mean(axis=0))
        assert abs(weights @ (arm - random).mean(axis=0)) < 0.0035


@pytest.mark.parametrize("ends", [0.1, 0.4])
@pytest.mark.parametrize("first", [200.0, 100.0])
@pytest.mark.parametrize("curve", CURVES)
def test_of_steps_that_cross_nothing_is_read_where_models_lie_far_apart(curve, first, ends):
    """An arm that begins with long texts and ends with short ones, as random in all: read between
    its first models, equal arms were up to 8 points apart.
    """
    lengths = np.linspace(400 - ends * 200, ends * 200, 9)
    steps = np.stack([lengths, np.full(9, 200.0)])
    own = np.hstack([[[first]] * 2, first + steps.cumsum(axis=1)])
    little = np.array([[0.0], [1e-6]])
    for arm, random in (own, own - little, own + little):
        at = effort.shared_amounts(arm[None], random[None])
        read = [CURVES[curve](x) @ effort._between(x, at[0]) for x in (arm, random)]
        assert np.abs(read[0] - read[1]).max(initial=0) < 0.012


@pytest.mark.parametrize(
    "wide",
    [[0.0, 4, 8, 12, 16], [4.0, 4, 8, 12, 16], [4.0, 8, 8, 12, 16], [0.0, 0, 0, 12, 16], [0.0] * 5],
)
def test_amounts_of_nothing_and_steps_of_nothing_are_left_out(wide):
    """Texts without a mark: labels of a judgement are above 0, and each is more than the last."""
    amounts = np.tile(wide, (6, 1))
    for other in (amounts * 0.9, amounts.copy()):
        at = effort.shared_amounts(amounts, other).mean(axis=0)
        assert (at > 0).all()
        assert (np.diff(at) > 0).all()


def test_first_texts_without_a_mark_are_judged():
    study = tagged({"random": RISING, "long": RISING}, LONG)
    rows = study.rows.assign(
        marks=study.rows.marks.where(~study.rows.row_id.str.startswith("first"), 0)
    )
    study = replace(study, rows=rows, memory={})
    assert len(effort.judged_by_effort(study)) == 2
    assert len(effort.lines(study)) >= 1


def test_texts_saved_may_be_time_lost():
    """As good by texts, of twice the length; and better by texts, of equal length."""
    curves = {"random": RISING, "long": RISING, "good": [0.40, 0.65, 0.78, 0.85]}
    study = tagged(curves, {"random": 20, "long": 60, "good": 20})
    by_texts = {one.arm["strategy"]: one.found.kind for one in judged(study)}
    assert by_texts["long"] == "no difference"
    found = {
        one.arm["strategy"]: one.found.kind
        for one in effort.judged_by_effort(study)
        if one.measure == "characters"
    }
    assert found["long"] == "worse"
    assert found["good"] == by_texts["good"] == "saves"
    (line, other) = effort.lines(study)
    assert line.startswith("By characters to read: ")
    assert "long: worse" in line
    assert other.startswith("By things to mark: ")
    assert "good: saves (at least " in line


def test_lines_have_their_numbers():
    curves = {"random": RISING, "long": RISING, "good": [0.40, 0.65, 0.78, 0.85]}
    study = tagged(curves, {"random": 20, "long": 60, "good": 20})
    found = effort.numbers(study).set_index(["measure", "arm"])
    assert len(found) == 4
    good, long = found.loc["characters"].loc["good"], found.loc["characters"].loc["long"]
    assert (good.kind, long.kind) == ("saves", "worse")
    line = effort.lines(study)[0]
    assert f"at least {good.saved_low:,.0f} of {good.target:,.0f}" in line
    assert f"long: worse (−{-100 * long.difference:.1f} points" in line
    assert long.p <= long.p_holm
    assert np.isnan(long.saved_low)


def test_no_difference_beside_an_interval_without_0_says_why():
    """p of one arm alone, and of all of them: Holm's, by hand."""
    area = Effect(0.02, 0.001, 0.04, 0.03, 0.09)
    arm = {"strategy": "margin"}
    pairs = effort.pair_by(*_one(tagged({"random": RISING, "long": RISING}, LONG)), "characters")
    found = replace(judge([pairs])[0], kind="no difference", area=area)
    _, said = effort.said_of(effort.Spent(arm, "characters", found))
    assert said.endswith("p = 0.03 alone, but 0.09 among the arms tested")


def test_of_equal_arms_few_are_called_different():
    """Arms whose texts have other lengths and whose accuracy follows the characters read."""
    names = [f"arm{i}" for i in range(8)]
    curve = np.array(RISING)
    lengths = dict(zip(names, [15, 18, 20, 22, 25, 28, 20, 20], strict=True))
    at = np.array([200, 400, 600, 800])
    curves = {"random": curve} | {
        name: np.interp([200, *(200 + 10 * lengths[name] * np.arange(1, 4))], at, curve)
        for name in names
    }
    found = effort.judged_by_effort(tagged(curves, {"random": 20, **lengths}, rows=150))
    kinds = [one.found.kind for one in found if one.measure == "characters"]
    assert len(kinds) == 8
    assert kinds.count("no difference") >= 7


def test_nothing_is_said_of_classification_or_of_curves_that_do_not_overlap():
    study = tagged({"random": RISING, "long": RISING}, {"random": 20, "long": 40})
    task = {**study.description["task"], "few": True}
    few = replace(study, description={**study.description, "task": task}, memory={})
    assert effort.lines(few) == []
    far = tagged({"random": RISING[:1] * 4, "long": RISING}, {"random": 0, "long": 40})
    assert [one.found for one in effort.judged_by_effort(far)] == [None, None]
    assert effort.lines(far) == []
    assert list(effort.numbers(far)[["arm", "measure", "p_holm", "saved_low"]].index) == []


@pytest.mark.parametrize("seconds", [(0, 1), (5,), (5, -1), (float("nan"), 1), (1, 2, 3)])
def test_rates_that_cannot_be(seconds):
    with pytest.raises(UserError, match=r"--annotation-seconds .* such as 5 2"):
        RunConfig(out="out", annotation_seconds=seconds)
