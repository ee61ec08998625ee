"""Who fits and who scores, in plain Python; `cluster/` puts each of these into an actor.

A member trains one model. A shard runs rows through weights that it is sent. Neither keeps anything
between steps that a result depends on, so that any of them can do any call, again.
"""

from al_ray.workers.assignment import Assignment, Post
from al_ray.workers.local import LocalWorkers
from al_ray.workers.make import make_member, make_shard
from al_ray.workers.member import Member, Trainer
from al_ray.workers.memory import Budgets
from al_ray.workers.messages import (
    FitJob,
    Fitted,
    Predictions,
    Question,
    Ref,
    Scores,
    Setup,
    Workers,
    chunks,
    join,
    join_outputs,
    join_predictions,
)
from al_ray.workers.shard import Shard

__all__ = [
    "Assignment",
    "Budgets",
    "FitJob",
    "Fitted",
    "LocalWorkers",
    "Member",
    "Post",
    "Predictions",
    "Question",
    "Ref",
    "Scores",
    "Setup",
    "Shard",
    "Trainer",
    "Workers",
    "chunks",
    "join",
    "join_outputs",
    "join_predictions",
    "make_member",
    "make_shard",
]
