"""What a study costs before it runs: work counted, times a speed that was measured.

Arithmetic alone, without Ray or torch: `cluster/plan.py` measures the speed and asks.
"""

from al_ray.planning.alike import alike
from al_ray.planning.estimate import Arm, Estimate, estimate, stretch, trial_seconds
from al_ray.planning.left import Left
from al_ray.planning.remaining import Course, about, study_line
from al_ray.planning.schedule import Room, Wanted, at_first, finish
from al_ray.planning.speed import Phases, Speed
from al_ray.planning.storage import Storage, storage_of
from al_ray.planning.work import Facts, Tokens, Work, facts_of, step_work

__all__ = [
    "Arm",
    "Course",
    "Estimate",
    "Facts",
    "Left",
    "Phases",
    "Room",
    "Speed",
    "Storage",
    "Tokens",
    "Wanted",
    "Work",
    "about",
    "alike",
    "at_first",
    "estimate",
    "facts_of",
    "finish",
    "step_work",
    "storage_of",
    "stretch",
    "study_line",
    "trial_seconds",
]
