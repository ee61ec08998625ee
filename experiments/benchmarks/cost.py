"""What the reference study costs: the work of E1 to E7, and the hours that follow from speeds.

python experiments/benchmarks/cost.py --train-tokens-per-second N --score-tokens-per-second N

The work follows from the commands of docs/reference-study.md, as al_ray would run them. Nothing is
trained here: the speeds are a machine's, all cores together, as `--plan` measures them; a GPU's
follow from its peak by arithmetic, and are not measured. docs/cost.md has the result.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

import news6
import news7
import nsmc
import savings

from al_ray.cluster.layout import layout
from al_ray.commands.experiment import Experiment
from al_ray.commands.options import study_config
from al_ray.commands.parser import study_parser
from al_ray.planning import Facts, Room, Wanted, Work, facts_of, finish, step_work
from al_ray.study.grid import Encoder, replays, trajectories, trials
from al_ray.study.learner import Source
from al_ray.study.trajectory import TrajectoryConfig

LAYERS, WIDTH, PARAMETERS, EMBEDDINGS = 12, 768, 92e6, 8002 * 768 + 514 * 768
"""KoBERT's; what is looked up is not multiplied."""

BACKWARD = 3
"""Training a token takes so many times the operations of a forward pass."""

CPU_BUDGET, GPU_BUDGET = 4096, 65536

NSMC = (4, 6, 12, 19, 29, 68, 87, 150)
"""Tokens at the shares below: measured, KoBERT's tokenizer on 4,000 reviews of NSMC."""

NEWS = (20, 60, 150, 300, 512, 512, 512, 512)
"""Assumed: the reference study's articles are private. A quarter is cut at 512, the mean is 309."""

SHARES = (0, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1)


@dataclass(frozen=True)
class Part:
    """One of the reference study's experiments.

    Attributes:
        name: E1 and so on.
        experiment: whose script runs it.
        options: of the README's command.
        pool: rows of train.
        test: rows of the test.
        labels: of the corpus.
        tokens: at SHARES.
        replays: whether it is the replays alone.
    """

    name: str
    experiment: Experiment
    options: Sequence[str]
    pool: int
    test: int
    labels: int
    tokens: Sequence[int]
    replays: bool = False


def parts() -> list[Part]:
    """E1 to E7 as the README gives them."""
    short, articles = (150_000, 50_000, 2, NSMC), (112_000, 28_000, 7, NEWS)
    six = (41_850, 17_936, 6, NEWS)
    sizes = ["--step-size", "3000", "1000", "--initial", "3000"]
    warm = ["--retrain", "warm-new", *sizes]
    control = ["--strategies", "random", "--steps", "1", "--controls"]
    again = ["--replay-cold", "1", "3", "5", "--replay-seeds", "3"]
    cold_and_warm = ["--retrain", "cold", "warm-new"]
    e1 = [*control, "0.02", "0.2", "0.4", "1.0"]
    e5 = [*cold_and_warm, "--controls", "0.1", "0.2", "0.3", "0.4", "0.5", "1.0"]
    e6 = [*cold_and_warm, *sizes, "--controls", "0.1", "0.3", "1.0"]
    made = [
        Part("E1 NSMC controls", nsmc.EXPERIMENT, e1, *short),
        Part("E2 NSMC cold", nsmc.EXPERIMENT, ["--retrain", "cold", *sizes], *short),
        Part("E3 NSMC warm-new", nsmc.EXPERIMENT, warm, *short),
        Part("E4 cold on E3's rows", nsmc.EXPERIMENT, [*warm, *again], *short, replays=True),
        Part("E5 NEWS-6", news6.EXPERIMENT, e5, *six),
        Part("E6 NEWS-7, five arms", news7.EXPERIMENT, e6, *articles),
    ]
    for epochs in (3, 15):
        given = ["--epochs", str(epochs)]
        made.append(Part(f"E7 savings, {epochs} epochs", savings.EXPERIMENT, given, *articles))
    return made


def configs_of(part: Part, seeds: Sequence[str]) -> list[TrajectoryConfig]:
    """Its trajectories, those that are another's under a second name left out."""
    options = ["--data", "X", "--model", "kobert", "--recipe", "seed", *part.options]
    if seeds:
        options += ["--seeds", *seeds]
    study = study_config(part.experiment, study_parser(part.experiment).parse_args(options))
    nothing = Source(name="", digest="")
    configs = trajectories(study, nothing, Encoder(nothing), part.pool)
    if part.replays:
        configs = replays(study, configs, part.labels)
    return [trial.leader for trial in trials(configs, part.labels, study.keep_equivalent)]


def lengths_of(tokens: Sequence[int]) -> NDArray[np.int32]:
    """Lengths that have these at SHARES."""
    return np.interp(np.linspace(0, 1, 4096), SHARES, tokens).round().astype(np.int32)


