"""The module that a member or shard computes with."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from typing import Any

from al_ray.strategies import build
from al_ray.workers.messages import Setup


def make_module(setup: Setup, seed: int, strategy: str) -> Any:
    """The encoder, its head drawn from the seed, and what else the strategy trains."""
    import torch

    from al_ray.learners.encoder.allocator import keep_freed
    from al_ray.learners.encoder.load import load
    from al_ray.learners.encoder.loss_prediction import attach

    keep_freed()
    if setup.device == "cuda":
        _repeatable()
    torch.set_num_threads(setup.training.threads)
    module = load(setup.encoder, setup.n_labels, seed, setup.training.pooling, setup.task.head)
    if strategy and "predicted-loss" in build(strategy).needs:
        attach(module, seed)
    return module.to(setup.device)


def _repeatable() -> None:
    """Let a fit end alike whenever it is done on such a GPU; what torch cannot do so, it refuses.

    With warnings in place of refusals its attention would not be repeatable.
    """
    import torch

    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    filling: Any = torch.utils.deterministic
    filling.fill_uninitialized_memory = False  # of memory that is written before it is read


def call_at_passes(module: Any, call: Callable[[], None]) -> None:
    """Call this at every pass of the module, all of which begin with the words' vectors."""
    module.get_input_embeddings().register_forward_pre_hook(lambda *_: call())


def device_name(module: Any) -> str:
    """`cpu`, or the GPU's name."""
    import torch

    device = next(module.parameters()).device
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device.type)


def free_device() -> None:
    """Member and shard share a GPU in turns, so each leaves it what it does not hold."""
    torch = sys.modules.get("torch")  # not loaded for a frozen head
    if torch and torch.cuda.is_available() and torch.cuda.is_initialized():
        gc.collect()
        torch.cuda.empty_cache()
