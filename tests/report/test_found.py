"""Figures and tables say no more than the verdict does."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from small_studies import alike, answered, name_of, noisy, predictions, study

from al_ray.analysis.comparison import shown_cells
from al_ray.analysis.side_by_side import beside
from al_ray.analysis.verdict import shown_savings, verdict
from al_ray.report import content
from al_ray.report.arms import Arms
from al_ray.report.figures.curves import learning
from al_ray.report.figures.gain import gain
from al_ray.report.figures.labels import distance
from al_ray.report.figures.savings import label_savings
from al_ray.report.figures.versus import versus
from al_ray.report.found import judgements
from al_ray.report.sheets import across, comparisons

LABELS = [100, 200, 300, 400]
CURVE = [0.50, 0.60, 0.66, 0.70]
FROZEN = ("random", "cold", "frozen", 100, 100)


def better(seeds, **more):
    """A clear saving, and an arm that is the same as random."""
    arms = {
        "random": noisy(CURVE, seeds, 0.004),
        "margin": noisy([0.50, 0.66, 0.71, 0.74], seeds, 0.004, 1),
        "entropy": noisy(CURVE, seeds, 0.004, 2),
    }
    return study(arms | more.pop("arms", {}), LABELS, **more)


def figure(maker, tables):
    return maker(tables, Arms(tables.trajectories))


def row_of(rows, arm, **facts):
    (row,) = [
        row for row in rows if row["arm"] == arm and all(row[k] == v for k, v in facts.items())
    ]
    return row


@pytest.mark.parametrize(("seeds", "there"), [(1, False), (4, False), (5, True)])
def test_no_interval_and_no_p_of_fewer_than_five_seeds(seeds, there):
    tables = better(seeds)
    rows = figure(versus, tables).data["versus"]
    assert {row["arm"] for row in rows} == {"margin", "entropy"}
    for row in rows:
        assert row["difference"] is not None
        assert {name: row[name] is not None for name in ("low", "high", "p", "p_holm")} == (
            dict.fromkeys(("low", "high", "p", "p_holm"), there)
        )
        assert row["note"] == ("" if there else "cannot tell")
    for row in figure(learning, tables).data["curves"]:
        assert (row["low"] is not None, row["high"] is not None) == (there, there)
    for maker in (label_savings, gain):
        assert (figure(maker, tables) is not None) == there
    assert bool(comparisons(tables, Arms(tables.trajectories))) == there
    random, *cells = [row[-2] for row in across(beside([tables])).rows]
    assert random == "–"
    assert ["(" in cell for cell in cells] == [there, there]


def test_numbers_are_given_only_of_savings_that_were_shown():
    tables = better(6)
    said = verdict(tables).set_index("strategy")
    assert said.kind.to_dict() == {"margin": "saves", "entropy": "no difference"}
    drawn = figure(label_savings, tables)
    assert drawn.controls[0].value == 400  # what the verdict is about
    rows = drawn.data["savings"]
    row = row_of(rows, "margin", target_labels=400)
    numbers = said.numbers["margin"]
    assert row["note"] == ""
    assert row["low"] == pytest.approx(numbers["labels_low"], abs=1e-3)
    assert row["high"] == pytest.approx(numbers["labels_high"], abs=1e-3)
    assert 0 < row["low"] < row["saved_labels"] < row["high"]
    for row in rows:
        if row["arm"] == "entropy":
            assert row["note"] == "not shown"
            unsaid = ("saved_labels", "low", "high", "need", "labels", "low_days")
            assert [row[name] for name in unsaid] == [None] * 6


def test_what_the_verdict_calls_a_saving_is_drawn_though_more_targets_were_asked(monkeypatch):
    tables = better(6)
    from al_ray.analysis import verdict as module

    table = module.savings(tables)
    table["shown"] = False
    monkeypatch.setattr(module, "savings", lambda *_, **__: table)
    shown = shown_savings(tables)
    assert shown[shown.shown][["strategy", "target_labels"]].values.tolist() == [["margin", 400]]


def test_missing_seeds_take_the_numbers_away():
    tables = better(6, status={("margin", 0): "failed", ("margin", 1): "failed"})
    assert verdict(tables).kind.tolist() == ["cannot tell", "no difference"]
    notes = {row["arm"]: row["note"] for row in figure(label_savings, tables).data["savings"]}
    assert notes == {"margin": "cannot tell", "entropy": "not shown"}
    assert row_of(figure(versus, tables).data["versus"], "margin")["p"] is None


def test_undertrained_arms_are_pale_and_have_no_numbers():
    """A frozen random arm stands alone in its setting, as in every study of an encoder."""
    tables = better(6, arms={FROZEN: noisy([0.7, 0.75, 0.78, 0.8], 6, 0.004, 3)})
    arms = Arms(tables.trajectories)
    assert arms.names == ["random", "random, frozen", "margin", "entropy"]
    ((_, rows),) = content.verdicts(tables, arms)
    assert {row["kind"] for row in rows} == {"undertrained"}
    rows = figure(versus, tables).data["versus"]
    assert [row["note"] for row in rows] == ["undertrained"] * 2
    assert [(row["low"], row["p"], row["detectable"]) for row in rows] == [(None, None, None)] * 2
    notes = {row["note"] for row in figure(label_savings, tables).data["savings"]}
    assert notes == {"undertrained"}
    assert figure(gain, tables) is None
    assert comparisons(tables, arms) == []
    assert all("(" not in row[-2] for row in across(beside([tables])).rows)


def test_worse_at_every_number_of_labels_is_not_said_of_no_difference():
    base = {seed: [0.5, 0.6, 0.7] for seed in range(5)}
    spread = np.array([-1.265, -0.632, 0, 0.632, 1.265])
    below = -0.01 * (1 + 0.45 * spread)  # p = 0.008 by SciPy: enough alone, not of nine arms
    arms = {"random": base, "badge": {s: [0.5, 0.6 + below[s], 0.7 + below[s]] for s in range(5)}}
    for number in range(8):
        even = 0.01 * np.roll(spread, number)
        arms[f"mine:A{number}"] = {
            s: [0.5, 0.6 + even[s], 0.7 + even[(s + 1) % 5]] for s in range(5)
        }
    tables = study(arms, [100, 200, 300])
    kinds = judgements(tables).set_index("strategy").kind
    assert kinds["badge"] == "no difference"
    raw = shown_cells(tables).set_index("strategy")
    assert (raw.cells["badge"], raw.worse["badge"]) == (2, 2)
    sheet = comparisons(tables, Arms(tables.trajectories))[0]
    assert row_of(
        [dict(zip(("arm", *"cbw"), row, strict=True)) for row in sheet.rows], "badge"
    ) == {
        "arm": "badge",
        "c": "2",
        "b": "0",
        "w": "0",
    }


def test_penalties_are_of_arms_and_not_of_random():
    tables = better(6)
    found = comparisons(tables, Arms(tables.trajectories))
    assert found[1].headings == ("", "margin", "entropy")
    assert found[1].rows == (("margin", "", "0.00"), ("entropy", "1.00", ""))


def test_the_gain_has_bands_of_what_differs_alone():
    """As wide as the verdict's own 'better from N labels on'."""
    tables = better(6)
    found = verdict(tables).set_index("strategy").numbers["margin"]
    rows = figure(gain, tables).data["gain"]
    above = [row["n_labelled"] for row in rows if row["arm"] == "margin" and row["low"] > 0]
    assert above == [200, 300, 400]
    assert found["begins"] == 200
    assert {row["low"] for row in rows if row["arm"] == "entropy"} == {None}


