"""How fast KoBERT's ids are made: KoBertTokenizer against al_ray, one process each.

python experiments/benchmarks/tokens.py --tokenizer FOLDER --data NSMC_FOLDER

Reviews, and long texts of reviews joined to about 2,000 characters. The ids are compared first;
then both are timed in turn, three times each, and the medians are given.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from machine import machine
from rich.console import Console
from rich.table import Table

from al_ray.corpus.tokens.tokenisers import open_tokeniser
from al_ray.corpus.tokens.tokenising import Encoded, plainly, quiet_transformers

ROUNDS = 3
BATCH = 8192
CHARACTERS = 2000

Encode = Callable[[Sequence[str], int], Encoded]
_encode: Encode


def open_theirs(folder: str) -> None:
    """Runs in a child of its own."""
    global _encode
    quiet_transformers()
    from kobert_transformers.tokenization_kobert import KoBertTokenizer

    tokenizer = KoBertTokenizer.from_pretrained(folder)
    _encode = lambda texts, most: plainly(tokenizer, texts, most)  # noqa: E731


def open_ours(folder: str) -> None:
    """Runs in a child of its own."""
    global _encode
    _encode = open_tokeniser(Path(folder)).encode


def encode(texts: list[str], most: int) -> tuple[float, float, list[Encoded]]:
    """Seconds, seconds of a core (others may be at work here), and the ids batch by batch."""
    start, core = time.perf_counter(), time.process_time()
    made = [_encode(texts[at : at + BATCH], most) for at in range(0, len(texts), BATCH)]
    return time.perf_counter() - start, time.process_time() - core, made


def reviews(folder: Path) -> Iterator[str]:
    for name in ("ratings_train.txt", "ratings_test.txt"):
        lines = (folder / name).read_text(encoding="utf-8").split("\n")
        yield from (line.split("\t")[1] for line in lines[1:] if line)


def joined(texts: Sequence[str], number: int) -> list[str]:
    """Texts of about 2,000 characters; the reviews are gone through again if need be."""
    long: list[str] = []
    parts: list[str] = []
    at = size = 0
    while len(long) < number:
        parts.append(texts[at % len(texts)])
        size += len(parts[-1]) + 1
        at += 1
        if size >= CHARACTERS:
            long.append(" ".join(parts))
            parts, size = [], 0
    return long


def medians(times: list[tuple[float, float]]) -> tuple[float, float]:
    walls, cores = zip(*times, strict=True)
    return statistics.median(walls), statistics.median(cores)


def measure(folder: str, sets: dict[str, tuple[list[str], int]]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    spawn = get_context("spawn")
    os.environ["USE_TORCH"] = "0"
    with (
        ProcessPoolExecutor(1, spawn, open_theirs, (folder,)) as theirs,
        ProcessPoolExecutor(1, spawn, open_ours, (folder,)) as ours,
    ):
        for name, (texts, most) in sets.items():
            # This also warms both.
            one, other = (pool.submit(encode, texts, most).result()[2] for pool in (theirs, ours))
            for (lengths, ids), (own_lengths, own_ids) in zip(one, other, strict=True):
                if not (np.array_equal(lengths, own_lengths) and np.array_equal(ids, own_ids)):
                    sys.exit(f"{name}: the ids differ")
            slow: list[tuple[float, float]] = []
            fast: list[tuple[float, float]] = []
            for _ in range(ROUNDS):
                slow.append(theirs.submit(encode, texts, most).result()[:2])
                fast.append(ours.submit(encode, texts, most).result()[:2])
            (slow_wall, slow_core), (fast_wall, fast_core) = map(medians, (slow, fast))
            rows.append(
                {
                    "texts": name,
                    "number": len(texts),
                    "characters": sum(map(len, texts)),
                    "max_length": most,
                    "ids_equal": True,
                    "KoBertTokenizer_seconds": slow_wall,
                    "al_ray_seconds": fast_wall,
                    "ratio": slow_wall / fast_wall,
                    "ratio_of_core_seconds": slow_core / fast_core,
                }
            )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("--tokenizer", type=Path, required=True, help="folder with KoBERT's files")
    parser.add_argument("--data", type=Path, required=True, help="folder with ratings_train.txt")
    parser.add_argument("--texts", type=int, default=20_000, help="reviews; default: 20000")
    parser.add_argument("--long", type=int, default=2_000, help="long texts; default: 2000")
    parser.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args()
    for path in (
        options.tokenizer / "vocab.txt",
        *(options.data / f"ratings_{part}.txt" for part in ("train", "test")),
    ):
        if not path.is_file():
            parser.error(f"{path}: no such file")
    if min(options.texts, options.long) < 1:
        parser.error("--texts, --long: give 1 or more")
    texts = list(reviews(options.data))
    sets = {
        "reviews": (texts[: options.texts], 128),
        "long": (joined(texts, options.long), 512),
    }
    rows = measure(str(options.tokenizer.resolve()), sets)
    if options.json:
        print(
            json.dumps(
                {
                    "machine": machine("sentencepiece", "transformers"),
                    "rounds": ROUNDS,
                    "rows": rows,
                },
                indent=2,
            )
        )
        return
    table = Table(
        title="Token ids of KoBERT, one process", caption=machine("sentencepiece", "transformers")
    )
    heads = ("texts", "number", "characters", "ids", "KoBertTokenizer", "al_ray", "ratio", "of CPU")
    for column in heads:
        table.add_column(column, justify="left" if column == "texts" else "right")
    for row in rows:
        table.add_row(
            str(row["texts"]),
            f"{row['number']:,}",
            f"{row['characters']:,}",
            "equal",
            f"{row['KoBertTokenizer_seconds']:.3f} s",
            f"{row['al_ray_seconds']:.3f} s",
            f"{row['ratio']:.1f}",
            f"{row['ratio_of_core_seconds']:.1f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
