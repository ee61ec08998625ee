"""What a member or shard works on, and the one that was made for it last.

A process may be given one trajectory after another, and may begin anew at any moment. So every
call brings what it is made for, and whoever has something else, or nothing, makes it first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from al_ray.study.learner import Head
from al_ray.workers.make import make_member, make_shard
from al_ray.workers.member import Trainer
from al_ray.workers.messages import Setup
from al_ray.workers.module import free_device
from al_ray.workers.shard import Shard

W = TypeVar("W")


@dataclass(frozen=True)
class Assignment:
    """All that a member or shard is made from.

    Attributes:
        name: whose it is, for log lines: study, trajectory and role.
        seed: of the member, or of the shard's trajectory.
        strategy: as `strategies.build` reads it; empty where nothing is queried.
    """

    name: str
    setup: Setup
    seed: int
    strategy: str
    head: Head

    def member(self) -> Trainer:
        """A new one."""
        return make_member(self.setup, self.seed, self.strategy, self.head)

    def shard(self) -> Shard:
        """A new one."""
        return make_shard(self.setup, self.seed, self.strategy, self.head)


class Post(Generic[W]):
    """A place for one member or shard.

    Args:
        make: from an assignment; what it raises is raised again at every call until it succeeds.
    """

    def __init__(self, make: Callable[[Assignment], W]) -> None:
        self._make = make
        self._made: tuple[Assignment, W] | None = None

    def at(self, assignment: Assignment) -> W:
        """Who works on this: the one that is here, or a new one in its place."""
        if self._made is None or self._made[0] != assignment:
            if self._made is not None:
                self._made = None  # its memory first
                free_device()
            self._made = assignment, self._make(assignment)
        return self._made[1]

    @property
    def holder(self) -> W | None:
        """Who is here, whatever it works on."""
        return None if self._made is None else self._made[1]
