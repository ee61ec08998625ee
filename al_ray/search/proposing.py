"""Optuna proposes configurations, by what earlier ones came to; see `Search`.

It is asked anew each time, and told all from the tables (`add_trial`), in the order in which they
were proposed: nothing is kept but the tables. Trials that went to the end are `COMPLETE`; those
that were let go at a rung are `PRUNED`, with what they had come to at each number of labels.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from al_ray.randomness import derive
from al_ray.search.rounds import Round, Spending, Stop
from al_ray.search.seen import Aim, Configuration, Curve, Seen
from al_ray.search.space import Space
from al_ray.study.searching import Objective

if TYPE_CHECKING:
    from optuna.study import Study as Asked
    from optuna.trial import FrozenTrial


@dataclass(frozen=True)
class Proposing:
    """Configurations that a sampler of Optuna proposes, some at a time.

    Attributes:
        space: to propose from.
        trials: how many.
        seeds: that each has.
        labels: to which trajectories run.
        aim: what is better; several objectives are Optuna's, too.
        at_once: how many are proposed before any of them is known.
        rung: labels at which those of a batch that are behind the median of all so far are let go,
            by one seed; None: none is. With several objectives Optuna lets none go, and so it is
            here.
        seed: of the sampler.
        seconds: of devices, after which nothing is proposed.
    """

    space: Space
    trials: int
    seeds: tuple[int, ...]
    labels: int
    aim: Aim
    at_once: int = 4
    rung: int | None = None
    seed: int = 0
    seconds: float = math.inf

    def next(self, seen: Seen) -> Round:
        """See `Search.next`."""
        told: list[FrozenTrial] = []
        every: list[Configuration] = []
        stopped: dict[Configuration, Stop] = {}
        spending = Spending(self.seconds)
        trials, number = min(self.trials, self.space.size), 0
        while len(every) + len(stopped) < trials and not spending.used_up(seen):
            left = int(trials) - len(every) - len(stopped)
            batch = self._proposed(told, {*every, *stopped}, min(self.at_once, left), number)
            if not batch:  # a range that holds hardly any numbers
                break
            number += 1
            going = batch
            if self.rung is not None and len(self.aim.objectives) == 1:
                if runs := spending.missing(seen, batch, self.seeds[:1], self.rung):
                    return Round(runs, tuple(every), stopped)
                stopped |= self._pruned(seen, [*every, *stopped, *batch], batch)
                going = [each for each in batch if each not in stopped]
            if runs := spending.missing(seen, going, self.seeds, self.labels):
                return Round(runs, tuple(every), stopped)
            every += going
            told += [self._told(seen, each, each in stopped) for each in batch]
        ended = {each: self._curves(seen, each) for each in every}
        cut = spending.used_up(seen) and len(every) + len(stopped) < trials
        order = self.aim.order(ended)
        whole = [each for each in order if not any(curve.failed for curve in ended[each])]
        stopped |= {
            each: Stop(self.labels, len(self.seeds), place, len(order), len(whole))
            for place, each in enumerate(order, 1)
            if each not in whole
        }
        return Round((), tuple(whole), stopped, done=True, cut=cut, at=self.labels)

    def _proposed(
        self, told: Sequence[FrozenTrial], known: set[Configuration], most: int, number: int
    ) -> list[Configuration]:
        """New ones, of which there are some: where all that is proposed is known, a random one.

        A trial is a configuration, however often it is proposed.
        """
        asked = study_of(self.aim, told, derive(self.seed, number, "sampler"))
        proposed = [self.space.suggested(asked.ask()) for _ in range(most)]
        if new := [each for each in dict.fromkeys(proposed) if each not in known]:
            return new
        drawn = self.space.sample(len(known) + 1, derive(self.seed, number, "fresh"))
        return [each for each in drawn if each not in known][:1]

    def _curves(self, seen: Seen, each: Configuration) -> list[Curve]:
        return [c for seed in self.seeds if (c := seen.curve(each, seed, self.labels))]

    def _pruned(
        self, seen: Seen, known: Sequence[Configuration], new: Sequence[Configuration]
    ) -> dict[Configuration, Stop]:
        """Of the new ones those behind the median of all that are known at the rung."""
        assert self.rung is not None
        found = {}
        for each in dict.fromkeys(known):
            curve = seen.curve(each, self.seeds[0], self.rung)
            if curve is not None:
                found[each] = [curve]
        order = self.aim.order(found)
        kept = (len(order) + 1) // 2
        return {
            each: Stop(self.rung, 1, order.index(each) + 1, len(order), kept)
            for each in new
            if order.index(each) >= kept
        }

    def _told(self, seen: Seen, each: Configuration, pruned: bool) -> FrozenTrial:
        labels, seeds = (self.rung, self.seeds[:1]) if pruned else (self.labels, self.seeds)
        assert labels is not None
        curves = [c for seed in seeds if (c := seen.curve(each, seed, labels))]
        return trial_of(self.space, each, curves, self.aim, pruned)


DIRECTIONS: Final[dict[Objective, Literal["maximize", "minimize"]]] = {
    "area": "maximize",
    "labels": "minimize",
    "seconds": "minimize",
}


def study_of(aim: Aim, told: Sequence[FrozenTrial], seed: int) -> Asked:
    """A study of Optuna that was told these trials; TPE, which takes several objectives, too.

    Args:
        aim: its objectives.
        told: trials, in order.
        seed: of the sampler.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is experimental there
        study = optuna.create_study(
            directions=[DIRECTIONS[name] for name in aim.objectives],
            sampler=optuna.samplers.TPESampler(seed=seed % 2**32, multivariate=True, group=True),
        )
    study.add_trials(told)
    return study


def trial_of(
    space: Space, which: Configuration, curves: Sequence[Curve], aim: Aim, pruned: bool
) -> FrozenTrial:
    """A configuration as a trial of Optuna, with what it had come to at each number of labels."""
    from optuna.trial import TrialState, create_trial

    parameters, distributions = space.described(which)
    common: dict[str, Any] = {
        "params": parameters,
        "distributions": distributions,
        "user_attrs": {"seeds": len(curves)},
    }
    if not curves or any(curve.failed for curve in curves):
        return create_trial(state=TrialState.FAIL, **common)
    rungs = sorted(set.intersection(*(set(curve.labels) for curve in curves)))
    rungs = [n for n in rungs if not aim.common or n in aim.common]
    shown = {}
    if len(aim.objectives) == 1:
        at = {n: aim.values([curve.upto(n) for curve in curves])[0] for n in rungs}
        shown = {n: _sign(aim, 0) * value for n, value in at.items() if np.isfinite(value)}
    values = [_sign(aim, i) * value for i, value in enumerate(aim.values(curves))]
    if pruned:
        return create_trial(state=TrialState.PRUNED, intermediate_values=shown, **common)
    if not np.isfinite(values).all():  # a target that it does not reach
        return create_trial(state=TrialState.FAIL, intermediate_values=shown, **common)
    return create_trial(
        state=TrialState.COMPLETE, values=values, intermediate_values=shown, **common
    )


def _sign(aim: Aim, place: int) -> int:
    """`Aim.values` are smaller where better; Optuna is told which way that is."""
    return -1 if DIRECTIONS[aim.objectives[place]] == "maximize" else 1
