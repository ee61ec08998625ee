"""Encoders of BERT's kind over rows that are put end to end: no place of a batch is padding.

Everything but attention works on single tokens, so it does not matter there where a row ends.
Where the head reads a row's first token alone, the last layer is computed for no other, but for
their keys and values. Transformers' own modules hold the weights, and embeddings and head are
theirs, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from al_ray.corpus.tokens.prepared import Tokens
from al_ray.learners.encoder.attention import Grouping, Sequences, attend, moved, sequences
from al_ray.learners.encoder.dropout import Drops
from al_ray.learners.encoder.head import MeanPooled
from al_ray.learners.encoder.source import PACKED


def can_pack(module: torch.nn.Module) -> bool:
    """Whether `Packed` says the same of rows as the module."""
    config: Any = getattr(module, "config", None)
    return (
        getattr(config, "model_type", None) in PACKED
        and getattr(config, "position_embedding_type", "absolute") == "absolute"
        and not config.is_decoder
    )


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows put end to end.

    Attributes:
        ids: int64 (1, tokens).
        positions: int64 (1, tokens), within the row, or its window.
        lengths: int64 (rows,), tokens of each row.
        sequences: each of which is a row or its window.
        first: int64 (rows,), with which of them each row begins.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    lengths: torch.Tensor
    first: torch.Tensor
    sequences: Sequences


def pack(tokens: Tokens, rows: NDArray[np.int64], grouping: Grouping, device: str) -> Batch:
    """These rows in this order; fewest groups where equal lengths are side by side.

    Args:
        tokens: of all rows.
        rows: which.
        grouping: which of them are attended to together.
        device: where the batch is to be.
    """
    lengths = tokens.lengths[rows].astype(np.int64)
    together = tokens.read_together(rows)
    begins = np.cumsum(together) - together
    facts = {
        "ids": np.concatenate([tokens[row] for row in rows])[None],
        "positions": (np.arange(together.sum()) - np.repeat(begins, together))[None],
        "lengths": lengths,
        "first": np.searchsorted(begins, np.cumsum(lengths) - lengths),
    }
    there = dict(zip(facts, moved(list(facts.values()), device), strict=True))
    return Batch(**there, sequences=sequences(together, grouping, device))


class Packed:
    """What a module says of packed rows.

    With `half`, products of matrices are of bfloat16, as under autocast; what is summed and
    normalised stays float32. Dropout is where the module has it, while it is in training mode.

    Attributes:
        grouping: of rows, in attention.

    Args:
        module: that `can_pack`.
        half: bfloat16.
        trained: gradients are wanted. Otherwise the weights of products are converted here, once.
    """

    def __init__(self, module: torch.nn.Module, half: bool, trained: bool = False) -> None:
        self._module: Any = module
        self._base: Any = cast(Any, module).base_model
        self._kind = torch.bfloat16 if half else torch.float32
        self._device = str(next(module.parameters()).device)
        near: Grouping = "near" if trained else "equal"
        self.grouping: Grouping = near if self._device == "cpu" else "all"
        self._held: dict[torch.nn.Module, tuple[torch.Tensor, torch.Tensor]] = {}
        self._blocked = half and not trained and self._device == "cpu" and _has_blocked()
        if half and not trained:
            for part in self._base.encoder.layer.modules():
                if isinstance(part, torch.nn.Linear):
                    self._held[part] = self._held_for(part)

    def logits(self, tokens: Tokens, rows: NDArray[np.int64]) -> torch.Tensor:
        """Float32 (rows, labels), of a head that has an output a text."""
        if isinstance(self._module, MeanPooled):
            return self._module.logits(self.means(tokens, rows))
        batch = self._pack(tokens, rows)
        first = self._hidden(batch, first_only=True)[batch.first][:, None]
        pooler = getattr(self._base, "pooler", None)
        if pooler is None:  # the head takes the first token itself
            answer = self._module.classifier(first)
        else:
            answer = self._module.classifier(self._module.dropout(pooler(first)))
        return cast(torch.Tensor, answer)

    def means(self, tokens: Tokens, rows: NDArray[np.int64]) -> torch.Tensor:
        """Mean of the last layer's vectors over each row's tokens, float32 (rows, width)."""
        batch = self._pack(tokens, rows)
        return means(self._hidden(batch), batch.lengths)

    def hidden(self, tokens: Tokens, rows: NDArray[np.int64]) -> torch.Tensor:
        """The last layer's vectors of the rows' tokens, put end to end, float32 (tokens, width)."""
        return self._hidden(self._pack(tokens, rows))

    def _pack(self, tokens: Tokens, rows: NDArray[np.int64]) -> Batch:
        return pack(tokens, rows, self.grouping, self._device)

    def _hidden(self, batch: Batch, first_only: bool = False) -> torch.Tensor:
        """The last layer's vectors of all tokens, or of each sequence's first, (…, width)."""
        base = self._base
        offset = base.embeddings.padding_idx + 1 if "Roberta" in type(base).__name__ else 0
        hidden = base.embeddings(
            input_ids=batch.ids,
            position_ids=batch.positions + offset,
            token_type_ids=torch.zeros_like(batch.ids),
        )
        if hasattr(base, "embeddings_project"):
            hidden = base.embeddings_project(hidden)
        hidden = hidden[0]
        drops = Drops() if self._base.embeddings.dropout.training else None
        *layers, last = base.encoder.layer
        for layer in layers:
            hidden = self._layer(layer, hidden, batch.sequences, drops)
        return self._layer(last, hidden, batch.sequences, drops, first_only)

    def _layer(
        self,
        layer: Any,
        hidden: torch.Tensor,
        within: Sequences,
        drops: Drops | None,
        first_only: bool = False,
    ) -> torch.Tensor:
        attention, inner = layer.attention.self, layer.intermediate
        given = asking = hidden.to(self._kind)
        if first_only:
            hidden, asking = (x.index_select(0, within.ends[:-1]) for x in (hidden, given))
        mixed = attend(
            [
                self._linear(attention.query, asking),
                self._linear(attention.key, given),
                self._linear(attention.value, given),
            ],
            within,
            attention.num_attention_heads,
            drops,
            attention.dropout.p,
        )
        hidden = self._add(layer.attention.output, mixed, hidden, drops)
        wide = inner.intermediate_act_fn(self._linear(inner.dense, hidden.to(self._kind)))
        return self._add(layer.output, wide, hidden, drops)

    def _add(
        self, output: Any, given: torch.Tensor, hidden: torch.Tensor, drops: Drops | None
    ) -> torch.Tensor:
        """The end of half a layer."""
        change = self._linear(output.dense, given)
        if drops:
            change = drops(change.float(), output.dropout.p)
        return cast(torch.Tensor, output.LayerNorm(hidden + change))

    def _linear(self, part: torch.nn.Linear, given: torch.Tensor) -> torch.Tensor:
        if part not in self._held:
            return functional.linear(given, part.weight.to(self._kind), part.bias.to(self._kind))
        weight, bias = self._held[part]
        if not self._blocked:
            return functional.linear(given, weight, bias)
        answer = torch.ops.mkldnn._linear_pointwise(given, weight, bias, "none", [], "")
        return cast(torch.Tensor, answer)

    def _held_for(self, part: torch.nn.Linear) -> tuple[torch.Tensor, torch.Tensor]:
        weight, bias = (x.detach().to(self._kind) for x in (part.weight, part.bias))
        if self._blocked:
            weight = torch.ops.mkldnn._reorder_linear_weight(weight, None)
        return weight, bias


def means(hidden: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Of vectors (tokens, width) over each row's tokens, (rows, width)."""
    return torch.segment_reduce(hidden, "mean", lengths=lengths, unsafe=True)


def _has_blocked() -> bool:
    """Whether oneDNN can be given weights in the order it reads them in, as torch.compile does."""
    return (
        torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
        and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    )


def packed(module: torch.nn.Module, half: bool) -> Packed:
    """For inference; kept with the module until its weights change, which torch counts."""
    state = (half, *(tensor._version for tensor in module.parameters()))
    kept = module.__dict__.get("_al_ray_packed")
    if kept is None or kept[0] != state:
        kept = (state, Packed(module, half))
        module.__dict__["_al_ray_packed"] = kept
    return cast(Packed, kept[1])
