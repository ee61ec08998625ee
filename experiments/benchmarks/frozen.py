"""A frozen study through Ray, as a user starts it, against its trajectories in a plain loop.

python experiments/benchmarks/frozen.py --data YNAT --model ENCODER

Steps of a frozen head take milliseconds, so this is what Ray, Tune and processes cost beside them.
Both sides write the same tables, with the same picks and accuracies; that is looked at first. The
plain loop is one process with tokens and vectors at hand. What a user waits for is told apart:
until the last step is on disk, with Ray's start, tokens and vectors; and in all, with the page.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from machine import main, table

from al_ray.cluster.access.connect import settle
from al_ray.cluster.actors.embedding import vectors_path
from al_ray.commands.experiment import Experiment
from al_ray.commands.options import load_corpus, study_config
from al_ray.commands.parser import study_parser
from al_ray.corpus.tokens.prepared import Rows, prepare
from al_ray.learners.encoder.source import resolve
from al_ray.loop.trajectory import Trajectory
from al_ray.results import Store
from al_ray.study.grid import Encoder, trajectories
from al_ray.study.learner import Source
from al_ray.workers import LocalWorkers, Setup

ARMS = ("random", "margin", "entropy", "least-confidence", "core-set")
SCRIPT = Path(__file__).resolve().parents[1] / "news7.py"
SAME = ["trajectory", "step", "test", "n_labelled", "picks_digest", "test_accuracy"]


def arguments_of(options: argparse.Namespace, seeds: int) -> list[str]:
    """The study, in the words of an experiment's script."""
    words = f"--data {options.data} --model {options.model} --head frozen --keep-equivalent "
    words += f"--strategies {' '.join(ARMS)} --seeds {' '.join(map(str, range(seeds)))} "
    words += "--batch-size 8 --max-length 128 "
    words += f"--step-size {options.size} --steps {options.steps} --pool-limit {options.pool} "
    return [*words.split(), "--test-limit", str(options.test)]


def with_ray(arguments: list[str], out: Path) -> dict[str, float]:
    """Seconds: all, until the last step was on disk, and of these for vectors."""
    command = [sys.executable, str(SCRIPT), *arguments, "--address", "local", "--no-dashboard"]
    began, clock = pd.Timestamp.now("UTC"), time.perf_counter()
    subprocess.run([*command, "--out", str(out)], check=True, stdout=sys.stderr)
    whole = time.perf_counter() - clock
    steps = Store(out).read("steps")
    return {
        "whole": whole,
        "steps": (steps.finished_at.max() - began).total_seconds(),
        "trajectories": (steps.finished_at.max() - steps.finished_at.min()).total_seconds(),
        "vectors": float(Store(out).study_json.get()["vectors_seconds"]),
    }


def plainly(arguments: list[str], cache: Path, out: Path) -> float:
    """Seconds of all trajectories, one after another."""
    experiment = Experiment("news7", "", ARMS, (100,), 1000, 8, 128)
    options = study_parser(experiment).parse_args(arguments)
    corpus, study = load_corpus(options), study_config(experiment, options)
    study = replace(study, training=settle(study.training, "cpu"))
    model = resolve(options.model, corpus, cache)
    length = study.training.max_length
    made = prepare(corpus, model.folder, model.digest, length, cache, lambda *_: None)
    setup = Setup(model.folder, made.tokens, len(corpus.labels), study.training, "cpu")
    setup = replace(setup, vectors=vectors_path(setup, model.digest, cache))
    said, encoder = (Source(name=each.name, digest=each.digest) for each in (corpus, model))
    configs = trajectories(study, said, Encoder(encoder), len(corpus.train))
    rows, store = Rows.load(made.rows), Store(out)
    began = time.perf_counter()
    for config in configs:
        workers = LocalWorkers(setup, config.member_seeds, config.spec, config.learner.head)
        for _ in Trajectory(config, rows, workers, store).run():
            pass
    return time.perf_counter() - began


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Both sides, and that they did the same."""
    arguments = arguments_of(options, options.seeds)
    with tempfile.TemporaryDirectory() as temp:
        out = Path(temp, "ray"), Path(temp, "plain")
        seconds = with_ray(arguments, out[0])
        plain = plainly(arguments, out[0] / "cache", out[1])
        one, other = (Store(each).read("steps")[SAME] for each in out)
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    return {
        "trajectories": one.trajectory.nunique(),
        "steps": len(one[["trajectory", "step"]].drop_duplicates()),
        "seconds": {"plain loop": plain, **{f"Ray, {k}": v for k, v in seconds.items()}},
        "ratios": {
            "Ray's trajectories to the loop": seconds["trajectories"] / plain,
            "Ray until the last step to the loop": seconds["steps"] / plain,
        },
    }


def show(found: dict[str, Any]) -> None:
    rows = [(name, f"{value:.1f}") for name, value in found["seconds"].items()]
    rows += [(name, f"{value:.2f}") for name, value in found["ratios"].items()]
    title = f"{found['trajectories']} trajectories, {found['steps']} steps, frozen heads"
    table(title, ("", "seconds, ratio"), rows)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="a corpus of any kind")
    parser.add_argument("--pool", type=int, default=2000, help="default: 2000")
    parser.add_argument("--test", type=int, default=1000, help="default: 1000")
    parser.add_argument("--seeds", type=int, default=60, help="default: 60")
    parser.add_argument("--steps", type=int, default=5, help="default: 5")
    parser.add_argument("--size", type=int, default=100, help="labels of a step; default: 100")


if __name__ == "__main__":
    main("frozen", __doc__, ("model",), arguments, measure, show)
