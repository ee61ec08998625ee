"""Committees: series with known answers, and SciPy."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from small_studies import name_of, study
from test_mix import ROWS, picks

from al_ray.analysis.described.committee import behaviour, collapse, lag_one, ties

LABELS = [10, 20, 30, 40, 50]
ARMS = {"qbc": {0: [0.1, 0.2, 0.3, 0.4, 0.5]}}


def members(confusions, **columns):
    frame = pd.DataFrame(
        {
            "trajectory": name_of("qbc", 0),
            "step": range(len(confusions)),
            "member": 0,
            "learning_rate": 1e-4,
            "collapsed": None,
            "predicted_counts": [
                None if table is None else np.sum(table, axis=0).tolist() for table in confusions
            ],
            "confusion": confusions,
        }
    )
    return frame.assign(**columns)


def test_lag_one_by_hand():
    # About the mean 2: -1, 1, -1, 1; products -1 -1 -1 over squares 4.
    assert lag_one(np.array([1.0, 3, 1, 3])) == pytest.approx(-3 / 4)
    assert math.isnan(lag_one(np.array([1.0, 2])))
    assert math.isnan(lag_one(np.array([1.0, 1, 1])))


def confusion(true_as, other_as):
    """가 predicted as 나 so often, and 나 as 가; rows are true."""
    return [[50, true_as, 1], [other_as, 50, 0], [0, 0, 50]]


def test_the_direction_of_a_confusion_and_the_next_share():
    batches = {0: "가가가나", 1: "가나나나", 2: "가가나나", 3: "가가가나"}
    tables = [confusion(2, 8), confusion(8, 2), confusion(4, 6), confusion(3, 7)]
    one = study(ARMS, LABELS, selections=picks(qbc=batches), rows=ROWS, members=members(tables))
    table = behaviour(one).set_index("label")
    assert table.batches.tolist() == [4, 4, 4]
    assert table.other.tolist() == ["나", "가", "가"]
    # (나 as 가 - 가 as 나) / 10, beside the share of 가.
    direction, share = [0.6, -0.6, 0.2, 0.4], [0.75, 0.25, 0.5, 0.75]
    theirs = stats.pearsonr(direction, share)
    assert table.confusion_foretells["가"] == pytest.approx(theirs.statistic)
    assert table.p["가"] == pytest.approx(theirs.pvalue)
    assert table.confusions["가"] == 4
    assert table.confusion_foretells["나"] == pytest.approx(theirs.statistic)
    assert table.lag_one["가"] == pytest.approx(lag_one(np.array(share)))
    assert math.isnan(table.lag_one["다"])  # never chosen


def test_the_evaluated_member_is_meant():
    tables = [confusion(2, 8)] * 4
    other = members([confusion(9, 1)] * 4, member=1, learning_rate=5e-4)
    both = pd.concat([other, members(tables)], ignore_index=True)
    batches = dict.fromkeys(range(4), "가나")
    one = study(ARMS, LABELS, selections=picks(qbc=batches), rows=ROWS, members=both)
    assert math.isnan(behaviour(one).confusion_foretells[0])  # it never changes
    assert behaviour(one).confusions.tolist() == [4, 4, 4]


def test_without_confusions():
    batches = dict.fromkeys(range(4), "가나")
    one = study(ARMS, LABELS, selections=picks(qbc=batches), rows=ROWS)
    assert behaviour(one).confusions.tolist() == [0, 0, 0]
    assert behaviour(study({}, LABELS)).empty


def test_collapse_is_derived_where_it_is_not_said():
    tables = [
        [[95, 0, 0], [3, 0, 0], [0, 1, 1]],  # 98 of 100 as 가
        [[50, 0, 0], [0, 40, 0], [0, 0, 10]],
        None,
        None,
    ]
    rows = members(tables)
    rows["collapsed"] = pd.Series([None, True, False, None], dtype=object)
    table = collapse(study(ARMS, LABELS, members=rows))
    assert table.step.tolist() == [0, 1, 2]  # of the last nothing is known
    assert table.collapsed.tolist() == [True, True, False]
    assert table.largest_share[:2].tolist() == [0.98, 0.5]
    assert table.label[:2].tolist() == ["가", "가"]
    assert math.isnan(table.largest_share[2])
    assert collapse(study({}, LABELS)).empty


def test_ties_of_ranked_batches():
    one = study(ARMS, LABELS)
    one.steps["tie_share"] = [0.5, None, 1.0, None, None]
    assert ties(one).tie_share.tolist() == [0.5, 1.0]
    assert ties(one).n_labelled.tolist() == [10, 30]
