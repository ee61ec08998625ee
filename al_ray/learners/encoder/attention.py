"""Attention within sequences that are put end to end.

On processors sequences of one length are taken together, and in training those of lengths near to
each other, too: padded here and nowhere else, since many small products cost more than some
padding. With dropout torch puts attention together from parts and keeps four arrays of the square
of the length for the backward pass; this keeps the shares and a byte for each that was dropped.

On GPUs torch's own attention over variable lengths takes all sequences at once, as they are, where
it can: in bfloat16, without dropout. Elsewhere a batch is padded, here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from al_ray.learners.encoder.batches import runs
from al_ray.learners.encoder.dropout import Drops, drop, factor

GROUP = 2000
"""What one more group costs, in squares of tokens."""


Grouping = Literal["equal", "near", "all"]
"""Which sequences, side by side, share a group: of one length, of lengths near to each other, all.

The last is for GPUs, where starting a kernel is taken to cost more than padding.
"""


@dataclass(frozen=True, eq=False)
class Padding:
    """How sequences of several lengths lie side by side.

    Attributes:
        places: int64 (tokens,), where each token lies among sequences x longest.
        sources: int64 (sequences x longest,), the token that lies there; a sequence's last, where
            there is none.
        mask: float32 (sequences, 1, 1, longest), 0 at tokens and -inf at padding.
    """

    places: torch.Tensor
    sources: torch.Tensor
    mask: torch.Tensor


@dataclass(frozen=True, eq=False)
class Group:
    """Sequences side by side that are attended to together.

    Attributes:
        sequences: how many.
        longest: tokens of the longest.
        tokens: of all.
        padding: None: all are as long.
    """

    sequences: int
    longest: int
    tokens: int
    padding: Padding | None = None

    def spread(self, flat: torch.Tensor, heads: int) -> torch.Tensor:
        """Vectors (tokens, width) as (sequences, heads, longest, width / heads), any at padding.

        One of each sequence (sequences, width) as (sequences, heads, 1, width / heads).
        """
        if self.padding is not None and len(flat) == self.tokens:
            move: Any = _Moved.apply
            flat = move(flat, self.padding.sources, self.padding.places, None)
        return flat.view(self.sequences, len(flat) // self.sequences, heads, -1).transpose(1, 2)

    def collect(self, by_head: torch.Tensor) -> torch.Tensor:
        """The reverse: (tokens, width), or (sequences, width)."""
        flat = by_head.transpose(1, 2).flatten(2).flatten(0, 1)
        if self.padding is None or len(flat) == self.sequences:
            return flat
        move: Any = _Moved.apply
        empty = self.padding.mask.view(-1, 1) != 0
        gathered: torch.Tensor = move(flat, self.padding.places, self.padding.sources, empty)
        return gathered


class _Moved(torch.autograd.Function):
    """Rows of vectors elsewhere, and their gradients back, each to the one that it is of: no sums
    are needed, whose order would count.
    """

    @staticmethod
    def forward(
        ctx: Any,
        flat: torch.Tensor,
        there: torch.Tensor,
        back: torch.Tensor,
        empty: torch.Tensor | None,
    ) -> torch.Tensor:
        ctx.back, ctx.empty = back, empty
        return flat.index_select(0, there)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        moved = gradients[0].index_select(0, ctx.back)
        return moved if ctx.empty is None else moved.masked_fill_(ctx.empty, 0), None, None, None


@dataclass(frozen=True, eq=False)
class Sequences:
    """Where sequences lie that are put end to end.

    Attributes:
        groups: of them, in their order.
        ends: int32 (sequences + 1,), where each begins, and where the last ends.
        longest: tokens of the longest.
    """

    groups: list[Group]
    ends: torch.Tensor
    longest: int


def sequences(lengths: NDArray[np.int64], grouping: Grouping, device: str = "cpu") -> Sequences:
    """Sequences of these lengths (sequences,), in their order.

    Args:
        lengths: tokens of each.
        grouping: which may share a group.
        device: where they are.
    """
    if grouping == "all":
        cuts = [(0, len(lengths))]
    else:
        cuts = runs(lengths, GROUP, power=2) if grouping == "near" else _changes(lengths)
    groups = [_group(lengths[start:end], device) for start, end in cuts]
    (ends,) = moved([np.concatenate([[0], lengths.cumsum()])], device)
    return Sequences(groups, ends.to(torch.int32), int(lengths.max()))


def _group(own: NDArray[np.int64], device: str) -> Group:
    longest, tokens = int(own.max()), int(own.sum())
    there = np.arange(longest) < own[:, None]
    if there.all():
        return Group(len(own), longest, tokens)
    first = np.cumsum(own) - own
    source = first[:, None] + np.minimum(np.arange(longest), own[:, None] - 1)
    places, sources, holds = moved([np.flatnonzero(there), source.ravel(), there], device)
    mask = torch.zeros(holds.shape, device=device).masked_fill_(holds == 0, -torch.inf)
    return Group(len(own), longest, tokens, Padding(places, sources, mask[:, None, None]))


def moved(arrays: Sequence[NDArray[Any]], device: str) -> list[torch.Tensor]:
    """Numbers as int64 tensors there, by one copy, which a GPU's processor does not wait for."""
    if device == "cpu":
        return [torch.from_numpy(array.astype(np.int64, copy=False)) for array in arrays]
    whole = torch.from_numpy(np.concatenate([array.ravel() for array in arrays]).astype(np.int64))
    if device.startswith("cuda"):
        whole = whole.pin_memory()
    parts = whole.to(device, non_blocking=True).split([array.size for array in arrays])
    return [part.view(array.shape) for part, array in zip(parts, arrays, strict=True)]


