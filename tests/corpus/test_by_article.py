"""Whole articles are held out: properties that any such split must have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al_ray.corpus.by_article import split_by_article
from al_ray.corpus.rows import Corpus, Split
from al_ray.corpus.splits import choose_tests
from al_ray.errors import CorpusError


def made(sizes: list[int]) -> tuple[Corpus, dict[str, str]]:
    """So many questions of each article, the articles taking turns."""
    rows = [(a, i) for i in range(max(sizes)) for a, n in enumerate(sizes) if i < n]
    ids = tuple(f"{a}-{i}" for a, i in rows)
    labels = np.arange(len(ids), dtype=np.int32)
    train = Split("train", ids, tuple(f"{each}?\n글" for each in ids), labels)
    names = tuple(f"{i}-{i + 1}" for i in range(len(ids)))
    corpus = Corpus("made", names, train, (), ("As read.",), task="reading")
    return corpus, {row_id: f"글 {row_id.split('-')[0]}" for row_id in ids}


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(1, 9), min_size=2, max_size=12),
    share=st.floats(0.01, 0.99),
    smaller=st.floats(0.01, 0.99),
    seed=st.integers(0, 5),
)
def test_no_article_is_on_both_sides(
    sizes: list[int], share: float, smaller: float, seed: int
) -> None:
    corpus, articles = made(sizes)
    divided = split_by_article(corpus, articles, share, seed)
    (test,) = divided.tests
    train, n = divided.train, len(corpus.train)
    assert (train.name, test.name, divided.task) == ("train", "holdout", "reading")
    assert {articles[i] for i in train.row_ids} & {articles[i] for i in test.row_ids} == set()
    assert min(len(train), len(test)) > 0
    for side in (train, test):  # rows as they were, in their order
        places = [corpus.train.row_ids.index(row_id) for row_id in side.row_ids]
        assert places == sorted(places)
        assert side.labels.tolist() == places
        assert side.texts == tuple(corpus.train.texts[place] for place in places)
    assert len(train) + len(test) == n
    # No further from the share than half an article, unless one side must have one.
    if len({articles[i] for i in test.row_ids}) not in (1, len(sizes) - 1):
        assert abs(len(test) - share * n) <= max(sizes) / 2 + 1e-9
    if smaller <= share:
        (subset,) = split_by_article(corpus, articles, smaller, seed).tests
        assert set(subset.row_ids) <= set(test.row_ids)


def test_seed_order_and_given_tests() -> None:
    corpus, articles = made([3] * 20)
    draws = [split_by_article(corpus, articles, 0.2, seed).tests[0].row_ids for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]
    assert [len(ids) for ids in draws] == [12, 12, 12]
    backwards = replace(corpus, train=corpus.train.take(range(len(corpus.train) - 1, -1, -1)))
    assert set(split_by_article(backwards, articles, 0.2, 0).tests[0].row_ids) == set(draws[0])
    given_test = corpus.train.take([0], "test")
    divided = split_by_article(replace(corpus, tests=(given_test,)), articles, 0.2, 0)
    assert divided.tests[1] is given_test
    assert divided.notes == (
        "As read.",
        "12 of 60 train rows, of 4 of 20 articles, are held out as the test 'holdout'.",
    )


def test_what_is_refused() -> None:
    corpus, articles = made([3, 3])
    for share in (0.0, 1.0, -1.0, float("nan")):
        with pytest.raises(CorpusError, match="give a number between 0 and 1"):
            split_by_article(corpus, articles, share, 0)
    alone, of_one = made([3])
    with pytest.raises(CorpusError, match="made: all questions of train are of one article"):
        split_by_article(alone, of_one, 0.5, 0)
    with pytest.raises(KeyError):
        split_by_article(corpus, {}, 0.5, 0)


def test_a_study_holds_out_whole_articles() -> None:
    """Where no test is given, and the rows say what they are of."""
    corpus, groups = made([5, 3, 9, 2, 4])
    corpus = replace(corpus, groups=groups, few=False)
    chosen = choose_tests(corpus, None)
    articles = [{groups[row_id] for row_id in split.row_ids} for split in chosen.splits]
    assert chosen.tests[0].name == "holdout"
    assert not articles[0] & articles[1]
    assert sum(map(len, chosen.splits)) == len(corpus.train)
