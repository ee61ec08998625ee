"""`al-ray run DATA`: one's own texts, first with a frozen head, then fine-tuned, in one folder."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from rich.console import Console

from al_ray.commands.experiment import Experiment
from al_ray.commands.options import run_config
from al_ray.commands.parser import Parser, study_parser
from al_ray.commands.report import after_study
from al_ray.commands.study import asked, carried_out, guard, is_submitted, loaded
from al_ray.commands.study_file import parsed
from al_ray.corpus.reading.tables import split_name
from al_ray.errors import UserError
from al_ray.io import terminal
from al_ray.io.interrupts import RESUMES
from al_ray.io.storage import said
from al_ray.language import tr
from al_ray.strategies import build
from al_ray.study.grid import FROZEN_GIVES
from al_ray.tasks import TASKS

if TYPE_CHECKING:
    from al_ray.cluster.plan import Plan
    from al_ray.corpus import Corpus

FINE_TUNE: Final = "--fine-tune"

_LIMITS: Final = {"pool-limit": ["10000"], "test-limit": ["2000"]}
"""An answer in minutes, by a test that tells a point or two apart."""

FROZEN: Final = {
    **_LIMITS,
    "strategies": ["random", "margin", "entropy", "core-set"],
    "seeds": [str(seed) for seed in range(50)],
    "head": ["frozen"],
}
FINE_TUNED: Final = {**_LIMITS, "strategies": ["random", "margin"], "head": ["fine-tuned"]}
"""What the two studies ask for, by option; what is given takes its place."""

_YES: Final = ("y", "yes", "ㅛ", "예", "네", "ㅇ", "ㅇㅇ", "응")

_FIXED: Final = (
    *("data", "head", "study", "cluster", "successor"),
    *("search", "trials", "budget-hours", "objective", "search-seeds", "search-target"),
)


def main(given: Sequence[str]) -> NoReturn:
    """Run `al-ray run` with these words."""
    data = given[0] if given and not given[0].startswith("-") else ""
    words = given[1:] if data else given
    kept = [word for word in words if word != FINE_TUNE]
    command = command_of(data, kept)
    asked_for = Run(data or "DATA", kept, FINE_TUNE in words, command, terminal.console())
    parser = asked_for.parser()
    parser.usage = f"{parser.prog} DATA [{FINE_TUNE}] [OPTION ...]"
    parser.add_argument(FINE_TUNE, action="store_true", help="do not ask before fine-tuning")
    parser.hide(*(f"--{name}" for name in _FIXED))
    options = parser.parse_args(words)
    if not data:
        parser.error(
            tr("no DATA; give a file, a folder, nsmc, ynat or embedded, before any option")
        )
    for name in _FIXED:
        if _is_given(name, words):
            parser.error(
                tr(
                    "--{name} is not for this command; leave it out, or see experiments/",
                    name=name,
                )
            )
    out = options.out or f"results/{name_of(data)}"
    guard(parser.prog, asked_for.both, outs=[out], stopped=RESUMES)


def command_of(data: str, words: Sequence[str]) -> str:
    """That does the same again, as it is kept and shown: without secrets."""
    return shlex.join(["al-ray", "run", *map(said, [data, *words])])


def name_of(data: str) -> str:
    """What a corpus, and its results folder, are called."""
    path = Path(data.rstrip("/"))
    return path.resolve().name if path.is_dir() else split_name(path.name)[0]


def words_of(data: str, given: Sequence[str], defaults: Mapping[str, Sequence[str]]) -> list[str]:
    """Of one of the two studies, as an experiment's script would be given them.

    Args:
        data: the corpus.
        given: options of the command line.
        defaults: by option; those that are given take their place.
    """
    words = ["--data", data]
    for name, values in defaults.items():
        if not _is_given(name, given):
            words += [f"--{name}", *values]
    return [*words, *given]


def _is_given(name: str, words: Sequence[str]) -> bool:
    return any(word == f"--{name}" or word.startswith(f"--{name}=") for word in words)


def _experiment(data: str) -> Experiment:
    return Experiment(
        name=name_of(data),
        title="Study your texts: with a frozen head, in minutes; then fine-tuned, once it was said "
        "how long that takes. DATA is a file, a folder, nsmc, ynat or embedded. Unless given, the "
        "first has random, margin, entropy and core-set with seeds 0 to 49; both have "
        "--pool-limit 10000 and --test-limit 2000.",
        strategies=tuple(FINE_TUNED["strategies"]),
        step_sizes=(100,),
        budget=500,
        batch_size=8,
        max_length=128,
    )


def out_of(data: str, options: argparse.Namespace) -> str:
    """The results folder."""
    return run_config(_experiment(data), options).out


@dataclass(frozen=True)
class Run:
    """One command's two studies.

    Attributes:
        data: the corpus.
        words: options of the command line, without the one of this command alone.
        fine_tune: whether to fine-tune without asking; None: neither ask nor fine-tune.
        command: that does the same again, as it is kept and shown.
        console: to say it.
        kind: of parser, which says what cannot be.
    """

    data: str
    words: Sequence[str]
    fine_tune: bool | None
    command: str
    console: Console
    kind: type[Parser] = Parser

    def parser(self) -> Parser:
        """Of the options of one study."""
        return study_parser(_experiment(self.data), "al-ray run", self.kind)

    def both(self) -> int:
        """The frozen study; then the other, if it is wanted once its time is known.

        Returns:
            1 where trajectories are not complete, else 0.

        Raises:
            UserError: an option or the corpus cannot be used.
        """
        tuned = self._parsed(FINE_TUNED)
        if is_submitted(tuned):
            raise UserError(
                "--address {address}: al-ray run runs here; use python "
                "experiments/news7.py for a cluster elsewhere",
                address=tuned.address,
            )
        asked(_experiment(self.data), tuned, self.command)  # refused before anything is read
        corpus = loaded(tuned, self.console)
        if self.data == "embedded" or tuned.model == ["mini"]:
            return self._carried_out(tuned, corpus, [])  # there is nothing to freeze
        if not TASKS[corpus.task].frozen:
            raise UserError(
                "{data}: al-ray run begins with a frozen head, which does no {task}; give python "
                "experiments/{script}.py --data {data} --model ENCODER",
                data=said(self.data),
                task=corpus.task,
                script="ner" if corpus.task == "tagging" else "mrc",
            )
        frozen = self._frozen()
        code = self._carried_out(frozen, corpus, [], page=False)
        if code or self.fine_tune is None:
            self._page(frozen)
            return code
        plans: list[Plan] = []
        self._carried_out(argparse.Namespace(**{**vars(tuned), "plan": True}), corpus, plans)
        if not self.fine_tune:  # not before: a page in the making would slow what is measured
            self._page(frozen)
        if tuned.plan or not plans[-1].measured:
            return 0
        if not self.fine_tune and not self._agreed():
            command = f"{self.command} {FINE_TUNE}"
            terminal.say(self.console, tr("To fine-tune: {command}", command=command))
            return 0
        return self._carried_out(tuned, corpus, [], fine_tune=True)

    def _parsed(self, defaults: Mapping[str, Sequence[str]]) -> argparse.Namespace:
        return parsed(self.parser(), words_of(self.data, self.words, defaults))

    def _frozen(self) -> argparse.Namespace:
        """With those of the strategies that a frozen head can serve."""
        options = self._parsed(FROZEN)
        able = [s for s in options.strategies if set(build(s).needs) <= set(FROZEN_GIVES)]
        if able == options.strategies:
            return options
        words = words_of(self.data, self.words, FROZEN)
        return parsed(self.parser(), [*words, "--strategies", *(able or ["random"])])

    def _carried_out(
        self,
        options: argparse.Namespace,
        corpus: Corpus,
        plans: list[Plan],
        page: bool = True,
        fine_tune: bool = False,
    ) -> int:
        command = f"{self.command} {FINE_TUNE}" if fine_tune and self.command else self.command
        study, where = asked(_experiment(self.data), options, command)
        return carried_out(study, where, options, corpus, plans, self.console, page)

    def _page(self, options: argparse.Namespace) -> None:
        if not options.plan:
            after_study(out_of(self.data, options), self.console, options.report)

    def _agreed(self) -> bool:
        """Whether somebody is there to ask, and wants it."""
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            return False
        try:
            return input(tr("Fine-tune now? [y/N]") + " ").strip().lower() in _YES
        except EOFError:
            return False