def _changes(lengths: NDArray[np.int64]) -> list[tuple[int, int]]:
    cuts = [0, *(np.flatnonzero(np.diff(lengths)) + 1).tolist(), len(lengths)]
    return list(pairwise(cuts))


def attend(
    vectors: Sequence[torch.Tensor],
    within: Sequences,
    heads: int,
    drops: Drops | None,
    dropout: float,
) -> torch.Tensor:
    """softmax(query key^T / sqrt(width)) value within each sequence (Vaswani et al. 2017).

    Args:
        vectors: query, key and value, (tokens, width) each, of all sequences end to end; or one
            query of each sequence, (sequences, width).
        within: the sequences.
        heads: into which the width is divided.
        drops: what is dropped is drawn from it; None: nothing is.
        dropout: the share of the weights that is dropped.

    Returns:
        What each query gets, as many as there are, of the vectors' type.
    """
    kind, is_cpu = vectors[0].dtype, vectors[0].device.type == "cpu"
    dropout = 0.0 if drops is None else dropout
    sizes = [group.tokens for group in within.groups]
    each = len(vectors[0]) == sum(sizes)
    if not dropout and can_go_by_lengths(vectors[0], heads):
        parts = [x.view(len(x), heads, -1) for x in vectors]
        ends = of_queries = within.ends
        if not each:
            of_queries = torch.arange(len(ends), dtype=ends.dtype, device=ends.device)
        longest = within.longest
        made: torch.Tensor = _by_lengths()(
            *parts, of_queries, ends, longest if each else 1, longest
        )
        return made.reshape(len(made), -1)
    if dropout and is_cpu:
        vectors = [x.float() if x.dtype == torch.bfloat16 else x for x in vectors]
    asking = sizes if each else [group.sequences for group in within.groups]
    # Not slices, each of whose gradients is as long as the whole.
    cut = [x.split(many) for x, many in zip(vectors, (asking, sizes, sizes), strict=True)]
    mixed = []
    for group, *parts in zip(within.groups, *cut, strict=True):
        query, key, value = (group.spread(x, heads) for x in parts)
        if drops is not None and dropout and is_cpu:
            kept = drops.kept((*query.shape[:3], group.longest), dropout)
            apply: Any = _WithDropout.apply
            mask = None if group.padding is None else group.padding.mask
            own = apply(query, key, value, mask, kept, factor(dropout))
        else:
            mask = None if group.padding is None else group.padding.mask.to(query.dtype)
            own = functional.scaled_dot_product_attention(query, key, value, mask, dropout)
        mixed.append(group.collect(own))
    return (mixed[0] if len(mixed) == 1 else torch.cat(mixed)).to(kind)


def can_go_by_lengths(query: torch.Tensor, heads: int) -> bool:
    """Whether torch's attention over variable lengths takes vectors (tokens, width) like this.

    It is FlashAttention's (Dao 2023): of half precision, on GPUs of compute capability 8 on.
    """
    width = query.shape[1] // heads
    return (
        query.device.type == "cuda"
        and query.dtype in (torch.bfloat16, torch.float16)
        and width % 8 == 0
        and width <= 256
        and torch.backends.cuda.is_flash_attention_available()
        and torch.cuda.get_device_capability(query.device) >= (8, 0)
        and _by_lengths() is not None
    )


@cache
def _by_lengths() -> Callable[..., Any]:
    """Torch's, from 2.10 on."""
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return None  # type: ignore[return-value]
    return varlen_attn


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
