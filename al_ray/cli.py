"""The command line: the experiments' options, and `al-ray`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from al_ray.analysis.summary import arms
from al_ray.encoder.source import check_length, resolve
from al_ray.errors import AlRayError, UserError
from al_ray.grid import check_study
from al_ray.options import (
    Experiment,
    Parser,
    is_demonstration,
    load_corpus,
    model_name,
    run_config,
    study_config,
    study_parser,
)
from al_ray.results import SCHEMAS, Store


def study_main(experiment: Experiment, argv: Sequence[str] | None = None) -> NoReturn:
    """Run an experiment's script: parse, run, print the table of arms, exit."""
    parser = study_parser(experiment)
    options = parser.parse_args(argv)
    _guard(parser.prog, lambda: _run_experiment(experiment, options))


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run `al-ray`."""
    parser = Parser(prog="al-ray", description="Look at what a study left on disk.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    show = commands.add_parser("show", help="how far a study is, and its arms")
    show.add_argument("out", metavar="OUT", help="results folder")
    show.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args(argv)
    _guard(parser.prog, lambda: _show(options.out, options.json))


def _guard(program: str, action: Callable[[], int]) -> NoReturn:
    """Exit with the action's code, and with one line where something is wrong."""
    try:
        sys.exit(action())
    except UserError as error:
        print(f"{program}: {error}", file=sys.stderr)
        sys.exit(2)
    except AlRayError as error:
        print(f"{program}: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print(f"{program}: stopped; the same command goes on from here", file=sys.stderr)
        sys.exit(130)


def _run_experiment(experiment: Experiment, options: argparse.Namespace) -> int:
    from al_ray.cluster.study import run_study

    console = _console()
    if is_demonstration(options):
        _say(
            console,
            "DEMONSTRATION on generated text: it shows how al_ray works and says nothing about "
            f"real data. For that: python experiments/{experiment.name}.py --data FOLDER "
            "--model FOLDER (--help lists the options).",
        )
    study, where = study_config(experiment, options), run_config(experiment, options)
    corpus = load_corpus(options)
    for note in corpus.notes:
        _say(console, note)
    sizes = ", ".join(f"{split.name} {len(split):,}" for split in corpus.splits)
    _say(console, f"Corpus {corpus.name}: {sizes} rows; {len(corpus.labels)} labels.")
    check_study(study, len(corpus.train))  # before a model is made or fetched
    model = resolve(model_name(options), corpus, Store(where.out).cache)
    training = study.training
    _say(
        console,
        f"Model {model.name}, recipe {training.recipe}: learning rate {training.learning_rate:g}, "
        f"batch {training.batch_size}, "
        + (
            f"exactly {training.updates} updates"
            if training.updates
            else f"{training.epochs} epochs, at least {training.min_updates} updates"
        )
        + f"; regime {', '.join(study.retrain)}; seeds {', '.join(map(str, study.seeds))}.",
    )
    check_length(model, training.max_length)
    outcome = run_study(study, where, corpus, model, console)
    _print_summary(Path(where.out), console)
    if outcome.unfinished:
        _say(
            console,
            f"{len(outcome.unfinished)} of {len(outcome.trajectories)} trajectories are not "
            "complete: the same command goes on with them.",
        )
    return 1 if outcome.unfinished else 0


# What is said at the end


def summary(out: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The table of arms of a study's folder, and its description.

    Raises:
        UserError: no study there.
    """
    store = Store(out)
    description = store.read_description()
    if description is None:
        raise UserError(f"{out}: no study there (study.json is missing); give its results folder")
    asked = list(description["trajectories"])
    trajectories = store.read("trajectories")
    trajectories = trajectories[trajectories.trajectory.isin(asked)]
    unknown = [name for name in asked if name not in set(trajectories.trajectory)]
    order = {name: position for position, name in enumerate(asked)}
    trajectories = trajectories.sort_values(
        "trajectory", key=lambda names: names.map(order), kind="stable"
    )
    test = next(iter(description["tests"]))
    return arms(store.read("steps"), trajectories, test), {**description, "not_begun": unknown}


def _print_summary(out: Path, console: Console) -> None:
    frame, description = summary(out)
    test = next(iter(description["tests"]))
    mark = " (demonstration on generated text)" if description["demonstration"] else ""
    table = Table(title=f"Accuracy on {test}, mean ± deviation over seeds{mark}", min_width=60)
    for title in ("strategy", "regime", "first", "step"):
        table.add_column(title, justify="right" if title in ("first", "step") else "left")
    for title in ("seeds", "labels", "final accuracy", "area under curve", "missing"):
        table.add_column(title, justify="left" if title == "missing" else "right")
    for arm in frame.to_dict("records"):
        missing = [f"seed {seed}: {error or status}" for seed, status, error in arm["missing"]]
        table.add_row(
            Text(arm["strategy"]),  # not a str, which would be read as markup
            arm["retrain"],
            f"{arm['initial']:,}",
            f"{arm['step_size']:,}",
            str(arm["seeds"]),
            f"{arm['n_labelled']:,.0f}" if arm["seeds"] else "–",
            _mean(arm["final_mean"], arm["final_sd"]),
            _mean(arm["area_mean"], arm["area_sd"]),
            Text("; ".join(missing)),
        )
    console.print(table)
    for name in description["not_begun"]:
        _say(console, f"Missing, never begun: {name}")
    for table_name in SCHEMAS:
        if any((out / table_name).glob("*.parquet")):
            _say(console, f"{out / table_name}")


def _show(out: str, as_json: bool) -> int:
    if not as_json:
        _print_summary(Path(out), _console())
        return 0
    frame, description = summary(Path(out))
    answer = {
        "arms": json.loads(frame.to_json(orient="records")),
        "not_begun": description["not_begun"],
    }
    print(json.dumps(answer, ensure_ascii=False))
    return 0


def _mean(mean: Any, deviation: Any) -> str:
    if pd.isna(mean):
        return "–"
    return f"{mean:.3f}" + ("" if pd.isna(deviation) else f" ± {deviation:.3f}")


def _console() -> Console:
    console = Console(highlight=False)
    # A pipe has no width of its own; a table cut at 80 columns helps nobody.
    return console if console.is_terminal else Console(width=140, highlight=False)


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, soft_wrap=True)
