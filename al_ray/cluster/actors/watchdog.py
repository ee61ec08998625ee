"""No progress: what has stopped is told from what takes long, and said.

Members and shards count the passes of their model, and put the number into the cluster's key-value
store now and then. The loop looks there while no answer comes: where no number changes for a long
time either, its trial fails, and Tune begins it again at its last complete step.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import ray

from al_ray.cluster import private
from al_ray.language import tr

EVERY = 10.0
"""Seconds between two pulses of an actor, at least."""


class Stalled(RuntimeError):
    """Nothing moved for too long; not an `AlRayError`, since it may go well the next time."""


class Pulse:
    """Called at every pass of an actor's model."""

    def __init__(self) -> None:
        self._key = _key(ray.get_runtime_context().get_actor_id())
        self._count, self._said = 0, 0.0

    def __call__(self) -> None:
        """Count, and say so if it is time."""
        self._count += 1
        now = time.monotonic()
        if now - self._said >= EVERY:
            self._said = now
            private.put(self._key, str(self._count).encode())


class Watch:
    """Waits for the answers of a trial's actors, as long as one of them does something.

    Args:
        patience: seconds without an answer or a pulse until it gives up.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._look = min(EVERY, patience / 2)
        self._keys: list[bytes] = []
        self._pulses: list[bytes | None] = []

    def over(self, actors: Sequence[Any]) -> None:
        """Whose pulses count."""
        self._keys = [_key(private.actor_id(actor)) for actor in actors]
        self._pulses = [None] * len(actors)

    def get(self, refs: Any, what: str) -> Any:
        """Like `ray.get`.

        Raises:
            Stalled: naming what was waited for.
        """
        return self._until(what, lambda: ray.get(refs, timeout=self._look))

    def first(self, refs: Sequence[Any], what: str) -> list[Any]:
        """One or more of these that are there, as soon as there are any.

        Raises:
            Stalled: naming what was waited for.
        """

        def wait() -> list[Any]:
            found: list[Any] = ray.wait(refs, num_returns=1, timeout=self._look)[0]
            if not found:
                raise ray.exceptions.GetTimeoutError
            return found

        found: list[Any] = self._until(what, wait)
        return found

    def close(self) -> None:
        """Leave nothing in the store."""
        for key in self._keys:
            private.delete(key)

    def _until(self, what: str, attempt: Callable[[], Any]) -> Any:
        moved = time.monotonic()
        while True:
            try:
                return attempt()
            except ray.exceptions.GetTimeoutError:
                pulses = [private.get(key) for key in self._keys]
                now = time.monotonic()
                if pulses != self._pulses:
                    self._pulses, moved = pulses, now
                elif now - moved >= self._patience:
                    raise Stalled(
                        f"no progress: waited {in_minutes(self._patience)} for {what}, while no "
                        "member or shard ran its model"
                    ) from None


def in_minutes(seconds: float) -> str:
    """A length of time, for people."""
    if seconds >= 90:
        return tr("{n:.0f} minutes", n=seconds / 60)
    return tr("{n:.0f} seconds", n=seconds)


def _key(actor: str) -> bytes:
    return f"al_ray/pulse/{actor}".encode()
