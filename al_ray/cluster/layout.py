"""What a trial reserves and where its actors go: one function for both, so that they agree.

Bundle 0 is for the loop, bundles 1 … k for members and shards, with k = max(members, shards).
Member i and shard i share bundle i + 1, half each, because their phases alternate. A loop that does
all work itself has bundle 0 alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from al_ray.language import tr

LOOP_CPU = 0.02
"""The loop waits nearly all the time."""


@dataclass(frozen=True)
class Layout:
    """Bundles of a trial, and options of its actors but for the placement group.

    Attributes:
        loop: resources of bundle 0.
        bundle: resources of each of the other bundles.
        count: of these.
    """

    loop: dict[str, float]
    bundle: dict[str, float]
    count: int

    @property
    def bundles(self) -> list[dict[str, float]]:
        """All bundles, in order."""
        return [dict(self.loop), *(dict(self.bundle) for _ in range(self.count))]

    @property
    def cpus(self) -> float:
        """Of all bundles."""
        return sum(bundle["CPU"] for bundle in self.bundles)

    @property
    def actor(self) -> dict[str, float]:
        """Options of a member or shard: half a bundle."""
        options = {"num_cpus": _floor(self.bundle["CPU"] / 2)}
        if "GPU" in self.bundle:
            options["num_gpus"] = _floor(self.bundle["GPU"] / 2)
        return options

    @staticmethod
    def bundle_of(position: int) -> int:
        """The index of the bundle that a member or shard belongs to."""
        return position + 1


def layout(members: int, shards: int, threads: int, cpus: float, gpus: float) -> Layout:
    """Lay out one trajectory.

    Args:
        members: models trained at the same time.
        shards: shard actors.
        threads: that each actor computes with.
        cpus: of the cluster.
        gpus: of the cluster that may be used; 0 without.

    Returns:
        Whole GPUs and cores where there are enough, and equal parts of what there is on a laptop.
    """
    count = max(members, shards)
    # The loop's share is taken from the others', so that trajectories fill the cores evenly.
    whole = min(threads * count, max(cpus, 4 * LOOP_CPU))
    bundle = {"CPU": _floor((whole - LOOP_CPU) / count)}
    if gpus:
        # A part of a GPU must come from one GPU: three of 0.66 do not fit on two.
        bundle["GPU"] = _floor(1 / math.ceil(count / gpus))
    return Layout({"CPU": LOOP_CPU}, bundle, count)


def alone(cpus: float) -> Layout:
    """Lay out trajectories whose loop does all work itself: a core of the cluster's `cpus`."""
    return Layout({"CPU": min(1.0, cpus)}, {}, 0)


@dataclass(frozen=True)
class Machine:
    """A kind of machine.

    Attributes:
        resources: of one, by Ray's names.
        count: how many there are or may be; None: any number.
    """

    resources: Mapping[str, float]
    count: int | None


def total(machines: Sequence[Machine], resource: str, needed: int = 10_000) -> float:
    """What all machines have of a resource; of kinds without a limit, `needed` are counted."""
    return sum(
        machine.resources.get(resource, 0.0) * (needed if machine.count is None else machine.count)
        for machine in machines
    )


def misfit(wanted: Layout, machines: Sequence[Machine]) -> str | None:
    """Why a trial could never be placed on these machines, or None.

    The bundles of members and shards are equal, so those that fit a machine can be counted; the
    loop's is so small that it may be left out where they fit.
    """
    held = 0
    bundle, count = (wanted.bundle, wanted.count) if wanted.count else (wanted.loop, 1)
    for machine in machines:
        of_one = min(
            math.floor(machine.resources.get(name, 0.0) / amount + 1e-9)
            for name, amount in bundle.items()
        )
        held += of_one * (count if machine.count is None else machine.count)
    if held >= count:
        return None
    need = tr(" and ").join(f"{amount:g} {name}" for name, amount in bundle.items())
    largest = ", ".join(
        f"{max((m.resources.get(name, 0.0) for m in machines), default=0):g} {name}"
        for name in bundle
    )
    return tr(
        "a trajectory needs {need} for each of {n} actors, and the cluster, grown as far as it "
        "may, has room for {held} (at most {largest} on one machine)",
        need=need,
        n=count,
        held=held,
        largest=largest,
    )


def _floor(amount: float) -> float:
    """Ray counts in ten-thousandths; halves must not add up to more than the whole."""
    return math.floor(amount * 1000 + 1e-9) / 1000
