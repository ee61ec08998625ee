"""The configurations that there are to choose from: values and ranges of knobs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any

from al_ray.randomness import generator
from al_ray.search.seen import Configuration, Value, configuration
from al_ray.study.ranges import Range

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import Trial


Axis = Range | tuple[Value, ...]


@dataclass(frozen=True)
class Space:
    """A union of products: a configuration is a value of each axis of one of the grids.

    Attributes:
        grids: axes by knob.
    """

    grids: tuple[Mapping[str, Axis], ...]

    @cached_property
    def size(self) -> float:
        """How many configurations there are; infinite where a range is of any numbers."""
        n = sum(math.prod(_number(axis) for axis in grid.values()) for grid in self.grids)
        return n if n > ENUMERATED else len(self.all())

    @property
    def ranged(self) -> bool:
        """Whether there is a range in it."""
        return any(isinstance(axis, Range) for grid in self.grids for axis in grid.values())

    def all(self) -> list[Configuration]:
        """Of a space of a size, in order."""
        every = (
            _named(grid, point)
            for grid in self.grids
            for point in product(*(_listed(axis) for axis in grid.values()))
        )
        return list(dict.fromkeys(every))

    def sample(self, n: int, seed: int) -> list[Configuration]:
        """So many different ones at random, in random order; all where there are no more.

        Of a range that holds hardly any numbers, as many as are found.
        """
        draw = generator(seed, 0, "search")
        by_ratio = any(
            isinstance(axis, Range) and axis.log for grid in self.grids for axis in grid.values()
        )
        if self.size <= (n if by_ratio else max(n, ENUMERATED)):
            every = self.all()
            return [every[place] for place in draw.permutation(len(every))[:n]]
        found: dict[Configuration, None] = {}
        for _ in range(TRIES * n):
            if len(found) == n:
                break
            grid = self.grids[int(draw.integers(len(self.grids)))]
            found[_named(grid, [_one(axis, draw) for axis in grid.values()])] = None
        return list(found)

    def where(self, name: str, wanted: Callable[[Value], bool]) -> Space:
        """The part of it with some values of one knob."""
        kept = []
        for grid in self.grids:
            axis = grid[name]
            assert isinstance(axis, tuple), "a knob with words"
            if values := tuple(value for value in axis if wanted(value)):
                kept.append({**grid, name: values})
        return Space(tuple(kept))

    # As Optuna has it

    def suggested(self, trial: Trial) -> Configuration:
        """What a trial of Optuna proposes: a grid, and a value of each of its axes."""
        number = 0
        if len(self.grids) > 1:
            number = trial.suggest_categorical(GRID, range(len(self.grids)))
        grid, names = self.grids[number], self._names(number)
        return configuration(
            {name: _suggested(trial, names[name], axis) for name, axis in grid.items()}
        )

    def described(self, which: Configuration) -> tuple[dict[str, Any], dict[str, Any]]:
        """A configuration's parameters and their distributions."""
        point = dict(which)
        number = next(n for n, grid in enumerate(self.grids) if _has(grid, point))
        names, of = self._names(number), self._of(number)
        parameters = {said: point[name] for name, said in names.items()}
        if len(self.grids) > 1:
            from optuna.distributions import CategoricalDistribution

            parameters[GRID] = number
            of = {**of, GRID: CategoricalDistribution(range(len(self.grids)))}
        return parameters, of

    def _names(self, number: int) -> dict[str, str]:
        """Of a grid's axes: an axis that another grid has otherwise is one of its own there."""
        grid = self.grids[number]
        return {
            name: name
            if all(other.get(name, axis) == axis for other in self.grids)
            else f"{name} ({number + 1})"
            for name, axis in grid.items()
        }

    def _of(self, number: int) -> dict[str, BaseDistribution]:
        names = self._names(number)
        return {names[name]: _distribution(axis) for name, axis in self.grids[number].items()}


GRID = "grid"
"""The parameter of Optuna's that says which."""

ENUMERATED = 100_000
"""Configurations of a space that is listed to sample from it."""

TRIES = 100
"""Draws for each configuration that is wanted."""


def _number(axis: Axis) -> float:
    if not isinstance(axis, Range):
        return len(axis)
    return axis.high - axis.low + 1 if axis.whole else math.inf


def _listed(axis: Axis) -> Sequence[Value]:
    return range(int(axis.low), int(axis.high) + 1) if isinstance(axis, Range) else axis


def _suggested(trial: Trial, name: str, axis: Axis) -> Value:
    found: Value
    if not isinstance(axis, Range):
        found = trial.suggest_categorical(name, axis)
    elif axis.whole:
        found = trial.suggest_int(name, int(axis.low), int(axis.high), log=axis.log)
    else:
        found = trial.suggest_float(name, axis.low, axis.high, log=axis.log)
    return found


def _has(grid: Mapping[str, Axis], point: Mapping[str, Value]) -> bool:
    return grid.keys() == point.keys() and all(
        axis.low <= point[name] <= axis.high if isinstance(axis, Range) else point[name] in axis  # type: ignore[operator]
        for name, axis in grid.items()
    )


def _named(grid: Mapping[str, Axis], point: Sequence[Value]) -> Configuration:
    return configuration(dict(zip(grid, point, strict=True)))


def _distribution(axis: Axis) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if not isinstance(axis, Range):
        return CategoricalDistribution(axis)
    if axis.whole:
        return IntDistribution(int(axis.low), int(axis.high), log=axis.log)
    return FloatDistribution(axis.low, axis.high, log=axis.log)


def _one(axis: Axis, draw: Any) -> Value:
    if not isinstance(axis, Range):
        return axis[int(draw.integers(len(axis)))]
    if axis.whole and not axis.log:
        return int(draw.integers(int(axis.low), int(axis.high) + 1))
    low, high = (math.log(x) if axis.log else x for x in (axis.low, axis.high))
    value = float(draw.uniform(low, high))
    value = min(max(math.exp(value) if axis.log else value, axis.low), axis.high)
    return round(value) if axis.whole else value
