"""Dropout (Srivastava et al. 2014) whose draws cost less than torch's: four to a number."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any, cast

import numpy as np
import torch
from torch.nn import functional

PARTS = 65536
"""A share is rounded to so many parts."""


def factor(dropout: float) -> float:
    """By which what is kept is greater, so that the mean stays; 0 where nothing is kept."""
    kept = PARTS - _parts(dropout)
    return PARTS / kept if kept else 0.0


def _parts(dropout: float) -> int:
    return round(dropout * PARTS)


class Drops:
    """What is dropped in one pass, which follows from torch's generator as it is when something is
    first to be dropped.

    A generator of NumPy's draws; on GPUs torch's own.
    """

    @cached_property
    def _generator(self) -> np.random.SFC64:
        return np.random.SFC64(int(torch.randint(2**63 - 1, ())))

    def kept(self, shape: tuple[int, ...], dropout: float) -> torch.Tensor:
        """Uint8, 0 with this probability, else 1."""
        # No bool, by which torch multiplies more slowly.
        many = math.prod(shape)
        drawn = self._generator.random_raw(-(-many // 4)).view(np.uint16)[:many]
        parts = _parts(dropout)
        kept = drawn >= np.uint16(parts) if parts < PARTS else np.zeros(many, np.bool_)
        return torch.from_numpy(kept.view(np.uint8)).view(shape)

    def __call__(self, given: torch.Tensor, dropout: float) -> torch.Tensor:
        """Values of which a share is 0, and the others are greater by what that takes away."""
        if not dropout:
            return given
        if given.device.type != "cpu":
            return functional.dropout(given, dropout)
        apply: Any = _Dropped.apply
        kept = self.kept(tuple(given.shape), dropout)
        return cast(torch.Tensor, apply(given, kept, factor(dropout)))


def drop(given: torch.Tensor, kept: torch.Tensor, by: float) -> torch.Tensor:
    """Values times a factor, 0 where they are not kept."""
    return (given * kept).mul_(by)


class _Dropped(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, given: torch.Tensor, kept: torch.Tensor, by: float) -> torch.Tensor:
        ctx.save_for_backward(kept)
        ctx.by = by
        return drop(given, kept, by)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        (kept,) = ctx.saved_tensors
        return drop(gradients[0], kept, ctx.by), None, None
