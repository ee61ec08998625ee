"""When to stop labelling: criteria that read nothing of a trajectory but what is known on the way.

Most look at the stop set, pool rows whose predictions are asked at every step; none sees a test
row, and none says anything while a model is collapsed, which agrees with itself for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from al_ray.study.config import COLLAPSED


@dataclass(frozen=True)
class Course:
    """What is known of a trajectory while it runs.

    Attributes:
        predictions: int (steps, rows) of the stop set, codes of labels.
        uncertainty: (steps,) mean entropy of these, as a share of what a model that knows nothing
            has.
        validation: (steps,) accuracy on validation rows; NaN where there are none.
        n_validation: how many of these.
        n_labels: of the corpus.
    """

    predictions: NDArray[np.int64]
    uncertainty: NDArray[np.float64]
    validation: NDArray[np.float64]
    n_validation: int
    n_labels: int

    def collapsed(self) -> NDArray[np.bool_]:
        """(steps,) whether nearly all of the stop set is given one label."""
        counts = [np.bincount(row, minlength=self.n_labels) for row in self.predictions]
        return np.array([each.max() >= COLLAPSED * each.sum() for each in counts], bool)


Criterion = Callable[[Course], NDArray[np.bool_]]
"""(steps,) whether it would stop there, having seen no step after."""


def agreement(course: Course, window: int = 3, least: float = 0.99) -> NDArray[np.bool_]:
    """The mean of the last Cohen's kappas of one step with the next is large.

    Bloodgood & Vijay-Shanker (2009).
    A kappa of T bounds the change of F by 4 (1 - T) / T (Bloodgood & Grothendieck 2015).
    """
    kappas = _between(course, lambda a, b: _kappa(a, b, course.n_labels))
    return _last(kappas, window, lambda seen: bool(np.mean(seen) >= least))


def change_of_f(course: Course, window: int = 3, most: float = 0.05) -> NDArray[np.bool_]:
    """The predicted change of F at each of the last steps (Altschuler & Bloodgood 2019).

    1 - 2a / (2a + b + c) where a rows are given a label by both models and b and c by one of them;
    here the mean over labels that either gives.
    """
    changes = _between(course, _change_of_f)
    return _last(changes, window, lambda seen: bool(np.all(seen < most)))


def classification_change(course: Course, window: int = 2, most: float = 0.01) -> NDArray[np.bool_]:
    """Hardly a prediction changes, several times in a row (Zhu, Wang & Hovy 2008: none does)."""
    changed = _between(course, lambda a, b: float(np.mean(a != b)))
    return _last(changed, window, lambda seen: bool(np.all(seen <= most)))


def overall_uncertainty(course: Course, most: float = 0.05) -> NDArray[np.bool_]:
    """The mean entropy is small (Zhu, Wang & Hovy 2008)."""
    return course.uncertainty < most


def validation_gain(course: Course, window: int = 3, least: float = 0.005) -> NDArray[np.bool_]:
    """The last steps have not taken the best accuracy on validation rows any further."""
    best = np.maximum.accumulate(course.validation)
    gain = best[window:] - best[:-window] if len(best) > window else best[:0]
    return _padded(gain < least, len(best))


def gain_excluded(course: Course, window: int = 3, most: float = 0.01) -> NDArray[np.bool_]:
    """A gain of so much over the last steps is outside its own 95 % interval, on validation rows.

    One look at a gain that is past, at each step anew: it promises nothing of gains to come.
    A row's answer changes at most where its prediction does, so the variance of the gain is at most
    the share of predictions that changed, which the stop set tells, over the number of rows.
    """
    seen, steps = course.predictions, len(course.validation)
    if steps <= window or not course.n_validation:
        return np.zeros(steps, bool)
    changed = np.mean(seen[window:] != seen[:-window], axis=1)
    gain = course.validation[window:] - course.validation[:-window]
    return _padded(gain + 1.645 * np.sqrt(changed / course.n_validation) < most, steps)


CRITERIA: Final[dict[str, Criterion]] = {
    "agreement": agreement,
    "change of F": change_of_f,
    "classification change": classification_change,
    "overall uncertainty": overall_uncertainty,
    "validation gain": validation_gain,
    "gain excluded": gain_excluded,
}
"""By name."""

NEED_VALIDATION: Final = ("validation gain", "gain excluded")


def stops_at(course: Course, criterion: Criterion) -> int | None:
    """The first step at which a criterion says so and the model is not collapsed; None: at none."""
    says = criterion(course) & ~course.collapsed()
    return int(says.argmax()) if says.any() else None


def _between(
    course: Course, of: Callable[[NDArray[np.int64], NDArray[np.int64]], float]
) -> NDArray[np.float64]:
    """(steps,) a number of each step and the one before it; NaN of the first."""
    rows = course.predictions
    later = [of(a, b) for a, b in pairwise(rows)]
    return np.array([np.nan, *later]) if len(rows) else np.empty(0)


def _last(
    values: NDArray[np.float64], window: int, says: Callable[[NDArray[np.float64]], bool]
) -> NDArray[np.bool_]:
    """(steps,) what is said of the last values up to each step; nothing where one is missing."""
    found = [
        end >= window and not np.isnan(seen := values[end - window : end]).any() and says(seen)
        for end in range(1, len(values) + 1)
    ]
    return np.array(found, bool)


def _padded(says: NDArray[np.bool_], steps: int) -> NDArray[np.bool_]:
    return np.concatenate([np.zeros(steps - len(says), bool), says])


def _kappa(one: NDArray[np.int64], other: NDArray[np.int64], n_labels: int) -> float:
    """Cohen's, with each side's own shares; 1 where both give one label alone."""
    agreed = float(np.mean(one == other))
    shares = [np.bincount(each, minlength=n_labels) / len(each) for each in (one, other)]
    chance = float(shares[0] @ shares[1])
    return 1.0 if chance == 1 else (agreed - chance) / (1 - chance)


def _change_of_f(one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    changes = []
    for label in np.union1d(one, other):
        mine, theirs = one == label, other == label
        both = int(np.sum(mine & theirs))
        changes.append(1 - 2 * both / (int(mine.sum()) + int(theirs.sum())))
    return float(np.mean(changes))
