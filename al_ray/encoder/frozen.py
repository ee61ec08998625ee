"""A cheap learner to be honest against: a linear model on the pretrained encoder's vectors.

The vectors of all rows are computed once a study; a fit is a logistic regression, and scoring a
product of matrices.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from al_ray.config import Training
from al_ray.corpus.prepared import Tokens

PENALTY = 0.1
"""Of the weights, as scikit-learn's C, for features of deviation 1 (docs/recipes.md)."""

PSEUDO = 1e-3
"""Weight of one made-up row a label, at the mean of the pool: with none, a label that is not among
the labelled rows would have probability 0 and an infinite loss."""

Linear = dict[str, NDArray[np.float32]]
"""`coefficients` (labels, width) and `intercepts` (labels,)."""


def embed(
    encoder: Path, tokens: Tokens, rows: NDArray[np.int64], training: Training, device: str
) -> NDArray[np.float32]:
    """Mean of the encoder's last layer over each row's tokens, float32 (rows, width).

    Weights that the folder does not have (all of `mini`) are drawn from seed 0.
    """
    import torch

    from al_ray.encoder.allocator import keep_freed
    from al_ray.encoder.batches import by_length, pad
    from al_ray.encoder.head import mean
    from al_ray.encoder.load import load
    from al_ray.encoder.packed import can_pack, pack, packed
    from al_ray.encoder.precision import body_in_half

    assert training.token_budget is not None
    keep_freed()
    torch.set_num_threads(training.threads)
    module: Any = load(encoder, 2, 0).to(device).eval()
    half = training.precision == "bfloat16"

    def means(rows: NDArray[np.int64]) -> torch.Tensor:
        if can_pack(module):
            return packed(module, half).means(pack(tokens, rows))
        ids, mask = (torch.from_numpy(array).to(device) for array in pad(tokens, rows))
        with body_in_half(module, half):
            last = module.base_model(input_ids=ids, attention_mask=mask).last_hidden_state
        return mean(last, mask)

    out: NDArray[np.float32] | None = None
    with torch.inference_mode():
        for batch in by_length(tokens.lengths[rows], training.token_budget):
            part = means(rows[batch]).cpu().numpy()
            if out is None:
                out = np.empty((len(rows), part.shape[1]), np.float32)
            out[batch] = part
    assert out is not None, "no rows"
    return out


def standardise(parts: Iterator[NDArray[np.float32]], path: Path, rows: int, train: int) -> None:
    """Write vectors (rows, width) as a NumPy file, each feature at mean 0 and deviation 1 over the
    first `train` rows; a feature that is constant there is 0.
    """
    out: NDArray[np.float32] | None = None
    start = 0
    for part in parts:
        if out is None:
            out = np.lib.format.open_memmap(
                path, mode="w+", dtype=np.float32, shape=(rows, part.shape[1])
            )
        out[start : start + len(part)] = part
        start += len(part)
    assert out is not None, "no rows"
    mean = out[:train].mean(axis=0, dtype=np.float64)
    deviation = out[:train].std(axis=0, dtype=np.float64)
    scale = np.where(deviation > 0, 1 / np.where(deviation > 0, deviation, 1), 0)
    for begin in range(0, rows, 65536):
        block = slice(begin, begin + 65536)
        out[block] = (out[block] - mean) * scale
    del out  # closed, hence written


def fit(
    vectors: NDArray[np.float32], labels: NDArray[np.int32], n_labels: int
) -> tuple[Linear, int, float]:
    """Multinomial logistic regression with an L2 penalty, to its optimum.

    Args:
        vectors: (rows, width), standardised.
        labels: (rows,).
        n_labels: of the corpus; those that are not among `labels` become unlikely, not impossible.

    Returns:
        The model, the optimiser's iterations, and the mean loss in nats on these rows.
    """
    from sklearn.linear_model import LogisticRegression

    zeros = np.zeros((n_labels, vectors.shape[1]))
    features = np.concatenate([vectors.astype(np.float64), zeros])
    targets = np.concatenate([labels, np.arange(n_labels)])
    weights = np.concatenate([np.ones(len(labels)), np.full(n_labels, PSEUDO)])
    model = LogisticRegression(C=PENALTY, max_iter=1000).fit(features, targets, weights)
    coefficients, intercepts = model.coef_, model.intercept_
    if n_labels == 2:  # scikit-learn has one row for two labels
        coefficients = np.concatenate([-coefficients, coefficients]) / 2
        intercepts = np.concatenate([-intercepts, intercepts]) / 2
    linear = {
        "coefficients": coefficients.astype(np.float32),
        "intercepts": intercepts.astype(np.float32),
    }
    scores = logits(linear, vectors).astype(np.float64)
    shifted = scores - scores.max(axis=1, keepdims=True)
    right = shifted[np.arange(len(labels)), labels]
    loss = float((np.log(np.exp(shifted).sum(axis=1)) - right).mean())
    return linear, int(model.n_iter_[0]), loss


def logits(linear: Linear, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Float32 (rows, labels) of vectors (rows, width)."""
    product = vectors @ linear["coefficients"].T + linear["intercepts"]
    return np.asarray(product, np.float32)
