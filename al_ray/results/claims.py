"""Which attempt at a trajectory may write.

A file says which attempt was the last to begin, and every attempt looks there right before it puts
a file in place. So one that was cut off and goes on cannot write over what the new one has written,
but for the instant between look and rename. What it writes then is harmless: a trajectory's files
have the same values whoever writes them (times apart), and a status that is behind is set right by
the next start.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from al_ray.errors import Superseded
from al_ray.io.storage import Storage


@dataclass(frozen=True)
class Claims:
    """Those of a study's folder.

    Attributes:
        storage: the folder.
        attempt: who asks; None: the driver, which may always.
    """

    storage: Storage
    attempt: str | None

    def take(self, trajectories: Sequence[str]) -> None:
        """From now on this attempt writes these trajectories, and no earlier one."""
        assert self.attempt is not None
        for trajectory in trajectories:
            self.storage.write(f"claims/{trajectory}.attempt", self.attempt.encode())

    def withdraw(self) -> None:
        """From now on no attempt writes, but for one that is yet to begin."""
        for name in self.storage.names("claims"):
            self.storage.remove(f"claims/{name}")

    def check(self, trajectory: str) -> None:
        """Look whether this attempt may write.

        Raises:
            Superseded: another one at the trajectory has begun.
        """
        if self.attempt is None:
            return
        if self.storage.read(f"claims/{trajectory}.attempt") != self.attempt.encode():
            raise Superseded(
                f"{trajectory}: another attempt at it has begun; this one ends and writes nothing"
            )
