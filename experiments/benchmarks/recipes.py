"""How accurate fine-tuning is with few labels, by pooling, start and recipe, beside a frozen head.

python experiments/benchmarks/recipes.py --data YNAT --model ENCODER --labels 100 200 400 --out FILE

A loose loop, without Ray. Of train rows that no `--pool-limit` of up to 8,000 draws (nor a
hold-out), some are tested on and random ones of the others are trained on, with seeds from 100, so
that what is chosen by these figures is not chosen on the rows of others. All learners of one seed
have the same rows, the smaller numbers of labels among the larger. Options that take several values
are combined. Every fit is a line of FILE; the same command again goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from common import Texts, tokenised
from machine import main, table
from numpy.typing import NDArray

from al_ray.cluster.access.connect import settle
from al_ray.corpus.reading.read import read
from al_ray.corpus.rows import Split
from al_ray.corpus.splits import choose_tests
from al_ray.errors import ModelError
from al_ray.learners import linear as frozen
from al_ray.learners.encoder.fit import fit
from al_ray.learners.encoder.load import load
from al_ray.learners.encoder.predict import logits
from al_ray.learners.encoder.process import set_up
from al_ray.learners.encoder.rates import DEFAULT_LEARNING_RATE
from al_ray.learners.encoder.source import ModelSource
from al_ray.learners.encoder.weights import check_start
from al_ray.randomness import keys, row_hashes
from al_ray.study.training import RECIPES, Training

USED = 8000
"""Rows that a `--pool-limit` may have drawn; those of other figures have 6,000 at most."""

FIRST_SEED = 100

Facts = dict[str, Any]
"""What determines a fit, and names it in the file."""


def unused(train: Split) -> Split:
    """The rows behind those that `--pool-limit` draws, in its order."""
    order = np.argsort(keys(row_hashes(train.row_ids), 0, 0, "pool-limit"), kind="stable")
    return train.take(order[USED:])


class Bench:
    """The rows, tokenised: the first `test` are tested on, the others are the pool."""

    def __init__(self, options: argparse.Namespace) -> None:
        corpus = choose_tests(read(options.data), None)
        rows = unused(corpus.train)
        rows = rows.take(np.arange(min(len(rows), options.test + options.pool)))
        if len(rows) < options.test + max(options.labels):
            raise SystemExit(f"{options.data}: only {len(rows):,} rows that are not used elsewhere")
        self.name, self.n_labels, self.labels = corpus.name, len(corpus.labels), rows.labels
        self.test, self.pool = np.split(np.arange(len(rows)), [options.test])
        self.hashes = row_hashes(rows.row_ids)
        self.texts: Texts = tokenised(rows.texts, options.model, options.max_length)
        self.encoder, self.device = options.model, options.device
        self._standard: NDArray[np.float32] | None = None

    def drawn(self, seed: int, labels: int) -> NDArray[np.int64]:
        order = np.argsort(keys(self.hashes[self.pool], seed, 0, "recipes"), kind="stable")
        return self.pool[order[:labels]]

    def standard(self, training: Training) -> NDArray[np.float32]:
        """The frozen head's vectors of all rows, standardised over the pool."""
        if self._standard is None:
            rows = np.arange(len(self.labels))
            vectors = frozen.embed(self.encoder, self.texts, rows, training, self.device)
            mean, scale = frozen.scaling(vectors[self.pool])
            self._standard = ((vectors - mean) * scale).astype(np.float32)
        return self._standard

    def frozen(self, training: Training, seed: int, labels: int) -> tuple[float, float]:
        """Accuracy, and seconds of the fit."""
        vectors, rows = self.standard(training), self.drawn(seed, labels)
        began = time.perf_counter()
        linear, *_ = frozen.fit(vectors[rows], self.labels[rows], self.n_labels)
        seconds = time.perf_counter() - began
        return self.accuracy(frozen.logits(linear, vectors[self.test])), seconds

    def tuned(self, training: Training, seed: int, labels: int) -> tuple[float, float]:
        """As a member does it: accuracy, and seconds of the fit."""
        rows = self.drawn(seed, labels)
        module = load(self.encoder, self.n_labels, seed, training.pooling).to(self.device)
        began = time.perf_counter()
        if training.start == "linear":
            frozen.start(module, self.texts, rows, self.labels[rows], training)
        rate = training.learning_rate
        fit(module, self.texts, rows, self.labels[rows], training, rate, seed, 0)
        seconds = time.perf_counter() - began
        return self.accuracy(logits(module, self.texts, self.test, training)), seconds

    def accuracy(self, scores: NDArray[np.float32]) -> float:
        return float((scores.argmax(axis=1) == self.labels[self.test]).mean())


KNOBS = {
    "pooling": (str, ["own", "mean"]),
    "start": (str, ["random", "linear"]),
    "learning_rate": (float, [DEFAULT_LEARNING_RATE]),
    **{name: (int, [RECIPES["stable"][name]]) for name in ("epochs", "min_updates")},
    "warmup": (float, [RECIPES["stable"]["warmup"]]),
    "batch_size": (int, [8]),
}
"""Of which several values are combined: their types and defaults."""


