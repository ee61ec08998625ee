"""What a trajectory writes of each step, and how far it has come on disk.

`steps` is written last: rows of a step that it does not have do not count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from al_ray.corpus.rows import Corpus
from al_ray.corpus.tokens.prepared import Rows, Tokens
from al_ray.loop.oracle import OfCorpus
from al_ray.results import Store
from al_ray.results.damage.check import damaged_checkpoints
from al_ray.strategies import Outputs, Selection, means, picks_digest
from al_ray.strategies.probabilities import entropy
from al_ray.study.trajectory import TrajectoryConfig
from al_ray.tasks import TASKS, Task, task_of
from al_ray.tasks.base import Answers
from al_ray.workers import Fitted, Scores


class Recorder:
    """Writes the tables of one trajectory; labels that nobody has bought are written only."""

    def __init__(self, config: TrajectoryConfig, rows: Rows, store: Store, ledger: bool) -> None:
        self.config = config
        self._rows = rows
        self._store = store
        self._ledger = ledger
        self.task: Task = task_of(rows.task, rows.label_names)

    def initial(self, rows: NDArray[np.int64]) -> None:
        """The first draw, as step −1 of `selections`."""
        columns = {
            "rank": list(range(len(rows))),
            "row_id": self._rows.ids_of(rows),
            "label": self._names(rows),
        }
        self._store.write("selections", columns, self.config.id, -1)

    def selection(
        self, step: int, pool: NDArray[np.int64], chosen: Selection, scores: Scores | None
    ) -> str:
        """Write what was chosen and, if wanted, all scores; answer with the digest."""
        written = self.task.written
        rows = pool[chosen.rows]
        ids = self._rows.ids_of(rows)
        columns: dict[str, Any] = {
            "rank": list(range(len(rows))),
            "row_id": ids,
            "label": self._names(rows),
        }
        if scores is not None:
            predictions = scores.predictions[self.config.learner.evaluated]
            columns["score"] = (
                scores.scores[chosen.rows] if chosen.values is None else chosen.values
            )
            columns["prediction"] = written(predictions[chosen.rows])
            columns["confidence"] = scores.confidence[chosen.rows]
            if self._ledger:
                every = {
                    "row_id": self._rows.ids_of(pool),
                    "score": scores.scores,
                    "prediction": written(predictions),
                }
                self._store.write("scores", every, self.config.id, step)
        self._store.write("selections", columns, self.config.id, step)
        return picks_digest(ids)

    def members(
        self,
        step: int,
        fitted: Sequence[Fitted],
        pool: NDArray[np.int64],
        scores: Scores | None,
    ) -> None:
        """Each member's training and, where the pool was scored, what it predicts there.

        The confusion needs the labels of rows that nobody has bought: it is written only.
        """
        columns: dict[str, list[Any]] = {
            "member": list(range(len(fitted))),
            "learning_rate": [
                member.learning_rate or rate
                for member, rate in zip(fitted, self.config.learner.rates, strict=True)
            ],
            "member_seed": list(self.config.member_seeds),
            "train_loss": [member.train_loss for member in fitted],
            "part_rows": [member.part_rows for member in fitted],
        }
        if scores is not None:
            told = bool((self._rows.labels[pool] >= 0).all())
            right = OfCorpus(self._rows, self.task)(pool) if told else None
            each = [
                self.task.overview(given, given if right is None else right)
                for given in scores.predictions
            ]
            columns["predicted_counts"] = [overview.counts for overview in each]
            columns["collapsed"] = [overview.collapsed for overview in each]
            if told:
                columns["confusion"] = [overview.confusion for overview in each]
        self._store.write("members", columns, self.config.id, step)

    def digest_of_answers(self, rows: NDArray[np.int64], answers: Answers) -> str:
        """Names what was learnt, in that order: rows (rows,), and the answer to each."""
        pairs = zip(self._rows.ids_of(rows), self.task.written(answers), strict=True)
        return picks_digest([part for pair in pairs for part in pair])

    def _names(self, rows: NDArray[np.int64]) -> list[str | None]:
        """The labels that a corpus has of these rows; None where it has none."""
        names = self._rows.label_names
        return [names[label] if label >= 0 else None for label in self._rows.labels[rows]]

    def predictions(self, step: int, columns: Mapping[str, Any]) -> None:
        """Every test row's prediction."""
        self._store.write("predictions", columns, self.config.id, step)

    def metrics(self, step: int, columns: Mapping[str, Any]) -> None:
        """All that was measured on the tests."""
        self._store.write("metrics", columns, self.config.id, step)

    def stop_set(self, step: int, rows: NDArray[np.int64], outputs: Outputs) -> None:
        """What is predicted of the stop set, rows (rows,)."""
        answers, confidence = self.task.answered(outputs)
        columns = {
            "row_id": self._rows.ids_of(rows),
            "prediction": self.task.written(answers),
            "confidence": confidence,
            "entropy": means(entropy(outputs.log_probabilities[0]), outputs.units),
        }
        self._store.write("stop_set", columns, self.config.id, step)

    def checkpoint(self, step: int, members: Sequence[Mapping[str, NDArray[Any]]]) -> None:
        """Each member's weights, for a trajectory that trains on from them."""
        self._store.checkpoints.write(self.config.id, step, members)

    def step(self, step: int, columns: Mapping[str, Any]) -> None:
        """The row a test that says that the step is complete."""
        arm, now = self.config.arm, datetime.now(UTC)
        self._store.write("steps", {**arm, **columns, "finished_at": now}, self.config.id, step)


