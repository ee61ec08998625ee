"""From what is asked for to a search, and from what it wants to trajectories."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from al_ray.randomness import derive
from al_ray.search.ladder import all_the_way, halving, one_rung, reached_by_all, rungs_of
from al_ray.search.proposing import Proposing
from al_ray.search.racing import Racing
from al_ray.search.rounds import Apart, Round, Run, Search
from al_ray.search.seen import Aim, Configuration, Curve, Seen, Value
from al_ray.search.space import Axis, Space
from al_ray.strategies import build
from al_ray.study.chooser import RANDOM
from al_ray.study.config import SEVERAL, StudyConfig
from al_ray.study.grid import Encoder, idle, trajectories
from al_ray.study.knobs import axes, check
from al_ray.study.learner import Source
from al_ray.study.searching import TRIALS, SearchConfig
from al_ray.study.training import READ, Training
from al_ray.study.trajectory import TrajectoryConfig

HALVES = ("strategies", RANDOM)
"""A search's two parts: what is found in one is compared with what is found in the other."""


@dataclass(frozen=True)
class Asked:
    """A study whose configurations are searched for.

    Attributes:
        study: what is asked for.
        corpus: what names it.
        encoders: by `StudyConfig.model`.
        pool: rows of train.
    """

    study: StudyConfig
    corpus: Source
    encoders: Mapping[str, Encoder]
    pool: int

    @property
    def how(self) -> SearchConfig:
        """What the search is asked for."""
        assert self.study.search is not None, "it is asked for"
        return self.study.search

    @property
    def parts(self) -> tuple[StudyConfig, ...]:
        """The grids, each with random: it is to have every training that a strategy has."""
        return tuple(
            part
            if RANDOM in part.strategies
            else replace(part, strategies=(*part.strategies, RANDOM))
            for part in self.study.parts
        )

    @property
    def space(self) -> Space:
        """What there is to choose from; nobody has an axis that changes nothing of it."""
        grids: list[dict[str, Axis]] = []
        for part in self.parts:
            every = _axes(part)
            for head in part.heads:
                alike: dict[frozenset[str], list[Value]] = {}
                for spec in part.strategies:
                    alike.setdefault(idle(head, build(spec)), []).append(spec)
                for off, specs in alike.items():
                    own = {**every, "head": (head,), "strategy": tuple(specs)}
                    grids.append({n: a for n, a in own.items() if n not in off})
        vary = {
            name
            for grid in grids
            for name, axis in grid.items()
            if not isinstance(axis, tuple)
            or len({value for other in grids for value in _tuple(other.get(name, ()))}) > 1
        } | {"strategy"}
        return Space(
            tuple({name: axis for name, axis in grid.items() if name in vary} for grid in grids)
        )

    def search(self) -> Apart:
        """The search, in two halves that are as hard as each other.

        Raises:
            UserError: no number of labels that all schedules reach, or a committee's rates that
                cannot follow.
        """
        for part in self.parts:
            rate = part.ranges.get("learning_rate")
            check(
                rate is None
                or bool(part.multiples)
                or not any(build(spec).committee for spec in part.strategies),
                "--learning-rate {range}: --committee-learning-rates are given beside it, of which "
                "one is to be the same; give values, or leave qbc out",
                range=rate,
            )
        halves = {
            name: half
            for name, half in zip(
                HALVES,
                (
                    self.space.where("strategy", lambda spec: spec != RANDOM),
                    self.space.where("strategy", lambda spec: spec == RANDOM),
                ),
                strict=True,
            )
            if half.grids
        }
        reached = self.reached()
        how = self.how
        aim = Aim(how.objectives, how.target or 1.0, common=frozenset(self._common()))
        make = partial(_half, how, aim, reached, len(halves))
        return Apart({name: make(half, name) for name, half in halves.items()})

    def reached(self) -> list[int]:
        """Numbers of labels that all schedules reach, after the first draw where they can choose.

        Raises:
            UserError: there is none.
        """
        schedules = self._schedules()
        first = max(initial for initial, _, _ in schedules)
        reached = [n for n in self._common() if n > first]
        sizes = " ".join(map(str, dict.fromkeys(size for _, size, _ in schedules)))
        check(
            bool(reached),
            "--step-size {sizes}: there is no number of labels after the first draw that all of "
            "them reach; give sizes that are parts of each other, one --initial, and more steps",
            sizes=sizes,
        )
        return reached

    def _schedules(self) -> list[tuple[int, int, int]]:
        """First draws, step sizes and labels at the end."""
        found = []
        for part in self.study.parts:
            for size in part.step_sizes:
                initial = part.initial or size
                steps = part.steps_for(initial, size, self.pool - part.validation)
                # The pool's last rows may be fewer than a step.
                end = min(initial + (steps - 1) * size, self.pool - part.validation)
                found.append((initial, size, end))
        return found

    def _common(self) -> list[int]:
        schedules = self._schedules()
        starts = [(initial, size) for initial, size, _ in schedules]
        return reached_by_all(starts, min(end for _, _, end in schedules))

    def trajectory(self, run: Run) -> TrajectoryConfig:
        """What a search wants to be run."""
        return self.trajectories(run.configuration, (run.seed,), run.labels)[0]

    def trajectories(
        self, which: Configuration, seeds: Sequence[int], labels: int
    ) -> list[TrajectoryConfig]:
        """Of one configuration.

        Raises:
            UserError: it is none that can be.
        """
        study = replace(self.at(which), seeds=tuple(seeds), steps=None, budget=float(labels))
        made = trajectories(study, self.corpus, self.encoders[study.model], self.pool)
        (strategy,), (head,) = study.strategies, study.heads
        # Beside a fine-tuned random arm there is another, that a search has not asked for.
        return [c for c in made if c.spec == strategy and c.learner.head == head]

    def at(self, which: Configuration) -> StudyConfig:
        """The study of one configuration."""
        point = dict(which)
        for part in self.parts:
            own = {**_axes(part), "head": part.heads}
            if all(_allows(own[name], value) for name, value in point.items()):
                return part.at(point)
        raise ValueError(f"{which}: is in no grid")


