"""What a campaign does to whom and when, all of it drawn from one seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

KILLS = ("shard", "member", "loop", "driver", "node", "frozen raylet", "frozen host")
"""What dies. A frozen raylet is a host that the cluster has lost while its processes go on; on a
frozen host all of them stop, and go on when it thaws."""

DAMAGES = (
    "bit in a page",
    "bit in a footer",
    "bit in metadata",
    "zeroed page",
    "truncated",
    "emptied",
    "deleted",
    "swapped",
    "bit in a checkpoint",
    "bit in a cache file",
)
"""What happens to a file (`disk_faults`)."""

DISK = (*DAMAGES, "disk full", "folder gone")
"""What happens to the study's folder, in the midst of a run or between two."""

KINDS = (*KILLS, *DISK, "clock set back")

FEWEST, MOST = 6, 10
"""Faults in a study."""

THAW = (2.0, 25.0)
"""Seconds that a host stays frozen: some thaw before they are missed, others long after."""


@dataclass(frozen=True)
class Shape:
    """A small study: a name, and the options of `tiny_study`."""

    name: str
    strategies: tuple[str, ...]
    retrain: tuple[str, ...] = ("cold",)
    shards: int = 1
    steps: int = 6
    updates: int = 30

    @property
    def options(self) -> list[str]:
        """For the command line."""
        numbers = ("shards", "steps", "updates")
        options = [each for name in numbers for each in (f"--{name}", str(getattr(self, name)))]
        return ["--strategies", *self.strategies, "--retrain", *self.retrain, *options]

    @property
    def all_steps(self) -> int:
        """Of all its trajectories together."""
        return len(self.strategies) * len(self.retrain) * self.steps


SHAPES = (
    Shape("committee", ("qbc", "margin")),
    Shape("sequential", ("core-set", "margin"), shards=2),
    Shape("warm", ("margin",), retrain=("warm", "warm-new"), shards=2),
)


@dataclass(frozen=True)
class Fault:
    """One fault of a study.

    Attributes:
        kind: one of KINDS.
        moment: its whole part is the number of the study's steps that are on disk by then; the
            rest is the share of the time that the next one took undisturbed.
        choice: which of those that can be hit, as a share of their number.
        thaw: seconds until what is frozen goes on.
        place: where in the file, as a share of where it may be.
        when: 'midst' of a run; 'killed': the driver is killed first; 'ended': the study has ended.
            Of the last two the command is given again afterwards.
    """

    kind: str
    moment: float
    choice: float
    thaw: float
    place: float = 0.0
    when: str = "midst"


def plan(seed: int, study: int) -> tuple[Shape, list[Fault]]:
    """The shape of a campaign's study and its faults, in the order of their moments."""
    draw = np.random.default_rng([seed, study])
    shape = SHAPES[study % len(SHAPES)]
    possible = [kind for kind in KINDS if "warm" in shape.name or kind != "bit in a checkpoint"]
    # Kinds are dealt and not drawn, so that none is rare: no kind comes twice in a study.
    kinds = draw.permutation(possible)[: int(draw.integers(FEWEST, MOST + 1))]
    # One kill for all that strike after one: each start of a driver takes long.
    killed = float(draw.uniform(0, shape.all_steps - 0.5))
    faults = [_fault(str(kind), shape, draw, killed) for kind in kinds]
    return shape, sorted(faults, key=lambda fault: fault.moment)


def _fault(kind: str, shape: Shape, draw: np.random.Generator, killed: float) -> Fault:
    moment = float(draw.uniform(0, shape.all_steps - 0.5))
    when = "midst"
    if kind == "folder gone":  # early, or all is done twice; and alone, since it hides the others
        moment, when = moment / 2, str(draw.choice(["midst", "killed"]))
    elif kind in DISK:
        when = str(draw.choice(["midst", "killed", "ended"]))
        moment = {"midst": moment, "killed": killed, "ended": float(shape.all_steps)}[when]
    choice, thaw, place = draw.random(), draw.uniform(*THAW), draw.random()
    return Fault(kind, moment, float(choice), float(thaw), float(place), when)
