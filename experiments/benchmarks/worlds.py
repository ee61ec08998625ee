"""Made-up studies whose truth is known: right answers of random and of arms on a fresh test.

A model answers a row rightly if a sum of independent parts and a level is above 0:

- `seed`: its seed's, of random and of all arms alike;
- `path`: its trajectory's own, at all steps but the first;
- `fit`: its own fit's; the fits of one trajectory may be correlated over the steps (`carried`);
- `row`: how easy the row is, to every model;
- `affinity`: how the row suits the arm, whatever the seed. A share of the rows (`kept`) suits an
  arm equally at every step, the others are drawn anew at each;
- `chance`: its seed's own luck with this row, which stays from one step to the next on a share of
  the rows (`held`).

The first draw is shared, so that arms of one seed have identical answers there. Every part has the
same distribution in all arms and steps. Hence the distribution of their sum is known, by
convolution on a fine grid, and the level is put where the share of right answers over infinitely
many seeds and rows is the population curve that the world wants. Arms of equal curves therefore are
equal in truth and yet answer other rows rightly.

Between steps, where nothing is known, the population curve is a straight line over the logarithm
of the labels; `truth` says what follows for areas and labels.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from parts import Floats, Logistic, Normal, Part
from scipy.signal import fftconvolve

Rights = NDArray[np.bool_]
"""(seeds, rows, steps)."""

LABELS: Floats = np.arange(100.0, 1000.0, 100.0)

_STEP, _REACH = 0.01, 150.0
"""Of the grid on which parts are added up."""


@dataclass(frozen=True)
class Noise:
    """The parts."""

    seed: Part = field(default_factory=lambda: Normal(0.15))
    path: Part = field(default_factory=lambda: Normal(0.1))
    fit: Part = field(default_factory=lambda: Normal(0.25))
    row: Part = field(default_factory=lambda: Normal(2.5))
    affinity: Part = field(default_factory=lambda: Normal(1.2))
    chance: Logistic = field(default_factory=Logistic)
    carried: float = 0.0
    kept: float = 0.7
    held: float = 0.5

    def __post_init__(self) -> None:
        if self.carried and not isinstance(self.fit, Normal):
            raise ValueError("fits that are correlated over steps must be normal")

    @cached_property
    def total(self) -> tuple[Floats, Floats]:
        """Where the sum of all parts lies: places, and the share below each."""
        edges = np.arange(-_REACH - _STEP / 2, _REACH + _STEP, _STEP)
        places = (edges[1:] + edges[:-1]) / 2
        mass = np.zeros(len(places))
        mass[len(places) // 2] = 1.0
        for part in (self.seed, self.path, self.fit, self.row, self.affinity, self.chance):
            mass = fftconvolve(mass, np.diff(part.below(edges)), mode="same")
        # A mass lies around its place, so that half of it is below.
        return places, np.cumsum(mass) - mass / 2

    def levels(self, accuracy: Floats) -> Floats:
        """What must be added for these shares of right answers."""
        places, below = self.total
        return -np.interp(1 - accuracy, below, places)

    def fits(self, rng: np.random.Generator, first: NDArray[np.float32], steps: int) -> Any:
        """Float32 (seeds, steps), of which the first is given."""
        fits = self.fit.draw(rng, (len(first), steps))
        fits[:, 0] = first
        for step in range(1, steps):
            fits[:, step] = (
                self.carried * fits[:, step - 1] + (1 - self.carried**2) ** 0.5 * fits[:, step]
            )
        return fits


@dataclass(frozen=True)
class Drawn:
    """A study.

    Attributes:
        random: right answers, all seeds.
        arms: right answers of each, of the seeds that it has.
        seeds: (seeds it has,) of each arm.
    """

    random: Rights
    arms: list[Rights]
    seeds: list[NDArray[np.int64]]


@dataclass(frozen=True)
class World:
    """What studies are drawn from.

    Attributes:
        random: (steps,) population accuracies of random.
        arms: of each arm, the same at the first.
        noise: of all.
        arms_noise: of the arms, where their paths and fits are others than random's.
        lost: an arm fails at this share of the seeds, those where it would have done worst.
        labels: (steps,).
    """

    random: Floats
    arms: tuple[Floats, ...]
    noise: Noise = field(default_factory=Noise)
    arms_noise: Noise | None = None
    lost: float = 0.0
    labels: Floats = field(default_factory=lambda: LABELS)

    def draw(self, rng: np.random.Generator, seeds: int, rows: int) -> Drawn:
        noise = self.noise
        of_seed = noise.seed.draw(rng, (seeds,))
        of_row = noise.row.draw(rng, (rows,))
        first_path, first_fit = noise.path.draw(rng, (seeds,)), noise.fit.draw(rng, (seeds,))
        first_suits = noise.affinity.draw(rng, (rows,))
        first_chance = noise.chance.draw(rng, (seeds, rows))

        def answers(arm: Noise, levels: Floats) -> Rights:
            steps = len(levels)
            over_seeds = arm.fits(rng, first_fit, steps) + of_seed[:, None] + levels
            over_seeds += arm.path.draw(rng, (seeds,))[:, None]
            over_seeds[:, 0] = first_fit + first_path + of_seed + levels[0]
            suits, chance = noise.affinity.draw(rng, (rows,)), first_chance
            right = np.empty((steps, seeds, rows), bool)
            for step in range(steps):
                now = first_suits
                if step:
                    now = np.where(
                        rng.random(rows) < noise.kept, suits, noise.affinity.draw(rng, (rows,))
                    )
                    stays = rng.integers(0, 256, (seeds, rows), np.uint8) < round(256 * noise.held)
                    chance = np.where(stays, chance, noise.chance.draw(rng, (seeds, rows)))
                needed = -over_seeds[:, step].astype(np.float32)[:, None] - (of_row + now)
                np.greater(chance, needed, out=right[step])
            return right.transpose(1, 2, 0)

        random = answers(noise, self._levels[0])
        arms = [answers(self.arms_noise or noise, levels) for levels in self._levels[1:]]
        for arm in arms:
            arm[:, :, 0] = random[:, :, 0]
        has = [self._survivors(arm) for arm in arms]
        return Drawn(random, [arm[kept] for arm, kept in zip(arms, has, strict=True)], has)

    @cached_property
    def _levels(self) -> list[Floats]:
        arms = self.arms_noise or self.noise
        return [self.noise.levels(self.random), *(arms.levels(arm) for arm in self.arms)]

    def _survivors(self, arm: Rights) -> NDArray[np.int64]:
        area = arm.mean(axis=1) @ weights(self.labels)
        failed = round(self.lost * len(area))
        return np.sort(np.argsort(area, kind="stable")[failed:])


def weights(labels: Floats) -> Floats:
    """Of the steps in the mean over the curve, by trapezoids over labels; they sum to 1."""
    halves = np.diff(labels) / 2
    found = np.zeros(len(labels))
    found[:-1] += halves
    found[1:] += halves
    return found / found.sum()


@dataclass(frozen=True)
class Truth:
    """Of an arm, in the population.

    Attributes:
        area: the arm's mean over the curve, less random's.
        steps: (steps,) the arm's accuracy, less random's.
        saving: labels that random itself needs for what it has with the most labels, less those
            that the arm needs for it; minus infinity where it never gets there.
        on_the_way: what random needs less what the arm needs, all of its labels where it never gets
            there, on average over the accuracies that random gains; NaN where it gains none.
    """

    area: float
    steps: Floats
    saving: float
    on_the_way: float

    @classmethod
    def of(cls, labels: Floats, random: Floats, arm: Floats) -> Truth:
        gain = arm - random
        saving = first_at(labels, random, random[-1]) - first_at(labels, arm, random[-1])
        at = np.linspace(random[0], random[-1], 2001)
        apart = crossed_at(labels, random, at) - crossed_at(labels, arm, at)
        on_the_way = float(apart.mean()) if random[-1] > random[0] + 1e-9 else float("nan")
        return cls(float(gain @ weights(labels)), gain, saving, on_the_way)


def crossed_at(labels: Floats, curve: Floats, accuracies: Floats) -> Floats:
    """The fewest labels with which a curve, straight between steps, is at each accuracy; the last
    where it never is.
    """
    many = np.linspace(labels[0], labels[-1], 8001)
    best = np.maximum.accumulate(np.interp(many, labels, curve))
    place = np.searchsorted(best, accuracies - 1e-12)
    return np.asarray(many[np.minimum(place, len(many) - 1)], np.float64)


def first_at(labels: Floats, curve: Floats, accuracy: float) -> float:
    """The fewest labels with which a curve, straight between steps over the logarithm of the
    labels, is at an accuracy or above; infinite where it is nowhere.
    """
    slack = 1e-12
    if curve[0] >= accuracy - slack:
        return float(labels[0])
    for step in range(1, len(labels)):
        before, after = curve[step - 1], curve[step]
        if after >= accuracy - slack:
            part = min(1.0, (accuracy - before) / (after - before))
            return float(labels[step - 1] * (labels[step] / labels[step - 1]) ** part)
    return float("inf")
