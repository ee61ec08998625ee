"""SIGTERM and Ctrl-C: the step under way is dropped, and the study leaves soon."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from al_ray.errors import Stopped

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stoppable() -> Iterator[None]:
    """Within it the first of these signals raises `Stopped`, and a second ends the process at once.

    A process that ends at once takes a cluster of its own with it, as one that is killed does. Ray
    and Tune have handlers of their own, which wait or go on; so it begins after `ray.init`. Outside
    the main thread signals are others' business.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    stopping = False

    def stop(number: int, _: FrameType | None) -> None:
        nonlocal stopping
        if stopping:
            os._exit(128 + number)
        stopping = True
        raise Stopped(number)

    before: dict[int, Any] = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        yield
    finally:
        # After a first one they stay, so that leaving can be cut short; the process is at its end.
        if not stopping:
            for number, handler in before.items():
                signal.signal(number, handler)
