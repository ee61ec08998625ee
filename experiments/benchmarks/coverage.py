"""Does the verdict keep its word? Studies of known truth, drawn and judged many times.

    python experiments/benchmarks/coverage.py [--table equal intervals articles saves power]
        [--repetitions 200] [--seeds 5 10 20 40] [--rows 300 1000 3000] [--processes 2]

`worlds.py` has the models that the studies are drawn from; they are described there, not taken
from what is tested here. The truth is that of infinitely many seeds and test rows. Every figure has
its standard error in brackets. Tables:

- equal: arms that equal random, each with rows of its own that it answers rightly; how often one
  arm alone, and any of four, is called anything but 'no difference'.
- intervals: how often each printed interval holds the truth: of the difference of areas, of those
  of single steps, of the labels saved; how often that lies below and above the interval; how often
  it is bounded on both sides. And how often 'begins' names labels from which on the arm is not
  truly better at every step, and the worst loss is said to be smaller than it is.
- articles: arms that equal random over all articles, and of which each suits some, as questions on
  one article are, with one of two thirds of the questions or without; how often one is called
  anything else, and how often it would be by rows alone.
- saves: ten arms that save nothing at the end; how often any is said to, how often any is said to
  save on the way that does not, and how often any is called better or worse that is not.
- power: one arm of a true factor among others that equal random; how often it is said to save at
  the end, to do so there or on the way, and any of these or to be better. Where 'saves' is said:
  medians of 'at least' and of the point estimate as shares of the true saving, and how often 'at
  least' is too much; where it is found at all, the median of 'at least' on the way, as a share of
  the true mean.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scenarios import alike, noises, nulls, shapes
from threadpoolctl import threadpool_limits
from worlds import LABELS, Drawn, Noise, Truth, World

from al_ray.analysis.statistics.clusters import Clusters
from al_ray.analysis.statistics.pairs import Pairs
from al_ray.analysis.statistics.versus import judge

FOUND = ("better", "saves", "saves on the way")


@dataclass(frozen=True)
class Cell:
    """Studies of one kind."""

    name: str
    world: World
    seeds: int
    rows: int

    def draw(self, repetition: int, seed: int) -> Drawn:
        place = crc32(f"{self.name} {self.seeds} {self.rows}".encode())
        return self.world.draw(
            np.random.default_rng([seed, place, repetition]), self.seeds, self.rows
        )

    def truths(self) -> list[Truth]:
        return [Truth.of(self.world.labels, self.world.random, arm) for arm in self.world.arms]


def judged(drawn: Drawn, seeds: int, arms: int) -> list[Any]:
    """Judgements on the first arms, together."""
    pairs = [
        Pairs(LABELS, arm=arm, random=drawn.random[has], missing=seeds - len(has))
        for arm, has in zip(drawn.arms[:arms], drawn.seeds, strict=False)
    ]
    return list(judge(pairs, level=0.95))


Figures = dict[str, float]
"""What one repetition gives; NaN where it has nothing to say."""


def equal(cell: Cell, repetition: int, seed: int) -> Figures:
    drawn = cell.draw(repetition, seed)
    made: Figures = {}
    for arms in (1, len(cell.world.arms)):
        kinds = {found.kind for found in judged(drawn, cell.seeds, arms)}
        made[f"any of {arms}"] = float(kinds != {"no difference"})
    return made


def intervals(cell: Cell, repetition: int, seed: int) -> Figures:
    (found,), (truth,) = judged(cell.draw(repetition, seed), cell.seeds, 1), cell.truths()
    area, saving = found.area, found.saving
    low, high = np.array([[step.low, step.high] for step in found.steps], float).T
    steps = (low <= truth.steps) & (truth.steps <= high)
    none = saving is None or bool(np.isnan(saving.low))  # no interval is printed
    below = not none and truth.saving < saving.low - 1e-6
    above = not none and truth.saving > saving.high + 1e-6
    begins, nan = found.begins, float("nan")
    better_later = truth.steps[begins <= LABELS] > 0 if begins is not None else np.ones(1, bool)
    return {
        "area": float(area.low <= truth.area <= area.high),
        "steps": float(steps[~np.isnan(low)].mean()),
        "saving": nan if none else float(not below and not above),
        "on the way": nan
        if np.isnan([found.on_the_way.low, truth.on_the_way]).any()
        else float(found.on_the_way.low <= truth.on_the_way <= found.on_the_way.high),
        "truth below": nan if none else float(below),
        "truth above": nan if none else float(above),
        "bounded": nan if none else float(np.isfinite([saving.low, saving.high]).all()),
        "begins wrong": float(not better_later.all()),
        "worst wrong": float(found.worst > truth.steps.min() + 1e-12),
    }


@dataclass(frozen=True)
class Questions:
    """Studies of questions on articles of unequal size, a mean score from 0 to 1 a question."""

    suits: float
    seeds: int
    number: int
    large: bool = False  # the first has twice the questions of all others
    each: int = 40

    def draw(self, repetition: int, seed: int) -> tuple[list[NDArray[np.float64]], Clusters]:
        """Scores of random and an arm (seeds, rows, steps), of equal curves."""
        place = crc32(f"{self.suits} {self.seeds} {self.number}".encode())
        rng = np.random.default_rng([seed, place, repetition])
        sizes = 1 + rng.geometric(1 / self.each, self.number)
        if self.large:
            sizes[1:] = 1 + rng.geometric(4 / self.each, self.number - 1)
            sizes[0] = 2 * sizes[1:].sum()
        article = np.repeat(np.arange(self.number), sizes)
        easy = rng.normal(0, 1.5, (len(article), 1))

        def scores() -> NDArray[np.float64]:
            suits = rng.normal(0, self.suits, self.number)[article][:, None]
            luck = rng.normal(0, 0.15, (self.seeds, 1, 3))
            level = easy + suits + luck + rng.normal(0, 1, (self.seeds, len(article), 3))
            found = 1 / (1 + np.exp(-level - np.linspace(-0.5, 0.5, 3)))
            return np.where(found > 0.4, found, 0.0)

        return [scores(), scores()], Clusters(article)


def articles(cell: Questions, repetition: int, seed: int) -> Figures:
    (random, arm), clusters = cell.draw(repetition, seed)
    made: Figures = {}
    for name, known in (("articles", clusters), ("rows", None)):
        (found,) = judge([Pairs(LABELS[:3], arm, random, clusters=known)])
        made[name] = float(found.kind != "no difference")
    return made


def saves(cell: Cell, repetition: int, seed: int) -> Figures:
    found = judged(cell.draw(repetition, seed), cell.seeds, len(cell.world.arms))
    truths = cell.truths()
    false = [
        one.kind == "better" and truth.area <= 1e-12
        for one, truth in zip(found, truths, strict=True)
    ]
    return {
        "saves": float(any(one.kind == "saves" for one in found)),
        "way": float(
            any(
                one.kind == "saves on the way" and not truth.on_the_way > 1e-9
                for one, truth in zip(found, truths, strict=True)
            )
        ),
        "better": float(any(false)),
        "worse": float(
            any(
                one.kind == "worse" and truth.area >= -1e-12
                for one, truth in zip(found, truths, strict=True)
            )
        ),
    }


def power(cell: Cell, repetition: int, seed: int) -> Figures:
    """The arm of a true saving is the first."""
    drawn, truth = cell.draw(repetition, seed), cell.truths()[0].saving
    mean = cell.truths()[0].on_the_way
    made: Figures = {}
    for arms in ARMS:
        first = judged(drawn, cell.seeds, arms)[0]
        said = first.kind == "saves"
        made[f"{arms} saves"] = float(said)
        made[f"{arms} way"] = float(first.kind in ("saves", "saves on the way"))
        made[f"{arms} found"] = float(first.kind in FOUND)
        made[f"{arms} mean"] = first.on_the_way.low / mean if first.kind in FOUND else np.nan
        made[f"{arms} low"] = first.saving.low / truth if said else np.nan
        made[f"{arms} point"] = first.saving.saved / truth if said else np.nan
    return made


ARMS = (1, 4, 10)
KINDS = ("saves", "way", "found")


class Runner:
    """Repetitions of a cell, over processes."""

    def __init__(self, repetitions: int, seed: int, pool: Any) -> None:
        self.repetitions, self.seed, self._pool = repetitions, seed, pool

    def __call__(
        self, measure: Callable[[Any, int, int], Figures], cell: Cell | Questions
    ) -> dict[str, NDArray[np.float64]]:
        tasks = [(measure, cell, repetition, self.seed) for repetition in range(self.repetitions)]
        found = list(self._pool.imap(_one, tasks, chunksize=10) if self._pool else map(_one, tasks))
        return {name: np.array([figures[name] for figures in found]) for name in found[0]}


def _one(task: tuple[Callable[[Any, int, int], Figures], Any, int, int]) -> Figures:
    measure, *given = task
    return measure(*given)


def share(values: NDArray[np.float64]) -> str:
    """In per cent, with its standard error."""
    values = values[~np.isnan(values)]
    if not len(values):
        return "-"
    error = values.std() / max(1, len(values)) ** 0.5
    return f"{100 * values.mean():.1f} ({100 * error:.1f})"


def middle(values: NDArray[np.float64]) -> str:
    """Median, with its standard error: a fifth more than half of the central 68 % by the root."""
    values = values[~np.isnan(values)]
    if len(values) < 20:
        return "-"
    low, high = np.quantile(values, (0.16, 0.84))
    return f"{np.median(values):.2f} ({1.25 * (high - low) / 2 / len(values) ** 0.5:.2f})"


def wanted(worlds: dict[str, World], only: Sequence[str] | None) -> dict[str, World]:
    return {name: worlds[name] for name in worlds if not only or any(o in name for o in only)}


def table_equal(run: Runner, options: argparse.Namespace) -> Iterator[str]:
    yield "Equal arms: other than 'no difference', per cent"
    yield f"{'seeds':>5} {'rows':>6} | {'one alone':>12} {'any of four':>12}"
    for seeds in options.seeds:
        for rows in options.rows:
            found = run(equal, Cell("equal", alike(Noise(), [1.0] * 4), seeds, rows))
            alone, four = share(found["any of 1"]), share(found["any of 4"])
            yield f"{seeds:5} {rows:6} | {alone:>12} {four:>12}"


def table_intervals(run: Runner, options: argparse.Namespace) -> Iterator[str]:
    worlds = {
        f"{name}, factor {factor:g}": alike(noise, [factor])
        for name, noise in noises().items()
        for factor in (1.0, 1.5, 2.0)
    } | shapes()
    names = ("area", "steps", "saving", "on the way", "truth below", "truth above", "bounded")
    names += ("begins wrong", "worst wrong")
    yield "Intervals that hold the truth, per cent"
    yield f"{'':36} {'saving':>7} {'seeds':>5} {'rows':>5} | " + " ".join(
        f"{name:>12}" for name in names
    )
    for name, world in wanted(worlds, options.only).items():
        for seeds in options.seeds:
            for rows in options.rows:
                cell = Cell(name, world, seeds, rows)
                found = run(intervals, cell)
                yield (
                    f"{name:36} {cell.truths()[0].saving:7.0f} {seeds:5} {rows:5} | "
                    + " ".join(f"{share(found[key]):>12}" for key in names)
                )


def table_articles(run: Runner, options: argparse.Namespace) -> Iterator[str]:
    yield "Equal arms that suit other articles: other than 'no difference', per cent"
    yield (
        f"{'seeds':>5} {'articles':>8} {'largest':>7} {'suits':>5} | {'by article':>12} "
        f"{'by rows':>12}"
    )
    cells = itertools.product(options.seeds, options.rows, (False, True), (0.0, 0.3, 0.8))
    for seeds, number, large, suits in cells:
        found = run(articles, Questions(suits, seeds, number, large))
        by_article, by_rows = share(found["articles"]), share(found["rows"])
        largest = "2/3" if large else ""
        yield (f"{seeds:5} {number:8} {largest:>7} {suits:5} | {by_article:>12} {by_rows:>12}")


def table_saves(run: Runner, options: argparse.Namespace) -> Iterator[str]:
    yield "Ten arms that save nothing: said of any, per cent"
    yield (
        f"{'':28} {'seeds':>5} {'rows':>5} | {'saves':>12} {'on the way, not':>15} "
        f"{'better, is not':>15} "
        f"{'worse, is not':>14}"
    )
    for name, world in wanted(nulls(), options.only).items():
        for seeds in options.seeds:
            for rows in options.rows:
                found = run(saves, Cell(name, world, seeds, rows))
                yield (
                    f"{name:28} {seeds:5} {rows:5} | {share(found['saves']):>12} "
                    f"{share(found['way']):>15} "
                    f"{share(found['better']):>15} {share(found['worse']):>14}"
                )


def table_power(run: Runner, options: argparse.Namespace) -> Iterator[str]:
    yield "One arm of a true factor, the others equal"
    yield (
        f"{'world':8} {'factor':>6} {'saving':>6} {'seeds':>5} {'rows':>5} {'arms':>4} | "
        f"{'saves, %':>11} {'or on way, %':>12} {'or better, %':>12} | "
        f"{'at least':>11} {'point':>11} "
        f"{'too much, %':>11} | {'on the way':>11}"
    )
    noise = {name: noises()[name] for name in ("plain", "steady fits")}
    for name, factor in itertools.product(noise, (1.25, 1.5, 2.0)):
        for seeds, rows in itertools.product(options.seeds, options.rows):
            cell = Cell(name, alike(noise[name], [factor, *[1.0] * 9]), seeds, rows)
            found = run(power, cell)
            for arms in ARMS:
                low, point = found[f"{arms} low"], found[f"{arms} point"]
                much = np.where(np.isnan(low), np.nan, low > 1)
                said, way, better = (share(found[f"{arms} {word}"]) for word in KINDS)
                yield (
                    f"{name[:6]:8} {factor:6} {cell.truths()[0].saving:6.0f} {seeds:5} {rows:5} "
                    f"{arms:4} | {said:>11} {way:>12} {better:>12} | {middle(low):>11} "
                    f"{middle(point):>11} {share(much):>11} | {middle(found[f'{arms} mean']):>11}"
                )


TABLES: dict[
    str, tuple[Callable[[Runner, argparse.Namespace], Iterable[str]], Sequence[int], Sequence[int]]
] = {
    "equal": (table_equal, (5, 10, 20, 40), (300, 1000, 3000)),
    "intervals": (table_intervals, (5, 10, 20), (300,)),
    "articles": (table_articles, (5, 20), (6, 28, 100)),
    "saves": (table_saves, (5, 10, 20), (500,)),
    "power": (table_power, (5, 10, 20), (500, 2000)),
}
"""Each with its own seeds and rows."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--table", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--repetitions", type=int, default=200)
    parser.add_argument("--seeds", nargs="+", type=int, help="instead of the tables' own")
    parser.add_argument(
        "--rows", nargs="+", type=int, help="test rows, or articles, instead of their own"
    )
    parser.add_argument("--only", nargs="+", help="worlds whose name has one of these")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="of the simulation")
    options = parser.parse_args()
    threadpool_limits(1)  # of each process; those of a pool are forked, and have it too
    many = options.processes > 1
    pool = multiprocessing.get_context("fork").Pool(options.processes) if many else None
    run = Runner(options.repetitions, options.seed, pool)
    print(f"{options.repetitions} studies each; standard errors in brackets")
    for name in options.table:
        table, seeds, rows = TABLES[name]
        given = argparse.Namespace(
            seeds=options.seeds or seeds, rows=options.rows or rows, only=options.only
        )
        began = time.perf_counter()
        print(flush=True)
        for line in table(run, given):
            print(line, flush=True)
        print(f"{time.perf_counter() - began:.0f} s", flush=True)
    if pool:
        pool.terminate()


if __name__ == "__main__":
    main()
