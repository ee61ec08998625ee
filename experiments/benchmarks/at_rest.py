"""What it costs that no file is believed unseen: a study's check, and the writing of a step.

python experiments/benchmarks/at_rest.py

A study of many small trajectories, each step with 100 picks and 1,000 test rows, is written and
then checked as at every start. Against it stand the plainest reading of the same files, which knows
of no seal, and the plainest writing of the same rows, by turns. Files are in the machine's memory.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from machine import main, table

from al_ray.results import SCHEMAS, Store
from al_ray.results.damage.check import damages

PICKS, TEST = 100, 1000
TABLES = ("selections", "predictions", "members", "steps")


def columns(step: int) -> dict[str, dict[str, Any]]:
    """The rows of a step, by table."""
    picks = [f"train-{step}-{i}" for i in range(PICKS)]
    tests = [f"test-{i}" for i in range(TEST)]
    return {
        "selections": {"rank": list(range(PICKS)), "row_id": picks, "label": "경제", "score": 0.5},
        "predictions": {"test": "test", "row_id": tests, "label": "경제", "confidence": 0.5},
        "members": {"member": [0], "learning_rate": [2e-5], "predicted_counts": [[1, 2, 3]]},
        "steps": {"test": ["test"], "test_accuracy": [0.5], "picks_digest": ["d"]},
    }


def write(store: Store, trajectories: int, steps: int) -> None:
    """As the loop writes them."""
    for number in range(trajectories):
        name = f"margin-cold-100-s{number}-0123456789"
        store.write("selections", {"rank": [0], "row_id": ["a"]}, name, -1)
        for step in range(steps):
            for each, rows in columns(step).items():
                store.write(each, rows, name, step)
        store.write("trajectories", {"status": "complete"}, name)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Seconds of a check, of a reading without one, and milliseconds of a step's writing."""
    with tempfile.TemporaryDirectory() as temp:
        store, plain = Store(Path(temp, "study")), Path(temp, "plain")
        write(store, options.trajectories, options.steps)
        files = [store.folder / name for each in SCHEMAS for name in store.files(each)]
        seconds: dict[str, list[float]] = {"check": [], "read alone": []}
        for _ in range(options.rounds):
            began = time.perf_counter()
            assert damages(store) == []
            seconds["check"].append(time.perf_counter() - began)
            began = time.perf_counter()
            with ThreadPoolExecutor(16) as pool:
                size = sum(len(data) for data in pool.map(Path.read_bytes, files))
            seconds["read alone"].append(time.perf_counter() - began)
        rows = {each: store.get(store.name(each, _NAME, 0)) for each in TABLES}
        plain.mkdir()
        milliseconds: dict[str, list[float]] = {"sealed": [], "plainly": []}
        for turn in range(options.rounds * 20):
            began = time.perf_counter()
            for each in TABLES:
                store.put(f"{each}/x-{turn:04d}.parquet", rows[each], "x", {})
            milliseconds["sealed"].append(1e3 * (time.perf_counter() - began))
            began = time.perf_counter()
            for each in TABLES:
                target = plain / f"{each}-{turn:04d}.parquet"
                pq.write_table(rows[each], target.with_suffix(".tmp"))
                target.with_suffix(".tmp").rename(target)
            milliseconds["plainly"].append(1e3 * (time.perf_counter() - began))
    return {
        "trajectories": options.trajectories,
        "files": len(files),
        "megabytes": size / 1e6,
        "seconds": {name: statistics.median(times) for name, times in seconds.items()},
        "milliseconds": {name: statistics.median(t) for name, t in milliseconds.items()},
    }


_NAME = "margin-cold-100-s0-0123456789"


def show(found: dict[str, Any]) -> None:
    rows = [(f"{name}, s", f"{value:.2f}") for name, value in found["seconds"].items()]
    rows += [(f"a step {name}, ms", f"{x:.2f}") for name, x in found["milliseconds"].items()]
    title = f"{found['trajectories']:,} trajectories, {found['files']:,} files"
    table(f"{title}, {found['megabytes']:.0f} MB", ("", "median"), rows)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--trajectories", type=int, default=1000, help="default: 1000")
    parser.add_argument("--steps", type=int, default=5, help="default: 5")


if __name__ == "__main__":
    main("at_rest", __doc__, (), arguments, measure, show)
