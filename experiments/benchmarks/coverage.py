"""Does the verdict keep its word? Studies with known savings, simulated many times.

    python experiments/benchmarks/coverage.py [--repetitions 1000] [--seeds 5 10 20]

A study has a random arm and others on 100 to 900 labels. The true curve of random is
0.92 - 3.2 / sqrt(n); an arm that saves needs 1 / factor of the labels beyond the first draw, which
all arms share. A model answers a test row rightly if a sum of normal parts is above 0: what the
curve asks for, the seed (shared by the arms), the fit, the row (shared by all), how the row suits
the arm, and chance. Accuracies then move by about 3 points between seeds, and 300 test rows are
themselves a sample: the known truth is over all seeds and rows. With `--heavy` one fit in ten is
spoilt, by an amount that is itself random, so that nothing is normal any more.

Printed, for each number of seeds and factor: how often the 95 % interval holds the true number of
labels, how often it ends too low or begins too high, how often it is bounded above, and its median
width as a share of the true number. Then, of arms that equal random: how often a verdict on one arm
alone, and on any of three, is not 'no difference'; and how often an arm that saves is said to.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from al_ray.analysis.comparison import holm, paired_test
from al_ray.analysis.savings import reach
from al_ray.analysis.verdict import decide

LABELS = np.arange(100.0, 1000.0, 100.0)


@dataclass(frozen=True)
class Noise:
    """Standard deviations of the parts."""

    seed: float = 0.08
    fit: float = 0.12
    row: float = 1.0
    suits: float = 0.5
    chance: float = 1.0
    heavy: bool = False

    @property
    def total(self) -> float:
        return float(
            np.sqrt(self.seed**2 + self.fit**2 + self.row**2 + self.suits**2 + self.chance**2)
        )


def accuracy(labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """The true curve of random."""
    return 0.92 - 3.2 / np.sqrt(labels)


def simulate(
    rng: np.random.Generator,
    seeds: int,
    factors: list[float],
    noise: Noise,
    rows: int = 300,
    labels: NDArray[np.float64] = LABELS,
) -> list[NDArray[np.bool_]]:
    """One study: right answers (seeds, rows, steps) of random and of an arm per factor.

    An arm of factor 1 differs from random by noise alone: rows suit both equally.
    """
    of_row = noise.row * rng.standard_normal(rows, np.float32)
    of_seed = noise.seed * rng.standard_normal((seeds, 1))
    suits_random = noise.suits * rng.standard_normal(rows, np.float32)
    made: list[NDArray[np.bool_]] = []
    for factor in [1.0, *factors]:
        labels_worth = labels[0] + (labels - labels[0]) * factor
        mean = norm.ppf(accuracy(labels_worth)) * noise.total
        fit = noise.fit * rng.standard_normal((seeds, len(labels)))
        if noise.heavy:
            spoilt = rng.random(fit.shape) < 0.1
            fit = fit - spoilt * rng.exponential(4 * noise.fit, fit.shape)
        suits = suits_random
        if factor != 1:
            suits = noise.suits * rng.standard_normal(rows, np.float32)
        level = (mean + fit + of_seed)[:, None, :] + (of_row + suits)[None, :, None]
        chance = noise.chance * rng.standard_normal(level.shape, np.float32)
        right = level.astype(np.float32) + chance > 0
        if made:
            right[:, :, 0] = made[0][:, :, 0]  # the first draw is shared
        made.append(right)
    return made


@dataclass(frozen=True)
class Coverage:
    """Shares of the repetitions."""

    covered: float
    too_low: float
    too_high: float
    bounded: float
    width: float


def coverage(
    seed: int,
    seeds: int,
    factor: float,
    target: int,
    repetitions: int,
    noise: Noise,
    rows: int = 300,
) -> Coverage:
    """Of the interval for the labels that an arm needs to reach random at step `target`."""
    rng = np.random.default_rng([seed, seeds, round(100 * factor), target])
    truth = LABELS[0] + (LABELS[target] - LABELS[0]) / factor
    found = []
    for _ in range(repetitions):
        random, arm = simulate(rng, seeds, [factor], noise, rows)
        reached = reach(LABELS, np.concatenate([arm, random[:, :, target : target + 1]], axis=2))
        found.append((reached.low, reached.high))
    low, high = np.array(found).T
    return Coverage(
        covered=float(((low <= truth) & (truth <= high)).mean()),
        too_low=float((high < truth).mean()),
        too_high=float((low > truth).mean()),
        bounded=float(np.isfinite(high).mean()),
        width=float(
            np.median(np.where(np.isfinite(high), high, np.inf) - np.minimum(low, 1e9)) / truth
        ),
    )


def kinds(
    seed: int,
    seeds: int,
    factors: list[float],
    repetitions: int,
    noise: Noise,
    rows: int = 300,
) -> NDArray[np.str_]:
    """Verdicts (repetitions, arms) on the arms of a study, tested together."""
    rng = np.random.default_rng([seed, seeds, len(factors), round(100 * sum(factors)), 7])
    widths = np.diff(LABELS)
    weights = np.zeros(len(LABELS))
    weights[:-1] += widths / 2
    weights[1:] += widths / 2
    weights /= weights.sum()
    made = []
    for _ in range(repetitions):
        random, *arms = simulate(rng, seeds, factors, noise, rows)
        base = random.mean(axis=1) @ weights
        tests = [paired_test(arm.mean(axis=1) @ weights - base) for arm in arms]
        corrected = holm([test.p for test in tests])
        verdicts = []
        for arm, test, p in zip(arms, tests, corrected, strict=True):
            end = reach(LABELS, np.concatenate([arm, random[:, :, -1:]], axis=2))
            at_end = {"high": end.high, "target_labels": LABELS[-1]}
            verdicts.append(decide({**vars(test), "p_holm": p}, at_end))
        made.append(verdicts)
    return np.array(made)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=1000)
    parser.add_argument("--seeds", nargs="+", type=int, default=[5, 10, 20])
    parser.add_argument("--seed", type=int, default=0, help="of the simulation")
    parser.add_argument("--heavy", action="store_true", help="one fit in ten is spoilt")
    options = parser.parse_args()
    began, n, noise = time.perf_counter(), options.repetitions, Noise(heavy=options.heavy)
    print(
        f"{n} studies each; a share of 0.95 has a standard error of {(0.95 * 0.05 / n) ** 0.5:.4f}"
    )
    print("\nLabels needed, 95 % interval")
    print("seeds factor target  truth | covered  ends-low begins-high | bounded  width")
    for seeds in options.seeds:
        for factor, target in ((1.0, 6), (1.3, 3), (1.5, 6), (2.0, 6), (2.0, 8)):
            found = coverage(options.seed, seeds, factor, target, n, noise)
            truth = LABELS[0] + (LABELS[target] - LABELS[0]) / factor
            print(
                f"{seeds:5} {factor:6} {LABELS[target]:6.0f} {truth:6.0f} | {found.covered:7.3f} "
                f"{found.too_low:9.3f} {found.too_high:11.3f} | {found.bounded:7.2f} "
                f"{found.width:6.2f}",
                flush=True,
            )
    print("\nVerdicts")
    print(
        "seeds | equal arm, alone: other than 'no difference' | any of three | factor 2: saves, "
        "better, no difference"
    )
    for seeds in options.seeds:
        alone = kinds(options.seed, seeds, [1.0], n, noise)
        three = kinds(options.seed, seeds, [1.0] * 3, n, noise)
        real = kinds(options.seed, seeds, [2.0], n, noise)
        shares = ", ".join(
            f"{(real == kind).mean():.2f}" for kind in ("saves", "better", "no difference")
        )
        print(
            f"{seeds:5} | {(alone != 'no difference').mean():44.3f} | "
            f"{(three != 'no difference').any(axis=1).mean():12.3f} | {shares}",
            flush=True,
        )
    print(f"\n{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
