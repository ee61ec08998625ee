"""What searches decide from: curves of configurations over labels, as tables have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from al_ray.study.searching import Objective

Value = str | int | float | None

Configuration = tuple[tuple[str, Value], ...]
"""All of a trajectory but its seed, where a study has several: values by knob, names ascending."""


def configuration(values: Mapping[str, Value]) -> Configuration:
    """In the one form that can be a key."""
    return tuple(sorted(values.items()))


@dataclass(frozen=True)
class Curve:
    """A trajectory, as far as it has come.

    Attributes:
        labels: (steps,) labelled rows, ascending.
        accuracy: (steps,) on validation rows.
        seconds: (steps,) of a device, each step's own.
        failed: whether it ended before it was to.
    """

    labels: tuple[int, ...]
    accuracy: tuple[float, ...]
    seconds: tuple[float, ...]
    failed: bool = False

    def reaches(self, labels: int) -> bool:
        """Whether there is nothing left to be done up to so many labels."""
        return self.failed or (bool(self.labels) and self.labels[-1] >= labels)

    def upto(self, labels: int) -> Curve:
        """Its steps with so many labels at most."""
        kept = sum(n <= labels for n in self.labels)
        ended = self.failed and (not self.labels or self.labels[-1] < labels)
        return Curve(self.labels[:kept], self.accuracy[:kept], self.seconds[:kept], ended)

    def since(self, labels: int) -> Curve:
        """Its steps with so many labels at least."""
        first = sum(n < labels for n in self.labels)
        return Curve(self.labels[first:], self.accuracy[first:], self.seconds[first:], self.failed)

    def area(self) -> float:
        """Mean accuracy over the labels, by trapezoids; of one step its accuracy."""
        if len(self.labels) == 1:
            return self.accuracy[0]
        parts = [
            (b - a) * (x + y) / 2
            for (a, b), (x, y) in zip(pairwise(self.labels), pairwise(self.accuracy), strict=True)
        ]
        return sum(parts) / (self.labels[-1] - self.labels[0])

    def labels_to(self, target: float) -> float:
        """Labels at which the curve first comes to an accuracy, between steps on a straight line.

        Infinite where it never does.
        """
        for place, reached in enumerate(self.accuracy):
            if reached < target:
                continue
            if place == 0:
                return float(self.labels[0])
            before, x = self.labels[place - 1], self.accuracy[place - 1]
            return before + (self.labels[place] - before) * (target - x) / (reached - x)
        return float("inf")


@dataclass(frozen=True)
class Seen:
    """All that has been run so far, in no order.

    Attributes:
        curves: by configuration and seed.
    """

    curves: Mapping[tuple[Configuration, int], Curve] = field(default_factory=dict)

    def curve(self, which: Configuration, seed: int, labels: int) -> Curve | None:
        """A trajectory up to so many labels; None where it has not come so far."""
        found = self.curves.get((which, seed))
        return found.upto(labels) if found is not None and found.reaches(labels) else None

    def seconds(self) -> float:
        """Of devices, of all that was run."""
        return sum(sum(curve.seconds) for curve in self.curves.values())


@dataclass(frozen=True)
class Aim:
    """What is better.

    Attributes:
        objectives: `area` under the curve of validation accuracy, `labels` to a target, `seconds`
            of a device; the first decides; where there are several, who is beaten in all by none
            comes before who is.
        target: accuracy, for `labels`.
        first: labels from which on areas are: those that all schedules begin at or pass, since an
            area from another first draw on is another thing.
    """

    objectives: tuple[Objective, ...] = ("area",)
    target: float = 1.0
    first: int = 0

    def values(self, curves: Sequence[Curve]) -> tuple[float, ...]:
        """One for each objective, means over seeds, smaller is better.

        Infinite of a configuration with a trajectory that failed. Labels to a target that a seed
        never reaches are infinite, too, and `order` then looks at the area.
        """
        if any(curve.failed for curve in curves):
            return (float("inf"),) * len(self.objectives)
        made: dict[Objective, float] = {
            "area": -float(np.mean([curve.since(self.first).area() for curve in curves])),
            "labels": float(np.mean([curve.labels_to(self.target) for curve in curves])),
            "seconds": float(np.mean([sum(curve.seconds) for curve in curves])),
        }
        return tuple(made[name] for name in self.objectives)

    def order(self, found: Mapping[Configuration, Sequence[Curve]]) -> list[Configuration]:
        """The best first; equal ones in the order in which they are given, which is a search's own.

        Of several objectives, by layers of the Pareto front (Deb et al. 2002), and within one by
        the first objective; then by the area.
        """
        values = {each: self.values(curves) for each, curves in found.items()}
        layer = layers(values) if len(self.objectives) > 1 else dict.fromkeys(values, 0)
        by_area = replace(self, objectives=("area",))
        area = {each: by_area.values(curves) for each, curves in found.items()}
        return sorted(found, key=lambda each: (layer[each], values[each], area[each]))


def layers(values: Mapping[Configuration, tuple[float, ...]]) -> dict[Configuration, int]:
    """The Pareto front is layer 0; without it, the next is 1, and so on. Smaller is better."""
    left, found, number = dict(values), {}, 0
    while left:
        front = [
            each
            for each, mine in left.items()
            if not any(_beats(other, mine) for other in left.values())
        ]
        for each in front:
            found[each] = number
            del left[each]
        number += 1
    return found


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
