"""Give a trajectory's rows to another that is the same by mathematics.

On two labels least confidence, margin and entropy put the pool in one order, so one of them runs
and the others are given its rows, with the scores that they would have had.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from al_ray.loop.record import step_is_done, steps_done
from al_ray.results import Store
from al_ray.strategies import Outputs, build
from al_ray.study.trajectory import TrajectoryConfig


def follow(store: Store, leader: TrajectoryConfig, follower: TrajectoryConfig) -> int:
    """Copy what the leader has done and the follower has not; answers with the follower's steps."""
    arm = {"strategy": follower.strategy, "family": follower.chooser.family}
    if store.read_one("selections", follower.id, -1) is None:
        if store.read_one("selections", leader.id, -1) is None:
            return 0
        store.copy(leader.id, follower.id, -1, "selections")
    for step in range(steps_done(store, leader)):
        selects = step < leader.schedule.steps - 1
        if step_is_done(store, follower.id, step, selects):
            continue
        chosen = store.read_one("selections", leader.id, step)
        if selects and chosen is not None:
            scores = scores_from_confidence(follower.strategy, chosen.confidence.to_numpy())
            store.copy(leader.id, follower.id, step, "selections", score=scores)
        if store.read_one("scores", leader.id, step) is not None:
            # The ledger has no confidence to make the other's score from.
            store.copy(leader.id, follower.id, step, "scores", score=None)
        store.copy(leader.id, follower.id, step, "members")
        store.copy(leader.id, follower.id, step, "predictions")
        if store.read_one("metrics", leader.id, step) is not None:
            store.copy(leader.id, follower.id, step, "metrics")
        if store.read_one("stop_set", leader.id, step) is not None:
            store.copy(leader.id, follower.id, step, "stop_set")
        store.copy(leader.id, follower.id, step, "steps", **arm)
    return steps_done(store, follower)


def scores_from_confidence(strategy: str, confidence: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores (rows,) on two labels of rows whose prediction has this probability (rows,)."""
    with np.errstate(divide="ignore"):
        pair = np.log(np.stack([confidence, 1.0 - confidence], axis=1))
    return build(strategy).score(Outputs(pair[np.newaxis]))