def record_rows(store: Store, corpus: Corpus, tokens: Path) -> None:
    """Write what the corpus's row ids stand for, unless it is there."""
    name = corpus.digest[:20]
    if store.exists("rows", name):
        return
    splits = corpus.splits
    columns = {
        "row_id": [row_id for split in splits for row_id in split.row_ids],
        "split": [split.name for split in splits for _ in range(len(split))],
        "label": [
            corpus.labels[label] if label >= 0 else None
            for split in splits
            for label in split.labels
        ],
        "text": [text for split in splits for text in split.texts],
        "tokens": Tokens(tokens).lengths,
        "marks": [
            TASKS[corpus.task].marks(corpus.labels[label]) if label >= 0 else None
            for split in splits
            for label in split.labels
        ],
        "strata": [
            list(TASKS[corpus.task].strata(text, corpus.labels[label])) if label >= 0 else None
            for split in splits
            for text, label in zip(split.texts, split.labels, strict=True)
        ],
        "article": [corpus.groups.get(row_id) for split in splits for row_id in split.row_ids],
    }
    store.write("rows", columns, name)


def step_is_done(store: Store, trajectory: str, step: int, selects: bool) -> bool:
    """Whether a step's `steps` rows are there and, if it is to select, say what it selected."""
    rows = store.read_one("steps", trajectory, step)
    if rows is None:
        return False
    return not selects or bool(rows.picks_digest.notna().all())


def steps_done(store: Store, config: TrajectoryConfig) -> int:
    """How many of a trajectory's steps are on disk."""
    for step in range(config.schedule.steps):
        if not step_is_done(store, config.id, step, step < config.schedule.steps - 1):
            return step
    return config.schedule.steps


def all_steps_done(store: Store, configs: Sequence[TrajectoryConfig]) -> dict[str, int]:
    """`steps_done` of many trajectories, by their ids; the table is read once."""
    columns = ["trajectory", "step", "picks_digest"]
    found: dict[str, dict[int, bool]] = {}
    for name, step, digest in store.read("steps", columns=columns).itertuples(index=False):
        chosen = found.setdefault(name, {})
        chosen[step] = chosen.get(step, True) and isinstance(digest, str)

    def done(config: TrajectoryConfig) -> int:
        chosen, last = found.get(config.id, {}), config.schedule.steps - 1
        for step in range(config.schedule.steps):
            if step not in chosen or not (chosen[step] or step == last):
                return step
        return config.schedule.steps

    return {config.id: done(config) for config in configs}


def all_told(store: Store, corpus: Corpus, configs: Sequence[TrajectoryConfig]) -> bool:
    """Whether what no other file names is there too, after a run: it may have gone meanwhile.

    These are the corpus's rows, each trajectory's row, and the last step of a complete one.
    """
    if not store.exists("rows", corpus.digest[:20]):
        return False
    runs, done = store.read("trajectories"), all_steps_done(store, configs)
    complete = dict(zip(runs.trajectory, runs.status == "complete", strict=True))
    return all(
        config.id in complete
        and (not complete[config.id] or done[config.id] == config.schedule.steps)
        for config in configs
    )


def resumes_at(store: Store, config: TrajectoryConfig) -> int:
    """The first step that is to be done; what is on disk may not be enough to go on from."""
    first = steps_done(store, config)
    if first in (0, config.schedule.steps) or config.schedule.retrain == "cold":
        return first
    # Weights that are gone or damaged: the same steps again give the same weights.
    name = store.checkpoints.name(config.id, first - 1)
    if not store.storage.exists(name):
        return 0
    if damaged_checkpoints(store, [name]):
        store.set_aside(name)
        return 0
    return first
