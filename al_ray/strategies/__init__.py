"""What to label next: pure functions from model outputs to scores, and the selection rules."""

from al_ray.strategies.base import Need, Outputs, Sequential, Strategy
from al_ray.strategies.built_in.query_by_committee import DISAGREEMENTS, QueryByCommittee
from al_ray.strategies.diversity import AHEAD, diverse
from al_ray.strategies.probabilities import log_softmax
from al_ray.strategies.registry import (
    EQUIVALENT_ON_TWO_LABELS,
    STRATEGIES,
    build,
    check_needs,
    source_digest,
    split,
)
from al_ray.strategies.selection import Selection, drawn, picks_digest, select
from al_ray.strategies.sequential import Best, Holder, Picks, pick
from al_ray.strategies.units import best_path, means

QBC = QueryByCommittee.name

__all__ = [
    "AHEAD",
    "DISAGREEMENTS",
    "EQUIVALENT_ON_TWO_LABELS",
    "QBC",
    "STRATEGIES",
    "Best",
    "Holder",
    "Need",
    "Outputs",
    "Picks",
    "Selection",
    "Sequential",
    "Strategy",
    "best_path",
    "build",
    "check_needs",
    "diverse",
    "drawn",
    "log_softmax",
    "means",
    "pick",
    "picks_digest",
    "select",
    "source_digest",
    "split",
]
