"""How fast core-set chooses: al_ray against the memory's own speed, and against small-text.

python experiments/benchmarks/core_set.py

First al_ray alone, at the size of a pool of a hundred thousand texts: seconds, and the most memory
that it held beside the vectors. A pick cannot take less than reading all vectors once, so plain
products of the vectors with one vector are timed between the picks. Then al_ray and small-text's
`greedy_coreset` at a size that both finish, the unlabelled rows first, where small-text is right;
the picks are compared, and the ratio of the two is of one run. The vectors are random, with the
spread along few directions that encoders have.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from al_ray.randomness import row_hashes
from al_ray.strategies import Holder, Outputs, build, pick

CHUNK = 2048
DIRECTIONS = 32


def vectors(rows: int, width: int, seed: int) -> NDArray[np.float32]:
    """Made chunk by chunk, so that making them needs no memory beside them."""
    rng = np.random.default_rng(seed)
    # The same directions for pool and labelled rows.
    mix = np.random.default_rng(0).standard_normal((DIRECTIONS, width), np.float32)
    out = np.empty((rows, width), np.float32)
    for start in range(0, rows, CHUNK):
        part = out[start : start + CHUNK]
        rng.standard_normal(out=part, dtype=np.float32)
        part *= 0.3
        part += rng.standard_normal((len(part), DIRECTIONS), np.float32) @ mix / 4
        part += 1.0
    return out


def resident() -> int:
    """Bytes of this process in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


class Peak:
    """The most bytes in memory while it is open, looked at every 10 ms."""

    def __enter__(self) -> Peak:
        self.most, self._done = resident(), threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._done.wait(0.01):
            self.most = max(self.most, resident())

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def outputs(x: NDArray[np.float32], labelled: Outputs | None = None) -> Outputs:
    """Core-set reads nothing but vectors; two labels are the least that outputs have."""
    logs = np.full((1, len(x), 2), np.log(0.5))
    return Outputs(logs, vectors=x, labelled=labelled)


def choose(
    x: NDArray[np.float32], labelled: NDArray[np.float32], n: int, threads: int, every: int = 0
) -> dict[str, Any]:
    """As one shard does it, in chunks; with `every`, a plain product after so many picks."""
    hashes, known = row_hashes(map(str, range(len(x)))), outputs(labelled)
    holder = Holder(build("core-set"), 0, 0, threads)  # type: ignore[arg-type]
    products, waited = [], 0.0
    start, core = time.perf_counter(), time.process_time()
    for first in range(0, len(x), CHUNK):
        rows = np.arange(first, min(first + CHUNK, len(x)))
        holder.add(rows, hashes[rows], outputs(x[first : first + CHUNK], known))
    begun = time.perf_counter() - start
    done = 0

    def take(chosen: Any) -> list[Any]:
        nonlocal done, waited
        done += 1
        if every and done % every == 0:
            before = time.perf_counter()
            _ = x @ labelled[0]
            products.append(time.perf_counter() - before)
            waited += products[-1]
        return [holder.take(chosen)]

    picks = pick([holder.best()], take, n)
    seconds = time.perf_counter() - start - waited
    return {
        "rows": picks.rows,
        "radius": float(picks.values[-1]),
        "begin_seconds": begun,
        "pick_seconds": seconds - begun,
        "seconds": seconds,
        "core_seconds": time.process_time() - core,
        "product_seconds": statistics.median(products) if products else None,
    }


