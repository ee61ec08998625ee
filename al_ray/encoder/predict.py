"""Run a module over many rows."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from al_ray.config import Training
from al_ray.corpus.prepared import Tokens
from al_ray.encoder.batches import by_length, pad


def logits(
    module: torch.nn.Module, tokens: Tokens, rows: NDArray[np.int64], training: Training
) -> NDArray[np.float32]:
    """Logits (rows, labels), float32, in the order of `rows`.

    The batches follow from `rows` and the token budget alone, so that a chunk has the same result
    in any process.
    """
    assert training.token_budget is not None
    device = next(module.parameters()).device
    module.eval()
    out: NDArray[np.float32] | None = None
    with (
        torch.inference_mode(),
        torch.autocast(device.type, torch.bfloat16, enabled=training.precision == "bfloat16"),
    ):
        for batch in by_length(tokens.lengths[rows], training.token_budget):
            ids, mask = (torch.from_numpy(array).to(device) for array in pad(tokens, rows[batch]))
            answer = module(input_ids=ids, attention_mask=mask).logits.float().cpu().numpy()
            if out is None:
                out = np.empty((len(rows), answer.shape[1]), np.float32)
            out[batch] = answer
    assert out is not None, "no rows"
    return out
