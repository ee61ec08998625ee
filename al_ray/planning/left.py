"""A trial that has steps left, and what these are reckoned with."""

from __future__ import annotations

from dataclasses import dataclass

from al_ray.planning.speed import Speed
from al_ray.planning.work import Facts
from al_ray.study.grid import Trial


@dataclass(frozen=True)
class Left:
    """A trial that has steps left.

    Attributes:
        trial: which.
        first: its first step that is not done.
        facts: of the corpus, as its encoder reads it.
        speed: of its encoder.
        cpus: that it reserves.
        gpus: that it reserves.
        stretch: how much longer its members take at the same time than one alone.
        start: how much longer its actors take to be there than those of a single model.
        shards: that score for it.
    """

    trial: Trial
    first: int
    facts: Facts
    speed: Speed
    cpus: float
    gpus: float = 0.0
    stretch: float = 1.0
    start: float = 1.0
    shards: int = 1
