"""Do intervals of best with best hold, where trainings are chosen from the seeds compared?

    python experiments/benchmarks/best.py [--repetitions 400] [--seeds 5 10 20] [--trainings 2 4 8]
        [--rows 300] [--seed 0]

Studies are drawn as `worlds.py` describes, which shares nothing with what is tested; each training
is an arm. The truth is the largest area of the arm's trainings less the largest of random's, over
infinitely many seeds and test rows. In the worlds `equal` all trainings are equal, so that choosing
is but noise; in `one clear` one training of random is 5 points above its others, and the arm's are
equal, so that the arm alone gains from luck; in `close` both have one that is half a point above
the others; in `lost` all are equal again, and one trajectory in ten goes wrong for good; in `arm
lost` one in ten of the arm's alone learns nothing after its first step, which the truth counts. For
each: how often, in per cent, the interval holds the truth and the arm is called better or worse at
5 %, with the t interval of what was chosen on the other seeds (`chosen`), and with the one that is
printed; and the median of their widths, in points.
"""

from __future__ import annotations

import argparse
import itertools

import numpy as np
from scenarios import LOST_PATHS, rising
from threadpoolctl import threadpool_limits
from worlds import LABELS, Noise, World

from al_ray.analysis.statistics.best import best_with_best
from al_ray.analysis.statistics.intervals import Crossed
from al_ray.analysis.statistics.pairs import area_weights

KINDS = ("equal", "one clear", "close", "lost", "arm lost")

LOST = 0.1
"""Share of trajectories that are lost."""


def levels(kind: str, trainings: int) -> tuple[list[float], list[float]]:
    """What each training of the arm and of random is below the best."""
    equal, clear = [0.0] * trainings, [0.0, *[0.05] * (trainings - 1)]
    close = [0.0, *[0.005] * (trainings - 1)]
    return {"one clear": (equal, clear), "close": (close, close)}.get(kind, (equal, equal))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repetitions", type=int, default=400)
    parser.add_argument("--seeds", nargs="+", type=int, default=[5, 10, 20])
    parser.add_argument("--trainings", nargs="+", type=int, default=[2, 4, 8])
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0, help="of the simulation")
    options = parser.parse_args()
    threadpool_limits(1)
    labels = LABELS[::2]
    weights, curve = area_weights(labels), rising(labels)
    print(f"{'':10} {'seeds':>5} {'trainings':>9} | {'chosen':>22} {'width':>5} | printed, width")
    for kind, many, seeds in itertools.product(KINDS, options.trainings, options.seeds):
        below = [gap for side in levels(kind, many) for gap in side]
        # Only the labels beyond the first draw, which all share, can be apart.
        later = labels > labels[0]
        arms = tuple(curve - gap * later for gap in below)
        true = [float(weights @ arm) for arm in arms]
        if kind == "arm lost":  # what is lost stays where it began
            true[:many] = [(1 - LOST) * area + LOST * curve[0] for area in true[:many]]
        truth = max(true[:many]) - max(true[many:])
        found = []
        world = World(curve, arms, LOST_PATHS if kind == "lost" else Noise(), labels=labels)
        for repetition in range(options.repetitions):
            rng = np.random.default_rng([options.seed, many, seeds, repetition])
            drawn = world.draw(rng, seeds, options.rows).arms
            if kind == "arm lost":
                for arm in drawn[:many]:
                    lost = rng.random(seeds) < LOST
                    arm[lost] = arm[lost][..., :1]
            areas = np.stack([arm @ weights for arm in drawn])
            best = best_with_best(areas[:many], areas[many:])
            each = np.arange(seeds)
            chosen = areas[best.arm, each] - areas[many + best.random, each]
            plain = Crossed.of(chosen[:, :, None]).effects(np.ones((1, 1)))
            row = []
            for low, high, p in (
                (plain.low[0], plain.high[0], plain.p[0]),
                (best.effect.low, best.effect.high, best.effect.p),
            ):
                mean = best.effect.difference
                better, worse = p < 0.05 and mean > 0, p < 0.05 and mean < 0
                row += [low <= truth <= high, better, worse, 100 * (high - low)]
            found.append(row)
        table = np.array(found, float)
        shares, widths = 100 * table.mean(axis=0), np.median(table, axis=0)
        said = [
            f"{shares[at]:5.1f} ({shares[at + 1]:4.1f} {shares[at + 2]:4.1f}) {widths[at + 3]:7.1f}"
            for at in (0, 4)
        ]
        print(f"{kind:10} {seeds:5} {many:9} | {' | '.join(said)}", flush=True)


if __name__ == "__main__":
    main()