def _half(
    how: SearchConfig, aim: Aim, reached: Sequence[int], halves: int, space: Space, name: str
) -> Search:
    draw = derive(how.seeds[0], 0, f"search {name}")
    n = how.trials or int(min(space.size, TRIALS if space.ranged else math.inf))
    seconds = math.inf if how.hours is None else 3600 * how.hours / halves
    end, some = reached[-1], rungs_of(reached)
    if how.method == "optuna":
        rung = some[0] if len(some) > 1 else None
        return Proposing(
            space, n, how.seeds, end, aim, at_once=min(4, n), rung=rung, seed=draw, seconds=seconds
        )
    chosen = tuple(space.sample(n, draw))
    if how.method == "racing":
        return Racing(chosen, how.seeds, end, aim, seconds=seconds)
    if how.method == "one-rung":
        made = one_rung(chosen, how.seeds, some[0], end, aim)
    elif how.method == "halving":
        made = halving(chosen, how.seeds, some, aim)
    else:
        made = all_the_way(chosen, how.seeds, end, aim)
    return replace(made, seconds=seconds)


def _axes(part: StudyConfig) -> dict[str, Axis]:
    found: dict[str, Axis] = {name: getattr(part, field) for name, field in SEVERAL.items()}
    found["model"] = (part.model,)
    for name in dict.fromkeys(("recipe", *axes(Training), *READ)):
        found[name] = part.ranges.get(name) or part.values(name)
    return found


def _tuple(axis: Axis) -> tuple[Value, ...]:
    return axis if isinstance(axis, tuple) else (str(axis),)


def _allows(axis: Axis, value: Any) -> bool:
    return value in axis if isinstance(axis, tuple) else axis.low <= value <= axis.high


def advanced(asked: Asked, search: Search, curves: Mapping[str, Curve]) -> tuple[Seen, Round]:
    """How far a search has come by its tables, and what it wants now.

    Args:
        asked: what is asked for.
        search: of it.
        curves: by trajectory; see `recorded.curves_of`.
    """
    seen: dict[tuple[Configuration, int], Curve] = {}
    while True:
        said, found = search.next(Seen(seen)), False
        for run in said.runs:
            curve = curves.get(asked.trajectory(run).id)
            if curve is not None and curve.reaches(run.labels):
                seen[run.configuration, run.seed] = curve
                found = True
        if not found:
            return Seen(seen), said
