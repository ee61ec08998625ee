"""Distributions that scores of made-up models are added up from: drawn, and exactly known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]


class Part(Protocol):
    """A distribution around 0."""

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]: ...

    def below(self, x: Floats) -> Floats:
        """The share below x."""


@dataclass(frozen=True)
class Normal:
    """Of a deviation."""

    deviation: float

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
        return np.float32(self.deviation) * rng.standard_normal(shape, np.float32)

    def below(self, x: Floats) -> Floats:
        return np.asarray(stats.norm.cdf(x, scale=self.deviation))


@dataclass(frozen=True)
class Student:
    """t of so many degrees of freedom: 3 have no fourth moment."""

    scale: float
    freedom: float = 3

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
        return np.asarray(self.scale * rng.standard_t(self.freedom, shape), np.float32)

    def below(self, x: Floats) -> Floats:
        return np.asarray(stats.t.cdf(x, self.freedom, scale=self.scale))


@dataclass(frozen=True)
class Spoilt:
    """Normal, but a share is spoilt by an amount that is itself random (exponential)."""

    deviation: float
    share: float
    amount: float

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
        spoilt = rng.random(shape) < self.share
        amount = spoilt * rng.exponential(self.amount, shape)
        return np.asarray(self.deviation * rng.standard_normal(shape) - amount, np.float32)

    def below(self, x: Floats) -> Floats:
        ratio = self.amount / self.deviation
        spoilt = stats.exponnorm.sf(-x, ratio, scale=self.deviation)
        sound = stats.norm.cdf(x, scale=self.deviation)
        return np.asarray(self.share * spoilt + (1 - self.share) * sound)


@dataclass(frozen=True)
class TwoKinds:
    """Normal around one of two places: most rows are trivial, the others are hard."""

    deviation: float
    easy: float
    share: float
    """Of the easy ones, which lie at `easy`; the others lie at 0."""

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
        place = self.easy * (rng.random(shape) < self.share)
        return np.asarray(place + self.deviation * rng.standard_normal(shape), np.float32)

    def below(self, x: Floats) -> Floats:
        hard = stats.norm.cdf(x, scale=self.deviation)
        easy = stats.norm.cdf(x, self.easy, scale=self.deviation)
        return np.asarray(self.share * easy + (1 - self.share) * hard)


@dataclass(frozen=True)
class Logistic:
    """What makes the link logistic."""

    scale: float = 1.0

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
        return self._table[rng.integers(0, len(self._table), shape, np.uint16)]

    def below(self, x: Floats) -> Floats:
        return np.asarray(stats.logistic.cdf(x, scale=self.scale))

    @cached_property
    def _table(self) -> NDArray[np.float32]:
        """Equally likely values: one for each of 16 random bits, which are cheap."""
        at = (np.arange(1 << 16) + 0.5) / (1 << 16)
        return np.asarray(stats.logistic.ppf(at, scale=self.scale), np.float32)