def alone(n: int, width: int, labelled: int, picks: int, threads: int) -> dict[str, Any]:
    x, known = vectors(n, width, 1), vectors(labelled, width, 2)
    x @ known[0]  # starts BLAS's threads
    before = resident()
    with Peak() as peak:
        found = choose(x, known, picks, threads, every=max(1, picks // 60))
    del found["rows"]
    product = found["product_seconds"]
    found |= {
        "n": n,
        "width": width,
        "labelled": labelled,
        "picks": picks,
        "threads": threads,
        "vectors_bytes": x.nbytes,
        "peak_beside_bytes": peak.most - before,
        "memory_ratio": (x.nbytes + peak.most - before) / x.nbytes,
        "product_gb_per_second": x.nbytes / product / 1e9,
        "seconds_a_pick": found["pick_seconds"] / picks,
        "of_the_product": found["pick_seconds"] / picks / product,
    }
    return found


def against(n: int, width: int, labelled: int, picks: int, threads: int) -> dict[str, Any]:
    from small_text.query_strategies.coresets import greedy_coreset

    x = np.concatenate([vectors(n, width, 3), vectors(labelled, width, 4)])
    ours = choose(x[:n], x[n:], picks, threads)
    start = time.perf_counter()
    theirs = greedy_coreset(
        x, np.arange(n), np.arange(n, n + labelled), picks, distance_metric="euclidean"
    )
    seconds = time.perf_counter() - start
    return {
        "n": n,
        "width": width,
        "labelled": labelled,
        "picks": picks,
        "al_ray_seconds": ours["seconds"],
        "small_text_seconds": seconds,
        "ratio": seconds / ours["seconds"],
        "picks_equal": ours["rows"].tolist() == theirs.tolist(),
        "first_difference": next(
            (i for i, (a, b) in enumerate(zip(ours["rows"], theirs, strict=True)) if a != b), None
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("--rows", type=int, default=112_000, help="of the pool; default: 112000")
    parser.add_argument("--width", type=int, default=768, help="default: 768")
    parser.add_argument("--labelled", type=int, default=3_000, help="default: 3000")
    parser.add_argument("--picks", type=int, default=3_000, help="default: 3000")
    parser.add_argument(
        "--against",
        type=int,
        nargs=4,
        metavar=("ROWS", "WIDTH", "LABELLED", "PICKS"),
        default=(6_000, 768, 1_000, 200),
        help="size at which small-text is timed; default: 6000 768 1000 200",
    )
    cores = os.cpu_count() or 1
    parser.add_argument("--threads", type=int, default=cores, help=f"default: {cores}, all cores")
    parser.add_argument("--skip", choices=("alone", "against"), help="leave one of the two out")
    parser.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args()
    sizes = [options.rows, options.width, options.labelled, options.picks]
    if min(*sizes, *options.against, options.threads) < 1:
        parser.error("give numbers of 1 or more")
    if options.skip != "alone" and not Path("/proc/self/statm").exists():
        parser.error("memory is read from /proc, as Linux has it; give --skip alone")
    found: dict[str, Any] = {"machine": machine("numpy", "small-text")}
    if options.skip != "alone":
        found["alone"] = alone(*sizes, options.threads)
    if options.skip != "against":
        try:
            import small_text  # noqa: F401
        except ImportError:
            print("small-text is not installed (the extra 'peers'): left out", file=sys.stderr)
        else:
            found["against"] = against(*options.against, options.threads)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    show(found)


def show(found: dict[str, Any]) -> None:
    table = Table("what", title="Core-set, one process", caption=found["machine"])
    table.add_column("", justify="right")

    def size(facts: dict[str, Any]) -> str:
        return (
            f"{facts['n']:,} x {facts['width']}, {facts['labelled']:,} labelled, "
            f"{facts['picks']:,} picks"
        )

    if one := found.get("alone"):
        table.add_section()
        for name, value in (
            ("al_ray alone", size(one)),
            ("distances to the labelled rows", f"{one['begin_seconds']:.1f} s"),
            ("picks", f"{one['pick_seconds']:.1f} s"),
            ("a pick", f"{one['seconds_a_pick'] * 1e3:.2f} ms"),
            ("a product of the vectors with one", f"{one['product_seconds'] * 1e3:.2f} ms"),
            ("the vectors are read at", f"{one['product_gb_per_second']:.1f} GB/s"),
            ("a pick, in such products", f"{one['of_the_product']:.2f}"),
            ("all, seconds of cores", f"{one['core_seconds']:.1f} s"),
            ("vectors", f"{one['vectors_bytes'] / 2**20:.0f} MiB"),
            ("most memory beside them", f"{one['peak_beside_bytes'] / 2**20:.0f} MiB"),
            ("memory, in vectors", f"{one['memory_ratio']:.2f}"),
        ):
            table.add_row(name, value)
    if two := found.get("against"):
        table.add_section()
        picks = "equal" if two["picks_equal"] else f"differ from {two['first_difference']}"
        for name, value in (
            ("al_ray and small-text", size(two)),
            ("picks", picks),
            ("al_ray", f"{two['al_ray_seconds']:.2f} s"),
            ("small-text", f"{two['small_text_seconds']:.2f} s"),
            ("ratio", f"{two['ratio']:.0f}"),
        ):
            table.add_row(name, value)
    Console().print(table)


if __name__ == "__main__":
    main()
