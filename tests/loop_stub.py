"""A corpus of random vectors and workers that train on it with NumPy, for tests of the loop."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pyarrow as pa

from al_ray.corpus.tokens.prepared import Rows
from al_ray.loop.trajectory import Trajectory
from al_ray.randomness import row_hashes
from al_ray.results import Store
from al_ray.results.schema import SCHEMAS, UNTIMED
from al_ray.strategies import Holder, Outputs, build, log_softmax, pick
from al_ray.study.chooser import UNQUERIED, Prefix, Query
from al_ray.study.learner import Learner, Source
from al_ray.study.training import RECIPES, Training
from al_ray.study.trajectory import Schedule, TrajectoryConfig
from al_ray.workers import Fitted, Predictions, Scores, chunks, join

RATE = 0.1
TIMES = [name for name in SCHEMAS["steps"].names if name in UNTIMED]


class World:
    """Rows (train, test, dev) of Gaussian vectors around their label's centre."""

    def __init__(self, n_labels=3, train=60, test=25, dev=10, seed=0, width=4):
        random = np.random.default_rng(seed)
        total = train + test + dev
        self.labels = random.integers(0, n_labels, total).astype(np.int32)
        centres = random.normal(size=(n_labels, width))
        # On a coarse grid, so that the file's order does not come in by rounding.
        raw = centres[self.labels] + random.normal(size=(total, width))
        self.vectors = np.round(raw * 64) / 64
        ids = [f"행{i}" for i in range(total)]
        bounds = np.cumsum([0, train, test, dev])
        self.rows = Rows(
            ids=pa.array(ids),
            labels=self.labels,
            hashes=row_hashes(ids),
            splits={
                name: np.arange(bounds[i], bounds[i + 1])
                for i, name in enumerate(["train", "test", "dev"])
            },
            label_names=tuple("가나다라마"[:n_labels]),
        )

    def with_labels(self, labels):
        """The same rows under other labels."""
        other = object.__new__(World)
        other.labels, other.vectors = labels, self.vectors
        rows = self.rows
        other.rows = Rows(rows.ids, labels, rows.hashes, rows.splits, rows.label_names)
        return other


class FragileStore(Store):
    """Dies before its k-th write."""

    def __init__(self, folder, k):
        super().__init__(folder)
        self.left = k

    def put(self, *args):
        self.left -= 1
        if self.left == 0:
            raise InterruptedError
        super().put(*args)


class Stub:
    """Softmax regression by a few steps of gradient descent; keeps what it was asked for."""

    def __init__(self, world, config):
        self.world, self.config = world, config
        self.n_labels = len(world.rows.label_names)
        self.strategy = None if config.strategy in UNQUERIED else build(config.spec)
        self.fits, self.scored, self.predicted = [], [], []
        self.device = "stub"

    def fit(self, jobs):
        self.fits.append(list(jobs))
        return [self._fit(job) for job in jobs]

    def _fit(self, job):
        # One order for a set of rows, as encoder.fit has it.
        order = np.argsort(job.rows)
        x, y = self.world.vectors[job.rows[order]], np.eye(self.n_labels)[job.labels[order]]
        if job.initial is None:
            random = np.random.default_rng(job.seed)
            weight = random.normal(scale=0.1, size=(x.shape[1], self.n_labels)).astype(np.float32)
        else:
            weight = job.initial["weight"].copy()
        updates = self.config.learner.training.updates_for(len(job.rows))
        for _ in range(updates):
            p = np.exp(log_softmax(x @ weight))
            weight -= (job.learning_rate * x.T @ (p - y) / len(x)).astype(np.float32)
        # The step and the rate go in, so that a fit at the wrong one is another fit.
        weight[0, 0] += np.float32(0.01 * (job.step + 1) + job.learning_rate)
        loss = float(-(y * log_softmax(x @ weight)).sum(axis=1).mean())
        return Fitted({"weight": weight}, updates, loss)

    def predict(self, rows, weights):
        self.predicted.append(rows)
        loss = "predicted-loss" in self.strategy.needs if self.strategy else False
        log_probabilities = self._log_probabilities(rows, weights)
        return Predictions(log_probabilities, log_probabilities[:, 0] if loss else None)

    def _log_probabilities(self, rows, weights):
        # float32 and row by row: how rows are grouped must not change a bit.
        logits = (self.world.vectors[rows][:, :, None] * weights["weight"]).sum(axis=1)
        return log_softmax(logits.astype(np.float32))

    def observe(self, rows, weights, needs):
        assert np.all(np.diff(rows) > 0)
        vectors = self.world.vectors[rows] if "vectors" in needs else None
        return Outputs(self._log_probabilities(rows, weights)[None], vectors)

    def _outputs(self, rows, question):
        """As a shard makes them; the gradients are made up, and dropout is another weight."""
        needs = self.strategy.needs
        members = (
            question.weights if "committee" in needs else [question.weights[question.evaluated]]
        )
        logs = np.stack([self._log_probabilities(rows, member) for member in members])
        vectors = self.world.vectors[rows]
        passes = [{"weight": members[0]["weight"] * np.float32(i)} for i in (1, 2, 3)]
        return Outputs(
            logs,
            vectors=vectors if "vectors" in needs else None,
            word_gradients=np.abs(vectors[:, None, :] * np.exp(logs[0])[:, :, None])
            if "word-gradients" in needs
            else None,
            predicted_loss=logs[0][:, 0] if "predicted-loss" in needs else None,
            dropout=np.stack([self._log_probabilities(rows, p) for p in passes])
            if "dropout" in needs
            else None,
            labelled=question.labelled,
        )

    def score(self, rows, question):
        self.scored.append(rows)
        outputs = self._outputs(rows, question)
        return self._scores(self.strategy.score(outputs), outputs, question)

    def _scores(self, scores, outputs, question):
        logs = outputs.log_probabilities
        believed = logs[question.evaluated if len(logs) > 1 else 0]
        return Scores(scores, logs.argmax(axis=2).astype(np.int32), np.exp(believed.max(axis=1)))

    def hold(self, rows, hashes, question):
        """On two holders, a chunk of up to seven rows at a time."""
        self.scored.append(rows)
        self.holders = [Holder(self.strategy, question.seed, question.step) for _ in range(2)]
        found = []
        for i, part in enumerate(chunks(rows, 7)):
            outputs = self._outputs(part, question)
            of_rows = hashes[np.searchsorted(rows, part)]
            scores = self.holders[i % 2].add(part, of_rows, outputs)
            found.append(self._scores(scores, outputs, question))
        return join(found)

    def pick(self, n):
        first = [holder.best() for holder in self.holders]
        return pick(first, lambda chosen: [holder.take(chosen) for holder in self.holders], n)

    def put(self, weights):
        return weights

    def get(self, ref):
        return ref

    def smallest_budget(self):
        return None


