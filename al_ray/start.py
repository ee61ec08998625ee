"""Where a command begins: it listens for signals before it loads what takes a second."""

from __future__ import annotations

from typing import NoReturn

from al_ray.experiment import Experiment
from al_ray.interrupts import RESUMES, listen


def study(experiment: Experiment) -> NoReturn:
    """Run an experiment's script."""
    listen(f"{experiment.name}.py: {RESUMES}")
    from al_ray.cli import study_main

    study_main(experiment)


def main() -> NoReturn:
    """Run `al-ray`."""
    listen("al-ray: stopped")
    from al_ray import cli

    cli.main()