def facts_for(part: Part, config: TrajectoryConfig, gpu: bool) -> Facts:
    """As if the corpus were there."""
    training = replace(config.learner.training, token_budget=GPU_BUDGET if gpu else CPU_BUDGET)
    lengths = lengths_of(part.tokens)
    facts = facts_of({"train": lengths, "test": lengths}, training, part.labels, WIDTH, not gpu)
    return replace(facts, pool=part.pool, tests={"test": part.test})


def flops_per_token(tokens: float) -> float:
    """Of a forward pass: two a weight, and what attention adds at this length of text."""
    return 2 * (PARAMETERS - EMBEDDINGS) + 4 * LAYERS * WIDTH * tokens


def work_of(config: TrajectoryConfig, facts: Facts) -> Work:
    """Of all its steps."""
    return sum((step_work(config, facts, step) for step in range(config.schedule.steps)), Work())


def row_of(part: Part, options: argparse.Namespace) -> dict[str, float | str]:
    """The work of one experiment, and the hours of it on three machines."""
    configs = configs_of(part, options.seeds)
    forward = flops_per_token(float(lengths_of(part.tokens).mean()))
    on_cpu, on_gpu = (facts_for(part, configs[0], gpu) for gpu in (False, True))
    every, trained = Work(), 0.0
    for config in configs:
        work = work_of(config, on_cpu)
        every, trained = every + work, trained + len(config.learner.rates) * work.train_tokens
    run = every.test_tokens + every.score_tokens
    updates = sum(len(c.learner.rates) * work_of(c, on_cpu).updates for c in configs)
    cpu = trained / options.train_tokens_per_second + run / options.score_tokens_per_second
    cpu += updates * options.cpu_update_seconds
    rate = options.peak * options.utilisation / forward
    spent = [(c, *gpu_seconds(work_of(c, on_gpu), rate, options)) for c in configs]
    alone = sum(len(config.learner.rates) * fit + scoring for config, fit, scoring in spent)
    wanted = [on_eight(config, fit + scoring) for config, fit, scoring in spent]
    return {
        "experiment": part.name,
        "trajectories": len(configs),
        "fits": every.fits,
        "updates": updates,
        "training tokens": trained,
        "rows scored": every.rows_scored,
        "forward tokens": run,
        "PFLOP": (BACKWARD * trained + run) * forward / 1e15,
        "CPU, hours": cpu / 3600,
        "GPU, hours": alone / 3600,
        "8 GPUs, hours": finish(wanted, Room(64.0, 8.0)) / 3600,
    }


def gpu_seconds(work: Work, rate: float, options: argparse.Namespace) -> tuple[float, float]:
    """Of the fits of one member, and of what is run forward."""
    fit = work.updates * options.gpu_update_seconds + BACKWARD * work.train_tokens / rate
    return fit, (work.test_tokens + work.score_tokens) / rate


def on_eight(config: TrajectoryConfig, seconds: float) -> Wanted:
    """One trajectory where there are eight GPUs: a committee holds three while it lasts."""
    place = layout(len(config.learner.rates), 1, 1, 64.0, 8.0)
    return Wanted(seconds, place.count, place.bundle["GPU"] * place.count)


def main() -> None:
    parser = argparse.ArgumentParser(description="What the reference study costs.")
    parser.add_argument("--train-tokens-per-second", type=float, default=1000.0)
    parser.add_argument("--score-tokens-per-second", type=float, default=3000.0)
    parser.add_argument(
        "--cpu-update-seconds", type=float, default=0.0, help="of an update, beside its tokens"
    )
    parser.add_argument("--seeds", nargs="+", default=[], help="default: each experiment's own")
    parser.add_argument("--peak", type=float, default=312e12, help="FLOP/s of a GPU in bfloat16")
    parser.add_argument("--utilisation", type=float, default=0.35, help="share of it that is had")
    parser.add_argument("--gpu-update-seconds", type=float, default=0.01, help="the same on a GPU")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = [row_of(part, options) for part in parts()]
    whole = {name: sum(float(row[name]) for row in rows) for name in list(rows[0])[1:]}
    rows.append({"experiment": "all", **whole})
    if options.json:
        print(json.dumps({"options": vars(options), "rows": rows}, indent=1))
        return
    table = Table()
    for name in rows[0]:
        table.add_column(name, justify="left" if name == "experiment" else "right")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, str) else said(cell) for cell in row.values()))
    Console(width=160).print(table)


def said(value: float) -> str:
    """With three digits that mean something, or so."""
    for unit, size in ((" G", 1e9), (" M", 1e6)):
        if value >= size:
            return f"{value / size:,.1f}{unit}"
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


if __name__ == "__main__":
    main()
