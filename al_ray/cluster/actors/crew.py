"""The actors of a trial: made in its placement group, and kept for the trial that comes after.

Tune gives a loop's process, with its placement group, to the next trial of equal resources
(`reuse_actors`). The actors of a trajectory that ended well wait here meanwhile, in that process.
Before Tune ends it they are dismissed; where it dies they go with it and with the placement group.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from al_ray.cluster.actors.roles import MemberActor, ShardActor
from al_ray.cluster.layout import Layout
from al_ray.study.training import Device

RETRIES = 3
"""How often an actor that died is made again, and a call that it was at is repeated."""

ANSWER = 10.0
"""Seconds in which actors that are kept must say that they are well; they have nothing to do."""


@dataclass(frozen=True)
class Shape:
    """What a crew is made for; one is kept for no other shape.

    Attributes:
        study: its name.
        loaded: encoder, tokens and device: every process keeps to one of each.
    """

    study: str
    loaded: tuple[Path, Path, Device]
    layout: Layout
    members: int
    shards: int


@dataclass(eq=False)
class Crew:
    """Members and shards that work together.

    Attributes:
        name: study and crew: what the actors' names begin with.
        group: the placement group they are in.
        kept: whether a trajectory has ended with them.
    """

    name: str
    shape: Shape
    group: Any
    members: list[Any]
    shards: list[Any]
    kept: bool = False

    @property
    def all(self) -> list[Any]:
        """Members, then shards."""
        return [*self.members, *self.shards]

    def unharmed(self) -> bool:
        """Whether each is in its first process, so that it has all its lives left."""
        asked = [actor.unharmed.remote() for actor in self.all]
        try:
            return all(ray.get(asked, timeout=ANSWER))
        except ray.exceptions.RayError:  # dead, lost, or silent
            return False

    def end(self) -> None:
        """Kill them for good; the next trial wants their cores and memory now."""
        for actor in self.all:
            ray.kill(actor)


_waiting: Crew | None = None


def muster(shape: Shape) -> Crew:
    """The crew that waits in this process, if it has this shape and is unharmed; else a new one."""
    global _waiting
    found, _waiting = _waiting, None
    group = ray.util.get_current_placement_group()
    if found is not None:
        if found.shape == shape and found.group == group and found.unharmed():
            found.kept = True
            return found
        found.end()
    return _made(shape, group)


def keep(crew: Crew) -> None:
    """Let a crew wait for the next trial; only after a trajectory that ended well."""
    global _waiting
    dismiss()
    _waiting = crew


def dismiss() -> None:
    """End the crew that waits, if one does."""
    global _waiting
    found, _waiting = _waiting, None
    if found is not None:
        found.end()


class Dismissing:
    """Mixed into Tune's trainable, whose `cleanup` is the last that it does in its process."""

    def cleanup(self) -> None:
        """Placement groups end restartable actors, too, but Ray begins to make those again."""
        dismiss()
        super().cleanup()  # type: ignore[misc]


def _made(shape: Shape, group: Any) -> Crew:
    name = f"{shape.study}/{uuid.uuid4().hex[:8]}"

    def start(kind: type, role: str, position: int) -> Any:
        place = PlacementGroupSchedulingStrategy(
            group, placement_group_bundle_index=shape.layout.bundle_of(position)
        )
        options = {**shape.layout.actor, "max_restarts": RETRIES, "max_task_retries": RETRIES}
        if group is not None:
            options["scheduling_strategy"] = place
        return ray.remote(kind).options(name=f"{name}/{role}-{position}", **options).remote()

    return Crew(
        name,
        shape,
        group,
        [start(MemberActor, "member", position) for position in range(shape.members)],
        [start(ShardActor, "shard", position) for position in range(shape.shards)],
    )
