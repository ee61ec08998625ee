"""Label mixes against SciPy and by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from small_studies import name_of, study

from al_ray.analysis.described.mix import against_chance, batch_mix, mix_distance

ROWS = pd.DataFrame(
    {
        "row_id": [f"r{i}" for i in range(10)] + ["t0"],
        "split": ["train"] * 10 + ["test"],
        "label": ["가"] * 6 + ["나"] * 4 + ["다"],
        "text": "글",
        "tokens": 3,
    }
)


def picks(**batches):
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "trajectory": name_of(arm, 0),
                    "step": step,
                    "rank": range(len(labels)),
                    "row_id": [f"{arm}{step}{i}" for i in range(len(labels))],
                    "label": list(labels),
                    "score": 1.0,
                    "prediction": "가",
                    "confidence": 0.5,
                }
            )
            for arm, steps in batches.items()
            for step, labels in steps.items()
        ],
        ignore_index=True,
    )


def test_mix_by_hand():
    chosen = picks(margin={-1: "가가", 0: "나나나가"})
    one = study({"margin": {0: [0.1, 0.2]}}, [10, 20], selections=chosen, rows=ROWS)
    table = batch_mix(one)
    assert table.step.tolist() == [-1] * 3 + [0] * 3
    assert table.label.tolist() == ["가", "나", "다"] * 2  # 다 is in the test alone
    assert table.chosen.tolist() == [2, 0, 0, 1, 3, 0]
    assert table.share.tolist() == [1, 0, 0, 0.25, 0.75, 0]
    assert table.pool.tolist() == [6, 4, 0, 4, 4, 0]
    assert table.pool_share.tolist() == pytest.approx([0.6, 0.4, 0, 0.5, 0.5, 0])
    distance = mix_distance(one)
    assert distance.rows.tolist() == [2, 4]
    assert distance.distance.tolist() == pytest.approx([0.4, 0.25])


def test_small_batches_have_the_exact_probability():
    """Of two labels, Fisher's: at least as far off as the batch is, in either direction."""
    chosen, pool = np.array([1, 3]), np.array([4, 4])
    found = against_chance(chosen, pool, np.random.default_rng(0))
    far = [n for n in range(5) if abs(n / 4 - 0.5) >= 0.25]
    exact = sum(stats.hypergeom(8, 4, 4).pmf(n) for n in far)
    assert found["p"] == pytest.approx(exact, abs=0.03)
    mean = sum(stats.hypergeom(8, 4, 4).pmf(n) * abs(n / 4 - 0.5) for n in range(5))
    assert found["expected"] == pytest.approx(mean, abs=0.01)


def test_large_batches_have_pearsons():
    chosen, pool = np.array([60, 20, 20]), np.array([500, 300, 200])
    found = against_chance(chosen, pool, np.random.default_rng(0))
    theirs = stats.chi2_contingency([chosen, pool - chosen], correction=False).pvalue
    assert found["p"] == pytest.approx(theirs)
    assert found["distance"] == pytest.approx(0.1)


def test_random_batches_differ_as_often_as_they_should():
    rng = np.random.default_rng(0)
    pool = np.array([40, 30, 10])
    p = [
        against_chance(rng.multivariate_hypergeometric(pool, 10), pool, rng)["p"]
        for _ in range(300)
    ]
    assert np.mean(np.array(p) < 0.05) < 0.09
    assert np.mean(p) == pytest.approx(0.55, abs=0.1)  # ties make it more than a half


def test_all_of_the_pool_and_one_label():
    rng = np.random.default_rng(0)
    assert against_chance(np.array([4, 2]), np.array([4, 2]), rng)["p"] == 1.0
    assert against_chance(np.array([3, 0]), np.array([9, 0]), rng)["p"] == 1.0


def test_without_the_pool():
    chosen = picks(margin={-1: "가가", 0: "나나나가"})
    one = study({"margin": {0: [0.1, 0.2]}}, [10, 20], selections=chosen)
    assert batch_mix(one).share.tolist() == [1, 0, 0, 0.25, 0.75, 0]
    assert batch_mix(one).pool_share.isna().all()
    assert mix_distance(one).p.isna().all()
    assert batch_mix(study({}, [10, 20])).empty
    assert mix_distance(study({}, [10, 20])).empty
