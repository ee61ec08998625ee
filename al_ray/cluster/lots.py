"""What one trial of Tune runs: a trajectory or, of cheap ones, several one after another.

A step of a frozen head takes milliseconds, and there is nothing in it to run side by side. So its
trajectories need no actors: they share a process, which reserves a core, and what it costs to begin
a trial and to tell the driver of a step is paid once for many.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from al_ray.study.grid import Trial
from al_ray.study.trajectory import TrajectoryConfig

Lot = tuple[Trial, ...]

ROUNDS = 4
"""Lots to a slot, at most: the last ones to end leave other slots idle for no longer than one."""

SIZE = 8
"""Trials of a lot, at least, unless slots would be left empty."""


def is_cheap(config: TrajectoryConfig) -> bool:
    """Whether a trajectory runs in its trial's own process."""
    return config.learner.head == "frozen"


def lots(trials: Sequence[Trial], slots: int) -> list[Lot]:
    """Put cheap trials together; these come first, since they are soon done.

    Each lot has some of every arm, so that lots are about equally long.

    Args:
        trials: to be run.
        slots: of cheap ones, that can run at the same time.
    """
    cheap = [trial for trial in trials if is_cheap(trial.leader)]
    others = [trial for trial in trials if not is_cheap(trial.leader)]
    wanted = max(slots, min(ROUNDS * slots, len(cheap) // SIZE))
    count = min(wanted, len(cheap))
    return [*(tuple(cheap[place::count]) for place in range(count)), *((t,) for t in others)]


def encode(lot: Lot) -> dict[str, Any]:
    """A lot as a point of Tune's search space."""
    return {
        "id": lot[0].leader.id,
        "names": [trial.leader.id for trial in lot],
        "trials": [[config.to_json() for config in trial.all] for trial in lot],
    }


def decode(point: dict[str, Any]) -> Lot:
    """The inverse of `encode`."""
    each = ([TrajectoryConfig.from_json(text) for text in texts] for texts in point["trials"])
    return tuple(Trial(leader, tuple(followers)) for leader, *followers in each)
