"""A whole trajectory: al_ray against small-text's `PoolBasedActiveLearner`, doing the same steps.

python experiments/benchmarks/trajectory.py --data NSMC --model ENCODER
    [--batch-size 12 --longest 150 --strategies margin random] [--device cuda]

Any corpus that al_ray reads will do. Both begin with the same texts and pretrained weights, train
cold at each step with as many updates of as many rows at the same rate (AdamW, linear decay,
clipping at 1.0), evaluate the same test rows, and choose the next ones by margin, or at random.
al_ray's loop runs in this process, without Ray; in float32 and in bfloat16. Several strategies run
at once there, in processes that share the threads, as a study's trials do; small-text, which has
nothing of the kind, runs one after another with all threads. It is as it comes, but that texts are
padded to the longest that there is, with a validation set of one batch, so that it takes no labels
from training and hardly any time. Accuracies are those of all steps, strategies and seeds.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import KOBERT, ratios, spread, trajectory
from machine import main, table
from numpy.typing import NDArray

from al_ray.corpus.reading.read import read
from al_ray.corpus.rows import Corpus
from al_ray.corpus.tokens.prepared import Rows, Tokens, prepare
from al_ray.learners.encoder.process import set_up
from al_ray.loop.trajectory import Trajectory
from al_ray.results import Store
from al_ray.study.training import Device, Training
from al_ray.workers import LocalWorkers, Setup

RATE = 1e-4


@dataclass(frozen=True)
class Work:
    """What both do."""

    model: Path
    rows: Rows
    tokens: Path
    labels: int
    steps: int
    size: int
    epochs: int
    batch: int
    strategies: tuple[str, ...]
    threads: int
    folder: Path
    device: Device = "cpu"

    @property
    def longest(self) -> int:
        """Tokens of the longest text."""
        return int(Tokens(self.tokens).lengths.max())


def al_ray(
    work: Work, precision: str, seed: int
) -> tuple[float, list[list[float]], NDArray[np.int64]]:
    """Seconds, accuracies of the steps of each strategy, and the first rows."""
    if len(work.strategies) == 1:
        start = time.perf_counter()
        found, first = one_arm(work, work.strategies[0], precision, seed)
        return time.perf_counter() - start, [found], first
    share = replace(work, threads=max(1, work.threads // len(work.strategies)))
    context = multiprocessing.get_context("spawn")
    many = len(work.strategies)
    together = context.Barrier(many)
    with ProcessPoolExecutor(many, context, initializer=arrive, initargs=(together,)) as pool:
        list(pool.map(abs, range(many)))  # all have loaded what they need, as small-text has
        start = time.perf_counter()
        runs = [
            pool.submit(one_arm, share, strategy, precision, seed) for strategy in work.strategies
        ]
        gave = [run.result() for run in runs]
        seconds = time.perf_counter() - start
    return seconds, [found for found, _ in gave], gave[0][1]


def arrive(together: Any) -> None:
    """A process is there, and waits for the others."""
    together.wait()


def one_arm(
    work: Work, strategy: str, precision: str, seed: int
) -> tuple[list[float], NDArray[np.int64]]:
    """Accuracies of the steps, and the first rows."""
    set_up(work.device, work.threads)
    training = Training(
        recipe="seed",
        epochs=work.epochs,
        learning_rate=RATE,
        batch_size=work.batch,
        max_length=work.longest,
        decay="linear",
        clip=1.0,
        threads=work.threads,
        precision=precision,  # type: ignore[arg-type]
        token_budget=4096,
    )
    size, steps = work.size, work.steps
    config = trajectory(training, (RATE,), strategy, size=size, steps=steps, seed=seed)
    setup = Setup(work.model, work.tokens, work.labels, training, work.device)
    store = Store(str(work.folder / f"{strategy}-{precision}-{seed}"))
    workers = LocalWorkers(setup, config.member_seeds, strategy)
    loop = Trajectory(config, work.rows, workers, store)
    found = [step.accuracy for step in loop.run()]
    return found, loop._labelled[0]


def small_text(
    work: Work, strategy: str, first: NDArray[np.int64], seed: int
) -> tuple[float, list[float]]:
    """Seconds, and accuracies of the steps."""
    from small_text import (
        BreakingTies,
        PoolBasedActiveLearner,
        RandomSampling,
        TransformerBasedClassification,
        TransformerBasedClassificationFactory,
        TransformerModelArguments,
        TransformersDataset,
    )

    tokens = Tokens(work.tokens)
    labels, longest = work.rows.labels, work.longest

    def dataset(rows: NDArray[np.int64]) -> TransformersDataset:
        data = []
        for row in rows:
            length = tokens.lengths[row]
            ids = np.full((1, longest), tokens.pad_id)
            ids[0, :length] = tokens[row]
            mask = (np.arange(longest) < length).astype(np.int64)[None]
            data.append((torch.from_numpy(ids), torch.from_numpy(mask), int(labels[row])))
        return TransformersDataset(data, target_labels=np.arange(work.labels))

    train, test = work.rows.train, work.rows.tests["test"]
    pool, tests = dataset(train), dataset(test)
    torch.use_deterministic_algorithms(False)  # which it does not ask for
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    start = time.perf_counter()
    factory = TransformerBasedClassificationFactory(
        TransformerModelArguments(str(work.model)),
        work.labels,
        kwargs={
            "num_epochs": work.epochs,
            "lr": RATE,
            "mini_batch_size": work.batch,
            "early_stopping_no_improvement": 0,
            "device": work.device,
        },
    )
    kwargs = {
        "validation_set": tests[np.arange(work.batch)],
        "early_stopping": "none",
        "model_selection": "none",
    }
    query = RandomSampling() if strategy == "random" else BreakingTies()
    learner = PoolBasedActiveLearner(factory, query, pool, fit_kwargs=kwargs)
    learner.initialize_data(first, labels[train[first]].astype(np.int64))
    found = []
    for step in range(work.steps):
        said = learner.classifier.predict(tests)
        found.append(float((said == labels[test]).mean()))
        if step < work.steps - 1:
            asked = learner.query(num_samples=work.size)
            learner.update(labels[train[asked]].astype(np.int64))
    seconds = time.perf_counter() - start
    assert isinstance(learner.classifier, TransformerBasedClassification)
    return seconds, found


def corpus_of(folder: Path, pool: int, test: int) -> Corpus:
    """The first rows of train, as the pool and, after them, as the test."""
    whole = read(folder)
    train, tests = (
        whole.train.take(np.arange(start, start + rows), name)
        for name, start, rows in (("train", 0, pool), ("test", pool, test))
    )
    return replace(whole, train=train, tests=(tests,))


def shaped(folder: Path, model: Path) -> Path:
    """Random weights of KoBERT's shape, in a folder with the encoder's tokenizer."""
    from transformers import BertConfig, BertForSequenceClassification

    shutil.copytree(model, folder, ignore=shutil.ignore_patterns("*.safetensors", "*.bin"))
    facts = json.loads((model / "config.json").read_text())
    kept = {name: facts[name] for name in ("vocab_size", "pad_token_id")}
    torch.manual_seed(0)
    BertForSequenceClassification(BertConfig(**KOBERT | kept)).save_pretrained(folder)
    return folder


def measure(options: argparse.Namespace) -> dict[str, Any]:
    torch.set_num_threads(options.threads)
    times: dict[str, list[float]] = {"small-text": [], "float32": [], "bfloat16": []}
    accuracies: dict[str, list[list[float]]] = {name: [] for name in times}
    with tempfile.TemporaryDirectory() as temp:
        folder = Path(temp)
        corpus = corpus_of(options.data, options.pool, options.test)
        model = shaped(folder / "kobert", options.model) if options.kobert_shaped else options.model
        made = prepare(corpus, model, "model", options.longest, folder)
        work = Work(
            model,
            Rows.load(made.rows),
            made.tokens,
            len(corpus.labels),
            options.steps,
            options.size,
            options.epochs,
            options.batch_size,
            tuple(options.strategies),
            options.threads,
            folder,
            options.device,
        )
        for seed in range(options.rounds):
            for precision in ("float32", "bfloat16"):
                seconds, found, first = al_ray(work, precision, seed)
                times[precision].append(seconds)
                accuracies[precision] += found
            gave = [small_text(work, strategy, first, seed) for strategy in work.strategies]
            times["small-text"].append(sum(seconds for seconds, _ in gave))
            accuracies["small-text"] += [found for _, found in gave]
        lengths = Tokens(made.tokens).lengths
    sizes = [options.size * (step + 1) for step in range(options.steps)]
    return {
        "strategies": work.strategies,
        "pool": options.pool,
        "test": options.test,
        "labels": sizes,
        "updates": [options.epochs * -(-size // options.batch_size) for size in sizes],
        "model": "KoBERT's shape" if options.kobert_shaped else options.model.name,
        "mean_tokens": float(lengths.mean()),
        "seconds": {name: spread(each) for name, each in times.items()},
        "ratios": {
            name: ratios(times["small-text"], times[name]) for name in ("float32", "bfloat16")
        },
        "accuracy": {
            name: statistics.mean(x for each in found for x in each)
            for name, found in accuracies.items()
        },
        "accuracies": accuracies,
    }


def show(found: dict[str, Any]) -> None:
    rows = []
    for name, facts in found["seconds"].items():
        ratio = found["ratios"].get(name, {"median": 1.0})["median"]
        rows.append(
            (name, f"{facts['median']:.1f}", f"{ratio:.1f}", f"{found['accuracy'][name]:.3f}")
        )
    table(
        f"Trajectories of {len(found['labels'])} steps by {' and '.join(found['strategies'])}, "
        f"{found['model']}, pool {found['pool']}, updates {found['updates']}, "
        f"{len(found['accuracies']['float32']) // len(found['strategies'])} seeds",
        ("", "seconds", "times as fast", "mean accuracy"),
        rows,
    )


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--kobert-shaped",
        action="store_true",
        help="random weights of KoBERT's shape, with the encoder's tokenizer: it learns nothing",
    )
    parser.add_argument("--pool", type=int, default=400, help="default: 400")
    parser.add_argument("--test", type=int, default=300, help="default: 300")
    parser.add_argument("--steps", type=int, default=3, help="default: 3")
    parser.add_argument("--size", type=int, default=60, help="labels of a step; default: 60")
    parser.add_argument("--epochs", type=int, default=6, help="of a fit; default: 6")
    parser.add_argument("--batch-size", type=int, default=12, help="default: 12")
    parser.add_argument("--longest", type=int, default=150, help="tokens; default: 150")
    parser.add_argument(
        "--strategies", nargs="+", choices=("margin", "random"), default=["margin"], help="margin"
    )


if __name__ == "__main__":
    main("trajectory", __doc__, ("data", "model", "device"), arguments, measure, show)
