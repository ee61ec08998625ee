"""Where the time of a step goes."""

from __future__ import annotations

import time


class Clock:
    """Seconds of each phase of a step."""

    def __init__(self) -> None:
        self._start = self._last = time.perf_counter()
        self.laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        """What took since the last lap is so called."""
        now = time.perf_counter()
        self.laps[name] = now - self._last
        self._last = now

    def total(self) -> float:
        """Seconds since it was made."""
        return time.perf_counter() - self._start
