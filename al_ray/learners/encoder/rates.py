"""Learning rates that an encoder is trained at unless others are given."""

from __future__ import annotations

from al_ray.learners.encoder.source import HUB

LEARNING_RATE = {"kobert": 2e-5, "distilkobert": 2e-5, "mini": 3e-3}
DEFAULT_LEARNING_RATE = 1e-4


def learning_rate(model: str) -> float:
    """The default rate, which belongs to the model."""
    return LEARNING_RATE.get(model, DEFAULT_LEARNING_RATE)


KOBERT_RATES = (5e-4, 2e-5, 1e-5)
"""Of the reference study's committee."""

MULTIPLES = (2.0, 1.0, 0.5)
"""Committee rates of other models, as multiples of the evaluated member's."""


def committee_rates(model: str, rate: float) -> tuple[float, ...]:
    """Of a committee's members, of which the evaluated one has this rate."""
    return KOBERT_RATES if model in HUB else tuple(multiple * rate for multiple in MULTIPLES)
