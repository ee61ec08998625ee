"""A shard runs rows through weights that it is sent, and scores them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from al_ray.errors import NotNumbers
from al_ray.randomness import derive
from al_ray.strategies import (
    Best,
    Holder,
    Need,
    Outputs,
    Sequential,
    Strategy,
    build,
    log_softmax,
)
from al_ray.workers.memory import told_apart
from al_ray.workers.messages import Predictions, Question, Scores, Setup
from al_ray.workers.module import call_at_passes, free_device, make_module

if TYPE_CHECKING:
    from al_ray.learners.encoder.load import Weights


class Shard:
    """Runs rows through weights, one chunk at a time.

    Only while a sequential strategy chooses does it keep anything, the chunks it holds; should it
    die then, another is given them and told what has been chosen so far.
    """

    def __init__(self, setup: Setup, seed: int, strategy: str) -> None:
        from al_ray.corpus.tokens.prepared import Tokens

        self._setup = setup
        self._training = setup.training
        self._module = make_module(setup, seed, strategy)
        self._tokens = Tokens(setup.tokens)
        self._strategy: Strategy | None = build(strategy) if strategy else None
        self._holder: tuple[str, Holder] | None = None
        self._loaded: Weights | None = None

    def predict(self, rows: NDArray[np.int64], weights: Weights) -> Predictions:
        """What the model says of these rows."""
        needs = self._strategy.needs & {"predicted-loss"} if self._strategy else frozenset[Need]()
        outputs = self._observe(rows, weights, needs)
        logs = outputs.log_probabilities[0]
        return Predictions(logs, outputs.predicted_loss, outputs.units, outputs.spans)

    def observe(self, rows: NDArray[np.int64], weights: Weights, needs: frozenset[Need]) -> Outputs:
        """Log-probabilities of these rows, and what else is needed of one pass."""
        return self._observe(rows, weights, needs)

    def score(self, rows: NDArray[np.int64], question: Question) -> Scores:
        """Scores, predictions and confidence of these rows; references are resolved."""
        assert self._strategy is not None
        outputs = self._outputs(rows, question)
        with _naming(rows):
            scores = self._strategy.score(outputs)
        free_device()
        return self._scores(scores, outputs, question.evaluated)

    def hold(
        self,
        session: str,
        parts: Iterable[tuple[NDArray[np.int64], NDArray[np.uint64]]],
        question: Question,
        chosen: Sequence[Best] = (),
    ) -> tuple[list[Scores], Best | None]:
        """Hold chunks (rows, hashes) while a batch is chosen.

        Args:
            session: names the batch; what was held for another is dropped.
            parts: the chunks.
            question: its references are resolved.
            chosen: so far.

        Returns:
            Scores of each chunk before the first pick, and the best row after those chosen.
        """
        assert isinstance(self._strategy, Sequential)
        self._holder = None  # its memory first
        threads = self._setup.training.threads
        holder = Holder(self._strategy, question.seed, question.step, threads)
        found = []
        for rows, hashes in parts:
            outputs = self._outputs(rows, question)
            with _naming(rows):
                scores = holder.add(rows, hashes, outputs)
            found.append(self._scores(scores, outputs, question.evaluated))
        free_device()
        best = holder.best()
        for earlier in chosen:
            best = holder.take(earlier)
        self._holder = (session, holder)
        return found, best

    def take(self, session: str, chosen: Best) -> Best | None:
        """A row has been chosen; the best one left here.

        Raises:
            LookupError: nothing is held for this batch, since the process began anew.
        """
        if self._holder is None or self._holder[0] != session:
            raise LookupError(session)
        return self._holder[1].take(chosen)

    def drop(self) -> None:
        """The batch is chosen: free what was held."""
        self._holder = None

    @contextmanager
    def within(self, token_budget: int | None) -> Iterator[None]:
        """Compute with this token budget; None: the study's.

        Raises:
            OutOfMemory: the device has not enough for it.
        """
        if token_budget is not None:
            self._training = replace(self._setup.training, token_budget=token_budget)
        try:
            with told_apart():
                yield
        finally:
            self._training = self._setup.training

    def watch(self, call: Callable[[], None]) -> None:
        """Call this at every pass of the model."""
        call_at_passes(self._module, call)

    def _outputs(self, rows: NDArray[np.int64], question: Question) -> Outputs:
        """All that the strategy needs of these rows."""
        assert self._strategy is not None
        needs, dropout, others = self._strategy.needs, None, {}
        if "committee" in needs:
            others = {
                member: self._observe(rows, weights, frozenset()).log_probabilities
                for member, weights in enumerate(question.weights)
                if member != question.evaluated
            }
        # Last, since the passes with dropout are those of the weights that are loaded.
        outputs = self._observe(rows, question.weights[question.evaluated], needs)
        if "committee" in needs:
            each = others | {question.evaluated: outputs.log_probabilities}
            members = np.concatenate([each[member] for member in sorted(each)])
            outputs = replace(outputs, log_probabilities=members)
        if "dropout" in needs:
            # From the chunk's place on the grid, so that it does not matter who runs it.
            cell = int(rows[0]) // self._setup.training.chunk_rows
            purposes = [f"dropout pass {i} chunk {cell}" for i in range(self._strategy.passes)]
            dropout = self._dropout(
                rows, [derive(question.seed, question.step, p) for p in purposes]
            )
        with _naming(rows):
            return replace(outputs, dropout=dropout, labelled=question.labelled)

    def _observe(
        self, rows: NDArray[np.int64], weights: Weights, needs: frozenset[Need]
    ) -> Outputs:
        from al_ray.learners.encoder.head import classifier
        from al_ray.learners.encoder.load import set_weights
        from al_ray.learners.encoder.predict import observe, word_gradients

        if weights is not self._loaded:
            set_weights(self._module, weights)
            self._loaded = weights
        training = self._training
        raw = observe(self._module, self._tokens, rows, training, needs)
        gradients = None
        if "word-gradients" in needs:
            gradients = word_gradients(self._module, self._tokens, rows, training)
        with _naming(rows):
            return replace(
                self._setup.task.believed(raw.logits, raw.units),
                vectors=raw.vectors,
                bias="vectors" in needs and classifier(self._module).bias is not None,
                word_gradients=gradients,
                predicted_loss=None
                if raw.predicted_loss is None
                else raw.predicted_loss.astype(np.float64),
            )

    def _dropout(self, rows: NDArray[np.int64], seeds: list[int]) -> NDArray[np.float64]:
        """Of the weights that are loaded."""
        from al_ray.learners.encoder.predict import dropout_logits

        training = self._training
        return log_softmax(dropout_logits(self._module, self._tokens, rows, training, seeds))

    def _scores(self, scores: NDArray[np.float64], outputs: Outputs, evaluated: int) -> Scores:
        """With the members' answers; `evaluated` is the one to believe, if there are several."""
        task, members = self._setup.task, range(len(outputs.log_probabilities))
        answered = [task.answered(outputs, member) for member in members]
        _, confidence = answered[evaluated if len(answered) > 1 else 0]
        return Scores(scores, np.stack([answers for answers, _ in answered]), confidence)


@contextmanager
def _naming(rows: NDArray[np.int64]) -> Iterator[None]:
    """Errors that count rows within a chunk count them in the corpus instead."""
    try:
        yield
    except NotNumbers as error:
        raise NotNumbers(error.message, rows[error.rows].tolist()) from None
