"""The most likely spans of a text, of which its first and its last character are known apart.

A span's probability is in proportion to that of its first character times that of its last, over
the legal spans: those that end where they begin or later, are no longer than is allowed, and whose
ends are not masked. All is float64 and of one row; masked characters change no bit of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Spans:
    """So many spans of a row, the most likely first.

    Attributes:
        first: int64 (k,), the first character of each; -1 where there are fewer than k.
        last: int64 (k,), the last one, inclusive; -1 likewise.
        log_probabilities: float64 (k,), over all legal spans; -inf likewise.
        rest: logarithm of what all other spans have together; 0 where no span is legal.
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    log_probabilities: NDArray[np.float64]
    rest: float

    @property
    def distribution(self) -> NDArray[np.float64]:
        """Log-probabilities of the spans and of everything else, float64 (k + 1,)."""
        return np.append(self.log_probabilities, self.rest)


def distinct(start: NDArray[np.float64], end: NDArray[np.float64], most: int, k: int) -> Spans:
    """Up to k spans that share no character: each the most likely that no earlier one overlaps.

    Two that differ by a particle are one answer, whose margin says nothing. Of equal ones that
    which begins first is taken, then the shorter. Takes O(k n most).

    Args:
        start: (n,), log-probabilities, or logits, of each character as the first; -inf: masked.
        end: (n,), as the last.
        most: characters of the longest legal span, at least 1.
        k: how many, at least 1.

    Raises:
        ValueError: of another shape, not a number or +inf, or `most` or `k` under 1.
    """
    spans = _legal(start, end, most, k)
    left, chosen = np.arange(len(spans.score)), np.empty(0, np.int64)
    while len(left) and len(chosen) < k:
        best = left[spans.score[left].argmax()]
        chosen = np.append(chosen, best)
        apart = (spans.last < spans.first[best]) | (spans.first > spans.last[best])
        left = left[apart[left]]
    return spans.picked(chosen, k)


@dataclass(frozen=True, eq=False)
class _Legal:
    """All legal spans by their first character, then the last: (spans,) each."""

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    score: NDArray[np.float64]

    def picked(self, chosen: NDArray[np.int64], k: int) -> Spans:
        """These spans, normalised over all and padded to k."""
        if not len(self.score):
            return Spans(np.full(k, -1), np.full(k, -1), np.full(k, -np.inf), 0.0)
        shifted = self.score - self.score.max()
        terms = np.exp(shifted)
        total = np.log(terms.sum())
        with np.errstate(divide="ignore"):
            rest = float(np.log(np.delete(terms, chosen).sum()) - total)
        pad = (0, k - len(chosen))
        return Spans(
            np.pad(self.first[chosen], pad, constant_values=-1),
            np.pad(self.last[chosen], pad, constant_values=-1),
            np.pad(shifted[chosen] - total, pad, constant_values=-np.inf),
            rest,
        )


def _legal(start: NDArray[np.float64], end: NDArray[np.float64], most: int, k: int) -> _Legal:
    if start.ndim != 1 or start.shape != end.shape or most < 1 or k < 1:
        raise ValueError(f"start and end {start.shape}, {end.shape}; at most {most}, {k} wanted")
    start, end = np.asarray(start, np.float64), np.asarray(end, np.float64)
    if not ((start < np.inf) & (end < np.inf)).all():
        raise ValueError("a log-probability is not a number, or infinite")
    most = min(most, max(len(end), 1))
    ends = np.lib.stride_tricks.sliding_window_view(np.append(end, np.full(most, -np.inf)), most)
    band = start[:, np.newaxis] + ends[: len(start)]
    first, length = np.nonzero(band > -np.inf)
    return _Legal(first, first + length, band[first, length])
