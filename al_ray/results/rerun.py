"""The commands that run a study again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from al_ray.study.knobs import knobs
from al_ray.study.training import Training

_OTHERWISE = {
    "--step-sizes": "--step-size",
    "--heads": "--head",
    "--rates": "--committee-learning-rates",
}
"""Options that have not the names of what they say of a study."""

_FOLLOW = (
    *("", "--model", "--training", "--multiples", "--frozen-with", "--grids"),
    *("--ranges", "--search"),
)
"""What is said by other options, or not of what is in a folder: a search has one of its own."""

_LISTED = 10
"""More numbers in a row than this are said by `seq`."""


def recorded_commands(description: Mapping[str, Any] | None) -> list[str]:
    """The distinct commands that were given, in order; of earlier folders the last alone."""
    run = (description or {}).get("run", {})
    known = run.get("commands")
    found = known if isinstance(known, list) else [run.get("command")]
    return [str(command) for command in found if command]


def rerun_commands(description: dict[str, Any], out: str) -> tuple[list[str], bool]:
    """The commands, and whether they are those that were given.

    Args:
        description: `study.json`.
        out: the study's folder.

    Returns:
        Where none was recorded one is put together from the configuration, and what cannot be
        known is in capitals.
    """
    if recorded := recorded_commands(description):
        return recorded, True
    study, training = description.get("study", {}), description.get("training", {})
    data = description["corpus"]["name"]
    words: list[str] = ["--data", data if description.get("demonstration") else "FOLDER"]
    if not description.get("demonstration"):
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
    return [f"python experiments/EXPERIMENT.py {shlex.join(words)}"], False


def with_options(command: str, options: Mapping[str, Sequence[object]]) -> str:
    """A command with these options, in place of its own of these names."""
    kept: list[str] = []
    is_replaced = False
    for word in shlex.split(command):
        if word.startswith("--"):
            is_replaced = word.partition("=")[0] in options
        if not is_replaced:
            kept.append(word)
    return " ".join(
        [
            shlex.join(kept),
            *(f"{name} {_spelt(values)}".strip() for name, values in options.items()),
        ]
    )


def _spelt(values: Sequence[object]) -> str:
    words = [str(value) for value in values]
    if len(words) > _LISTED and words[0].isdigit():
        first = int(words[0])
        if words == [str(number) for number in range(first, first + len(words))]:
            return f"$(seq {first} {words[-1]})"
    return shlex.join(words)
