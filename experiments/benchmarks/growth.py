"""What happens as pools grow: time a row and memory of each actor, from 10,000 rows to a million.

python experiments/benchmarks/growth.py --data NSMC --tokenizer KOBERT

Token ids of as many rows as asked for, drawn from NSMC's reviews, scored by margin through Ray with
one shard, and a pool of 100,000 with more shards. The model is of BERT's kind and tiny, so that a
million rows take minutes: what is measured is everything but the model. Memory is the most that an
actor's process ever held (VmHWM, pages of the mapped token file included), and what the loop's grew
by while it scored.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from common import reviews, tokenised
from machine import main, table

POOLS = (10_000, 100_000, 1_000_000)
SHARDS = (1, 2, 4, 8)


def write_tokens(path: Path, texts: Any, rows: int) -> None:
    """As `prepare` writes them, batch by batch."""
    drawn = np.random.default_rng(0)
    schema = pa.schema(
        {"tokens": pa.list_(pa.uint16())},
        {"pad_id": str(texts.pad_id), "special_ids": "", "rows": str(rows)},
    )
    with pa.ipc.new_file(path, schema) as writer:
        for start in range(0, rows, 8192):
            chosen = drawn.integers(0, len(texts.lengths), min(8192, rows - start))
            offsets = np.concatenate([[0], np.cumsum(texts.lengths[chosen])]).astype(np.int32)
            ids = np.concatenate([texts[row] for row in chosen]).astype(np.uint16)
            column = pa.ListArray.from_arrays(offsets, pa.array(ids), type=schema.field(0).type)
            writer.write_batch(pa.record_batch([column], schema=schema))


def most_memory(pid: int | str = "self", field: str = "VmHWM") -> int:
    """Bytes that a process ever held, or holds."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"{field}: not in /proc")


def shard_pids() -> list[int]:
    import psutil

    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if "ShardActor" in " ".join(process.info["cmdline"] or ())
    ]


def score(setup: Any, rows: int, shards: int, weights: Any) -> dict[str, Any]:
    """One scoring of the pool by new actors; a first chunk each has them load the model."""
    from share import config_of

    from al_ray.cluster.actors.ray_workers import RayWorkers
    from al_ray.cluster.layout import layout
    from al_ray.workers import Question

    config = replace(config_of((3e-3,), 2, 1), training=setup.training)
    where = layout(1, shards, 1, os.cpu_count() or 1, 0)
    with RayWorkers(setup, config, "margin", where, shards, 3600.0, f"growth-{rows}") as workers:
        query = Question([workers.put(weights)], 0, 0, 0)
        workers.score(np.arange(min(rows, 2048 * shards)), query)
        before, start = most_memory(field="VmRSS"), time.perf_counter()
        found = workers.score(np.arange(rows), query)
        seconds = time.perf_counter() - start
        assert len(found.scores) == rows
        return {
            "rows": rows,
            "shards": shards,
            "seconds": seconds,
            "microseconds_a_row": seconds / rows * 1e6,
            "shard_bytes": max(map(most_memory, shard_pids())),
            "loop_grew_bytes": most_memory(field="VmRSS") - before,
        }


def measure(options: argparse.Namespace) -> dict[str, Any]:
    import ray
    from common import settings

    from al_ray.corpus.tokens.tokenising import quiet_transformers
    from al_ray.learners.encoder.load import get_weights, load
    from al_ray.workers import Setup

    texts = tokenised(reviews(options.data, 20_000), options.tokenizer, 128)
    os.environ.setdefault("RAY_worker_niceness", "0")
    ray.init("local", include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    training = settings("float32", 1)
    with tempfile.TemporaryDirectory(prefix="growth-") as temp:
        encoder = Path(temp, "encoder")
        encoder.mkdir()
        quiet_transformers().BertConfig(
            vocab_size=8002,
            hidden_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=64,
            architectures=["BertForSequenceClassification"],
        ).save_pretrained(encoder)
        weights = get_weights(load(encoder, 7, 0))
        try:
            pools = []
            for rows in options.pools:
                path = Path(temp, f"{rows}.arrow")
                write_tokens(path, texts, rows)
                setup = Setup(encoder, path, 7, training, "cpu")
                pools.append(score(setup, rows, 1, weights))
            middle = sorted(options.pools)[len(options.pools) // 2]
            setup = Setup(encoder, Path(temp, f"{middle}.arrow"), 7, training, "cpu")
            by_shards = [score(setup, middle, shards, weights) for shards in options.shards]
        finally:
            ray.shutdown()
    return {"pools": pools, "shards": by_shards}


def show(found: dict[str, Any]) -> None:
    for title, facts in found.items():
        table(
            f"Growth: {title}",
            ("rows", "shards", "s", "µs a row", "a shard at most, MiB", "the loop grew, MiB"),
            [
                (
                    f"{each['rows']:,}",
                    str(each["shards"]),
                    f"{each['seconds']:.1f}",
                    f"{each['microseconds_a_row']:.1f}",
                    f"{each['shard_bytes'] / 2**20:.0f}",
                    f"{each['loop_grew_bytes'] / 2**20:.0f}",
                )
                for each in facts
            ],
        )


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pools", nargs="+", type=int, default=list(POOLS))
    parser.add_argument("--shards", nargs="+", type=int, default=list(SHARDS))


if __name__ == "__main__":
    main("growth", __doc__, ("data", "tokenizer"), arguments, measure, show)
