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
from ray.experimental import internal_kv
from ray.tune import Callback
from rich.console import Console

from al_ray.errors import UserError

EVERY = 10.0
"""Seconds between two pulses of an actor, at least."""

SAY = 120.0
"""Seconds without a trial that runs until this is said; each time twice as long as before."""


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
            internal_kv._internal_kv_put(self._key, str(self._count).encode())


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
        self._keys = [_key(actor._actor_id.hex()) for actor in actors]
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
            internal_kv._internal_kv_del(key)

    def _until(self, what: str, attempt: Callable[[], Any]) -> Any:
        moved = time.monotonic()
        while True:
            try:
                return attempt()
            except ray.exceptions.GetTimeoutError:
                pulses = [internal_kv._internal_kv_get(key) for key in self._keys]
                now = time.monotonic()
                if pulses != self._pulses:
                    self._pulses, moved = pulses, now
                elif now - moved >= self._patience:
                    raise Stalled(
                        f"no progress: waited {_minutes(self._patience)} for {what}, while no "
                        "member or shard ran its model"
                    ) from None


class Tries(Callback):  # type: ignore[misc]
    """Gives a trial its tries anew with every step, so that a long one outlives many hosts.

    Tune itself counts all failures of a trial together.
    """

    def __init__(self, tries: int) -> None:
        self._tries = tries

    def on_trial_result(self, trial: Any, **_: Any) -> None:
        """A step is on disk."""
        trial.max_failures = trial.num_failures + self._tries


class Idle(Callback):  # type: ignore[misc]
    """Says when no trial runs for want of room, and ends a study that waits for ever.

    Args:
        needs: what a trial reserves, in words.
        patience: seconds without a trial that runs until it gives up.
    """

    def __init__(self, needs: str, patience: float, console: Console) -> None:
        self._needs, self._patience, self._console = needs, patience, console
        self._since: float | None = None
        self._next = SAY

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its callbacks into a folder that we never read."""
        return {}

    def on_step_end(self, trials: list[Any], **_: Any) -> None:
        """Look at all trials.

        Raises:
            UserError: none has run for too long.
        """
        if any(trial.status == "RUNNING" for trial in trials) or not any(
            trial.status == "PENDING" for trial in trials
        ):
            self._since, self._next = None, SAY
            return
        now = time.monotonic()
        self._since = self._since or now
        waited = now - self._since
        if waited >= self._patience:
            raise UserError(
                f"nothing could be placed for {_minutes(waited)}: a trajectory needs "
                f"{self._needs}, and the hosts are {_hosts()}; start hosts with room for it, and "
                "the same command goes on"
            )
        if waited >= self._next:
            self._next *= 2
            self._console.print(
                f"Nothing runs for {_minutes(waited)} now: a trajectory waits for {self._needs}; "
                f"the hosts are {_hosts()}.",
                highlight=False,
                markup=False,
                soft_wrap=True,
            )


def in_words(bundles: Sequence[dict[str, float]]) -> str:
    """What a trial reserves: equal bundles counted."""
    counted: dict[str, int] = {}
    for bundle in bundles:
        text = " and ".join(f"{amount:g} {name}" for name, amount in bundle.items())
        counted[text] = counted.get(text, 0) + 1
    return ", ".join(
        f"{count} times {text}" if count > 1 else text for text, count in counted.items()
    )


def _hosts() -> str:
    """The cluster's hosts by what they have."""
    return (
        in_words(
            [
                {name: node["Resources"].get(name, 0) for name in ("CPU", "GPU")}
                for node in ray.nodes()
                if node["Alive"]
            ]
        )
        or "none"
    )


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"


def _key(actor: str) -> bytes:
    return f"al_ray/pulse/{actor}".encode()
