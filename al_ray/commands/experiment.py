"""What an experiment's script says of itself; nothing is loaded for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Experiment:
    """The defaults of one script; `demo` ones hold where no data is given.

    Attributes:
        name: of the script, and of its results folder.
        title: what the reference study did under this name.
        strategies: of the reference study.
        step_sizes: labels a step.
        data: where none is given: a key of `embedded.EMBEDDED`.
        budget: labels, or share of the pool, that the reference study went to.
        batch_size: rows of one update.
        max_length: tokens a text is cut to.
        search: how configurations are searched for; None: all of them run.
        validation: rows of train kept apart.
        training: values of hyperparameters, by field of `Training`, in place of the recipe's.
    """

    name: str
    title: str
    strategies: tuple[str, ...]
    step_sizes: tuple[int, ...]
    budget: float
    batch_size: int
    max_length: int
    training: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    data: str = "embedded"
    search: str | None = None
    validation: int = 0
    demo_strategies: tuple[str, ...] | None = None
    demo_step_sizes: tuple[int, ...] = (100,)
    demo_steps: int | None = 3
    demo_budget: float | None = None
