"""Agreement on test rows and on chosen rows, and the telling texts, by hand."""

import math

import pandas as pd
import pytest
from sklearn.metrics import jaccard_score
from small_studies import name_of, predictions, study

from al_ray.analysis.described import agreement, telling

TRUTH = ["가"] * 6
LABELS = [10, 20]
BOTH = {"random": {0: [0.5, 0.5]}, "margin": {0: [0.5, 0.5]}}


def said(right):
    return ["가" if letter == "1" else "나" for letter in right]


def of(*answers):
    """By arm at the last step; at the first step all are wrong."""
    made = {(name_of(arm, seed), 1): said(right) for arm, seed, right in answers}
    made |= {(trajectory, 0): said("000000") for trajectory, _ in list(made)}
    return predictions(made, TRUTH)


def test_two_arms_by_hand():
    made = of(("random", 0, "111000"), ("margin", 0, "110110"))
    (row,) = agreement.test_agreement(study(BOTH, LABELS, predictions=made)).itertuples()
    assert (row.strategy_a, row.strategy_b, row.n_labelled, row.seeds) == (
        "random",
        "margin",
        20,
        1,
    )
    assert (row.both, row.only_a, row.only_b, row.neither) == (2, 1, 2, 1)
    right = [[1, 1, 1, 0, 0, 0], [1, 1, 0, 1, 1, 0]]
    assert row.jaccard == pytest.approx(jaccard_score(*right))
    p, q = 1 / 2, 2 / 3
    assert row.chance == pytest.approx(p * q / (p + q - p * q))
    assert (row.contains, row.contained) == (pytest.approx(2 / 4), pytest.approx(2 / 3))
    assert math.isnan(row.within)


def test_means_over_the_seeds_that_both_have():
    arms = {"random": {0: [0.5, 0.5], 1: [0.5, 0.5], 2: [0.5, 0.5]}}
    arms["margin"] = {0: [0.5, 0.5], 1: [0.5, 0.5]}
    made = of(
        ("random", 0, "111000"),
        ("random", 1, "111000"),
        ("random", 2, "000000"),
        ("margin", 0, "111000"),
        ("margin", 1, "000111"),
    )
    (row,) = agreement.test_agreement(study(arms, LABELS, predictions=made)).itertuples()
    assert (row.seeds, row.jaccard) == (2, 0.5)
    # Two seeds of random agree wholly, two of margin not at all.
    assert row.within == 0.5


def test_nothing_right_and_nothing_there():
    made = of(("random", 0, "000000"), ("margin", 0, "000000"))
    (row,) = agreement.test_agreement(study(BOTH, LABELS, predictions=made)).itertuples()
    assert row.neither == 6
    assert math.isnan(row.jaccard)
    assert agreement.test_agreement(study(BOTH, LABELS)).empty


def test_right_sets_add_up():
    arms = {**BOTH, "entropy": {0: [0.5, 0.5]}}
    made = of(("random", 0, "111000"), ("margin", 0, "110110"), ("entropy", 0, "110000"))
    found = agreement.right_sets(study(arms, LABELS, predictions=made), 20, 0)
    counts = dict(zip(found.arms, found.rows, strict=True))
    assert counts == {
        ("random", "margin", "entropy"): 2,
        ("random",): 1,
        ("margin",): 2,
        (): 1,
    }
    assert agreement.right_sets(study(arms, LABELS, predictions=made), 30, 0).empty


def test_several_arms_of_a_strategy_must_be_told_apart():
    warm = ("random", "warm", "fine-tuned", 10, 10)
    two = study({"random": {0: [0.5, 0.5]}, warm: {0: [0.5, 0.5]}}, LABELS)
    with pytest.raises(ValueError, match="retrain"):
        agreement.right_sets(two, 20, 0)
    assert agreement.right_sets(two, 20, 0, retrain="warm").empty


def chosen(**batches):
    parts = []
    for name, steps in batches.items():
        for step, ids in steps.items():
            parts.append(
                pd.DataFrame(
                    {
                        "trajectory": name_of(name, 0),
                        "step": step,
                        "rank": range(len(ids)),
                        "row_id": list(ids),
                        "label": "가",
                        "score": None if name == "random" else 1.0,
                        "prediction": None if name == "random" else "나",
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def test_overlap_of_what_was_chosen():
    arms = {"random": {0: [0.1, 0.2, 0.3]}, "margin": {0: [0.1, 0.2, 0.3]}}
    picks = chosen(random={-1: "xy", 0: "ab", 1: "cd"}, margin={-1: "xy", 0: "be", 1: "af"})
    table = agreement.chosen_overlap(study(arms, [10, 20, 30], selections=picks))
    assert table.step.tolist() == [0, 1]
    assert table.n_labelled.tolist() == [20, 30]
    # {a, b} and {b, e}; then {a, b, c, d} and {a, b, e, f}: the first draw is not counted.
    assert table.jaccard.tolist() == pytest.approx([1 / 3, 2 / 6])
    # 1,000 rows of train in the table's pool_share, 10 of them drawn first.
    common = 4 * 4 / 990
    assert table.chance[1] == pytest.approx(common / (8 - common))
    assert agreement.chosen_overlap(study(arms, [10, 20, 30])).empty


def test_telling_texts():
    arms = {"random": {0: [0.1, 0.2]}, "margin": {0: [0.1, 0.2]}}
    picks = chosen(random={0: "ab"}, margin={0: "ba"})
    made = of(("random", 0, "111000"), ("margin", 0, "110110"))
    rows = pd.DataFrame(
        {
            "row_id": ["a", "b", *[f"t{i}" for i in range(6)]],
            "split": ["train"] * 2 + ["test"] * 6,
            "label": "가",
            "text": ["글 a", "<b>", *[f"글 {i}" for i in range(6)]],
            "tokens": 3,
        }
    )
    table = telling.texts(study(arms, LABELS, selections=picks, predictions=made, rows=rows))
    first = table[table.kind == "chosen first"]
    assert first.strategy.unique().tolist() == ["margin"]  # random ranks nothing
    assert first.text.tolist() == ["글 a", "<b>"]
    flipped = table[(table.kind == "flipped most") & (table.strategy == "random")]
    assert flipped.row_id.tolist() == ["t0", "t1", "t2"]
    assert flipped["count"].tolist() == [1, 1, 1]
    only = table[table.kind == "right only for one arm"]
    assert list(zip(only.strategy, only.row_id, strict=True)) == [
        ("random", "t2"),
        ("margin", "t3"),
        ("margin", "t4"),
    ]
    assert telling.texts(study({}, LABELS)).empty
    assert telling.texts(study(arms, LABELS, predictions=made)).text.isna().all()
