"""What searches decide from: curves of configurations over labels, as tables have them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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

    def at(self, labels: Collection[int]) -> Curve:
        """Its steps with these numbers of labels."""
        kept = [place for place, n in enumerate(self.labels) if n in labels]
        return Curve(
            tuple(self.labels[place] for place in kept),
            tuple(self.accuracy[place] for place in kept),
            tuple(self.seconds[place] for place in kept),
            self.failed,
        )

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
        common: numbers of labels that all schedules reach, which areas are over: with another first
            draw, or of a concave curve with more steps, an area is another thing. Empty: each
            curve's own.
    """

    objectives: tuple[Objective, ...] = ("area",)
    target: float = 1.0
    common: frozenset[int] = frozenset()

    def area(self, curve: Curve) -> float:
        """Of a curve, over what all have in common as far as it goes."""
        return (curve.at(self.common) if self.common else curve).area()

    def values(self, curves: Sequence[Curve]) -> tuple[float, ...]:
        """One for each objective, means over seeds, smaller is better.

        Infinite of a configuration with a trajectory that failed. Labels to a target that a seed
        never reaches are infinite, too, and `order` then looks at the area.
        """
        if any(curve.failed for curve in curves):
            return (float("inf"),) * len(self.objectives)
        made: dict[Objective, float] = {
            "area": -float(np.mean([self.area(curve) for curve in curves])),
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
