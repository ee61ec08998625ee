"""A range of numbers, where a search is to choose one."""

from __future__ import annotations

import math
from dataclasses import dataclass

from al_ray.errors import UserError


@dataclass(frozen=True)
class Range:
    """All numbers between two.

    Attributes:
        low, high: both of them included.
        log: whether equal ratios are equally likely, and not equal differences.
        whole: whether they are whole numbers.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False

    @classmethod
    def parsed(cls, text: str, whole: bool) -> Range:
        """As it is given: 1e-5..5e-4:log, or 3..10.

        Raises:
            UserError: it is none.
        """
        bounds, _, how = text.partition(":")
        low, _, high = bounds.partition("..")
        try:
            kind = int if whole else float
            made = cls(kind(low), kind(high), how == "log", whole)
        except ValueError:
            made = cls(0, -1)
        fits = -math.inf < made.low < made.high < math.inf and (made.low > 0 or not made.log)
        if not fits or how not in ("", "log"):
            raise UserError(
                "{text}: no range; give two numbers, the smaller first, such as 1e-5..5e-4:log",
                text=text[:40],
            )
        return made

    def __str__(self) -> str:
        """As `parsed` takes it."""
        return f"{self.low:g}..{self.high:g}" + (":log" if self.log else "")
