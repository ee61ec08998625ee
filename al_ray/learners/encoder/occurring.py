"""Train the rows of a vocabulary that occur, and none of the others, to the same end.

A fit sees a few thousand of the tokens that a vocabulary has, which may be most of a model's
weights. The gradients of the others are 0, so that AdamW does nothing to them but let them decay:
their moments, their part in the gradient's norm and the zeros themselves need not be computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from al_ray.corpus.tokens.prepared import Tokens


class Occurring(torch.nn.Module):
    """Stands for an embedding, of some tokens alone.

    Attributes:
        weight: (used, width), to train.
        decayed: what the other rows keep of themselves.
    """

    def __init__(self, whole: torch.nn.Embedding, used: NDArray[np.int64]) -> None:
        super().__init__()
        device = whole.weight.device
        self._used = torch.from_numpy(used).to(device)
        self._places = torch.zeros(len(whole.weight), dtype=torch.int64, device=device)
        self._places[self._used] = torch.arange(len(used), device=device)
        self._padding = whole.padding_idx
        if self._padding is not None:
            self._padding = int(self._places[self._padding])
        self.weight = torch.nn.Parameter(whole.weight.detach()[self._used])
        self.decayed = 1.0

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Vectors (…, width) of token ids (…)."""
        return functional.embedding(self._places[ids], self.weight, self._padding)

    def give_back(self, whole: torch.nn.Embedding) -> None:
        """What was learnt, to the embedding that this stands for."""
        with torch.no_grad():
            if self.decayed != 1:
                whole.weight.mul_(self.decayed)
            whole.weight[self._used] = self.weight


@contextmanager
def occurring(
    module: torch.nn.Module, tokens: Tokens, rows: NDArray[np.int64]
) -> Iterator[Occurring | None]:
    """Within, the module's embedding is of the tokens of these rows alone; None: it has none of the
    plain kind, or one that is used twice.
    """
    base: Any = getattr(module, "base_model", module)
    whole = base.get_input_embeddings() if hasattr(base, "get_input_embeddings") else None
    if type(whole) is not torch.nn.Embedding or whole.max_norm or whole.sparse:
        yield None
        return
    if not whole.weight.requires_grad or whole.scale_grad_by_freq or _shared(module, whole):
        yield None
        return
    padding = [] if whole.padding_idx is None else [np.array([whole.padding_idx])]
    ids = [np.asarray(tokens[row], np.int64) for row in rows]
    used = np.unique(np.concatenate([*ids, np.array([tokens.pad_id]), *padding]))
    small = Occurring(whole, cast("NDArray[np.int64]", used))
    base.set_input_embeddings(small)
    try:
        yield small
    finally:
        base.set_input_embeddings(whole)
        small.give_back(whole)


def _shared(module: torch.nn.Module, whole: torch.nn.Embedding) -> bool:
    """Whether anything else of the module has these weights."""
    with_it = [
        part
        for part in module.modules()
        for parameter in part.parameters(recurse=False)
        if parameter is whole.weight
    ]
    return len(with_it) > 1
