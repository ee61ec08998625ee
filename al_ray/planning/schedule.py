"""When trials end that start in order, each as soon as there is room for it."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Room:
    """What trials share.

    Attributes:
        cpus: cores.
        gpus: that may be used.
        concurrent: trials at once; None: what fits.
    """

    cpus: float
    gpus: float = 0.0
    concurrent: int | None = None


@dataclass(frozen=True)
class Wanted:
    """What a trial reserves, and for how long."""

    seconds: float
    cpus: float
    gpus: float = 0.0


def finish(trials: Sequence[Wanted], room: Room) -> float:
    """Seconds until all have ended.

    None starts before the one in front of it, so more room never makes this longer. One that
    wants more than there is gets all of it.
    """
    now, cpus, gpus = 0.0, room.cpus, room.gpus
    most = len(trials) if room.concurrent is None else room.concurrent
    running: list[tuple[float, float, float]] = []
    end = 0.0
    for trial in trials:
        wanted = min(trial.cpus, room.cpus), min(trial.gpus, room.gpus)
        while running and not (
            len(running) < most and wanted[0] <= cpus + 1e-6 and wanted[1] <= gpus + 1e-6
        ):
            now, freed, freed_gpus = heapq.heappop(running)
            cpus, gpus = cpus + freed, gpus + freed_gpus
        heapq.heappush(running, (now + trial.seconds, *wanted))
        cpus, gpus = cpus - wanted[0], gpus - wanted[1]
        end = max(end, now + trial.seconds)
    return end


def at_first(trials: Sequence[Wanted], room: Room) -> int:
    """How many of them start at once."""
    most = len(trials) if room.concurrent is None else min(len(trials), room.concurrent)
    cpus, gpus, started = room.cpus, room.gpus, 0
    for trial in trials[:most]:
        if started and (trial.cpus > cpus + 1e-6 or trial.gpus > gpus + 1e-6):
            break
        cpus, gpus, started = cpus - trial.cpus, gpus - trial.gpus, started + 1
    return started
