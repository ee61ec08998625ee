"""What a study is: the grid of its trajectories, as it is asked for."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from al_ray.study.chooser import CONTROL, REPLAY, Query
from al_ray.study.knobs import check, check_knob, knobs, later
from al_ray.study.learner import Committee, Head, Learner, OnDivergence
from al_ray.study.ranges import Range
from al_ray.study.searching import SearchConfig
from al_ray.study.training import FIT, READ, Training
from al_ray.study.trajectory import Retrain, Schedule

COLLAPSED = 0.95
"""A member that predicts one label for this share of the pool tells the others' votes nothing."""

SEVERAL = {
    "strategy": "strategies",
    "head": "heads",
    "step_size": "step_sizes",
    **{name: name for name in ("committee", "candidates", "diversity", "retrain")},
}
"""The fields of `StudyConfig` that have several values of a knob which is not of `Training`."""

STOP_SET = 2000
"""Rows whose predictions say whether a model still changes, or a tenth of the pool if fewer."""


def stop_set_of(asked: int | None, pool: int) -> int:
    """How many rows the stop set has, in a pool of so many."""
    return min(pool, STOP_SET, math.ceil(pool / 10)) if asked is None else min(pool, asked)


@dataclass(frozen=True, kw_only=True)
class StudyConfig:
    """The grid of trajectories over one corpus and one model.

    Attributes:
        strategies: as `strategies.build` reads them.
        model: the encoder, as it was asked for.
        training: the first value of each hyperparameter.
        rates: the committee's learning rates.
        multiples: of the evaluated member's learning rate, where `rates` follow from it.
        axes: hyperparameters that have several values, and these.
        grids: fields of this that each grid has of its own, where the study is a union of several,
            as it is of several encoders.
        frozen_with: hyperparameters that trajectories of a frozen head, which has none, are named
            with; None: those of `training`.
        heads, committee, candidates, diversity, retrain, step_sizes: values of knobs of `Learner`,
            `Query` and `Schedule`.
        initial: rows of the first draw; None: the step size.
        steps: number of fits of each trajectory; None where a budget is given.
        budget: labels, or share of the pool if not above 1, to stop at.
        controls: shares of the pool to train on at random, once.
        on_divergence: see `Learner`.
        replay_cold: steps of every trajectory at which cold models are trained on its rows.
        replay_seeds: how many of these at each.
        successor: the head that also learns what arms of the other head choose; None: none.
        ranges: hyperparameters of which a search is to choose a value between two.
        search: how configurations are searched for; None: all of them run.
        stop_set: rows of train that are predicted at every step, to tell when one could stop;
            None: see `stop_set_of`.
    """

    strategies: tuple[str, ...]
    model: str = ""
    training: Training
    rates: tuple[float, ...]
    multiples: tuple[float, ...] = ()
    axes: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    grids: tuple[Mapping[str, Any], ...] = ()
    frozen_with: Mapping[str, Any] | None = None
    seeds: tuple[int, ...] = (0, 1)
    heads: tuple[Head, ...] = ("fine-tuned",)
    committee: tuple[Committee, ...] = ("rates",)
    candidates: tuple[int | None, ...] = (None,)
    diversity: tuple[float | None, ...] = (None,)
    retrain: tuple[Retrain, ...] = ("cold",)
    step_sizes: tuple[int, ...] = (100,)
    initial: int | None = None
    steps: int | None = None
    budget: float | None = None
    controls: tuple[float, ...] = ()
    validation: int = 0
    on_divergence: OnDivergence = "fail"
    replay_cold: tuple[int, ...] = ()
    replay_seeds: int = 1
    successor: Head | None = None
    keep_equivalent: bool = False
    ledger: bool = False
    stop_set: int | None = None
    ranges: Mapping[str, Range] = field(default_factory=dict)
    search: SearchConfig | None = None

    def __post_init__(self) -> None:
        own = (
            (Learner, "head", self.heads),
            (Learner, "committee", self.committee),
            (Learner, "on_divergence", (self.on_divergence,)),
            (Query, "candidates", self.candidates),
            (Query, "diversity", self.diversity),
            (Schedule, "retrain", self.retrain),
            (Schedule, "step_size", self.step_sizes),
            (Schedule, "initial", (self.initial,)),
            (Schedule, "steps", (self.steps,)),
        )
        for option, values in (
            ("--strategies", self.strategies),
            ("--seeds", self.seeds),
            ("--controls", self.controls),
            ("--replay-cold", self.replay_cold),
            *((knobs(declared)[name].option, values) for declared, name, values in own),
            *((knobs(Training)[name].option, values) for name, values in self.axes.items()),
        ):
            optional = option in ("--controls", "--replay-cold")
            check(bool(values) or optional, "{option}: give at least one", option=option)
            check(
                len(set(values)) == len(values),
                "{option}: one value is given twice; drop it",
                option=option,
            )
        for declared, name, values in own:
            for value in values:
                check_knob(declared, name, value)
        check(
            CONTROL not in self.strategies,
            "--strategies control: give shares of the pool with --controls instead",
        )
        check(
            REPLAY not in self.strategies,
            "--strategies replay: give steps with --replay-cold instead",
        )
        for step in self.replay_cold:
            check(step >= 0, "--replay-cold {step}: give steps from 0", step=step)
        check(
            self.successor is None or any(head != self.successor for head in self.heads),
            "--successor {head}: no other head chooses; give --head frozen fine-tuned",
            head=self.successor,
        )
        check(
            self.replay_seeds >= 1,
            "--replay-seeds {n}: give 1 or more",
            n=self.replay_seeds,
        )
        for rate in self.rates:  # those of a committee are looked at more closely in `grid`
            check(
                0 < rate < math.inf,
                "--committee-learning-rates {rate:g}: give rates between 0 and 1, such as 2e-5",
                rate=rate,
            )
        for seed in self.seeds:
            check(0 <= seed < 2**63, "--seeds {seed}: give numbers from 0 to 2**63 - 1", seed=seed)
        check(
            self.steps is None or self.budget is None,
            "--steps and --budget: give one of the two",
        )
        check(
            self.steps is not None or self.budget is not None,
            "--steps: give a number of steps, or a --budget",
        )
        check(
            self.budget is None or (self.budget > 0 and math.isfinite(self.budget)),
            "--budget {budget}: give labels, or a share of the pool up to 1",
            budget=self.budget,
        )
        check(
            self.budget is None or self.budget <= 1 or self.budget == round(self.budget),
            "--budget {budget}: give whole labels, or a share of the pool up to 1",
            budget=self.budget,
        )
        check(
            self.validation >= 0,
            "--validation {rows}: give 0 or more rows",
            rows=self.validation,
        )
        check(
            self.stop_set is None or self.stop_set >= 0,
            "--stop-set {rows}: give 0 or more rows",
            rows=self.stop_set,
        )
        for share in self.controls:
            check(
                0 < share <= 1,
                "--controls {share:g}: give shares of the pool, above 0 up to 1",
                share=share,
            )
        self._check_search()
        for part in self.parts:
            _ = part.trainings  # refuses what one cannot be

    def _check_search(self) -> None:
        for part in self.parts:
            for name, said in part.ranges.items():
                option = knobs(Training)[name].option
                check(
                    self.search is not None,
                    "{option} {range}: only a search chooses from a range; give values, or "
                    "--search",
                    option=option,
                    range=said,
                )
                for bound in (said.low, said.high):
                    check_knob(Training, name, bound)
        if self.search is None:
            return
        check(
            self.validation > 0,
            "--search {method}: reads validation rows alone; say how many with --validation, such "
            "as --validation 300",
            method=self.search.method,
        )
        check(
            self.search.hours is None or self.search.method != "random",
            "--budget-hours {hours:g}: --search random decides once, at its end; say how many it "
            "may try with --trials",
            hours=self.search.hours,
        )
        check(
            len({part.seeds for part in self.parts}) == 1,
            "--search {method}: a grid has seeds of its own, and all are compared on --seeds; "
            "leave them out there",
            method=self.search.method,
        )
        both = sorted(set(self.search.seeds) & set(self.seeds))
        check(
            not both,
            "--search-seeds {seed}: is one of --seeds, which are for the comparison at the end; "
            "give another",
            seed=both[0] if both else "",
        )
        for option, given in (
            ("--controls", self.controls),
            ("--replay-cold", self.replay_cold),
            ("--successor", self.successor),
        ):
            check(
                not given,
                "{option}: is nothing that a search compares; leave it out",
                option=option,
            )

    def at(self, point: Mapping[str, Any]) -> StudyConfig:
        """The study of one configuration: a value of each knob that is named, of one grid.

        Args:
            point: by knob; `strategy` as in `strategies`.
        """
        fields: dict[str, Any] = {"ranges": {}, "search": None, "grids": ()}
        training: dict[str, Any] = {}
        for name, value in point.items():
            if name == "model":
                fields[name] = value
            elif name in SEVERAL:
                fields[SEVERAL[name]] = (value,)
            else:
                training[name] = value
        fields["axes"] = {n: v for n, v in self.axes.items() if n not in training}
        fields["training"] = dataclasses.replace(self.training, **training)
        return dataclasses.replace(self, **fields)

    def unsearched(self, seeds: tuple[int, ...], labels: int | None = None) -> StudyConfig:
        """The grid without its search, to so many labels; of a range one end stands for all."""
        own = [
            {n: v for n, v in grid.items() if n not in ("ranges", "seeds")} for grid in self.grids
        ]
        alone = dataclasses.replace(self, grids=tuple(own), ranges={}, search=None, seeds=seeds)
        if labels is None:
            return alone
        return dataclasses.replace(alone, steps=None, budget=float(labels))

    @property
    def parts(self) -> tuple[StudyConfig, ...]:
        """Full products, whose union this is."""
        frozen = self.frozen_with or {name: getattr(self.training, name) for name in FIT}
        return tuple(
            dataclasses.replace(
                self,
                grids=(),
                frozen_with=frozen,
                **{name: value for name, value in grid.items() if name != "training"},
                training=dataclasses.replace(self.training, **grid.get("training", {})),
            )
            for grid in self.grids
        ) or (self,)

    @property
    def models(self) -> tuple[str, ...]:
        """The encoders, as they were asked for."""
        return tuple(dict.fromkeys(part.model for part in self.parts))

    @property
    def trainings(self) -> tuple[Training, ...]:
        """One for each combination of hyperparameters."""
        points = itertools.product(*self.axes.values())
        return tuple(
            dataclasses.replace(self.training, **dict(zip(self.axes, point, strict=True)))
            for point in points
        )

    def values(self, name: str) -> tuple[Any, ...]:
        """Of a hyperparameter."""
        return self.axes.get(name, (getattr(self.training, name),))

    @property
    def frozen_training(self) -> Training:
        """Of trajectories of a frozen head, which is named with no knob that came later."""
        unused = {name: default for name, default in later(Training).items() if name in FIT}
        return dataclasses.replace(self.training, **{**(self.frozen_with or {}), **unused})

    def rates_at(self, training: Training) -> tuple[float, ...]:
        """The committee's learning rates beside this training's."""
        return tuple(m * training.learning_rate for m in self.multiples) or self.rates

    def steps_for(self, initial: int, step_size: int, pool: int) -> int:
        """Number of fits of a trajectory over a pool of this many rows."""
        if self.steps is not None:
            wanted = self.steps
        else:
            assert self.budget is not None
            labels = self.budget * pool if self.budget <= 1 else self.budget
            wanted = 1 + max(0, math.ceil((round(labels) - initial) / step_size))
        possible = 1 + max(0, math.ceil((pool - initial) / step_size))
        return min(wanted, possible)


def union(parts: Sequence[StudyConfig]) -> StudyConfig:
    """One study of several grids, which have all else of the first."""
    return dataclasses.replace(
        parts[0], grids=tuple(map(_own, parts)) if len(parts) > 1 else parts[0].grids
    )


def _own(part: StudyConfig) -> dict[str, Any]:
    """What a grid has of its own."""
    fields: tuple[str, ...] = (
        *("model", "strategies", "heads", "committee", "candidates", "diversity", "retrain"),
        *("step_sizes", "seeds", "axes", "ranges", "rates", "multiples"),
    )
    training = {name: getattr(part.training, name) for name in (*FIT, *READ)}
    return {**{name: getattr(part, name) for name in fields}, "training": training}
