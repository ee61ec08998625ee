"""What a process does with memory that it has freed; glibc's own way is slow for a model.

Every layer's activations are megabytes that are freed right away. By default glibc returns such
memory to the system at once, and the system zeroes it again page by page, which costs a quarter of
a forward pass. So it is kept while a model runs, and returned when a fit has ended.
"""

from __future__ import annotations

import ctypes
import platform
from functools import cache
from typing import Any

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # malloc.h
_MOST_MMAP_THRESHOLD = 2**25  # glibc takes no larger one
_NEVER = 2**31 - 1


def keep_freed() -> None:
    """From now on keep what is freed; elsewhere than on glibc nothing happens."""
    if (libc := _glibc()) is not None:
        libc.mallopt(_MMAP_THRESHOLD, _MOST_MMAP_THRESHOLD)
        libc.mallopt(_TRIM_THRESHOLD, _NEVER)


def return_freed() -> None:
    """Return to the system what is free now."""
    if (libc := _glibc()) is not None:
        libc.malloc_trim(0)


@cache
def _glibc() -> Any:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
