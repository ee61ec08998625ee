"""The loss-prediction module of learning loss (Yoo & Kweon 2019), and how it is trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from al_ray.errors import AlRayError
from al_ray.randomness import derive

NAME = "loss_prediction"
WIDTH = 128
MARGIN = 1.0
WEIGHT = 1.0
ATTACHED = 0.6
"""Share of the updates in which its gradient reaches the encoder: 120 of the paper's 200."""


class LossPrediction(torch.nn.Module):
    """From the output of each layer of an encoder to one number a row.

    Each layer's output is averaged over a row's tokens, projected to `WIDTH` numbers and rectified;
    a linear layer makes one number of all of these.
    """

    def __init__(self, layers: int, width: int) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList(torch.nn.Linear(width, WIDTH) for _ in range(layers))
        self.last = torch.nn.Linear(layers * WIDTH, 1)

    def forward(self, hidden: Sequence[torch.Tensor], mask: torch.Tensor) -> torch.Tensor:
        """Predicted loss (rows,) of each layer's output (rows, tokens, width)."""
        weight = mask[:, :, None].to(hidden[0].dtype)
        means = [(layer * weight).sum(dim=1) / weight.sum(dim=1) for layer in hidden]
        features = [torch.relu(fc(x)) for fc, x in zip(self.layers, means, strict=True)]
        predicted: torch.Tensor = self.last(torch.cat(features, dim=1))
        return predicted[:, 0]


def attach(module: torch.nn.Module, seed: int) -> None:
    """Give an encoder a loss-prediction module, drawn from (seed, 'loss prediction').

    Raises:
        AlRayError: the encoder does not say how many layers it has, and how wide they are.
    """
    config: Any = module.config
    layers = getattr(config, "num_hidden_layers", None)
    width = getattr(config, "hidden_size", None)
    if not layers or not width:
        raise AlRayError("the model names no num_hidden_layers and hidden_size to predict from")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, 0, "loss prediction"))
        setattr(module, NAME, LossPrediction(int(layers), int(width)))


def loss_prediction(module: torch.nn.Module) -> LossPrediction | None:
    """The one that the module was given, or None."""
    found = getattr(module, NAME, None)
    assert found is None or isinstance(found, LossPrediction)
    return found


def ranking_loss(predicted: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Mean over pairs of max(0, margin - s (predicted_i - predicted_j)), a scalar.

    Row i is paired with row rows - 1 - i, so that with an odd number the middle one is left out.
    s is 1 where the true loss of i is the larger, else -1, also where both are equal, as in the
    paper. No gradient reaches the true losses.

    Args:
        predicted: (rows,).
        true: (rows,), each row's loss.
    """
    pairs = len(predicted) // 2
    if not pairs:
        return predicted.sum() * 0.0
    true = true.detach()
    difference = predicted[:pairs] - predicted.flip(0)[:pairs]
    sign = torch.where(true[:pairs] > true.flip(0)[:pairs], 1.0, -1.0)
    return torch.relu(MARGIN - sign * difference).mean()
