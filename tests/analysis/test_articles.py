"""Questions on one article are one draw: against leaving one out by hand, statsmodels, and worlds
in which an arm suits whole articles.
"""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from written_studies import write_study

from al_ray.analysis.comparison import against_random
from al_ray.analysis.statistics.clusters import Clusters
from al_ray.analysis.statistics.intervals import Crossed
from al_ray.analysis.statistics.pairs import Pairs
from al_ray.analysis.statistics.versus import judge
from al_ray.analysis.study import load
from al_ray.analysis.verdict import verdict


def drawn(rng, sizes, suits, seeds=5):
    """F1-like values (seeds, rows, 2) of two arms that are equal over all articles, and of which
    each suits some.
    """
    article = np.repeat(np.arange(len(sizes)), sizes)
    level = rng.normal(0, suits, (len(sizes), 2))[article] + rng.normal(0, 0.8, (len(article), 1))
    level = level + rng.normal(0, 0.1, (seeds, 1, 2)) + rng.normal(0, 1, (seeds, len(article), 2))
    values = 1 / (1 + np.exp(-level))
    return np.where(values > 0.5, values, 0), article


def test_the_variance_is_that_of_leaving_one_article_out():
    rng = np.random.default_rng(1)
    values, article = drawn(rng, [1, 2, 3, 5, 8, 13], 0.5)
    gap = (values[..., 0] - values[..., 1]).mean(axis=0)  # of all seeds alike
    without = np.array([gap[article != each].mean() for each in range(6)])
    expected = 5 / 6 * ((without - without.mean()) ** 2).sum()
    crossed = Crossed.of(np.repeat(gap[None, :, None], 4, axis=0), Clusters(article))
    assert crossed.rows[0, 0] == pytest.approx(expected)
    assert crossed.mean[0] == pytest.approx(gap.mean())


def test_of_equal_sizes_it_is_statsmodels_clustered_variance():
    values, article = drawn(np.random.default_rng(2), [7] * 12, 0.5)
    gap = (values[..., 0] - values[..., 1]).mean(axis=0)
    theirs = sm.OLS(gap, np.ones(len(gap))).fit(cov_type="cluster", cov_kwds={"groups": article})
    crossed = Crossed.of(np.repeat(gap[None, :, None], 3, axis=0), Clusters(article))
    assert crossed.rows[0, 0] == pytest.approx(float(theirs.bse[0]) ** 2)
    assert crossed.n_rows == 12


def test_each_row_an_article_of_its_own_is_none():
    values, _ = drawn(np.random.default_rng(3), [1] * 40, 0.5)
    plain = Crossed.of(values)
    apart = Crossed.of(values, Clusters.named([f"a{i:02}" for i in range(40)]))
    assert apart.n_rows == plain.n_rows
    assert np.allclose(apart.by_seed, plain.by_seed)
    assert np.allclose(apart.rows, plain.rows)
    assert np.allclose(apart.interaction, plain.interaction)


@pytest.mark.parametrize(
    ("sizes", "worth"),
    [([5, 5, 5, 5], 4), ([97, 1, 1, 1], 2), ([9, 9], 2), ([8, 2, 2, 2, 2], 3), ([9], 1)],
)
def test_what_articles_are_worth(sizes, worth):
    """By hand: 20² / 100 = 4; 100² / 9,412 is 1.06, and at least 2 of many; 16² / 80 = 3.2."""
    assert Clusters(np.repeat(np.arange(len(sizes)), sizes)).worth == worth


@pytest.mark.parametrize("sizes", ["unequal", "few", "one of two thirds"])
def test_arms_that_suit_other_articles_are_not_different(sizes):
    """By rows alone half of such studies find a difference where there is none."""
    rng, found, alone, times = np.random.default_rng(5), 0, 0, 200
    for _ in range(times):
        of = {
            "unequal": 1 + rng.geometric(1 / 20, 24),
            "few": 1 + rng.geometric(1 / 40, 6),
            "one of two thirds": np.array([80] + [4] * 10),
        }[sizes]
        values, article = drawn(rng, of, 0.8)
        against = np.array([[1.0, -1.0]])
        found += Crossed.of(values, Clusters(article)).effects(against).p[0] < 0.05
        alone += Crossed.of(values).effects(against).p[0] < 0.05
    assert found / times <= 0.05 + 2.5 * math.sqrt(0.05 * 0.95 / times)
    assert alone / times > 0.3


def test_a_single_article_is_taken_as_fixed():
    values, article = drawn(np.random.default_rng(6), [60], 0.5, seeds=6)
    pairs = Pairs(np.array([10.0]), values[..., :1], values[..., 1:], clusters=Clusters(article))
    (found,) = judge([pairs])
    gaps = (values[..., 0] - values[..., 1]).mean(axis=1)
    theirs = sm.stats.DescrStatsW(gaps).tconfint_mean()
    assert (found.area.low, found.area.high) == pytest.approx(theirs)
    assert (found.rows, found.articles) == (1, 1)


def test_a_study_says_what_its_intervals_are_over(tmp_path):
    study = load(write_study(tmp_path, step_sizes=(20,), controls=()))
    rows = study.rows.assign(article=None)
    is_test = rows.split == "test"
    rows.loc[is_test, "article"] = [f"문서 {i // 8}" for i in range(int(is_test.sum()))]
    study = type(study)(**{**vars(study), "rows": rows, "memory": {}})
    plain, found = against_random(load(tmp_path)), against_random(study)
    assert (plain.difference == found.difference).all()
    assert (plain.low != found.low).any()
    said = verdict(study)
    assert "80 test rows of 10 articles" in said.sentence.iloc[0]
    assert said.numbers.iloc[0]["articles"] == 10
