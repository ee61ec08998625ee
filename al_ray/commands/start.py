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
    runs = sys.argv[1:2] == ["run"]
    _begin("al-ray", RESUMES if runs else STOPPED)
    if runs:
        from al_ray.commands import run

        run.main(sys.argv[2:])
    from al_ray.commands import study as cli

    cli.main()


def _begin(program: str, stopped: str) -> None:
    language.use(language.chosen(sys.argv[1:], os.environ))
    listen(f"{program}: {language.tr(stopped)}")
