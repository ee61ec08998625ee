"""The command that runs a study again."""

from __future__ import annotations

import shlex
from typing import Any

from al_ray.study.knobs import knobs
from al_ray.study.training import Training

_OTHERWISE = {
    "--step-sizes": "--step-size",
    "--heads": "--head",
    "--rates": "--committee-learning-rates",
}
"""Options that have not the names of what they say of a study."""

_FOLLOW = ("", "--model", "--training", "--multiples", "--frozen-with", "--grids")
"""What is said by other options."""


def rerun_command(description: dict[str, Any], out: str) -> tuple[str, bool]:
    """The command, and whether it is the one that was given.

    Args:
        description: `study.json`.
        out: the study's folder.

    Returns:
        Where the command was not recorded it is put together from the configuration, and what
        cannot be known is in capitals.
    """
    recorded = description.get("run", {}).get("command")
    if recorded:
        return str(recorded), True
    study, training = description.get("study", {}), description.get("training", {})
    data = description["corpus"]["name"]
    words: list[str] = ["--data", data if description["demonstration"] else "FOLDER"]
    if not description["demonstration"]:
        words += ["--model", "FOLDER"]
    asked = {f"--{name.replace('_', '-')}": value for name, value in study.items()}
    asked |= {renamed: asked.pop(name, None) for name, renamed in _OTHERWISE.items()}
    asked |= {"--recipe": training.get("recipe")}
    axes = asked.pop("--axes", None) or {}
    asked |= {
        said.option: axes.get(name, training.get(name)) for name, said in knobs(Training).items()
    }
    for option, value in {**asked, "--out": out}.items():
        values = value if isinstance(value, list) else [value]
        if option in _FOLLOW or values in ([], [None]) or value is False:
            continue
        words.append(option)
        if value is not True:
            words += map(str, values)
    return f"python experiments/EXPERIMENT.py {shlex.join(words)}", False