def trainings(options: argparse.Namespace) -> list[Training]:
    """Every combination that the model allows; what it does not is said."""
    made = []
    for values in itertools.product(*(getattr(options, name) for name in KNOBS)):
        point = {**RECIPES["stable"], **dict(zip(KNOBS, values, strict=True))}
        training = Training(
            recipe="stable",
            **point,
            max_length=options.max_length,
            threads=options.threads,
            precision=options.precision,
        )
        try:
            check_start(ModelSource(options.model.name, options.model, ""), training)
            made.append(settle(training, options.device))
        except ModelError as error:
            print(f"left out: {error}", file=sys.stderr)
    return made


class File:
    """Fits that are done, a line each."""

    def __init__(self, path: Path) -> None:
        self._path, self._done = path, {}
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
            try:
                said = json.loads(line)
            except ValueError:  # it was stopped in the midst of a line
                continue
            self._done[self._name(said["facts"])] = said

    @staticmethod
    def _name(facts: Facts) -> str:
        return json.dumps(facts, sort_keys=True)

    def get(self, facts: Facts) -> Facts | None:
        return self._done.get(self._name(facts))

    def add(self, facts: Facts, accuracy: float, seconds: float) -> Facts:
        said = {"facts": facts, "accuracy": accuracy, "seconds": seconds}
        with self._path.open("a+", encoding="utf-8") as file:
            file.write(("" if self._whole() else "\n") + json.dumps(said) + "\n")
        print(json.dumps(said), file=sys.stderr)
        self._done[self._name(facts)] = said
        return said

    def _whole(self) -> bool:
        content = self._path.read_bytes()
        return not content or content.endswith(b"\n")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Seed by seed, so that wherever it is stopped learners can be compared."""
    set_up("cpu", options.threads)
    bench, file, found = Bench(options), File(options.out), []
    learners: list[tuple[str, Training]] = [("fine-tuned", each) for each in trainings(options)]
    plain = Training(
        recipe="stable", **{**RECIPES["stable"], **{k: v[1][0] for k, v in KNOBS.items()}},
        max_length=options.max_length, threads=options.threads, precision=options.precision,
    )  # fmt: skip
    learners.insert(0, ("frozen", settle(plain, options.device)))
    for seed in range(FIRST_SEED, FIRST_SEED + options.seeds):
        for labels, (head, training) in itertools.product(options.labels, learners):
            facts = {
                **{"corpus": bench.name, "model": options.model.name, "device": options.device},
                **{"test": len(bench.test), "pool": len(bench.pool), "head": head},
                **{"seed": seed, "labels": labels, "training": asdict(training)},
            }
            said = file.get(facts)
            if said is None:
                run = bench.frozen if head == "frozen" else bench.tuned
                said = file.add(facts, *run(training, seed, labels))
            found.append(said)
    return {"fits": found}


def show(found: dict[str, Any]) -> None:
    fits = pd.json_normalize(found["fits"])
    fits.columns = fits.columns.str.split(".").str[-1]
    tuned = fits["head"] != "frozen"
    names = [name for name in KNOBS if fits[name][tuned].nunique() > 1]
    said = fits[["head", *names]].astype(str)
    fits["learner"] = said[names or ["head"]].agg(" ".join, axis=1).where(tuned, "frozen")
    wide = fits.pivot_table(index=["labels", "seed"], columns="learner", values="accuracy")
    less = wide.sub(wide["frozen"], axis=0)
    rows = []
    for (labels, learner), group in fits.groupby(["labels", "learner"], sort=False):
        behind = less.loc[labels, learner]
        rows.append(
            (
                f"{labels} labels, {learner}",
                str(len(group)),
                *_spread(group.accuracy),
                *(("", "") if learner == "frozen" else _spread(behind, "+")),
                f"{group.seconds.mean():.1f}",
            )
        )
    heads = ("", "seeds", "accuracy", "s.e.", "to frozen", "s.e.", "seconds a fit")
    tests, corpus = fits.test.iloc[0], fits.corpus.iloc[0]
    table(f"{corpus}, {tests:,} test rows: {', '.join(names)}", heads, rows)


def _spread(values: pd.Series[float], sign: str = "") -> tuple[str, str]:
    """Mean, and its standard error over seeds."""
    return f"{values.mean():{sign}.4f}", f"{values.sem():.4f}" if len(values) > 1 else "?"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="a corpus of any kind")
    parser.add_argument("--out", type=Path, required=True, help="JSON Lines; continued if there")
    parser.add_argument("--labels", type=int, nargs="+", default=[100, 200, 400])
    parser.add_argument("--seeds", type=int, default=10, help=f"from {FIRST_SEED}; default: 10")
    parser.add_argument("--test", type=int, default=2000, help="rows; default: 2000")
    parser.add_argument("--pool", type=int, default=4000, help="rows; default: 4000")
    parser.add_argument("--max-length", type=int, default=128, help="tokens; default: 128")
    parser.add_argument("--precision", default="auto", choices=("auto", "float32", "bfloat16"))
    for name, (kind, default) in KNOBS.items():
        option = f"--{name.replace('_', '-')}"
        said = f"default: {' '.join(map(str, default))}"
        parser.add_argument(option, type=kind, nargs="+", default=default, help=said)


if __name__ == "__main__":
    main("recipes", __doc__, ("model", "device"), arguments, measure, show)
