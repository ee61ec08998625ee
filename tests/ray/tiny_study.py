"""A study small enough for a test: generated text, `mini`, a handful of updates.

Also a program, so that a test can run it in a process of its own and kill it.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from rich.console import Console

from al_ray.cluster.study import Outcome, run_study
from al_ray.corpus.embedded.news import generate
from al_ray.errors import UserError
from al_ray.learners.encoder.source import ModelSource, resolve
from al_ray.results import Store
from al_ray.results.folder import own
from al_ray.study.config import StudyConfig
from al_ray.study.running import RunConfig
from al_ray.study.training import Training

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


def run(
    out: Path | str,
    study: StudyConfig = STUDY,
    model: ModelSource | None = None,
    others: Mapping[str, ModelSource] = MappingProxyType({}),
    **where: object,
) -> Outcome:
    """Run it into `out`, with `mini` unless another model is given; grids may name others."""
    corpus = generate(train=200, test=60)
    own(Store(out).storage)
    model = model or resolve("mini", corpus, Store(out).cache)
    config = RunConfig(out=str(out), dashboard=False, **where)  # type: ignore[arg-type]
    return run_study(study, config, corpus, {study.model: model, **others}, Console(width=120))


def pretrained(folder: Path) -> ModelSource:
    """A `mini` that has weights, which makes it a pretrained encoder."""
    from al_ray.learners.encoder.load import load

    corpus = generate(train=200, test=60)
    made = folder / "encoder"
    shutil.copytree(resolve("mini", corpus, folder).folder, made)
    load(made, 2, 0).save_pretrained(made)  # type: ignore[operator]
    return resolve(str(made), corpus, folder)


def parser() -> argparse.ArgumentParser:
    """Its options; `tests/faults` gives it other arms, and a cluster of several hosts."""
    made = argparse.ArgumentParser()
    made.add_argument("out")
    made.add_argument("--strategies", nargs="+", default=list(STUDY.strategies))
    made.add_argument("--retrain", nargs="+", default=["cold"])
    made.add_argument("--steps", type=int, default=STUDY.steps)
    made.add_argument("--updates", type=int, default=STUDY.training.updates)
    made.add_argument("--shards", type=int, default=1)
    made.add_argument("--concurrent", type=int)
    made.add_argument("--address", default="local")
    return made


def main() -> None:
    options = parser().parse_args()
    study = replace(
        STUDY,
        strategies=tuple(options.strategies),
        retrain=tuple(options.retrain),
        steps=options.steps,
        training=replace(STUDY.training, updates=options.updates),
    )
    where = {name: getattr(options, name) for name in ("shards", "concurrent", "address")}
    try:
        outcome = run(options.out, study, **where)
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    sys.exit(1 if outcome.unfinished else 0)


if __name__ == "__main__":
    main()
