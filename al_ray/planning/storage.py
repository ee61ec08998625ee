"""How large the tables of a study become: tables of their kind are written to memory, and measured.

Row ids and texts are the corpus's own, and scores are random numbers, which compress as badly.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from al_ray.corpus.tokens.mapped import Rows
from al_ray.planning.left import Left
from al_ray.planning.work import step_work
from al_ray.randomness import generator
from al_ray.results import SCHEMAS
from al_ray.study.trajectory import TrajectoryConfig
from al_ray.tasks import task_of

CHECKPOINTS = 2
"""That are kept of a warm trajectory, its newest."""

PAGE = 3_000_000
"""Report, figures and TensorBoard's files, roughly."""

_SAMPLE = 20_000


@dataclass(frozen=True)
class Storage:
    """Bytes that a study adds.

    Attributes:
        tables: Parquet files, and the page.
        checkpoints: weights of warm trajectories; they stay, so that these can be extended.
        cache: tokens, vectors and `mini`, most of which is there already when this is said.
        files: in the tables' folders.
    """

    tables: int
    checkpoints: int
    cache: int
    files: int

    @property
    def total(self) -> int:
        """All bytes."""
        return self.tables + self.checkpoints + self.cache


def storage_of(
    left: Sequence[Left],
    rows: Rows,
    texts: Sequence[str],
    ledger: bool,
    cache: int,
) -> Storage:
    """What is left to be written.

    Args:
        left: trials that have steps left.
        rows: of the corpus.
        texts: of a sample of its rows; empty where the table `rows` is there.
        ledger: whether every score is written.
        cache: bytes of it.
    """
    labels = len(rows.label_names)
    every = np.concatenate(list(rows.tests.values())) if rows.tests else np.empty(0, np.int64)
    task = task_of(rows.task, rows.label_names)
    confusion = [[[0] * labels] * labels] if task.few else [None]
    step_files = _size("steps", 1, {}) + _size("members", 1, {"confusion": confusion})
    step_files += _size("metrics", len(rows.tests) * (1 + len(task.metrics)), {})
    predictions = _rows_size("predictions", rows, every, tests=list(rows.tests))
    stop_set = max((each.facts.stop_set for each in left), default=0)
    stopping = _rows_size("stop_set", rows, rows.train[:stop_set]) if stop_set else 0
    chosen: dict[int, int] = {}
    tables = checkpoints = files = 0
    for each in left:
        trial, first = each.trial, each.first
        config, names = trial.leader, 1 + len(trial.followers)
        steps = config.schedule.steps - first
        selecting = max(0, config.schedule.steps - 1 - first)
        for size in {config.schedule.initial, config.schedule.step_size} - chosen.keys():
            chosen[size] = _rows_size("selections", rows, rows.train[:size])
        size = steps * (step_files + predictions) + selecting * chosen[config.schedule.step_size]
        files += names * (4 * steps + selecting + 1 + (first == 0))
        if config.asked and stop_set:
            size += steps * stopping
            files += names * steps
        if first == 0:
            size += chosen[config.schedule.initial]
        if ledger:
            scored = [
                step_work(config, each.facts, s).rows_scored
                for s in range(first, config.schedule.steps)
            ]
            files += names * sum(map(bool, scored))
            per_row = _rows_size("scores", rows, rows.train) / max(1, len(rows.train))
            size += round(sum(scored) * per_row)
        tables += names * (size + _size("trajectories", 1, {}))
        if config.schedule.retrain != "cold" and config.learner.head != "frozen":
            checkpoints += _kept(config, first) * len(config.learner.rates) * each.speed.parameters
    tables += _texts_size(texts, len(rows.labels)) + (PAGE if left else 0)
    return Storage(tables, checkpoints, cache, files + 1)


def _kept(config: TrajectoryConfig, first: int) -> int:
    """Checkpoints more than there are."""
    return min(CHECKPOINTS, config.schedule.steps) - min(CHECKPOINTS, first)


def _rows_size(table: str, rows: Rows, wanted: Any, tests: Sequence[str] = ()) -> int:
    """Bytes of a table with a row for each of these rows; of many a sample tells."""
    if not len(wanted):
        return _size(table, 0, {})
    part = wanted[:_SAMPLE]
    draw = generator(0, 0, "plan storage")
    names = np.array(rows.label_names, object)
    columns = {
        "trajectory": ["x" * 40] * len(part),
        "step": [0] * len(part),
        "rank": list(range(len(part))),
        "row_id": rows.ids_of(part),
        "label": names[rows.labels[part]].tolist(),
        "prediction": names[draw.integers(0, len(names), len(part))].tolist(),
        "confidence": draw.random(len(part)),
        "entropy": draw.random(len(part)),
        "score": draw.integers(0, 2, len(part)).astype(float)
        if table == "predictions"
        else draw.random(len(part)),
        "test": [tests[0] if tests else ""] * len(part),
    }
    empty = _size(table, 0, {})
    return empty + round((_size(table, len(part), columns) - empty) * len(wanted) / len(part))


def _texts_size(texts: Sequence[str], rows: int) -> int:
    if not texts:
        return 0
    ids = [f"row {number}" for number in range(len(texts))]
    one = _size("rows", len(texts), {"text": list(texts), "row_id": ids})
    return round(one * rows / len(texts))


def _size(table: str, rows: int, columns: Mapping[str, Any]) -> int:
    """Bytes of a file of a table; what is not given is made up."""
    schema = SCHEMAS[table]
    arrays = [
        pa.array(columns[field.name][:rows], field.type)
        if field.name in columns
        else pa.array([_made_up(field.type)] * rows, field.type)
        for field in schema
    ]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), sink)
    return len(sink.getvalue())


def _made_up(kind: pa.DataType) -> Any:
    if pa.types.is_string(kind):
        return "made up to be as long as they"
    return 0.123456789 if pa.types.is_floating(kind) else None
