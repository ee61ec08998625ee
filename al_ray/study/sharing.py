"""Which fits are the same in several trajectories, by what they are declared to be.

At their first step all trajectories of a seed have the same rows, and of one learner the same
weights to begin with: so have a committee's member at the rate of a single model, whatever is
retrained how, and a control of as many rows.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Mapping

from al_ray.strategies import build
from al_ray.study.chooser import RowsUpTo
from al_ray.study.trajectory import TrajectoryConfig


def first_fits(config: TrajectoryConfig) -> tuple[str, ...]:
    """A name for each member's fit at step 0, equal where the fits are; none of a frozen head's."""
    learner = config.learner
    if learner.head == "frozen" or isinstance(config.chooser, RowsUpTo):
        return ()
    needs = build(config.spec).needs if config.asked else frozenset()
    training = dataclasses.asdict(learner.training)
    common = {
        "corpus": config.corpus.digest,
        "model": learner.model.digest,
        "on_divergence": learner.on_divergence,
        "initial": config.schedule.initial,
        "validation": config.validation,
        "draw": config.seed,
        "predicts_loss": "predicted-loss" in needs,
    }
    named = []
    for rate, seed in zip(learner.rates, config.member_seeds, strict=True):
        # Its rate is the one that counts: what the training says is that of the evaluated member.
        own = {**common, "training": {**training, "learning_rate": rate}, "seed": seed}
        content = json.dumps(own, sort_keys=True).encode()
        named.append(hashlib.blake2b(content, digest_size=16).hexdigest())
    return tuple(named)


def shared_fits(fits: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """The names of those that several trajectories have, and how many do.

    Args:
        fits: by trajectory; see `first_fits`.
    """
    counts = Counter(name for names in fits.values() for name in set(names))
    return {name: n for name, n in counts.items() if n > 1}
