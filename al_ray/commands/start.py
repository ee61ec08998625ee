"""Where a command begins: it listens for signals before it loads what takes a second."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from al_ray import language
from al_ray.commands.experiment import Experiment
from al_ray.io.interrupts import RESUMES, STOPPED, listen


def study(experiment: Experiment) -> NoReturn:
    """Run an experiment's script."""
    _begin(f"{experiment.name}.py", RESUMES)
    from al_ray.commands.study import study_main

    study_main(experiment)


def main() -> NoReturn:
    """Run `al-ray`."""
    first, words = _language_apart(sys.argv[1:])
    runs = words[:1] == ["run"]
    _begin("al-ray", RESUMES if words[:1] in (["run"], ["replay"]) else STOPPED)
    if runs:
        from al_ray.commands import run

        run.main([*words[1:], *first])
    if words[:1] == ["replay"]:
        from al_ray.commands import replay

        replay.main([*words[1:], *first])
    from al_ray.commands import study as cli

    cli.main()


def _language_apart(words: list[str]) -> tuple[list[str], list[str]]:
    """`--lang LANGUAGE` before the name of a command, and what comes after it."""
    length = 2 if words[:1] == ["--lang"] else int(words[:1] != [] and words[0][:7] == "--lang=")
    return words[:length], words[length:]


def _begin(program: str, stopped: str) -> None:
    language.use(language.chosen(sys.argv[1:], os.environ))
    listen(f"{program}: {language.tr(stopped)}")
