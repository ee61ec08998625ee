"""What Tune tells a study: steps that buy tries anew, trials that never began or find no room."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ray
from ray.tune import Callback
from rich.console import Console

from al_ray.cluster.actors.watchdog import in_minutes
from al_ray.errors import UserError
from al_ray.language import tr
from al_ray.workers.kept_fits import forget

SAY = 120.0
"""Seconds without a trial that runs until this is said; each time twice as long as before."""


class Tries(Callback):  # type: ignore[misc]
    """Gives a trial its tries anew with every step, so that a long one outlives many hosts.

    Tune itself counts all failures of a trial together.
    """

    def __init__(self, tries: int) -> None:
        self._tries = tries

    def on_trial_result(self, trial: Any, result: dict[str, Any], **_: Any) -> None:
        """Steps are on disk."""
        if any(step["gained"] for step in result["steps"]):
            trial.max_failures = trial.num_failures + self._tries


class Forgets(Callback):  # type: ignore[misc]
    """Removes a fit that trajectories share when the last of them has come past it.

    Args:
        folder: of these fits.
        begin: names of the fits that each trajectory begins with.
    """

    def __init__(self, folder: Path, begin: Mapping[str, tuple[str, ...]]) -> None:
        self._folder, self._begin = folder, dict(begin)
        self._left = Counter(name for names in begin.values() for name in set(names))

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its callbacks into a folder that we never read."""
        return {}

    def on_trial_result(self, trial: Any, result: dict[str, Any], **_: Any) -> None:
        """Steps are on disk."""
        for step in result["steps"]:
            for name in set(self._begin.pop(step["trajectory"], ())):
                self._left[name] -= 1
                if not self._left[name]:
                    forget(self._folder, name)


class Begun(Callback):  # type: ignore[misc]
    """Knows which lots have begun since they failed last, if they did.

    Attributes:
        lots: the first trajectory of each.
    """

    def __init__(self) -> None:
        self.lots: set[str] = set()

    def on_trial_start(self, trial: Any, **_: Any) -> None:
        """It has a process to run in."""
        self.lots.add(trial.config["trial"]["id"])

    def on_trial_recover(self, trial: Any, **_: Any) -> None:
        """It has none any more."""
        self.lots.discard(trial.config["trial"]["id"])


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
                "nothing could be placed for {waited}: a trajectory needs {needs}, and "
                "the hosts are {hosts}; start hosts with room for it, and the same "
                "command goes on",
                waited=in_minutes(waited),
                needs=self._needs,
                hosts=_hosts(),
            )
        if waited >= self._next:
            self._next *= 2
            self._console.print(
                tr(
                    "Nothing runs for {waited} now: a trajectory waits for {needs}; the hosts are "
                    "{hosts}.",
                    waited=in_minutes(waited),
                    needs=self._needs,
                    hosts=_hosts(),
                ),
                highlight=False,
                markup=False,
                soft_wrap=True,
            )


def in_words(bundles: Sequence[dict[str, float]]) -> str:
    """What a trial reserves: equal bundles counted."""
    counted: dict[str, int] = {}
    for bundle in bundles:
        text = tr(" and ").join(f"{amount:g} {name}" for name, amount in bundle.items())
        counted[text] = counted.get(text, 0) + 1
    return ", ".join(
        tr("{n} times {bundle}", n=count, bundle=text) if count > 1 else text
        for text, count in counted.items()
    )


def _hosts() -> str:
    """The cluster's hosts by what they have."""
    return in_words(
        [
            {name: node["Resources"].get(name, 0) for name in ("CPU", "GPU")}
            for node in ray.nodes()
            if node["Alive"]
        ]
    ) or tr("none")
