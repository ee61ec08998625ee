"""From work to seconds."""

from __future__ import annotations

from dataclasses import dataclass, fields

from al_ray.planning.work import Sums, Work


@dataclass(frozen=True)
class Phases(Sums):
    """Seconds of a trajectory, by what they are spent on."""

    start: float = 0.0
    fit: float = 0.0
    evaluate: float = 0.0
    score: float = 0.0
    select: float = 0.0
    record: float = 0.0

    @property
    def total(self) -> float:
        """All of them."""
        return sum((getattr(self, field.name) for field in fields(self)), 0.0)


@dataclass(frozen=True)
class Speed:
    """Seconds, with as many actors at work as there will be; all but the last three are measured.

    Attributes:
        start: until the actors of a trial are there.
        fit: of a fit, beside its updates: weights that go in and out.
        update: of an update, beside its tokens: optimiser and clipping.
        train_token: forward and backward.
        call: of a chunk, beside its tokens; loading the weights once a step is counted with it.
        score_token: forward.
        parameters: bytes of the weights of one model.
        step: of a step, for the loop, the tables and Tune.
        alone: of a step in the loop's own process, for the tables and Tune.
        row: of a test row, for its prediction in the tables.
        number: of a number of vectors that is read (a pick reads 3.8 a nanosecond with two
            threads, in docs/benchmarks.md).
        byte: of a checkpoint, to disk.
    """

    start: float
    fit: float
    update: float
    train_token: float
    call: float
    score_token: float
    parameters: int
    step: float = 0.1
    alone: float = 0.02
    row: float = 5e-6
    number: float = 1e-9
    byte: float = 4e-9

    def seconds(
        self,
        work: Work,
        *,
        warm: bool,
        members: int,
        stretch: float = 1.0,
        shards: int = 1,
        alone: bool = False,
    ) -> Phases:
        """Of one step.

        Args:
            work: of the step.
            warm: whether its weights are kept.
            members: models trained.
            stretch: how much longer the members take at the same time than one alone.
            shards: that share the scoring.
            alone: whether the loop does it all by itself.
        """
        fits = self.fit + work.updates * self.update + work.train_tokens * self.train_token
        if work.fit_numbers:
            fits = work.fit_numbers * self.number
        return Phases(
            fit=stretch * fits,
            evaluate=_shared(
                work.test_tokens * self.score_token + work.test_calls * self.call,
                work.test_calls,
                shards,
            ),
            score=_shared(
                work.score_tokens * self.score_token + work.score_calls * self.call,
                work.score_calls,
                shards,
            )
            + work.score_numbers * self.number / shards,
            select=work.select_numbers * self.number / shards,
            record=(self.alone if alone else self.step)
            + work.rows_tested * self.row
            + (members * self.parameters * self.byte if warm else 0.0),
        )


def _shared(seconds: float, calls: int, shards: int) -> float:
    """Chunks are not divided: of five, three shards do two, two and one."""
    if calls < 1:
        return seconds
    return seconds * -(-calls // min(shards, calls)) / calls
