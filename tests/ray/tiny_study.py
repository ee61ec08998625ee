"""A study small enough for a test: generated text, `mini`, a handful of updates.

Also a program, so that a test can run it in a process of its own and kill it.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from al_ray.cluster.study import Outcome, run_study
from al_ray.config import RunConfig, StudyConfig, Training
from al_ray.corpus.embedded import generate
from al_ray.encoder.source import resolve
from al_ray.errors import UserError
from al_ray.results import Store

RATE = 2e-3
STUDY = StudyConfig(
    strategies=("margin",),
    rates=(2 * RATE, RATE, RATE / 2),
    seeds=(0,),
    step_sizes=(20,),
    steps=3,
    training=Training(
        recipe="stable",
        epochs=1,
        updates=6,
        learning_rate=RATE,
        batch_size=8,
        max_length=24,
        warmup=0.1,
        decay="linear",
        clip=1.0,
        precision="float32",
        chunk_rows=48,  # so that three shards have something to share
    ),
)


def run(out: Path | str, study: StudyConfig = STUDY, **where: object) -> Outcome:
    """Run it into `out`."""
    corpus = generate(train=200, test=60)
    model = resolve("mini", corpus, Store(out).cache)
    config = RunConfig(out=str(out), dashboard=False, **where)  # type: ignore[arg-type]
    return run_study(study, config, corpus, model, Console(width=120))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--retrain", nargs="+", default=["cold"])
    parser.add_argument("--steps", type=int, default=3)
    options = parser.parse_args()
    study = replace(STUDY, retrain=tuple(options.retrain), steps=options.steps)
    try:
        outcome = run(options.out, study, address="local", concurrent=1)
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    sys.exit(1 if outcome.unfinished else 0)


if __name__ == "__main__":
    main()
