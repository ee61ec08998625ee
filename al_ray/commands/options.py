"""What the options of an experiment's script mean: a corpus, a study, and where it runs."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from al_ray.commands.experiment import Experiment
from al_ray.commands.parser import DEMO_SEEDS, SEEDS
from al_ray.corpus import Corpus
from al_ray.corpus.embedded import EMBEDDED
from al_ray.corpus.findings import findings
from al_ray.corpus.reading import hub
from al_ray.corpus.reading.read import read
from al_ray.corpus.reading.remote import fetched
from al_ray.corpus.splits import choose_tests, drop_leaked, limit, shares_of, thin
from al_ray.errors import UserError
from al_ray.io.storage import is_remote
from al_ray.learners.encoder import source
from al_ray.learners.encoder.rates import MULTIPLES, committee_rates, learning_rate
from al_ray.strategies import QBC, split
from al_ray.study.chooser import Query, spelt
from al_ray.study.config import StudyConfig, union
from al_ray.study.knobs import check, given, knobs
from al_ray.study.learner import Learner
from al_ray.study.ranges import Range
from al_ray.study.running import RunConfig
from al_ray.study.searching import SearchConfig
from al_ray.study.training import RECIPES_VERSION, Recipe, Training, recipe_values
from al_ray.study.trajectory import Schedule

READING = ("text_column", "label_column", "id_column", "split_column", "label_variants")
"""Options that say how files are read."""

DEMO_ROWS = (2000, 1000)
"""Of train and test, generated: five seeds of five arms then take minutes."""


def is_demonstration(options: argparse.Namespace) -> bool:
    """Whether the text is generated, so that nothing is learnt of real text."""
    return options.data in EMBEDDED


def is_known(options: argparse.Namespace) -> bool:
    """Whether the corpus is one that has a name, and not files."""
    in_hub = options.data in hub.SOURCES and not Path(options.data).exists()
    return in_hub or is_demonstration(options)


def model_names(options: argparse.Namespace) -> list[str]:
    """The encoders asked for, or the default that belongs to the data."""
    short = {hub_id: name for name, hub_id in source.HUB.items()}
    models: list[str] = options.model or ["mini" if is_demonstration(options) else "kobert"]
    return [short.get(model, model) for model in models]


def _given(value: Any, default: Any) -> Any:
    """Zero is a value, and is refused by name."""
    return default if value is None else value


def run_config(experiment: Experiment, options: argparse.Namespace) -> RunConfig:
    """Where and how wide to run."""
    return RunConfig(
        out=options.out or f"results/{experiment.name}",
        shards=options.shards,
        concurrent=options.concurrent,
        address=options.address,
        device=options.device,
        dashboard=not options.no_dashboard,
        labels_per_day=options.labels_per_day,
        label_price=options.label_price,
        annotation_seconds=options.annotation_seconds and tuple(options.annotation_seconds),
        mlflow=options.mlflow,
        patience=60 * options.patience,
    )


def paths(options: argparse.Namespace) -> list[tuple[str, str]]:
    """The options that may name files of this machine, and what they name."""
    named = [("--data", options.data), ("--test", options.test), ("--study", options.study)]
    named += [("--model", model) for model in options.model or ()]
    names = {*EMBEDDED, "mini", "kobert", *source.HUB, *hub.SOURCES}
    return [
        (option, value)
        for option, value in named
        if value and not (value in names and not Path(value).exists())
    ]


def read_corpus(options: argparse.Namespace, keep_unlabelled: bool = False) -> Corpus:
    """The corpus that the options name, as it is given; rows without a label apart, or refused."""
    how = {name: getattr(options, name) for name in READING}
    if is_known(options):
        if any(value is not None for value in (*how.values(), options.test)):
            raise UserError(
                "--data {data}: its columns, labels and tests are known; leave out "
                "{options} and --test",
                data=options.data,
                options=", ".join("--" + name.replace("_", "-") for name in READING),
            )
        generate = EMBEDDED.get(options.data)
        return generate(*DEMO_ROWS) if generate else hub.load(options.data)
    with ExitStack() as stack:

        def here(where: str) -> Path:
            return stack.enter_context(fetched(where)) if is_remote(where) else Path(where)

        test = None if options.test is None else here(options.test)
        return read(here(options.data), **how, test=test, keep_unlabelled=keep_unlabelled)


def load_corpus(options: argparse.Namespace) -> Corpus:
    """The corpus of a study: tests chosen, rows dropped, thinned and limited, faults noted."""
    shares = shares_of(options.imbalance)
    corpus = choose_tests(read_corpus(options), options.test_split)
    if options.drop_leaked:
        corpus = drop_leaked(corpus)
    corpus = limit(thin(corpus, shares), options.pool_limit, options.test_limit)
    return replace(corpus, notes=(*corpus.notes, *findings(replace(corpus, left_out={})).notes()))


def study_config(
    experiment: Experiment, options: argparse.Namespace, recipes: int = RECIPES_VERSION
) -> StudyConfig:
    """The study that the options describe, with the experiment's, models' and recipes' defaults.

    Args:
        experiment: whose script it is.
        options: of the command line.
        recipes: their version.

    Raises:
        UserError: an option out of range, or two that exclude each other.
    """
    for each in getattr(options, "grids", None) or [options]:
        for length in each.max_length or ():
            check(
                not isinstance(length, Range),
                "--max-length {range}: takes values and no range; give them one by one",
                range=length,
            )
    parts = [
        _study(experiment, each, model, length, recipes)
        for each in getattr(options, "grids", None) or [options]
        for model in _once("--model", model_names(each))
        for length in _once("--max-length", each.max_length or [None])
    ]
    return union(parts)


def _once(option: str, values: list[Any]) -> list[Any]:
    check(
        len(set(values)) == len(values),
        "{option}: one value is given twice; drop it",
        option=option,
    )
    return values


def _study(
    experiment: Experiment,
    options: argparse.Namespace,
    model: str,
    max_length: int | None,
    recipes: int,
) -> StudyConfig:
    """The full product of one encoder, which reads so many tokens."""
    demonstration = is_demonstration(options)
    said = {**experiment.training, **given(options, Training)}
    said.pop("max_length", None)
    axes = {n: tuple(each) for n, each in said.items() if isinstance(each, (list, tuple))}
    ranges = {n: v[0] for n, v in axes.items() if len(v) == 1 and isinstance(v[0], Range)}
    for name, values in axes.items():
        check(
            name in ranges or not any(isinstance(value, Range) for value in values),
            "--{name}: a range and other values; give one range, or values",
            name=name.replace("_", "-"),
        )
    # What else must know a value is told one end.
    axes |= {name: (said.low,) for name, said in ranges.items()}
    first = {name: values[0] for name, values in axes.items()}
    rate = first.get("learning_rate", learning_rate(model))
    recipe: Recipe = options.recipe or ("seed" if model in source.HUB else "stable")
    multiples: tuple[float, ...] = ()
    if options.committee_learning_rates:
        rates = tuple(options.committee_learning_rates)
    else:
        multiples = () if model in source.HUB else MULTIPLES
        rates = committee_rates(model, rate)
    training = Training(
        **{
            "recipe": recipe,
            **recipe_values(recipe, recipes),
            "learning_rate": rate,
            "batch_size": 16 if demonstration else experiment.batch_size,
            "max_length": _given(max_length, 64 if demonstration else experiment.max_length),
            **said,
            **first,
        }
    )
    if "mini" in model_names(options) and training.precision == "auto":
        # Its matrices are too small for what bfloat16 saves to pay for the conversions.
        training = replace(training, precision="float32")
    steps, budget = options.steps, options.budget
    if steps is None and budget is None:
        steps, budget = (
            (experiment.demo_steps, experiment.demo_budget)
            if demonstration
            else (None, experiment.budget)
        )
    sizes = options.step_size or (
        experiment.demo_step_sizes if demonstration else experiment.step_sizes
    )
    return StudyConfig(
        model=model,
        strategies=tuple(
            _spec(each, options.disagreement)
            for each in options.strategies
            or (experiment.demo_strategies if demonstration else None)
            or experiment.strategies
        ),
        training=training,
        rates=rates,
        multiples=multiples,
        axes={name: values for name, values in axes.items() if len(values) > 1},
        seeds=tuple(_given(options.seeds, DEMO_SEEDS if demonstration else SEEDS)),
        step_sizes=tuple(sizes),
        steps=steps,
        budget=budget,
        controls=tuple(options.controls),
        validation=options.validation,
        **_chosen(options),
        replay_cold=tuple(options.replay_cold),
        replay_seeds=options.replay_seeds,
        successor=options.successor,
        keep_equivalent=options.keep_equivalent,
        ledger=options.ledger,
        stop_set=options.stop_set,
        ranges=ranges,
        search=_search(options),
    )


def _search(options: argparse.Namespace) -> SearchConfig | None:
    said = given(options, SearchConfig)
    several = {"objectives": options.objective, "seeds": options.search_seeds}
    said |= {name: tuple(values) for name, values in several.items() if values is not None}
    check(
        "method" in said or not said,
        "{option}: is for a search; say which with --search, such as --search halving",
        option=", ".join(_SEARCH.get(name, knobs(SearchConfig)[name].option) for name in said),
    )
    return SearchConfig(**said) if said else None


_SEARCH = {"objectives": "--objective", "seeds": "--search-seeds"}


def _spec(strategy: str, disagreement: str | None) -> str:
    """In its one spelling; `--disagreement` is for `qbc` where that says nothing itself."""
    name, parameters = split(strategy)
    if name == QBC and disagreement and not parameters:
        return spelt(*split(f"{QBC}:disagreement={disagreement}"))
    return spelt(name, parameters)


def _chosen(options: argparse.Namespace) -> dict[str, Any]:
    """What was given of the knobs of a learner, a query and a schedule, but for sizes and steps."""
    said = {**given(options, Learner), **given(options, Query), **given(options, Schedule)}
    said = {name: tuple(v) if isinstance(v, list) else v for name, v in said.items()}
    renamed = {"heads" if name == "head" else name: value for name, value in said.items()}
    return {name: v for name, v in renamed.items() if name not in ("step_size", "steps")}


def check_budget(options: argparse.Namespace, pool: int, validation: int) -> None:
    """Refuse a budget that was asked for and that no trajectory can come to.

    Raises:
        UserError: more labels than the pool has rows.
    """
    if options.budget is not None and options.budget > max(1, pool - validation):
        raise UserError(
            "--budget {budget:g}: the pool has only {rows:,} rows; give fewer, or "
            "1 for all of them",
            budget=options.budget,
            rows=pool - validation,
        )
