"""Strategies of one's own, as a user would write them."""

import inspect
import os
import signal
from dataclasses import replace

import numpy as np

from al_ray.strategies import Outputs, Strategy
from al_ray.strategies.built_in.core_set import CoreSet


class Margin(Strategy):
    name = "my-margin"
    family = "prediction-based"

    def score(self, outputs: Outputs) -> np.ndarray:
        p = np.sort(np.exp(outputs.log_probabilities[0]), axis=1)
        return p[:, -2] - p[:, -1]


class Broken(Strategy):
    name = "broken"
    family = "prediction-based"

    def score(self, outputs: Outputs) -> np.ndarray:
        return np.full(len(outputs), np.nan)


class Mortal(CoreSet):
    """Kills the shard that holds it at the third pick, but not the one that comes after."""

    name = "mortal"

    def begin(self, outputs, draw):
        return MortalField(super().begin(outputs, draw))


class MortalField:
    def __init__(self, field):
        self.field, self.taken = field, 0
        self.values, self.centre = field.values, field.centre

    def take(self, centre):
        import ray

        self.taken += 1
        if self.taken == 3 and not ray.get_runtime_context().was_current_actor_reconstructed:
            os.kill(os.getpid(), signal.SIGKILL)
        self.field.take(centre)


class Wrong(CoreSet):
    """Its vectors are not numbers, of every third row."""

    name = "wrong"

    def begin(self, outputs, draw):
        vectors = outputs.vectors.copy()
        vectors[::3] = np.nan
        return super().begin(replace(outputs, vectors=vectors), draw)


def _called_by(module: str, function: str) -> bool:
    frames = inspect.stack()
    return any(f.filename.endswith(module) and f.function == function for f in frames)


class Doomed(Margin):
    """The process of a shard never survives its construction."""

    name = "doomed"

    def __init__(self):
        if _called_by("workers/shard.py", "__init__"):
            os.kill(os.getpid(), signal.SIGKILL)


class Lethal(Margin):
    """Kills the loop in the second step that it does, so that every attempt gains one."""

    name = "lethal"
    asked = 0

    @property
    def ranks(self):
        if _called_by("al_ray/loop/trajectory.py", "_score"):
            self.asked += 1
            if self.asked == 2:
                os.kill(os.getpid(), signal.SIGKILL)
        return True


class Deadly(Margin):
    """Kills the process that scores."""

    name = "deadly"

    def score(self, outputs):
        os.kill(os.getpid(), signal.SIGKILL)


class Mistaken(Margin):
    """A mistake in a program, of which al_ray knows nothing."""

    name = "mistaken"

    def score(self, outputs):
        raise ZeroDivisionError("division by zero\nin a strategy of one's own")
