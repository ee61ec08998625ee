"""A whole trajectory: al_ray against small-text's `PoolBasedActiveLearner`, doing the same steps.

python experiments/benchmarks/trajectory.py --data NSMC --model ENCODER

Both begin with the same reviews and pretrained weights, train cold at each step with as many
updates of as many rows at the same rate (AdamW, linear decay, clipping at 1.0), evaluate the same
test rows, and choose the next ones by margin. al_ray's loop runs in this process, without Ray; in
float32 and in bfloat16. small-text is as it comes: texts padded to the maximum, with a validation
set of one batch, so that it takes no labels from training and hardly any time. Accuracies are
those of all steps and seeds.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import KOBERT, nsmc, ratios, spread, trajectory
from machine import main, table
from numpy.typing import NDArray

from al_ray.corpus.rows import Corpus, Split
from al_ray.corpus.tokens.prepared import Rows, Tokens, prepare
from al_ray.loop.trajectory import Trajectory
from al_ray.results import Store
from al_ray.study.training import Training
from al_ray.workers import LocalWorkers, Setup

LONGEST = 150
BATCH = 12
RATE = 1e-4


@dataclass(frozen=True)
class Work:
    """What both do."""

    model: Path
    rows: Rows
    tokens: Path
    steps: int
    size: int
    epochs: int
    threads: int
    folder: Path


def al_ray(work: Work, precision: str, seed: int) -> tuple[float, list[float], NDArray[np.int64]]:
    """Seconds, accuracies of the steps, and the first rows."""
    training = Training(
        recipe="seed",
        epochs=work.epochs,
        learning_rate=RATE,
        batch_size=BATCH,
        max_length=LONGEST,
        decay="linear",
        clip=1.0,
        threads=work.threads,
        precision=precision,  # type: ignore[arg-type]
        token_budget=4096,
    )
    config = trajectory(training, (RATE,), "margin", size=work.size, steps=work.steps, seed=seed)
    setup = Setup(work.model, work.tokens, 2, training, "cpu")
    store = Store(str(work.folder / f"{precision}-{seed}"))
    start = time.perf_counter()
    workers = LocalWorkers(setup, config.member_seeds, "margin")
    loop = Trajectory(config, work.rows, workers, store)
    found = [step.test_accuracy for step in loop.run()]
    return time.perf_counter() - start, found, loop._labelled[0]


def small_text(work: Work, first: NDArray[np.int64], seed: int) -> tuple[float, list[float]]:
    """Seconds, and accuracies of the steps."""
    from small_text import (
        BreakingTies,
        PoolBasedActiveLearner,
        TransformerBasedClassification,
        TransformerBasedClassificationFactory,
        TransformerModelArguments,
        TransformersDataset,
    )

    tokens = Tokens(work.tokens)
    labels = work.rows.labels

    def dataset(rows: NDArray[np.int64]) -> TransformersDataset:
        data = []
        for row in rows:
            length = tokens.lengths[row]
            ids = np.full((1, LONGEST), tokens.pad_id)
            ids[0, :length] = tokens[row]
            mask = (np.arange(LONGEST) < length).astype(np.int64)[None]
            data.append((torch.from_numpy(ids), torch.from_numpy(mask), int(labels[row])))
        return TransformersDataset(data, target_labels=np.arange(2))

    train, test = work.rows.train, work.rows.tests["test"]
    pool, tests = dataset(train), dataset(test)
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    start = time.perf_counter()
    factory = TransformerBasedClassificationFactory(
        TransformerModelArguments(str(work.model)),
        2,
        kwargs={
            "num_epochs": work.epochs,
            "lr": RATE,
            "mini_batch_size": BATCH,
            "early_stopping_no_improvement": 0,
            "device": "cpu",
        },
    )
    kwargs = {
        "validation_set": tests[np.arange(BATCH)],
        "early_stopping": "none",
        "model_selection": "none",
    }
    learner = PoolBasedActiveLearner(factory, BreakingTies(), pool, fit_kwargs=kwargs)
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
    drawn = nsmc(folder, pool + test)

    def split(name: str, rows: list[tuple[str, int]]) -> Split:
        texts, labels = zip(*rows, strict=True)
        ids = tuple(f"{name}-{row}" for row in range(len(rows)))
        return Split(name, ids, texts, np.array(labels, np.int32))

    return Corpus("nsmc", ("0", "1"), split("train", drawn[:pool]), (split("test", drawn[pool:]),))


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
        made = prepare(corpus, model, "model", LONGEST, folder)
        work = Work(
            model,
            Rows.load(made.rows),
            made.tokens,
            options.steps,
            options.size,
            options.epochs,
            options.threads,
            folder,
        )
        for seed in range(options.rounds):
            for precision in ("float32", "bfloat16"):
                seconds, found, first = al_ray(work, precision, seed)
                times[precision].append(seconds)
                accuracies[precision].append(found)
            seconds, found = small_text(work, first, seed)
            times["small-text"].append(seconds)
            accuracies["small-text"].append(found)
        lengths = Tokens(made.tokens).lengths
    sizes = [options.size * (step + 1) for step in range(options.steps)]
    return {
        "pool": options.pool,
        "test": options.test,
        "labels": sizes,
        "updates": [options.epochs * -(-size // BATCH) for size in sizes],
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
        f"A trajectory of {len(found['labels'])} steps, {found['model']}, pool {found['pool']}, "
        f"updates {found['updates']}, {len(found['accuracies']['float32'])} seeds",
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


if __name__ == "__main__":
    main("trajectory", __doc__, ("data", "model"), arguments, measure, show)
