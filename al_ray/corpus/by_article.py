"""A test of other articles than train's, since questions on one article help with each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from al_ray.corpus.rows import Corpus
from al_ray.errors import CorpusError
from al_ray.language import tr
from al_ray.randomness import keys, row_hashes


def split_by_article(
    corpus: Corpus, articles: Mapping[str, str], share: float, seed: int
) -> Corpus:
    """The corpus with whole articles of train as its main test, `holdout`; given tests follow it.

    Articles are drawn until the test has as near to that share of the rows as their order allows,
    and at least one stays on either side. A smaller share draws a subset; rows keep their order.

    Args:
        corpus: as read.
        articles: of each row id.
        share: of the rows of train, above 0 and under 1.
        seed: of the order of articles, which depends on nothing else but their titles.

    Raises:
        CorpusError: the share is out of range, or train has fewer than two articles.
        KeyError: a row has no article.
    """
    if not 0 < share < 1:
        raise CorpusError(
            "share {share:g}: not a part of train; give a number between 0 and 1", share=share
        )
    train = corpus.train
    titles, article = np.unique([articles[row_id] for row_id in train.row_ids], return_inverse=True)
    if len(titles) < 2:
        raise CorpusError(
            "{name}: all questions of train are of one article, and a test needs another; give a "
            "test file or more articles",
            name=corpus.name,
        )
    order = np.argsort(keys(row_hashes(titles.tolist()), seed, 0, "articles"), kind="stable")
    rows = np.cumsum(np.bincount(article)[order])
    n = 1 + int(np.abs(rows[:-1] - share * len(train)).argmin())
    held = np.isin(article, order[:n])
    note = tr(
        "{n:,} of {of:,} train rows, of {articles:,} of {all:,} articles, are held out as the test "
        "'holdout'.",
        n=int(held.sum()),
        of=len(train),
        articles=n,
        all=len(titles),
    )
    return replace(
        corpus,
        train=train.take(np.flatnonzero(~held)),
        tests=(train.take(np.flatnonzero(held), "holdout"), *corpus.tests),
        notes=(*corpus.notes, note),
    )