def training(**changes):
    facts = {
        "recipe": "seed",
        "learning_rate": RATE,
        "batch_size": 8,
        "max_length": 16,
        **RECIPES["seed"],
        **changes,
    }
    return Training(**facts)


def config_of(**changes):
    """A small trajectory; members and family follow from the strategy."""
    committee = changes.get("strategy") == "qbc"
    facts = {
        "corpus": Source(name="random", digest="c"),
        "model": Source(name="stub", digest="m"),
        "strategy": "margin",
        "parameters": "disagreement=mean-kl" if committee else "",
        "rates": (0.4, RATE, 0.02) if committee else (RATE,),
        "initial": 6,
        "step_size": 5,
        "steps": 4,
        "seed": 0,
        "validation": 0,
        "training": training(),
        **changes,
    }
    return flat_config(**facts)


def flat_config(**facts):
    """A trajectory of one list of facts, which are handed to the parts that have them."""
    strategy = facts.pop("strategy")
    chooser = {"strategy": strategy}
    if strategy == "control":
        facts.pop("parameters", None)
    else:
        chooser["family"] = facts.pop("family", None) or build(strategy).family

    def taken(kind):
        return {each.name: facts.pop(each.name) for each in fields(kind) if each.name in facts}

    chooser = (Prefix if strategy == "control" else Query)(**chooser, **taken(Query))
    learner, schedule = Learner(**taken(Learner)), Schedule(**taken(Schedule))
    return TrajectoryConfig(learner=learner, chooser=chooser, schedule=schedule, **facts)


def ended(config, steps):
    """The same trajectory with another number of steps."""
    return replace(config, schedule=replace(config.schedule, steps=steps))


def go(folder, world, config, store=None, ledger=False):
    """Run to the end; answers with the store, the workers and what was said."""
    store = store or Store(folder)
    stub = Stub(world, config)
    said = list(Trajectory(config, world.rows, stub, store, ledger).run())
    return store, stub, said


def tables(store):
    """Every table as plain values, without the columns that an equal run need not repeat."""
    return {
        table: store.read(table).drop(columns=list(UNTIMED), errors="ignore")
        for table in SCHEMAS
        if table not in ("trajectories", "rows", "answers")  # not the loop's
    }


def assert_same(left, right):
    assert left.keys() == right.keys()
    for table in left:
        if not left[table].equals(right[table]):  # quick, and explained only where they differ
            pd.testing.assert_frame_equal(left[table], right[table], check_exact=True, obj=table)


def assert_same_run(left, right):
    """That two stores hold the same tables; both without rows that do not count.

    Equal files are equal values, and quick to tell; the tables are read where they differ.
    """
    pd.testing.assert_frame_equal(
        *(store.read("steps").drop(columns=TIMES) for store in (left, right))
    )
    if _files(left) != _files(right):
        assert_same(tables(left), tables(right))


def _files(store):
    return {
        (path.parent.name, path.name): path.read_bytes()
        for path in store.folder.glob("*/*.parquet")
        if path.parent.name != "steps"
    }
