"""A device whose memory runs out is asked for less at a time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from al_ray.errors import AlRayError, OutOfMemory
from al_ray.study.training import Training
from al_ray.workers.module import free_device


@contextmanager
def told_apart() -> Iterator[None]:
    """Raise torch's error of a device without memory as one that the loop knows.

    Raises:
        OutOfMemory: in its place, when what the failed attempt held is free again.
    """
    reason = ""
    try:
        yield
    except Exception as error:
        torch = sys.modules.get("torch")  # not loaded for a frozen head
        if torch is None or not isinstance(error, torch.OutOfMemoryError):
            raise
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
    if reason:  # outside the handler, whose traceback holds on to the tensors
        free_device()
        raise OutOfMemory(reason)


def no_room(error: OutOfMemory) -> AlRayError:
    """What to say where even one text at a time is too much."""
    return AlRayError(
        "out of memory with one text at a time ({error}); lower --max-length, or use a "
        "device with more",
        error=error,
    )


class Budgets:
    """The token budgets that chunks are computed with; None stands for the study's own."""

    def __init__(self, training: Training) -> None:
        self._whole = training.token_budget
        self._smallest: int | None = None

    def half(self, budget: int | None, error: OutOfMemory) -> int:
        """What to try after this one did not fit.

        Raises:
            AlRayError: batches were of one text already.
        """
        before = budget if budget is not None else self._whole
        if before is None or before <= 1:
            raise no_room(error) from None
        half = before // 2
        self._smallest = half if self._smallest is None else min(self._smallest, half)
        return half

    def smallest(self) -> int | None:
        """The smallest one since this was last asked; None: the study's own was enough."""
        smallest, self._smallest = self._smallest, None
        return smallest
