"""A cheap learner to be honest against: a linear model on the pretrained encoder's vectors.

The vectors of all rows are computed once a study; a fit is a logistic regression, and scoring a
product of matrices.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from al_ray.corpus.tokens.prepared import Tokens
from al_ray.errors import AlRayError
from al_ray.study.training import Device, Training

if TYPE_CHECKING:
    import torch

PENALTY = 0.1
"""Of the weights, as scikit-learn's C, for features of deviation 1 (docs/recipes.md)."""

PSEUDO = 1e-3
"""Weight of one made-up row a label, at the mean of the pool: with none, a label that is not among
the labelled rows would have probability 0 and an infinite loss."""

Linear = dict[str, NDArray[np.float32]]
"""`coefficients` (labels, width) and `intercepts` (labels,)."""


def embed(
    encoder: Path, tokens: Tokens, rows: NDArray[np.int64], training: Training, device: Device
) -> NDArray[np.float32]:
    """Mean of the encoder's last layer over each row's tokens, float32 (rows, width).

    Weights that the folder does not have (all of `mini`) are drawn from seed 0.
    """
    import torch

    from al_ray.learners.encoder.batches import pad
    from al_ray.learners.encoder.head import mean
    from al_ray.learners.encoder.load import load
    from al_ray.learners.encoder.packed import can_pack, packed
    from al_ray.learners.encoder.precision import body_in_half
    from al_ray.learners.encoder.predict import by_batch
    from al_ray.learners.encoder.process import set_up

    set_up(device, training.threads)
    module: Any = load(encoder, 2, 0).to(device).eval()
    half = training.precision == "bfloat16"

    def means(rows: NDArray[np.int64]) -> list[torch.Tensor]:
        if can_pack(module):
            return [packed(module, half).means(tokens, rows)]
        ids, mask = (torch.from_numpy(array).to(device) for array in pad(tokens, rows))
        with body_in_half(module, half):
            last = module.base_model(input_ids=ids, attention_mask=mask).last_hidden_state
        return [mean(last, mask)]

    with torch.inference_mode():
        return by_batch(tokens, rows, training, means)[0]


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
    mean, scale = scaling(out[:train])
    for begin in range(0, rows, 65536):
        block = slice(begin, begin + 65536)
        out[block] = (out[block] - mean) * scale
    del out  # closed, hence written


def scaling(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and 1 / deviation (width,) of each feature of vectors (rows, width); 0 if constant."""
    mean = vectors.mean(axis=0, dtype=np.float64)
    deviation = vectors.std(axis=0, dtype=np.float64)
    return mean, np.where(deviation > 0, 1 / np.where(deviation > 0, deviation, 1), 0)


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


def start(
    module: torch.nn.Module,
    tokens: Tokens,
    rows: NDArray[np.int64],
    labels: NDArray[np.int32],
    training: Training,
) -> None:
    """Put a module's classification layer where `fit` ends on what the layer is fed.

    The first half of linear probing then fine-tuning (Kumar et al. 2022), so that fine-tuning does
    not bend the encoder towards a random layer. Features are standardised over these rows, which
    are all that there are here, and that is folded into weight and bias.

    Args:
        module: with pretrained weights, on its device; its other weights stay as they are.
        tokens: of the corpus.
        rows: (rows,) to be trained on; their order does not matter.
        labels: (rows,) what the oracle answered for them.
        training: the recipe. A batch has no more tokens than an update's may, which fits anyway.

    Raises:
        AlRayError: the module has no linear classification layer with a bias.
    """
    import torch
    from threadpoolctl import threadpool_limits

    from al_ray.learners.encoder.head import classifier
    from al_ray.learners.encoder.predict import observe

    layer = classifier(module)
    if layer.bias is None:
        raise AlRayError("--start linear: the model's last layer has no bias; leave it out")
    order = np.argsort(rows, kind="stable")
    rows, labels = rows[order], labels[order]
    batched = replace(training, token_budget=training.batch_size * training.max_length)
    vectors = observe(module, tokens, rows, batched, {"vectors"}).vectors
    assert vectors is not None
    mean, scale = scaling(vectors)
    with threadpool_limits(training.threads, "blas"):
        linear, *_ = fit(((vectors - mean) * scale).astype(np.float32), labels, layer.out_features)
    weight = linear["coefficients"] * scale
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight))
        layer.bias.copy_(torch.from_numpy(linear["intercepts"] - weight @ mean))
