"""What a process that computes with torch sets once."""

from __future__ import annotations

import os
from typing import Any

from al_ray.learners.encoder.allocator import keep_freed
from al_ray.study.training import Device


def set_up(device: Device, threads: int) -> None:
    """Memory is kept, so many threads compute, and a GPU does the same again where it is asked to.

    What torch cannot repeat on a GPU, it refuses from now on: with warnings in place of refusals
    its attention would not be repeatable.
    """
    import torch

    keep_freed()
    torch.set_num_threads(threads)
    if device == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
        filling: Any = torch.utils.deterministic
        filling.fill_uninitialized_memory = False  # of memory that is written before it is read
