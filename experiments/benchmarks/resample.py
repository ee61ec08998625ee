"""Does the verdict keep its word on real data? One large study, of which small ones are drawn.

    python experiments/news7.py --data YNAT --model me5-small-ko --head frozen --test-split given \
        --strategies random margin entropy core-set --step-size 100 --steps 5 --pool-limit 3000 \
        --seeds $(seq 0 59) --out OUT
    python experiments/benchmarks/resample.py OUT [--repetitions 400] [--seeds 5 10 20]
        [--rows 300 1000 3000] [--processes 2]

The large study's seeds and test rows are taken for the whole population, so that its own values are
the truth: differences of areas and of steps, and labels saved by its mean curves. Small studies are
drawn from it **with replacement**, seeds and rows apart, all arms at the same ones. They are then
independent draws from a population that is known to the last digit, and nothing need be corrected;
drawn without replacement, 20 of 60 seeds would lie closer to the truth than 20 new ones, by a
factor of 0.82, and intervals would seem better than they are. That a seed may be drawn twice is no
harm: so it is with a population of 60 equally likely seeds. What 60 seeds cannot show is how rare
seeds behave that are not among them.

Printed for each arm, seeds and rows: how often the printed intervals hold the truth (of the area,
of the steps, of the labels saved on the way and in the end), where it lies if not, how often that
of labels has two ends, and how often each verdict is given. Standard errors are in brackets.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from coverage import share
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from worlds import Floats, Truth

from al_ray.analysis.statistics.pairs import Pairs
from al_ray.analysis.statistics.versus import judge
from al_ray.results import Store

KINDS = ("saves", "saves on the way", "better", "no difference", "worse", "cannot tell")
NAMES = ("area", "steps", "on the way", "saving", "truth below", "truth above", "bounded")


@dataclass(frozen=True)
class Large:
    """The study that small ones are drawn from.

    Attributes:
        labels: (steps,).
        right: of each strategy, (seeds, rows, steps).
    """

    labels: Floats
    right: dict[str, NDArray[np.bool_]]

    @classmethod
    def read(cls, out: str) -> Large:
        """All complete seeds of a study of one setting, on its main test."""
        store = Store(out)
        test = next(iter(store.study_json.get("tests")["tests"]))
        runs = store.read("trajectories")
        runs = runs[runs.status == "complete"].sort_values("seed")
        seeds = set.intersection(*(set(rows.seed) for _, rows in runs.groupby("strategy")))
        runs = runs[runs.seed.isin(seeds)]
        steps = store.read("steps")
        labels = np.sort(steps.n_labelled[steps.trajectory == runs.trajectory.iloc[0]].unique())
        right: dict[str, list[NDArray[np.bool_]]] = {}
        for run in runs.itertuples():
            found = [_right(store, str(run.trajectory), step, test) for step in range(len(labels))]
            right.setdefault(str(run.strategy), []).append(np.stack(found, axis=1))
        return cls(labels.astype(np.float64), {name: np.stack(a) for name, a in right.items()})

    @property
    def arms(self) -> list[str]:
        return [name for name in self.right if name != "random"]

    @property
    def size(self) -> tuple[int, int]:
        """Seeds and rows."""
        seeds, rows, _ = self.right["random"].shape
        return seeds, rows

    def truth(self, arm: str) -> Truth:
        random, own = (self.right[name].mean(axis=(0, 1)) for name in ("random", arm))
        return Truth.of(self.labels, random, own)

    def draw(self, rng: np.random.Generator, seeds: int, rows: int) -> list[Pairs]:
        all_seeds, all_rows = self.size
        chosen = np.ix_(
            rng.integers(0, all_seeds, seeds),
            rng.integers(0, all_rows, rows),
            range(len(self.labels)),
        )
        random = self.right["random"][chosen]
        return [Pairs(self.labels, arm=self.right[arm][chosen], random=random) for arm in self.arms]


def _right(store: Store, trajectory: str, step: int, test: str) -> NDArray[np.bool_]:
    """(rows,) in the order of their ids."""
    rows = store.read_one("predictions", trajectory, step)
    if rows is None:
        raise SystemExit(f"{trajectory}: no predictions of step {step}")
    rows = rows[rows.test == test].sort_values("row_id")
    return (rows.prediction == rows.label).to_numpy(bool)


Task = tuple[int, int, int, int]
"""Seeds, rows, repetition, seed of the drawing."""

LARGE: list[Large] = []
"""The one that is read; forked processes have it without a copy."""


def one(task: Task) -> list[tuple[str, list[float]]]:
    """Of each arm its verdict, and NAMES."""
    seeds, rows, repetition, seed = task
    (large,) = LARGE
    rng = np.random.default_rng([seed, seeds, rows, repetition])
    found = judge(large.draw(rng, seeds, rows), level=0.95)
    return [
        (judged.kind, held(judged, large.truth(arm)))
        for judged, arm in zip(found, large.arms, strict=True)
    ]


def held(judged: Any, truth: Truth) -> list[float]:
    """NAMES: 1 where it is so, NaN where nothing is printed."""
    low, high = np.array([[step.low, step.high] for step in judged.steps], float).T
    printed = ~np.isnan(low)
    printed[0] = False  # shared by all arms
    steps = (low <= truth.steps) & (truth.steps <= high)
    saving = judged.saving
    made = [
        float(judged.area.low <= truth.area <= judged.area.high),
        float(steps[printed].mean()) if printed.any() else np.nan,
        np.nan,
    ]
    if not np.isnan([judged.on_the_way.low, truth.on_the_way]).any():
        made[2] = float(judged.on_the_way.low <= truth.on_the_way <= judged.on_the_way.high)
    if np.isnan(saving.low):
        return made + [np.nan] * 4
    below, above = truth.saving < saving.low - 1e-6, truth.saving > saving.high + 1e-6
    bounded = np.isfinite([saving.low, saving.high]).all()
    return [*made, float(not below and not above), float(below), float(above), float(bounded)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", metavar="OUT", help="folder of the large study")
    parser.add_argument("--repetitions", type=int, default=400)
    parser.add_argument("--seeds", nargs="+", type=int, default=[5, 10, 20])
    parser.add_argument("--rows", nargs="+", type=int, default=[300, 1000, 3000])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="of the drawing")
    options = parser.parse_args()
    threadpool_limits(1)
    began = time.perf_counter()
    large = Large.read(options.out)
    LARGE.append(large)
    print("{} seeds, {:,} rows; labels {}".format(*large.size, large.labels.astype(int).tolist()))
    for name, right in large.right.items():
        curve = " ".join(f"{100 * value:.2f}" for value in right.mean(axis=(0, 1)))
        truth = large.truth(name)
        print(
            f"{name:>12}: {curve}; area {100 * truth.area:+.2f}, saves {truth.saving:.0f}, "
            f"on the way {truth.on_the_way:.0f}"
        )
    print(f"\n{options.repetitions} studies each, per cent")
    columns = (*NAMES, *KINDS)
    heads = " ".join(f"{name:>13}" for name in columns)
    print(f"{'seeds':>5} {'rows':>5} {'':>12} | {heads}", flush=True)
    pool = multiprocessing.get_context("fork").Pool(options.processes)
    for seeds in options.seeds:
        for rows in options.rows:
            tasks = [(seeds, rows, number, options.seed) for number in range(options.repetitions)]
            found = pool.map(one, tasks, chunksize=10)
            for place, arm in enumerate(large.arms):
                kinds = Counter(study[place][0] for study in found)
                values = np.array([study[place][1] for study in found])
                line = [share(column) for column in values.T]
                line += [f"{100 * kinds[kind] / len(found):.0f}" for kind in KINDS]
                shown = " ".join(f"{word:>13}" for word in line)
                print(f"{seeds:5} {rows:5} {arm:>12} | {shown}", flush=True)
    pool.terminate()
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
