"""Train the rows of a vocabulary that occur, and none of the others, to the same end.

A fit sees a few thousand of the tokens that a vocabulary has, which may be most of a model's
weights. The gradients of the others are 0, so that AdamW does nothing to them but let them decay:
their moments, their part in the gradient's norm and the zeros themselves need not be computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from al_ray.corpus.tokens.prepared import Tokens


@dataclass
class Others:
    """Tokens that do not occur.

    Attributes:
        kept: what they keep of themselves.
    """

    kept: float = 1.0


@contextmanager
def occurring(module: torch.nn.Module, tokens: Tokens, rows: NDArray[np.int64]) -> Iterator[Others]:
    """Within, the module's embedding has the weights of the tokens of these rows alone.

    It stays the same module, whose hooks see the ids that they saw before. Where there is none of
    the plain kind, or one whose weights are used twice, all stays as it is.
    """
    others, embedding = Others(), _embedding(module)
    if embedding is None:
        yield others
        return
    whole, padding = embedding.weight, embedding.padding_idx
    special = [tokens.pad_id] if padding is None else [tokens.pad_id, padding]
    ids = [np.asarray(tokens[row], np.int64) for row in rows]
    used = torch.from_numpy(np.unique(np.concatenate([*ids, np.array(special)]))).to(whole.device)
    places = torch.zeros(len(whole), dtype=torch.int64, device=whole.device)
    places[used] = torch.arange(len(used), device=whole.device)
    embedding.weight = torch.nn.Parameter(whole.detach()[used])
    embedding.padding_idx = None if padding is None else int(places[padding])
    hook = embedding.register_forward_pre_hook(lambda _, given: (places[given[0]], *given[1:]))
    try:
        yield others
    finally:
        hook.remove()
        with torch.no_grad():
            if others.kept != 1:
                whole.mul_(others.kept)
            whole[used] = embedding.weight
        embedding.weight, embedding.padding_idx = whole, padding


def _embedding(module: torch.nn.Module) -> torch.nn.Embedding | None:
    base: Any = getattr(module, "base_model", module)
    try:
        found = base.get_input_embeddings()
    except (AttributeError, NotImplementedError):  # it has none, or one of hashes
        return None
    if type(found) is not torch.nn.Embedding or not found.weight.requires_grad:
        return None
    if found.max_norm or found.sparse or found.scale_grad_by_freq:
        return None
    with_it = [
        part
        for part in module.modules()
        for parameter in part.parameters(recurse=False)
        if parameter is found.weight
    ]
    return found if len(with_it) == 1 else None
