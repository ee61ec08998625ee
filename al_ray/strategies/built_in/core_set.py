"""Core-set: cover the pool, so that no row is far from a labelled one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from al_ray.strategies.base import Draw, Outputs, Sequential
from al_ray.strategies.vectors import (
    blocks,
    nearest,
    slack,
    squared_distances,
    squared_norms,
)


class CoreSet(Sequential):
    """k-centre greedy on what the classification layer is fed (Sener & Savarese 2018).

    The row farthest from its nearest centre comes next and is a centre from then on; the labelled
    rows are centres from the start. The largest distance that is left is at most twice that of the
    best choice of centres. Where there is no centre at all, all rows are equally far.
    """

    name = "core-set"
    family = "data-based"
    needs = frozenset({"units", "vectors", "labelled"})
    costly = True

    def begin(self, outputs: Outputs, draw: Draw) -> NearestCentre:
        """See `Sequential`."""
        labelled = outputs.labelled
        centres = None if labelled is None else labelled.get("vectors")
        return NearestCentre(outputs.get("vectors"), centres)


class NearestCentre:
    """Each row's exact distance to its nearest centre.

    A new centre is compared with all rows by one product in float32, which reads the vectors once;
    only rows that it may be nearer to, within the bound of the product's rounding, are computed.
    """

    def __init__(
        self, vectors: NDArray[np.float32], centres: NDArray[np.float32] | None = None
    ) -> None:
        self._vectors = vectors
        self._norms = squared_norms(vectors)
        self._nearest = np.full(len(vectors), np.inf)
        if centres is not None and len(centres) and len(vectors):
            self._nearest = nearest(vectors, centres, 1)[1][:, 0]

    def values(self) -> NDArray[np.float64]:
        """Euclidean distances, float64 (rows,); infinite where there is no centre."""
        return np.asarray(np.sqrt(self._nearest))

    def centre(self, row: int) -> NDArray[np.float32]:
        """The row's vector."""
        return np.array(self._vectors[row])

    def take(self, centre: NDArray[np.float32]) -> None:
        """One centre more."""
        norm = float(squared_norms(centre[None])[0])
        total = self._norms + norm
        about = total - 2.0 * (self._vectors @ centre)
        near = np.flatnonzero(about - slack(len(centre), total) < self._nearest)
        # In blocks, since without a centre before this one all rows are near.
        for part in blocks(near, len(centre)):
            exact = squared_distances(self._vectors[part], centre)
            self._nearest[part] = np.minimum(self._nearest[part], exact)
