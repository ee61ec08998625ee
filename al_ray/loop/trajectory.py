"""The loop: one step of active learning at a time, in plain Python.

Read `Trajectory.step` from top to bottom. What fits and scores is behind `Workers`; test labels
are read in `evaluation` only, whose result is written and never looked at again.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from al_ray import randomness
from al_ray.corpus.tokens.prepared import Rows
from al_ray.errors import AlRayError, NotNumbers
from al_ray.loop.clock import Clock
from al_ray.loop.evaluation import VALIDATION, Columns, answered_on, evaluated_on_tests
from al_ray.loop.oracle import OfCorpus, Oracle
from al_ray.loop.record import Recorder, resumes_at
from al_ray.results import Store
from al_ray.strategies import AHEAD, Selection, Sequential, build, diverse, drawn, select
from al_ray.study.chooser import Query, RowsOf, RowsUpTo
from al_ray.study.config import stop_set_of
from al_ray.study.learner import LOWER
from al_ray.study.sharing import first_fits
from al_ray.study.trajectory import TrajectoryConfig
from al_ray.workers import FitJob, Fitted, Question, Ref, Scores, Workers

HALVINGS = 4
"""How often a fit that diverges is begun again at half the rate, where that is wanted."""

NAMED = 5
"""How many row ids an error gives."""


@dataclass(frozen=True)
class Step:
    """What is said of a step while a study runs; the tables have the rest.

    Attributes:
        accuracy: the task's score on the main test; where there is none, as in a search, on
            validation rows; not a number where nobody has labelled any yet.
    """

    step: int
    n_labelled: int
    accuracy: float
    seconds: float
    phases: Mapping[str, float] = field(default_factory=dict)
    n_scored: int = 0


class Trajectory:
    """All steps of one configuration, continued from what is already on disk."""

    def __init__(
        self,
        config: TrajectoryConfig,
        rows: Rows,
        workers: Workers,
        store: Store,
        ledger: bool = False,
        stop_set: int | None = 0,
        shared: Collection[str] = (),
        oracle: Oracle | None = None,
        first: NDArray[np.int64] | None = None,
    ) -> None:
        """Begin, or go on.

        Args:
            config: what it is.
            rows: of the corpus.
            workers: who fit and score.
            store: of the study.
            ledger: whether all scores are written.
            stop_set: see `stop_set_of`.
            shared: names of fits that other trajectories need, too.
            oracle: who labels; None: the corpus.
            first: rows of the first draw; None: the seed's.
        """
        self.config = config
        self._rows = rows
        self._workers = workers
        self._store = store
        self._shared = shared
        self._record = Recorder(config, rows, store, ledger)
        self._task = self._record.task
        self._oracle: Oracle = oracle or OfCorpus(rows, self._task)
        chooser = config.chooser
        self._strategy = build(config.spec) if config.query else None
        # Initial draws and random arms are prefixes of it.
        draw = rows.train[drawn(rows.hashes[rows.train], config.seed)]
        # From the far end, so that validation rows leave the order of the draws as it is.
        self._validation = draw[len(draw) - config.validation :]
        self._stop_set = self._drawn(stop_set) if config.asked else draw[:0]
        self._labelled: list[NDArray[np.int64]] = (
            self._chosen_by(chooser.trajectory, range(-1, chooser.step))
            if isinstance(chooser, RowsUpTo)
            else [draw[: config.schedule.initial] if first is None else first]
        )

    def run(self) -> Iterator[Step]:
        """Do the steps that are not done yet and need not wait, and say something of each."""
        first = self._resume()
        weights: Sequence[Ref] | None = self._initial_weights(first)
        for step in range(first, self.config.schedule.steps):
            if self._oracle.waits(step):
                return
            with self._naming(step):
                weights, said = self.step(step, weights)
            yield said

    def step(self, step: int, previous: Sequence[Ref] | None) -> tuple[Sequence[Ref], Step]:
        """Fit, evaluate, score the pool, select, record.

        Args:
            step: its number.
            previous: each member's weights after the last step; None: the pretrained ones.

        Returns:
            Each member's weights after this step, and what to say of it.
        """
        clock = Clock()
        fitted = self._fit(step, previous)
        weights = [member.weights for member in fitted]
        clock.lap("fit_seconds")
        shared = [member.seconds or 0.0 for member in fitted if member.shared]
        if shared:  # what it cost, whoever made it; `step_seconds` is what this step took
            clock.laps["fit_seconds"] = max(clock.laps["fit_seconds"], *shared)

        evaluated = weights[self.config.learner.evaluated]
        tests, predictions, metrics = evaluated_on_tests(
            self._task, self._rows, lambda rows: self._workers.predict(rows, evaluated)
        )
        validation, told = self._validate(evaluated)
        self._predict_stop_set(step, evaluated)
        clock.lap("evaluate_seconds")

        pool = self._pool()
        candidates = self._candidates(pool, step)
        selects = step < self.config.schedule.steps - 1
        scores = self._score(candidates, weights, step) if selects else None
        clock.lap("score_seconds")

        chosen = self._select(candidates, scores, weights, step) if selects else None
        clock.lap("select_seconds")

        digest = self._record.selection(step, candidates, chosen, scores) if chosen else None
        self._record.members(step, fitted, candidates, scores)
        self._record.predictions(step, told if told and not self._rows.tests else predictions)
        self._record.metrics(step, metrics)
        if self.config.schedule.retrain != "cold":
            self._record.checkpoint(step, [self._workers.get(ref) for ref in weights])
        learnt = self._learnt()
        n_labelled = len(learnt)
        self._record.step(
            step,
            {
                **tests,
                **clock.laps,
                "n_labelled": n_labelled,
                "n_validation": len(self._validated()),
                "n_labels_paid": self._oracle.paid(
                    np.concatenate([*self._labelled, self._validation])
                ),
                "pool_share": n_labelled / (n_labelled + len(pool)),
                "validation_accuracy": validation,
                "train_loss": fitted[self.config.learner.evaluated].train_loss,
                "updates": fitted[self.config.learner.evaluated].updates,
                "fits_shared": len(shared),
                "step_seconds": clock.total(),
                "smallest_budget": self._workers.smallest_budget(),
                "n_scored": None if scores is None else len(candidates),
                "tie_share": chosen.tie_share if chosen else None,
                "picks_digest": digest,
                "answers_digest": self._record.digest_of_answers(learnt, self._oracle(learnt)),
            },
        )
        if chosen is not None:
            self._labelled.append(candidates[chosen.rows])
        n_scored = 0 if scores is None else len(candidates)
        score = validation if tests["test_score"] == [None] else tests["test_score"][0]
        accuracy = math.nan if score is None else score
        return weights, Step(step, n_labelled, accuracy, clock.total(), clock.laps, n_scored)

    def _fit(self, step: int, previous: Sequence[Ref] | None) -> list[Fitted]:
        rows = (
            self._of_oracle(self._labelled[-1])
            if self.config.schedule.retrain == "warm-new"
            else self._learnt()
        )
        if self.config.schedule.retrain == "cold":
            previous = None
        labels = self._oracle(rows)
        shared = first_fits(self.config) if step == 0 else ()
        return self._workers.fit(
            [
                FitJob(
                    member=member,
                    rows=rows,
                    labels=labels,
                    learning_rate=rate,
                    seed=self.config.member_seeds[member],
                    step=step,
                    initial=None if previous is None else previous[member],
                    halvings=HALVINGS if self.config.learner.on_divergence == LOWER else 0,
                    kept=shared[member] if shared and shared[member] in self._shared else None,
                )
                for member, rate in enumerate(self.config.learner.rates)
            ]
        )

    def _validate(self, weights: Ref) -> tuple[float | None, Columns]:
        """The score, and columns of `predictions`, which has them where there is no test."""
        rows = np.sort(self._validated())
        if not len(rows):
            return None, {}
        said = self._workers.predict(rows, weights)
        right, texts = self._oracle(rows), self._rows.texts_of(rows)
        found = self._task.evaluated(said.outputs, right, texts)
        test = VALIDATION, False
        return found.score, answered_on(self._task, self._rows, test, rows, right, found)

    def _predict_stop_set(self, step: int, weights: Ref) -> None:
        if len(self._stop_set):
            said = self._workers.predict(self._stop_set, weights)
            self._record.stop_set(step, self._stop_set, said.outputs)

    # What to label next

    def _score(
        self, candidates: NDArray[np.int64], weights: Sequence[Ref], step: int
    ) -> Scores | None:
        """What the strategy makes of the candidates; None where it asks nothing of the model."""
        strategy, config = self._strategy, self.config
        if strategy is None or not strategy.ranks:
            return None
        labelled = None
        if "labelled" in strategy.needs:
            rows = np.sort(self._learnt())
            needs = strategy.needs & {"vectors"}
            labelled = self._workers.put(
                self._workers.observe(rows, weights[config.learner.evaluated], needs)
            )
        question = Question(weights, config.learner.evaluated, config.seed, step, labelled)
        if isinstance(strategy, Sequential):
            return self._workers.hold(candidates, self._rows.hashes[candidates], question)
        return self._workers.score(candidates, question)

    def _select(
        self,
        candidates: NDArray[np.int64],
        scores: Scores | None,
        weights: Sequence[Ref],
        step: int,
    ) -> Selection:
        """The batch, as positions among the candidates."""
        config, chooser = self.config, self.config.chooser
        if isinstance(chooser, RowsOf):
            (rows,) = self._chosen_by(chooser.trajectory, range(step, step + 1))
            return Selection(np.searchsorted(candidates, rows), None)
        if isinstance(self._strategy, Sequential):
            picks = self._workers.pick(config.schedule.step_size)
            places = np.searchsorted(candidates, picks.rows)
            return Selection(places, picks.tie_share, picks.values)
        values, hashes = scores.scores if scores else None, self._rows.hashes[candidates]
        try:
            chosen = select(values, hashes, config.schedule.step_size, config.seed, step)
        except NotNumbers as error:
            raise NotNumbers(error.message, candidates[error.rows].tolist()) from None
        diversity = chooser.diversity if isinstance(chooser, Query) else None
        if diversity is None or scores is None:
            return chosen
        ahead = select(values, hashes, AHEAD * config.schedule.step_size, config.seed, step).rows
        ascending = np.sort(ahead)
        said = self._workers.observe(
            candidates[ascending], weights[config.learner.evaluated], frozenset({"vectors"})
        )
        ranked = said.get("vectors")[np.searchsorted(ascending, ahead)]
        kept = diverse(ranked, config.schedule.step_size, diversity)
        return Selection(ahead[kept], chosen.tie_share)

    # Where to begin

    def _resume(self) -> int:
        """The first step that is not on disk; takes over what the steps before it chose."""
        if self._store.read_one("selections", self.config.id, -1) is None:
            self._record.initial(np.concatenate(self._labelled))
        first = resumes_at(self._store, self.config)
        if first in (0, self.config.schedule.steps):
            return first
        self._labelled += self._chosen_by(self.config.id, range(first))
        return first

    def _chosen_by(self, trajectory: str, steps: range) -> list[NDArray[np.int64]]:
        """Rows that a trajectory chose at each of these steps, in rank order; −1: the first draw.

        Raises:
            AlRayError: it has not come that far.
        """
        train = self._rows.train
        by_id = dict(zip(self._rows.ids_of(train), train.tolist(), strict=True))
        found = []
        for step in steps:
            chosen = self._store.read_one("selections", trajectory, step)
            if chosen is None:
                raise AlRayError(
                    "{trajectory}: step {step} is not there: its rows were to be learnt",
                    trajectory=trajectory,
                    step=step,
                )
            ids = chosen.sort_values("rank").row_id
            found.append(np.array([by_id[i] for i in ids], np.int64))
        return found

    def _initial_weights(self, first: int) -> list[Ref] | None:
        """Each member's weights before step `first`; None: the pretrained ones."""
        if self.config.schedule.retrain == "cold" or first in (0, self.config.schedule.steps):
            return None
        kept = self._store.checkpoints.read(self.config.id, first - 1)
        assert kept is not None, "_resume has looked"
        return [self._workers.put(weights) for weights in kept]

    # Rows

    def _learnt(self) -> NDArray[np.int64]:
        """What can be learnt of all that was chosen, in that order."""
        return self._of_oracle(np.concatenate(self._labelled))

    def _validated(self) -> NDArray[np.int64]:
        """Validation rows that have an answer."""
        return self._of_oracle(self._validation)

    def _of_oracle(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return rows[self._oracle.answered(rows)]

    @contextmanager
    def _naming(self, step: int) -> Iterator[None]:
        """Say by their ids which rows have outputs that are not numbers."""
        try:
            yield
        except NotNumbers as error:
            ids = self._rows.ids_of(np.array(error.rows[:NAMED], np.int64))
            more = f" and {len(error.rows) - NAMED} more" if len(error.rows) > NAMED else ""
            raise AlRayError(
                "step {step}: {error}: rows {ids}{more}",
                step=step,
                error=error,
                ids=", ".join(ids),
                more=more,
            ) from None

    def _drawn(self, size: int | None) -> NDArray[np.int64]:
        """A seeded sample of the pool at its beginning, ascending, a part of any larger one."""
        rows = np.setdiff1d(self._rows.train, self._validation, assume_unique=True)
        keys = randomness.keys(self._rows.hashes[rows], self.config.seed, 0, "stop set")
        return rows[np.sort(np.argsort(keys, kind="stable")[: stop_set_of(size, len(rows))])]

    def _candidates(self, pool: NDArray[np.int64], step: int) -> NDArray[np.int64]:
        """The rows of the pool that are scored, ascending: of a costly strategy a seeded sample."""
        query = self.config.query
        limit = query.candidates if query else None
        if limit is None or limit >= len(pool):
            return pool
        keys = randomness.keys(self._rows.hashes[pool], self.config.seed, step, "candidates")
        return pool[np.sort(np.argsort(keys, kind="stable")[:limit])]

    def _pool(self) -> NDArray[np.int64]:
        """The rows of train that are neither labelled nor kept for validation, ascending."""
        taken = np.concatenate([self._validation, *self._labelled])
        return np.setdiff1d(self._rows.train, taken, assume_unique=True)
