"""What to label next: pure functions from model outputs to scores, and the selection rule."""

from al_ray.strategies.base import Outputs, Strategy
from al_ray.strategies.probabilities import log_softmax
from al_ray.strategies.query_by_committee import DISAGREEMENTS
from al_ray.strategies.registry import (
    EQUIVALENT_ON_TWO_LABELS,
    STRATEGIES,
    build,
    source_digest,
)
from al_ray.strategies.selection import Selection, picks_digest, select

__all__ = [
    "DISAGREEMENTS",
    "EQUIVALENT_ON_TWO_LABELS",
    "STRATEGIES",
    "Outputs",
    "Selection",
    "Strategy",
    "build",
    "log_softmax",
    "picks_digest",
    "select",
    "source_digest",
]
