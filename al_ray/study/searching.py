"""What a search is asked for: how, how much of it, and what is better."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from al_ray.language import mark
from al_ray.study.knobs import check, check_knobs, knob

Method = Literal["halving", "racing", "one-rung", "optuna", "random"]
Objective = Literal["area", "labels", "seconds"]

SEARCH_SEEDS = (1000, 1001, 1002)
"""Of a search. What it finds is compared on others, which it has never seen."""

TRIALS = 12
"""Configurations of each half of a space with ranges, where nothing else is said."""


@dataclass(frozen=True, kw_only=True)
class SearchConfig:
    """How configurations are searched for.

    Attributes:
        method: see `al_ray.search`.
        trials: configurations to begin with: of strategies, and as many of random.
        hours: of devices, after which no rung is begun.
        seeds: in the order in which they are given out.
        objectives: the first decides where they disagree.
        target: validation accuracy, for `labels`.
    """

    method: Method = knob(
        "--search",
        help="compare configurations by validation rows alone, and only the best, and random as "
        "well tuned, on the test: synchronous halving on labels and seeds; racing over seeds; "
        "one-rung (all to one number of labels, the best to the end); Optuna's proposals; or so "
        "many at random",
    )
    trials: int | None = knob(
        "--trials",
        default=None,
        ok=lambda n: n >= 1,
        say=mark("give 1 or more"),
        metavar="N",
        help=f"configurations of strategies, and as many of random; default: all, or {TRIALS} "
        "where there are ranges, such as --learning-rate 1e-5..5e-4:log",
    )
    hours: float | None = knob(
        "--budget-hours",
        default=None,
        ok=lambda hours: 0 < hours < math.inf,
        say=mark("give hours above 0"),
        metavar="HOURS",
        help="of devices, after which a search begins no rung",
    )
    seeds: tuple[int, ...] = knob(
        default=SEARCH_SEEDS,
    )
    objectives: tuple[Objective, ...] = knob(default=("area",))
    target: float | None = knob(
        "--search-target",
        default=None,
        ok=lambda accuracy: 0 < accuracy < 1,
        say=mark("give an accuracy between 0 and 1, such as 0.8"),
        metavar="ACCURACY",
        help="on validation rows, for --objective labels",
    )

    def __post_init__(self) -> None:
        check_knobs(self)
        for option, values in (("--search-seeds", self.seeds), ("--objective", self.objectives)):
            check(bool(values), "{option}: give at least one", option=option)
            check(
                len(set(values)) == len(values),
                "{option}: one value is given twice; drop it",
                option=option,
            )
        for seed in self.seeds:
            check(
                0 <= seed < 2**63,
                "--search-seeds {seed}: give numbers from 0 to 2**63 - 1",
                seed=seed,
            )
        check(
            self.target is not None or "labels" not in self.objectives,
            "--objective labels: give the accuracy to come to with --search-target",
        )
        check(
            self.method != "racing" or len(self.seeds) >= 2,
            "--search racing: needs two or more --search-seeds",
        )
