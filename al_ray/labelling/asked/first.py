"""What is asked first, when no model knows anything yet."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from al_ray import randomness

MOST = 20_000
"""Rows among which clusters are sought, a seeded sample."""


def diverse(
    vectors: NDArray[np.float32], hashes: NDArray[np.uint64], n: int, seed: int
) -> NDArray[np.int64]:
    """Positions (n,) of rows that stand for n clusters, the largest cluster first.

    Of each cluster of k-means (Lloyd 1982, begun as k-means++) the row nearest to its centre: far
    rows, which a search for coverage alone begins with, are seldom what a label is about.

    Args:
        vectors: (rows, width), of the pretrained encoder.
        hashes: (rows,) of the row ids.
        n: how many, at most as there are rows.
        seed: of the project.
    """
    from scipy.cluster.vq import kmeans2

    order = np.argsort(randomness.keys(hashes, seed, 0, "first sample"), kind="stable")
    sample = np.sort(order[: max(MOST, n)])
    points = vectors[sample].astype(np.float64)
    random = randomness.generator(seed, 0, "first clusters")
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        warnings.simplefilter("ignore")  # where rows are equal, clusters are empty
        centres, cluster = kmeans2(points, n, minit="++", seed=random, missing="warn")
    distance = ((points - centres[cluster]) ** 2).sum(axis=1)
    nearest = np.lexsort((hashes[sample], distance, cluster))
    _, begins = np.unique(cluster[nearest], return_index=True)
    found = nearest[begins]
    sizes = np.bincount(cluster, minlength=n)[cluster[found]]
    chosen = sample[found[np.argsort(-sizes, kind="stable")]]
    if len(chosen) < n:  # a cluster is empty where rows are equal
        rest = order[~np.isin(order, chosen)]
        chosen = np.concatenate([chosen, rest[: n - len(chosen)]])
    return np.asarray(chosen, np.int64)
