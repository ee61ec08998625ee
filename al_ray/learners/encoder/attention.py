"""Attention with dropout that keeps little of what it computes.

Without dropout torch has a kernel that keeps nothing. With it torch puts attention together from
parts, keeps four arrays of the square of the length for the backward pass, and looks for rows that
are masked as a whole, of which there are none here. This one keeps the shares and a byte for each
dropped one, and has the same bits in value and gradients.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch.nn import functional


def attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, dropout: float
) -> torch.Tensor:
    """softmax(query key^T / sqrt(width)) value, a share of the weights dropped (Vaswani et al.
    2017).

    Args:
        query, key, value: (rows, heads, length, width).
        dropout: that share, drawn from torch's generator.
    """
    if dropout:
        apply: Any = _WithDropout.apply
        return cast(torch.Tensor, apply(query, key, value, dropout))
    return functional.scaled_dot_product_attention(query, key, value)


class _WithDropout(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, dropout: float
    ) -> torch.Tensor:
        # Scaled on both sides, as torch does.
        ctx.root = float(query.shape[-1]) ** -0.25
        query, key = query * ctx.root, (key * ctx.root).transpose(-2, -1).contiguous()
        shares = torch.softmax(query @ key, dim=-1)
        weights = torch.empty_like(shares).bernoulli_(1 - dropout)
        ctx.save_for_backward(query, key, value, shares, weights.bool())
        ctx.dropout = dropout
        return weights.div_(1 - dropout).mul_(shares) @ value

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        (gradient,) = gradients
        query, key, value, shares, kept = ctx.saved_tensors
        weights = kept.to(shares.dtype).div_(1 - ctx.dropout)
        of_shares = (gradient @ value.transpose(-2, -1)).mul_(weights)
        of_value = weights.mul_(shares).transpose(-2, -1) @ gradient
        of_scores = torch._softmax_backward_data(of_shares, shares, -1, shares.dtype)
        of_query = (of_scores @ key.transpose(-2, -1)).mul_(ctx.root)
        of_key = (query.transpose(-2, -1) @ of_scores).transpose(-2, -1).mul_(ctx.root)
        return of_query, of_key, of_value, None
