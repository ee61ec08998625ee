"""The module that a member or shard computes with."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from typing import Any

from al_ray.strategies import build
from al_ray.workers.messages import Setup


def make_module(setup: Setup, seed: int, strategy: str) -> Any:
    """The encoder, its head drawn from the seed, and what else the strategy trains."""
    from al_ray.learners.encoder.load import load
    from al_ray.learners.encoder.loss_prediction import attach
    from al_ray.learners.encoder.process import set_up

    set_up(setup.device, setup.training.threads)
    module = load(setup.encoder, setup.n_labels, seed, setup.training.pooling, setup.task.head)
    if strategy and "predicted-loss" in build(strategy).needs:
        attach(module, seed)
    return module.to(setup.device)


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
