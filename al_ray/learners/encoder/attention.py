"""Attention within sequences that are put end to end.

Sequences of one length are taken together, and in training those of lengths near to each other,
too: padded here and nowhere else, since many small products cost more than some padding. With
dropout torch puts attention together from parts and keeps four arrays of the square of the length
for the backward pass; this keeps the shares and a byte for each that was dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from al_ray.learners.encoder.batches import runs
from al_ray.learners.encoder.dropout import Drops, drop, factor

GROUP = 2000
"""What one more group costs, in squares of tokens."""


@dataclass(frozen=True, eq=False)
class Group:
    """Sequences side by side that are attended to together.

    Attributes:
        sequences: how many.
        longest: tokens of the longest.
        tokens: of all.
        places: int64 (tokens,), where each token lies among sequences x longest; None: there is no
            padding.
        mask: float32 (sequences, 1, 1, longest), 0 at tokens and -inf at padding; None: no padding.
    """

    sequences: int
    longest: int
    tokens: int
    places: torch.Tensor | None = None
    mask: torch.Tensor | None = None

    def spread(self, flat: torch.Tensor, heads: int) -> torch.Tensor:
        """Vectors (tokens, width) as (sequences, heads, longest, width / heads), 0 at padding."""
        if self.places is not None:
            room = flat.new_zeros(self.sequences * self.longest, flat.shape[1])
            flat = room.index_copy(0, self.places, flat)
        return flat.view(self.sequences, self.longest, heads, -1).transpose(1, 2)

    def collect(self, by_head: torch.Tensor) -> torch.Tensor:
        """The reverse: (tokens, width)."""
        flat = by_head.transpose(1, 2).reshape(self.sequences * self.longest, -1)
        return flat if self.places is None else flat[self.places]


def grouped(lengths: NDArray[np.int64], padded: bool) -> list[Group]:
    """Sequences of these lengths (sequences,), in their order.

    Args:
        lengths: tokens of each.
        padded: whether lengths that differ may share a group.
    """
    cuts = runs(lengths, GROUP, power=2) if padded else _changes(lengths)
    made = []
    for start, end in cuts:
        own = lengths[start:end]
        longest, tokens = int(own.max()), int(own.sum())
        group = Group(end - start, longest, tokens)
        if (own < longest).any():
            there = np.arange(longest) < own[:, None]
            mask = np.where(there, 0, -np.inf).astype(np.float32)[:, None, None]
            places = torch.from_numpy(np.flatnonzero(there))
            group = Group(end - start, longest, tokens, places, torch.from_numpy(mask))
        made.append(group)
    return made


def _changes(lengths: NDArray[np.int64]) -> list[tuple[int, int]]:
    cuts = [0, *(np.flatnonzero(np.diff(lengths)) + 1).tolist(), len(lengths)]
    return list(pairwise(cuts))


def attend(
    vectors: Sequence[torch.Tensor],
    groups: list[Group],
    heads: int,
    drops: Drops | None,
    dropout: float,
) -> torch.Tensor:
    """softmax(query key^T / sqrt(width)) value within each sequence (Vaswani et al. 2017).

    Args:
        vectors: query, key and value, (tokens, width) each, of all groups end to end.
        groups: of the sequences.
        heads: into which the width is divided.
        drops: what is dropped is drawn from it; None: nothing is.
        dropout: the share of the weights that is dropped.

    Returns:
        (tokens, width).
    """
    # Not slices, each of whose gradients is as long as the whole.
    sizes = [group.tokens for group in groups]
    made = []
    for group, *parts in zip(groups, *(x.split(sizes) for x in vectors), strict=True):
        query, key, value = (group.spread(x, heads) for x in parts)
        if drops is None or not dropout:
            mask = None if group.mask is None else group.mask.to(query.dtype)
            mixed = functional.scaled_dot_product_attention(query, key, value, mask)
        else:
            shape = (group.sequences, heads, group.longest, group.longest)
            kept = drops.kept(shape, dropout)
            apply: Any = _WithDropout.apply
            mixed = apply(query, key, value, group.mask, kept, factor(dropout))
        made.append(group.collect(mixed))
    return made[0] if len(made) == 1 else torch.cat(made)


class _WithDropout(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        mask: torch.Tensor | None,
        kept: torch.Tensor,
        by: float,
    ) -> torch.Tensor:
        ctx.root = float(query.shape[-1]) ** -0.25  # on both sides, as torch does
        query, key = query * ctx.root, (key * ctx.root).transpose(-2, -1).contiguous()
        scores = query @ key
        shares = torch.softmax(scores if mask is None else scores.add_(mask), dim=-1)
        ctx.save_for_backward(query, key, value, shares, kept)
        ctx.by = by
        return drop(shares, kept, by) @ value

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        (gradient,) = gradients
        query, key, value, shares, kept = ctx.saved_tensors
        of_shares = drop(gradient @ value.transpose(-2, -1), kept, ctx.by)
        of_value = drop(shares, kept, ctx.by).transpose(-2, -1) @ gradient
        of_scores = torch._softmax_backward_data(of_shares, shares, -1, shares.dtype)
        of_query = (of_scores @ key.transpose(-2, -1)).mul_(ctx.root)
        of_key = (query.transpose(-2, -1) @ of_scores).transpose(-2, -1).mul_(ctx.root)
        return of_query, of_key, of_value, None, None, None
