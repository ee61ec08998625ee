"""The command line: the experiments' options, and `al-ray`."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from rich.console import Console

from al_ray import __version__
from al_ray.commands import check as check_command
from al_ray.commands import compare as compare_command
from al_ray.commands import label as label_command
from al_ray.commands import plan as plan_command
from al_ray.commands import report as report_command
from al_ray.commands import search as search_command
from al_ray.commands import show as show_command
from al_ray.commands import stopping as stopping_command
from al_ray.commands import tables as tables_command
from al_ray.commands.experiment import Experiment
from al_ray.commands.options import (
    check_budget,
    is_demonstration,
    load_corpus,
    paths,
    run_config,
    study_config,
)
from al_ray.commands.parser import Parser, study_parser
from al_ray.commands.study_file import parsed, text
from al_ray.errors import AlRayError, StudyConflict, UserError
from al_ray.io import terminal
from al_ray.io.interrupts import RESUMES, STOPPED, stoppable
from al_ray.io.room import here, no_room, not_let, written_to
from al_ray.io.storage import said
from al_ray.language import spoken, tr
from al_ray.learners.encoder.source import ModelSource, check_length, resolve
from al_ray.learners.encoder.weights import check_start, check_weights
from al_ray.planning import alike
from al_ray.results import Store
from al_ray.results.compact import compact
from al_ray.results.description import recipes_of
from al_ray.results.untouched import untouched
from al_ray.study.grid import check_study

if TYPE_CHECKING:
    from al_ray.cluster.plan import Plan
    from al_ray.cluster.study import Outcome
    from al_ray.corpus import Corpus
    from al_ray.study.config import StudyConfig
    from al_ray.study.running import RunConfig


def study_main(
    experiment: Experiment,
    argv: Sequence[str] | None = None,
    plans: list[Plan] | None = None,
) -> NoReturn:
    """Run an experiment's script: parse, run, print the table of arms, write the page, exit.

    With `--plan` nothing runs, and what was found is added to `plans`.
    """
    parser = study_parser(experiment)
    given = sys.argv[1:] if argv is None else argv
    try:
        options = parsed(parser, given)
    except UserError as error:
        parser.exit(2, terminal.one_line(f"{parser.prog}: {error}") + "\n")
    words = shlex.join(map(said, given))  # it is kept and shown: no secrets
    command = f"python experiments/{experiment.name}.py {words}".rstrip()
    found = [] if plans is None else plans
    guard(
        parser.prog,
        lambda: _run_experiment(experiment, options, given, found, command),
        outs=[options.out or f"results/{experiment.name}"],
        stopped=RESUMES,
    )


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run `al-ray`."""
    parser = Parser(
        prog="al-ray",
        description="Study a corpus, look at it, or at what a study left on disk.",
    )
    parser.add_argument("--version", action="version", version=f"al_ray {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("run", help="study your texts: frozen first, then fine-tuned")
    commands.add_parser("replay", help="would another strategy have saved labels in a project")
    modules = (
        *(show_command, check_command, tables_command, report_command, compare_command),
        *(search_command, stopping_command, label_command),
    )
    for each in modules:
        each.add_commands(commands)
    options = parser.parse_args(argv)
    (module,) = (each for each in modules if options.command in each.NAMES)
    outs = options.outs if "outs" in options else filter(None, [options.out])
    guard(parser.prog, partial(module.run_command, options, terminal.console()), [*outs])


def guard(
    program: str, action: Callable[[], int], outs: Sequence[str] = (), stopped: str = STOPPED
) -> NoReturn:
    """Exit with the action's code, and with one line where something is wrong.

    Args:
        program: its name.
        action: what it is to do.
        outs: results folders that it writes to.
        stopped: what is said where a signal ends it.
    """
    line = terminal.one_line(f"{program}: {tr(stopped)}")
    try:
        with stoppable(line):
            code = action()
            sys.stdout.flush()
        sys.exit(code)
    except BrokenPipeError:  # who reads it has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
    except UserError as error:
        print(terminal.one_line(f"{program}: {error}"), file=sys.stderr)
        sys.exit(2)
    except AlRayError as error:
        print(terminal.one_line(f"{program}: {error}"), file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt as stop:
        print(line, file=sys.stderr)
        sys.exit(getattr(stop, "code", 130))
    except Exception as error:
        why = no_room(error, written_to(*outs)) or not_let(error, here(*outs))
        if why is None:
            raise
        print(terminal.one_line(f"{program}: {why}"), file=sys.stderr)
        sys.exit(2)


def _run_experiment(
    experiment: Experiment,
    options: argparse.Namespace,
    given: Sequence[str],
    plans: list[Plan],
    command: str,
) -> int:
    console = terminal.console()
    if is_submitted(options):
        return _submit(experiment, options, given, console)
    if is_demonstration(options):
        line = tr(
            "DEMONSTRATION on generated text: it shows how al_ray works and says nothing about "
            "real data. For that: python experiments/{name}.py --data FOLDER --model FOLDER "
            "(--help lists the options).",
            name=experiment.name,
        )
        terminal.say(console, line)
    study, where = asked(experiment, options, command)
    return carried_out(study, where, options, loaded(options, console), plans, console)


def asked(
    experiment: Experiment, options: argparse.Namespace, command: str
) -> tuple[StudyConfig, RunConfig]:
    """The study that is asked for, and where it runs.

    Raises:
        UserError: as `study_config`.
        StudyConflict: the folder's description cannot be read.
    """
    file = said(text(options))  # it is kept and shown: no secrets
    where = replace(run_config(experiment, options), command=command, study_file=file)
    recipes = recipes_of(Store(where.out).study_json.read())
    return study_config(experiment, options, recipes), where


def loaded(options: argparse.Namespace, console: Console) -> Corpus:
    """The corpus of a study, with all that is to be said of it.

    Raises:
        CorpusError: as `read`.
    """
    corpus = load_corpus(options)
    for note in corpus.notes:
        terminal.say(console, note)
    sizes = ", ".join(f"{split.name} {len(split):,}" for split in corpus.splits)
    line = tr(
        "Corpus {name}: {sizes} rows; {n} labels.",
        name=corpus.name,
        sizes=sizes,
        n=len(corpus.labels),
    )
    terminal.say(console, line)
    return corpus


def carried_out(
    study: StudyConfig,
    where: RunConfig,
    options: argparse.Namespace,
    corpus: Corpus,
    plans: list[Plan],
    console: Console,
    page: bool = True,
) -> int:
    """Run a study, print its arms and write its page; or, with `--plan`, say what it would take.

    Args:
        study, where, options: what is asked for.
        corpus: that is studied.
        plans: to which a plan is added.
        console: to say it on.
        page: whether one is due at the end.

    Returns:
        1 where trajectories are not complete, else 0.
    """
    check_study(study, len(corpus.train))  # before a model is made or fetched
    check_budget(options, len(corpus.train), study.validation)
    with untouched(Store(where.out)):
        if options.plan:
            if study.search is not None:
                line = tr("A search runs a part of this: the plan is of all its configurations.")
                terminal.say(console, line)
                study = study.unsearched(study.search.seeds)
            plans.append(_plan_study(study, where, corpus, console))
            plan_command.print_plan(plans[-1], study, console)
            return 0
        if study.search is not None:
            models = _models(study, where, corpus, console)
            study = search_command.searched(study, where, corpus, models, console)
        outcome = _run_study(study, where, corpus, console)
    store = Store(where.out)
    if not outcome.unfinished and store.storage.local is not None:
        with suppress(StudyConflict):  # somebody else is at it already
            compact(store)
    tables_command.after_study(where.out, console)
    show_command.print_summary(where.out, console)
    for line in search_command.final_lines(store):
        terminal.say(console, f"{line}.")
    if page:
        report_command.after_study(where.out, console, options.report)
    if outcome.unfinished:
        terminal.say(
            console,
            tr(
                "{n} of {of} trajectories are not complete: the same command goes on with them.",
                n=len(outcome.unfinished),
                of=len(outcome.trajectories),
            ),
        )
    return 1 if outcome.unfinished else 0


def _run_study(study: StudyConfig, where: RunConfig, corpus: Corpus, console: Console) -> Outcome:
    """The models, and the study with them."""
    from al_ray.cluster.study import run_study

    return run_study(study, where, corpus, _models(study, where, corpus, console), console)


def _plan_study(study: StudyConfig, where: RunConfig, corpus: Corpus, console: Console) -> Plan:
    """The models, and what a study with them takes."""
    from al_ray.cluster.plan import plan_study

    return plan_study(study, where, corpus, _models(study, where, corpus, console), console)


def _models(
    study: StudyConfig, where: RunConfig, corpus: Corpus, console: Console
) -> dict[str, ModelSource]:
    """The encoders as they were asked for, checked; they and their trainings are said.

    Raises:
        ModelError: one of them cannot be used.
        UserError: two have one name, by which tables would not tell them apart.
    """
    found: dict[str, ModelSource] = {}
    for part in study.parts:
        if part.model not in found:
            model = resolve(part.model, corpus, Store(where.out).cache)
            for note in model.notes:
                terminal.say(console, note)
            check_weights(model)
            for asked, other in found.items():
                if other.name == model.name:
                    raise UserError(
                        "--model {model}: is called {name}, and so is {asked}; give one "
                        "of the folders another name",
                        model=part.model,
                        name=model.name,
                        asked=asked,
                    )
            found[part.model] = model
        model = found[part.model]
        check_length(model, part.training.max_length)
        trainings = part.trainings if "fine-tuned" in (*part.heads, part.successor) else ()
        for each in trainings:
            check_start(model, each)
        _say_training(part, model.name, console)
        for line in alike(trainings, _fitted(part, len(corpus.train) - study.validation)):
            terminal.say(console, line)
    return found


def _say_training(part: StudyConfig, model: str, console: Console) -> None:
    training, first, last = part.training, part.seeds[0], part.seeds[-1]

    def values(name: str) -> str:
        return tr(" or ").join(f"{value:g}" for value in part.values(name))

    told = [tr("Model {model}, frozen", model=model)]
    if "fine-tuned" in (*part.heads, part.successor):
        exactly = tr("exactly {n} updates", n=training.updates)
        updates = tr(
            "{epochs} epochs, at least {n} updates",
            epochs=values("epochs"),
            n=values("min_updates"),
        )
        told = [
            tr(
                "Model {model}, recipe {recipe}: learning rate {rate}, batch {batch}, pooling "
                "{pooling}, {updates}",
                model=model,
                recipe=training.recipe,
                rate=values("learning_rate"),
                batch=values("batch_size"),
                pooling=tr(" or ").join(part.values("pooling")),
                updates=exactly if training.updates else updates,
            ),
            tr("regime {regime}", regime=", ".join(part.retrain)),
        ]
    in_a_row = len(part.seeds) > 2 and part.seeds == tuple(range(first, last + 1))
    row = tr("{first} to {last}", first=first, last=last)
    told.append(tr("seeds {seeds}", seeds=row if in_a_row else ", ".join(map(str, part.seeds))))
    terminal.say(console, f"{'; '.join(told)}.")


def _fitted(study: StudyConfig, available: int) -> Iterator[int]:
    """The numbers of labels that its arms are trained on."""
    for size in study.step_sizes:
        initial = study.initial or size
        for step in range(study.steps_for(initial, size, available)):
            yield min(initial + step * size, available)


def is_submitted(options: argparse.Namespace) -> bool:
    """Whether the options or the environment name a cluster that this is to be a job of.

    Raises:
        UserError: an address of no known kind, or `auto` where no cluster runs.
    """
    from al_ray.cluster.access.connect import find

    return bool(options.cluster) or find(options.address, os.environ).takes_jobs


def _submit(
    experiment: Experiment, options: argparse.Namespace, given: Sequence[str], console: Console
) -> int:
    """Have the study run as a job of a cluster elsewhere."""
    from al_ray.cluster.access.connect import find
    from al_ray.cluster.access.jobs import Submission, submit, without

    study_config(experiment, options)  # what can be refused here needs no cluster
    where = run_config(experiment, options)
    words = list(given)
    for option in ("--cluster", "--address", "--out", "--lang"):
        words = without(words, option)
    words += ["--lang", spoken()]  # the cluster's locale is another
    address = None if options.cluster else find(options.address, os.environ)
    return submit(
        Submission(
            script=f"{experiment.name}.py",
            options=tuple(words),
            out=where.out,
            carried=tuple(paths(options)),
            cluster=options.cluster,
            address=address.value if address else "",
            said=address.said if address else f"--cluster {options.cluster}",
            leaves_tables=not options.plan,
        ),
        console,
    )
