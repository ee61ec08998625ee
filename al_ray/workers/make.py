"""The members and shards that a head asks for."""

from __future__ import annotations

from al_ray.study.learner import Head
from al_ray.workers.frozen import FrozenMember, FrozenShard
from al_ray.workers.member import Member, Trainer
from al_ray.workers.messages import Setup
from al_ray.workers.shard import Shard


def make_member(setup: Setup, seed: int, strategy: str, head: Head) -> Trainer:
    """A member; `strategy` is empty where nothing is queried."""
    setup = setup.here()
    if head == "frozen":
        return FrozenMember(setup)
    return Member(setup, seed, strategy)


def make_shard(setup: Setup, seed: int, strategy: str, head: Head) -> Shard:
    """A shard; `strategy` is empty where nothing is queried."""
    setup = setup.here()
    if head == "frozen":
        return FrozenShard(setup, strategy)
    return Shard(setup, seed, strategy)
