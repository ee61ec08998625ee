"""How fast rows are chosen: the best of 1.12 million scores, BADGE, and words' gradients.

python experiments/benchmarks/selection.py

The choice of the largest scores, with al_ray's total order, against a full sort (`numpy.lexsort`),
whose picks must be the same, and against scikit-activeml's `simple_batch` where that is installed,
which is asked for a tenth of the rows. BADGE against its definition written out, k-means++ on the
whole outer products, at a size that fits into memory; the draws differ, so the seconds alone are
compared, and how large the gradients are. Core-set has a benchmark of its own.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from common import by_turns, ratios, spread
from machine import main, table
from numpy.typing import NDArray

from al_ray import randomness
from al_ray.strategies import Holder, Outputs, build, log_softmax, pick, select

ROWS = 1_120_000
PICKS = 3000
CHUNK = 2048


def by_sorting(scores: NDArray[np.float64], hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    keys = randomness.keys(hashes, 0, 0, "tie")
    return np.lexsort((keys, -scores))[:PICKS]


def activeml(scores: NDArray[np.float64]) -> Callable[[], Any] | None:
    try:
        from skactiveml.utils import simple_batch
    except ImportError:
        return None
    # Of a copy: it writes over the scores that it is given.
    return lambda: simple_batch(scores.copy(), 0, batch_size=PICKS // 10)


def badge(logits: NDArray[np.float64], vectors: NDArray[np.float32], n: int, threads: int) -> Any:
    hashes = randomness.row_hashes(map(str, range(len(vectors))))
    holder = Holder(build("badge"), 0, 0, threads)  # type: ignore[arg-type]
    logs = log_softmax(logits)
    for first in range(0, len(vectors), CHUNK):
        rows = np.arange(first, min(first + CHUNK, len(vectors)))
        holder.add(rows, hashes[rows], Outputs(logs[None, rows], vectors=vectors[rows], bias=True))
    return pick([holder.best()], lambda chosen: [holder.take(chosen)], n).rows


def badge_written_out(logits: NDArray[np.float64], vectors: NDArray[np.float32], n: int) -> Any:
    """k-means++ (Ash et al. 2020) on gradients of the last layer, bias included."""
    p = np.exp(log_softmax(logits))
    p[np.arange(len(p)), p.argmax(axis=1)] -= 1
    wide = np.concatenate([vectors, np.ones((len(vectors), 1), np.float32)], axis=1)
    gradients = (p[:, :, None] * wide[:, None, :]).reshape(len(p), -1).astype(np.float32)
    drawn = np.random.default_rng(0)
    chosen = [int(np.square(gradients).sum(axis=1).argmax())]
    nearest = np.square(gradients - gradients[chosen[0]]).sum(axis=1)
    while len(chosen) < n:
        chosen.append(int(drawn.choice(len(p), p=nearest / nearest.sum())))
        away = np.square(gradients - gradients[chosen[-1]]).sum(axis=1)
        nearest = np.minimum(nearest, away)
        nearest[chosen] = 0
    return np.array(chosen)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    drawn = np.random.default_rng(0)
    # Rounded, so that there are ties.
    scores = np.round(drawn.beta(2, 5, ROWS), 5)
    hashes = randomness.row_hashes(map(str, range(ROWS)))
    sides: dict[str, Callable[[], Any]] = {
        "al_ray": lambda: select(scores, hashes, PICKS, 0, 0).rows,
        "full sort": lambda: by_sorting(scores, hashes),
    }
    if (peer := activeml(scores)) is not None:
        sides["scikit-activeml, a tenth"] = peer
    times, gave = by_turns(sides, options.rounds)
    vectors = drawn.standard_normal((options.rows, 768), np.float32)
    logits = drawn.standard_normal((options.rows, 7)) * 2
    two = {
        "al_ray": lambda: badge(logits, vectors, options.picks, options.threads),
        "written out": lambda: badge_written_out(logits, vectors, options.picks),
    }
    badges, _ = by_turns(two, options.rounds)
    return {
        "top": {
            "rows": ROWS,
            "picks": PICKS,
            "equal": bool(np.array_equal(gave["al_ray"], gave["full sort"])),
            "seconds": {name: spread(each) for name, each in times.items()},
            "ratio": ratios(times["full sort"], times["al_ray"]),
        },
        "badge": {
            "rows": options.rows,
            "picks": options.picks,
            "gradient_bytes": options.rows * 7 * 769 * 4,
            "vector_bytes": vectors.nbytes,
            "seconds": {name: spread(each) for name, each in badges.items()},
            "ratio": ratios(badges["written out"], badges["al_ray"]),
        },
    }


def show(found: dict[str, Any]) -> None:
    for name, facts in found.items():
        ratio = facts["ratio"]["median"]
        digits = 1 - math.floor(math.log10(ratio)) if ratio < 10 else 0
        rows = [(who, f"{each['median']:.3f} s") for who, each in facts["seconds"].items()]
        rows.append(("times as fast", f"{ratio:.{max(0, digits)}f}"))
        if "equal" in facts:
            rows.append(("picks", "equal" if facts["equal"] else "differ"))
        table(f"{name}: {facts['picks']:,} of {facts['rows']:,}", ("", ""), rows)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=int, default=5_000, help="of BADGE; default: 5000")
    parser.add_argument("--picks", type=int, default=50, help="of BADGE; default: 50")


if __name__ == "__main__":
    main("selection", __doc__, (), arguments, measure, show)