def test_intervals_say_what_they_are_over():
    assert "test rows taken as fixed" in figure(versus, better(5)).caption
    rng = np.random.default_rng(0)
    random, margin = alike(rng, [CURVE] * 2, seeds=5, rows=300)
    tables = answered({"random": random, "margin": margin}, LABELS)
    assert "over seeds and 300 test rows" in figure(versus, tables).caption
    assert "over seeds, on these test rows" in figure(learning, tables).caption


@pytest.mark.parametrize(("right", "is_near"), [(6, True), (2, False)])
def test_the_most_frequent_label_is_drawn_where_it_is_or_at_the_edge(right, is_near):
    """Where it is so far below that it would press the curves, the edge is said to be above it."""
    truth = ["가"] * right + ["나"] * (10 - right)
    curves = {"random": {seed: [0.5, 0.7] for seed in range(2)}}
    predicted = truth[:7] + ["다"] * 3
    made = {(name_of("random", seed, 100, 100), step): predicted
            for seed in range(2) for step in range(2)}  # fmt: skip
    ids = [f"r{number}" for number in range(10)]
    pool = pd.DataFrame(
        {"row_id": ids, "split": "train", "label": ["가"] * 7 + ["나"] * 3, "text": "", "tokens": 1}
    )
    tables = study(curves, [100, 200], predictions=predictions(made, truth), rows=pool)
    drawn = figure(learning, tables)
    (row,) = drawn.data["controls"]
    edge, _ = drawn.parameters["domains"]["accuracy"]["test"]
    assert row["mean"] == (0.6 if is_near else edge)
    assert edge > 0.4
    assert f"most frequent label ({10 * right} %)" in row["text"]
    assert ("below" in row["text"]) != is_near


@pytest.mark.parametrize(("seeds", "there"), [(4, False), (5, True)])
def test_no_share_of_tests_of_few_seeds(seeds, there):
    tables = better(seeds)
    chosen = pd.DataFrame(
        [
            {"trajectory": name, "step": 0, "rank": place, "row_id": f"r{place}", "label": label}
            for name in tables.trajectories.trajectory
            for place, label in enumerate(["가", "가", "나"])
        ]
    )
    pool = pd.DataFrame(
        {
            "row_id": [f"r{number}" for number in range(30)],
            "split": "train",
            "label": ["가", "나", "다"] * 10,
            "text": "",
            "tokens": 1,
        }
    )
    tables = better(seeds, selections=chosen, rows=pool)
    rows = figure(distance, tables).data["distance"]
    assert rows
    assert {row["apart"] is not None for row in rows} == {there}
