"""Label savings (experiment E7 of the reference study): labels for the accuracy of N random rows.

One study a number of epochs, since all trajectories of a folder are trained alike: OUT/epochs-3,
OUT/epochs-15. The baseline of N random rows is of the same recipe, epochs and regime as the arms.
Then the table of all of them, also as OUT/savings.csv.
"""

from __future__ import annotations

from al_ray.io.interrupts import RESUMES, listen

if __name__ == "__main__":  # before what takes a second to load
    listen(f"savings.py: {RESUMES}")

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from rich.console import Console

from al_ray.analysis.study import load
from al_ray.analysis.verdict import arm_names, sentences, shown_savings
from al_ray.commands.experiment import Experiment
from al_ray.commands.parser import Parser, study_parser, whole, word
from al_ray.commands.plan import print_sum
from al_ray.commands.study import guard, is_submitted, study_main
from al_ray.commands.tables import savings_table
from al_ray.io import terminal
from al_ray.io.storage import is_remote

if TYPE_CHECKING:
    from al_ray.cluster.plan import Plan

EXPERIMENT = Experiment(
    name="savings",
    title="Labels that arms need for the accuracy of N random rows, by step size and epochs.",
    strategies=("random", "least-confidence", "margin", "entropy", "qbc"),
    step_sizes=(3000, 1000, 500, 200),
    budget=21_000,
    batch_size=8,
    max_length=512,
)
TARGETS = (21_000, 7_000, 3_000, 1_000)

# A demonstration of minutes: two arms, three step sizes, up to 240 labels.
DEMO = {"--strategies": ("random", "margin"), "--step-size": (120, 60, 30), "--budget": (240,)}
DEMO_TARGETS = (240, 120)


def parse(argv: Sequence[str] | None) -> tuple[argparse.Namespace, list[str]]:
    """This script's own options, and the rest, which are news7.py's."""
    parser = Parser(
        prog="savings.py",
        description=EXPERIMENT.title,
        allow_abbrev=False,
        epilog="All other options are those of news7.py --help.",
    )
    parser.add_argument("--epochs", nargs="+", type=whole, default=[3, 15], help="default: 3 15")
    parser.add_argument(
        "--targets",
        nargs="+",
        type=whole,
        metavar="N",
        help=f"random rows; default: {' '.join(map(str, TARGETS))} "
        f"(embedded: {' '.join(map(str, DEMO_TARGETS))})",
    )
    parser.add_argument(
        "--out", type=word, default="results/savings", help="default: results/savings"
    )
    options, rest = parser.parse_known_args(argv)
    if min(options.epochs) < 1 or len(set(options.epochs)) < len(options.epochs):
        parser.error("--epochs: give different numbers from 1")
    targets = options.targets or [1]
    if min(targets) < 1 or len(set(targets)) < len(targets):
        parser.error("--targets: give different numbers from 1")
    if is_remote(options.out):
        parser.error(
            "--out: give a folder here; news7.py --epochs N --out ADDRESS runs one of its studies "
            "elsewhere"
        )
    return options, rest


def study_arguments(rest: Sequence[str], epochs: int, out: Path) -> list[str]:
    """The options of one study, with the defaults that E7 needs where nothing else is given."""
    given = {option.split("=", 1)[0] for option in rest}
    demonstration = "--data" not in given or "embedded" in rest or "--data=embedded" in rest
    # A floor on updates would make epochs mean nothing.
    defaults: dict[str, tuple[object, ...]] = {"--min-updates": (0,)}
    if demonstration:
        defaults |= DEMO
    if "--steps" in given:
        defaults.pop("--budget", None)
    made = [*rest]
    for option, values in defaults.items():
        if option not in given:
            made += [option, *map(str, values)]
    return [*made, "--epochs", str(epochs), "--out", str(out)]


def table(out: Path, epochs: Sequence[int], targets: Sequence[int]) -> pd.DataFrame:
    """The savings of all folders, with a column for the epochs."""
    parts = []
    for number in epochs:
        study = load(out / f"epochs-{number}")
        found = shown_savings(study, targets=targets)
        found.insert(0, "epochs", number)
        parts.append(found)
    return pd.concat(parts, ignore_index=True)


def main(argv: Sequence[str] | None = None) -> None:
    options, rest = parse(argv)
    out, code = Path(options.out), 0
    first = study_parser(EXPERIMENT).parse_args(study_arguments(rest, options.epochs[0], out))
    if is_submitted(first):
        print(
            "savings.py: it runs several studies and reads their tables, which one job cannot; "
            "run it on the cluster's head, without --cluster",
            file=sys.stderr,
        )
        sys.exit(2)
    plans: list[Plan] = []
    for epochs in options.epochs:
        arguments = study_arguments(rest, epochs, out / f"epochs-{epochs}")
        try:
            study_main(EXPERIMENT, arguments, plans)
        except SystemExit as ended:
            if ended.code not in (0, 1):  # 1: some trajectories failed, and are named
                raise
            code = max(code, int(ended.code or 0))
    console = terminal.console()
    if first.plan:
        print_sum(plans, console)
        sys.exit(code)
    guard("savings.py", lambda: compare(out, options, code, console), [str(out)], RESUMES)


def compare(out: Path, options: argparse.Namespace, code: int, console: Console) -> int:
    """Show what all folders say, and write it down."""
    targets = options.targets
    for epochs in options.epochs:
        study = load(out / f"epochs-{epochs}")
        if targets is None:
            targets = list(DEMO_TARGETS if study.demonstration else TARGETS)
        found = shown_savings(study, targets=targets)
        console.print(f"\n{epochs} epochs", style="bold")
        if found.shown.any():
            console.print(savings_table(found, arm_names(study), study.demonstration))
        else:
            console.print("No saving was shown at any number of labels.")
        for line in sentences(study):
            console.print(f"- {line}.", markup=False, soft_wrap=True)
        absent = sorted(set(targets) - set(found.target_labels), reverse=True)
        if absent:
            console.print(f"No baseline of {', '.join(f'{n:,}' for n in absent)} random labels.")
    every = table(out, options.epochs, targets)
    every.to_csv(out / "savings.csv", index=False)
    console.print(f"{out / 'savings.csv'}", markup=False)
    return code


if __name__ == "__main__":
    main()
