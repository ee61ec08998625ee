"""The options of an experiment's script, with its defaults in the help."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn, get_args

from al_ray.commands.experiment import Experiment
from al_ray.commands.refusals import in_words
from al_ray.corpus.reading.labels import VARIANTS
from al_ray.errors import UserError
from al_ray.io.terminal import one_line
from al_ray.language import LANGUAGES, tr
from al_ray.strategies import DISAGREEMENTS
from al_ray.study.chooser import Query
from al_ray.study.config import STOP_SET
from al_ray.study.knobs import add_knobs
from al_ray.study.learner import Head, Learner
from al_ray.study.ranges import Range
from al_ray.study.searching import SEARCH_SEEDS, Objective, SearchConfig
from al_ray.study.training import Device, Recipe, Training
from al_ray.study.trajectory import Schedule

SEEDS, DEMO_SEEDS = tuple(range(10)), tuple(range(5))
"""A saving needs ten to be said with some certainty; five are the fewest with a verdict."""


def _demo_end(experiment: Experiment) -> str:
    if experiment.demo_budget is not None:
        return f"{experiment.demo_budget:g}"
    return f"{experiment.demo_steps} steps"


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; the usage is what --help is for.

    Each knows `--lang`, which `commands.start` has followed before anything was said.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.add_argument(
            "--lang", choices=LANGUAGES, help="of what is said; default: of the locale, else en"
        )

    def error(self, message: str) -> NoReturn:
        """Exit with code 2."""
        why = tr("{message}; see --help", message=in_words(message))
        self.exit(2, one_line(f"{self.prog}: {why}") + "\n")

    def knows(self, option: str) -> bool:
        """Whether this is one of its options."""
        return option in self._option_string_actions

    def hide(self, *options: str) -> None:
        """Leave these out of --help."""
        for option in options:
            self._option_string_actions[option].help = argparse.SUPPRESS


def whole(text: str) -> int:
    """A whole number that the tables can hold; a `type` of argparse."""
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            tr("{text!r} is not a whole number; give one", text=text[:40])
        ) from None
    if not -(2**63) <= value < 2**63:
        raise argparse.ArgumentTypeError(
            tr("{text} is too large; give a number below 2**63", text=text[:40])
        )
    return value


def whole_or_range(text: str) -> int | Range:
    """A whole number, or a range of them; a `type` of argparse."""
    return _range(text, True) if ".." in text else whole(text)


def or_range(text: str) -> float | Range:
    """A number, or a range; a `type` of argparse."""
    return _range(text, False) if ".." in text else float(text)


or_range.__name__ = "float"  # in what argparse says of a word that is none


def _range(text: str, whole: bool) -> Range:
    try:
        return Range.parsed(text, whole)
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def word(text: str) -> str:
    """Not an empty one, as a shell variable that was never set is; a `type` of argparse."""
    if not text.strip():
        raise argparse.ArgumentTypeError(tr("is empty; give a name, or leave it out"))
    return text


def add_columns(parser: argparse._ActionsContainer) -> None:
    """The options that say how files are read."""
    parser.add_argument(
        "--test", type=word, metavar="FILE", help="of the test's rows, where DATA has none"
    )
    parser.add_argument(
        "--text-column",
        nargs="+",
        metavar="NAME",
        help="default: detected, and said; several are joined",
    )
    for column in ("label", "id", "split"):
        parser.add_argument(
            f"--{column}-column", metavar="NAME", help="default: detected, and said"
        )
    parser.add_argument(
        "--label-variants",
        choices=VARIANTS,
        help="labels that differ in case, width or blanks alone: one label each, or all as they "
        "are; default: refused where there are any",
    )


def study_parser(
    experiment: Experiment, program: str | None = None, kind: type[Parser] = Parser
) -> Parser:
    """The options that the experiments share, with this one's defaults in the help."""
    parser = kind(
        prog=program or f"{experiment.name}.py",
        description=experiment.title,
        allow_abbrev=False,
        epilog="The same command again continues a study; more seeds, strategies, sizes, regimes "
        "or steps extend it.",
    )

    data = parser.add_argument_group("data")
    data.add_argument(
        "--study",
        type=word,
        metavar="FILE",
        help="options, and grids of them, from a TOML file; each run writes OUT/study.toml",
    )
    data.add_argument(
        "--data",
        type=word,
        default=experiment.data,
        metavar="DATA",
        help=f"{experiment.data} (generated text); nsmc or ynat, from the hub; or a folder or "
        "file, here or at an address such as s3://bucket/path: TSV, CSV, JSON, Parquet, .xlsx",
    )
    add_columns(data)
    data.add_argument(
        "--test-split",
        choices=("given", "holdout"),
        help="default: given, but a hold-out of train where the label mixes differ",
    )
    data.add_argument(
        "--drop-leaked", action="store_true", help="leave out train rows whose text a test has"
    )
    data.add_argument(
        "--imbalance",
        nargs="+",
        default=[],
        metavar="LABEL=SHARE",
        help="thin a label of the pool to this share of its rows, seeded",
    )
    data.add_argument("--pool-limit", type=whole, metavar="ROWS", help="seeded part of train")
    data.add_argument("--test-limit", type=whole, metavar="ROWS", help="seeded part of each test")

    arms_group = parser.add_argument_group("arms")
    arms_group.add_argument(
        "--strategies",
        nargs="+",
        metavar="NAME",
        help="names, or module:name of your own, and parameters, as in bald:passes=20; default: "
        f"{' '.join(experiment.strategies)}",
    )
    sizes, demo = (
        " ".join(map(str, each)) for each in (experiment.step_sizes, experiment.demo_step_sizes)
    )
    add_knobs(arms_group, Schedule, {int: whole}, {"step_size": f"{sizes} (embedded: {demo})"})
    add_knobs(arms_group, Query, {int: whole})
    add_knobs(arms_group, Learner, {})
    arms_group.add_argument(
        "--budget",
        type=float,
        metavar="X",
        help=f"labels, or a share of the pool up to 1; default: {experiment.budget:g} "
        f"(embedded: {_demo_end(experiment)})",
    )
    arms_group.add_argument(
        "--seeds",
        nargs="+",
        type=whole,
        metavar="SEED",
        help=f"default: 0 to {SEEDS[-1]} (embedded: 0 to {DEMO_SEEDS[-1]})",
    )
    arms_group.add_argument(
        "--controls",
        nargs="+",
        type=float,
        default=[],
        metavar="SHARE",
        help="train once on these random shares of the pool",
    )
    arms_group.add_argument(
        "--validation",
        type=whole,
        default=experiment.validation,
        metavar="ROWS",
        help="rows of train kept apart, and paid for",
    )
    arms_group.add_argument(
        "--disagreement",
        choices=DISAGREEMENTS,
        help="what qbc measures: short for qbc:disagreement=NAME",
    )
    arms_group.add_argument("--committee-learning-rates", nargs="+", type=float, metavar="RATE")
    arms_group.add_argument(
        "--replay-cold",
        nargs="+",
        type=whole,
        default=[],
        metavar="STEP",
        help="train cold models, too, on what every trajectory had chosen up to these steps",
    )
    arms_group.add_argument(
        "--replay-seeds",
        type=whole,
        default=1,
        metavar="N",
        help="so many of these each, which differ in their fit alone",
    )
    arms_group.add_argument(
        "--successor",
        choices=get_args(Head),
        help="this head learns, too, step by step, what arms of the other head choose: whether a "
        "cheap model can choose for a costly one",
    )
    arms_group.add_argument(
        "--keep-equivalent",
        action="store_true",
        help="run arms that are equal by mathematics apart",
    )

    training = parser.add_argument_group("training")
    training.add_argument(
        "--model",
        nargs="+",
        type=word,
        metavar="MODEL",
        help="mini (default with embedded), kobert (default else), a folder or a hub id",
    )
    training.add_argument(
        "--recipe",
        choices=get_args(Recipe),
        help="default: seed for kobert and distilkobert, else stable",
    )
    defaults = {
        "batch_size": f"{experiment.batch_size} (embedded: 16)",
        "max_length": f"{experiment.max_length} (embedded: 64)",
        "threads": "1",
        "precision": "auto",
    }
    add_knobs(training, Training, {int: whole}, defaults, {int: whole_or_range, float: or_range})

    search = parser.add_argument_group("search")
    add_knobs(search, SearchConfig, {int: whole})
    parser.set_defaults(method=experiment.search)
    search.add_argument(
        "--objective",
        nargs="+",
        choices=get_args(Objective),
        help="what is better, by validation rows: area under the curve (default), labels to "
        "--search-target, device-seconds; of several the Pareto front is kept",
    )
    search.add_argument(
        "--search-seeds",
        nargs="+",
        type=whole,
        metavar="SEED",
        help=f"of the search; default: {' '.join(map(str, SEARCH_SEEDS))}. --seeds are those of "
        "the comparison at its end",
    )

    running = parser.add_argument_group("running; none of these changes a pick")
    running.add_argument(
        "--out",
        type=word,
        metavar="FOLDER",
        help=f"or s3://BUCKET/FOLDER and the like; default: results/{experiment.name}",
    )
    running.add_argument(
        "--shards",
        type=whole,
        help="shard actors of each trajectory; default: on GPUs as many as its members, else 1",
    )
    running.add_argument(
        "--concurrent", type=whole, help="trajectories at once; default: what fits"
    )
    where = running.add_mutually_exclusive_group()
    where.add_argument(
        "--address",
        type=word,
        help="of a Ray cluster: auto (RAY_ADDRESS, or one that runs here), local (one of its own), "
        "host:port from a machine of it, or http://host:port of its dashboard, which runs this as "
        "a job; default: auto where there is one, else local",
    )
    where.add_argument(
        "--cluster",
        type=word,
        metavar="YAML",
        help="of `ray up`: run this as a job there, by ssh, and bring the tables back",
    )
    running.add_argument(
        "--patience",
        type=float,
        default=30.0,
        metavar="MINUTES",
        help="without any progress until a trajectory is begun again at its last step, or a study "
        "that finds no room ends; default: 30",
    )
    running.add_argument("--device", choices=get_args(Device), default="auto")
    page = running.add_mutually_exclusive_group()
    page.add_argument(
        "--report",
        action="store_true",
        default=None,
        help="wait for the page, which takes a while; default: only where the output is no "
        "terminal, which else a process of its own spares you",
    )
    page.add_argument(
        "--no-report",
        dest="report",
        action="store_false",
        default=None,
        help="end without the page; al-ray report FOLDER makes it",
    )
    running.add_argument("--no-dashboard", action="store_true", help="do not start Ray's dashboard")
    running.add_argument(
        "--labels-per-day",
        type=float,
        metavar="N",
        help="what one person labels, for person-days; default: 1,000",
    )
    running.add_argument(
        "--label-price",
        metavar="PRICE",
        help="what a label costs, with or without a unit: 150, 150KRW",
    )
    running.add_argument(
        "--annotation-seconds",
        nargs=2,
        type=float,
        metavar=("TEXT", "MARK"),
        help="what a text takes one person, and each thing that is marked in it, so that arms are "
        "compared by time, too, where texts have several",
    )
    running.add_argument(
        "--mlflow",
        type=word,
        metavar="URI",
        help="tell an MLflow server, too: http://HOST:PORT, or sqlite:///FILE; needs the extra "
        "mlflow",
    )
    running.add_argument(
        "--plan",
        action="store_true",
        help="run nothing: measure for half a minute and say what is left to do, and how much "
        "time, device-hours and storage it takes",
    )
    running.add_argument("--ledger", action="store_true", help="write every score of every step")
    running.add_argument(
        "--stop-set",
        type=whole,
        metavar="ROWS",
        help="rows of train that are predicted at every step, by which al-ray stopping says when "
        f"one could have stopped; default: a tenth of the pool, {STOP_SET:,} at most; 0: none",
    )
    return parser
