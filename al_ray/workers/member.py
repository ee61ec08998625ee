"""A member trains one model."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from al_ray.errors import OutOfMemory, TrainingDiverged
from al_ray.workers.kept_fits import kept, path_of
from al_ray.workers.memory import no_room, told_apart
from al_ray.workers.messages import FitJob, Fitted, Setup
from al_ray.workers.module import call_at_passes, device_name, free_device, make_module

if TYPE_CHECKING:
    from al_ray.corpus.tokens.prepared import Progress
    from al_ray.learners.encoder.fit import FitReport
    from al_ray.learners.encoder.load import Weights


class Trainer(Protocol):
    """A member of any head."""

    def fit(self, job: FitJob, progress: Progress | None = None) -> tuple[Weights, Fitted]:
        """Weights, and a report without them; `progress` is told of updates, if there are any."""

    def device(self) -> str:
        """The name of the device this runs on."""

    def watch(self, call: Callable[[], None]) -> None:
        """Call this at every pass of the model, if it has passes."""


class Member:
    """Trains one model, from pretrained or given weights."""

    def __init__(self, setup: Setup, seed: int, strategy: str) -> None:
        self._setup = setup
        self._module = make_module(setup, seed, strategy)
        from al_ray.corpus.tokens.prepared import Tokens
        from al_ray.learners.encoder.load import get_weights

        self._tokens = Tokens(setup.tokens)
        self._pretrained = get_weights(self._module)
        self._call: Callable[[], None] = lambda: None

    def fit(self, job: FitJob, progress: Progress | None = None) -> tuple[Weights, Fitted]:
        """Weights apart from the report, so that each can travel its own way."""
        if job.kept is None or self._setup.fits is None:
            return self._made(job, progress)
        path = path_of(self._setup.fits, job.kept)
        return kept(path, lambda: self._made(job, progress), lambda: self._call())

    def _made(self, job: FitJob, progress: Progress | None) -> tuple[Weights, Fitted]:
        from al_ray.learners.encoder.allocator import return_freed
        from al_ray.learners.encoder.load import get_weights

        for halving in range(job.halvings + 1):
            rate = job.learning_rate / 2**halving
            try:
                with told_apart():
                    report = self._fit(job, rate, progress)
                break
            except OutOfMemory as error:
                raise no_room(error) from None
            except TrainingDiverged:
                if halving == job.halvings:
                    raise
            finally:
                free_device()
        weights = get_weights(self._module)
        free_device()
        return_freed()  # the optimiser's state is as large as two models more
        changed = rate if halving else None
        return weights, Fitted(None, report.updates, report.train_loss, changed, report.part_rows)

    def _fit(self, job: FitJob, rate: float, progress: Progress | None) -> FitReport:
        from al_ray.learners import linear
        from al_ray.learners.encoder.fit import fit
        from al_ray.learners.encoder.load import set_weights

        module, tokens, training = self._module, self._tokens, self._setup.training
        set_weights(module, self._pretrained if job.initial is None else job.initial)
        if job.initial is None and training.start == "linear":
            linear.start(module, tokens, job.rows, job.labels, training)
        facts = (job.rows, job.labels, training, rate, job.seed, job.step, self._setup.task)
        return fit(module, tokens, *facts, progress)

    def device(self) -> str:
        """The name of the device this runs on."""
        return device_name(self._module)

    def watch(self, call: Callable[[], None]) -> None:
        """Call this at every pass of the model."""
        self._call = call
        call_at_passes(self._module, call)
