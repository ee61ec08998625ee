"""Whole trajectories of every task, in this process: killed and continued, in chunks of any size.

A fourth task, a number a text, is declared here as anybody would: in one class.
"""

import shutil
from dataclasses import dataclass, replace

import numpy as np
import pytest
from helpers import Inline, assert_equal_studies, small_training, tables
from loop_stub import FragileStore

from al_ray import tasks
from al_ray.analysis.study import load
from al_ray.analysis.verdict import verdict
from al_ray.corpus.embedded import EMBEDDED
from al_ray.corpus.rows import Corpus, Split
from al_ray.corpus.tokens import prepared
from al_ray.corpus.tokens.prepared import Rows
from al_ray.learners.encoder import mini
from al_ray.loop.record import record_rows
from al_ray.loop.trajectory import Trajectory
from al_ray.results import Store
from al_ray.strategies import STRATEGIES, Outputs, build, log_softmax
from al_ray.study.chooser import Query
from al_ray.study.learner import Learner, Source
from al_ray.study.trajectory import Schedule, TrajectoryConfig
from al_ray.tasks.base import Evaluation, Overview, Targets, Task
from al_ray.workers import Setup
from al_ray.workers.local import LocalWorkers

TRAINING = small_training(learning_rate=1e-3, max_length=64, token_budget=400, chunk_rows=16,
                          epochs=1, min_updates=6)  # fmt: skip


@dataclass(frozen=True)
class Count(Task):
    """How many words a text has, 0 to 9, by an expected value of ten outputs."""

    name = "count"
    gives = frozenset(
        {"units", "probabilities", "labels", "committee", "vectors", "dropout", "labelled"}
    )
    score = "closeness"
    metrics = ("loss",)

    @classmethod
    def classes_of(cls, answers):
        return tuple(map(str, range(10)))

    def targets(self, answers, units):
        return Targets(np.array([int(answer) for answer in answers], np.float32))

    def losses(self, logits, targets, units):
        import torch

        values = torch.arange(10, device=logits.device, dtype=torch.float32)
        return ((logits.float().softmax(dim=1) * values).sum(dim=1) - targets) ** 2

    def believed(self, logits, units):
        return Outputs(log_softmax(logits)[np.newaxis])

    def answered(self, outputs, member=0):
        chances = np.exp(outputs.log_probabilities[member])
        mean = np.rint(chances @ np.arange(10)).astype(int)
        return mean.astype(str).astype(object), chances[np.arange(len(mean)), mean]

    def evaluated(self, outputs, answers, texts=None):
        given, confidence = self.answered(outputs)
        errors = np.abs(given.astype(float) - answers.astype(float))
        scores = np.maximum(0.0, 1 - errors / 9)
        score, loss = float(scores.mean()), {"loss": float((errors**2).mean())}
        return Evaluation(given, confidence, score, loss, scores, errors**2)

    def overview(self, given, right):
        counts = np.bincount(given.astype(int), minlength=10)
        return Overview(counts.tolist(), bool(counts.max() == counts.sum()))


def counted(train, test):
    """The embedded news, with the number of their words in place of a section."""
    corpus = EMBEDDED["embedded"](train, test)
    labels = tuple(map(str, range(10)))

    def of(split):
        codes = [min(9, len(text.split()) // 4) for text in split.texts]
        return Split(split.name, split.row_ids, split.texts, np.array(codes, np.int32))

    tests = tuple(map(of, corpus.tests))
    return Corpus("counted", labels, of(corpus.train), tests, task="count", few=False)


CORPORA = {
    "classification": EMBEDDED["embedded"],
    "tagging": EMBEDDED["embedded-entities"],
    "reading": EMBEDDED["embedded-questions"],
    "count": counted,
}


@pytest.fixture(scope="module", params=CORPORA)
def world(request, tmp_path_factory):
    """A corpus of a task, prepared: setup, rows, corpus."""
    folder = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(tasks.TASKS, Count.name, Count)
        corpus = CORPORA[request.param](70, 30)
        encoder, task = mini.build(corpus, folder), tasks.task_of(corpus.task, corpus.labels)
        patch.setattr(prepared, "ProcessPoolExecutor", Inline)
        places = None if task.head == "text" else task.head
        made = prepared.prepare(
            corpus, encoder, "mini", 64, folder, places=places, texts=task.reads
        )
        setup = Setup(encoder, made.tokens, len(task.classes), TRAINING, "cpu", task=task)
        yield setup, Rows.load(made.rows), corpus


def config_of(corpus, strategy, seed=0):
    rates = (2e-3, 1e-3, 5e-4) if build(strategy).committee else (1e-3,)
    query = Query(
        strategy=strategy, parameters="", source="", family=build(strategy).family,
        candidates=None, diversity=None,
    )  # fmt: skip
    return TrajectoryConfig(
        corpus=Source(name=corpus.name, digest=corpus.digest),
        learner=Learner(model=Source(name="mini", digest="m"), training=TRAINING, rates=rates),
        chooser=query,
        schedule=Schedule(initial=16, step_size=8, steps=3),
        seed=seed,
        validation=6,
    )


def run(world, strategy, store, seed=0, **training):
    setup, rows, corpus = world
    config = config_of(corpus, strategy, seed)
    setup = replace(setup, training=replace(setup.training, **training))
    workers = LocalWorkers(setup, config.member_seeds, config.spec)
    steps = list(Trajectory(config, rows, workers, store, stop_set=10).run())
    return config, steps


def given(world):
    """Strategies that the task can serve."""
    return [n for n in STRATEGIES if build(n).needs <= world[0].task.gives and n != "badge"]


def test_every_strategy_that_it_can_serve_runs(world, tmp_path):
    _, rows, corpus = world
    for strategy in given(world):
        store = Store(tmp_path / strategy)
        _, steps = run(world, strategy, store)
        assert len(steps) == 3
        found = tables(tmp_path / strategy)
        chosen = found["selections"]
        assert chosen.row_id.is_unique
        assert len(chosen) == 16 + 2 * 8
        answers = dict(zip(corpus.train.row_ids, corpus.train.labels, strict=True))
        assert chosen.label.tolist() == [corpus.labels[answers[i]] for i in chosen.row_id]
        last = found["predictions"][found["predictions"].step == 2]
        score = found["steps"].test_score.iloc[-1]
        assert score == pytest.approx(last.score.mean())
        assert ((last.score >= 0) & (last.score <= 1)).all()
        metrics = found["metrics"][found["metrics"].step == 2].set_index("metric").value
        task = rows.task
        assert metrics[tasks.TASKS[task].score] == score
        assert {m for m in world[0].task.metrics if ":" not in m} <= set(metrics.index)
        assert found["steps"].test_accuracy.notna().all() == (task == "classification")


@pytest.mark.parametrize("strategy", ["qbc", "core-set"])
def test_killed_at_any_write_it_ends_the_same(world, tmp_path, strategy):
    whole = Store(tmp_path / "whole")
    run(world, strategy, whole)
    for k in (4, 9):
        folder = tmp_path / str(k)
        with pytest.raises(InterruptedError):
            run(world, strategy, FragileStore(folder, k))
        run(world, strategy, Store(folder))
        assert_equal_studies(folder, tmp_path / "whole")
        shutil.rmtree(folder)


def test_the_size_of_a_batch_changes_no_pick(world, tmp_path):
    """Scores differ by rounding, the rows by nothing."""
    for strategy in ("least-confidence", "contrastive"):
        one, other = (Store(tmp_path / f"{strategy}{n}") for n in (1, 2))
        run(world, strategy, one)
        run(world, strategy, other, token_budget=150)
        picks = [store.read("selections").row_id.tolist() for store in (one, other)]
        assert picks[0] == picks[1]


def test_the_verdict_is_of_the_tasks_score(world, tmp_path):
    setup, _, corpus = world
    store, configs = Store(tmp_path / "out"), []
    for seed in range(2):
        for strategy in ("random", "entropy"):
            configs.append(run(world, strategy, store, seed)[0])
    record_rows(store, corpus, setup.tokens)
    rows = [
        {**config.arm, "parameters": "", "status": "complete", "rates": list(config.learner.rates)}
        for config in configs
    ]
    for config, row in zip(configs, rows, strict=True):
        columns = {name: [value] for name, value in row.items() if name != "trajectory"}
        store.write("trajectories", columns, config.id)
    task = setup.task
    store.study_json.write(
        {
            "schema_version": 2,
            "trajectories": {config.id: 3 for config in configs},
            "tests": {"test": 30},
            "labels": list(task.kinds),
            "demonstration": False,
            "corpus": {"name": corpus.name, "digest": corpus.digest},
            "task": {
                "name": task.name,
                "score": task.score,
                "metrics": list(task.metrics),
                "few": task.few,
                "outputs": len(task.classes),
            },
        }
    )
    study = load(tmp_path / "out")
    found = verdict(study)
    # By hand: a curve's mean over 16 to 32 labels, by trapezoids.
    scores = store.read("steps").groupby(["strategy", "seed"]).test_score
    area = scores.apply(lambda each: (each.iloc[0] + 2 * each.iloc[1] + each.iloc[2]) / 4)
    expected = (area["entropy"] - area["random"]).mean()
    assert found.numbers.item()["difference"] == pytest.approx(expected)
    assert set(study.columns) >= {"accuracy"}
