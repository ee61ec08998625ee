"""A study as a file: the options' words in TOML, and grids that are no full product.

    data = "ynat"
    model = "me5-small-ko"
    head = ["frozen", "fine-tuned"]
    seeds = [0, 1, 2]

    [[grid]]                      # margin in three trainings ...
    strategies = ["random", "margin"]
    learning-rate = [5e-5, 1e-4, 2e-4]

    [[grid]]                      # ... and core-set in one
    strategies = ["random", "core-set"]
    learning-rate = [1e-4]

A study is the union of its grids; what stands above them holds for all. What is given on the
command line comes after the file's words, and so in place of them.
"""

from __future__ import annotations

import argparse
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from al_ray.commands.parser import Parser
from al_ray.errors import UserError
from al_ray.io.reading import read_small
from al_ray.language import tr
from al_ray.study.chooser import Query
from al_ray.study.knobs import axes, knobs
from al_ray.study.learner import Learner
from al_ray.study.training import Training
from al_ray.study.trajectory import Schedule

AXES: Final = (
    *("model", "strategies", "seeds"),
    *(
        option.removeprefix("--")
        for declared in (Learner, Query, Schedule, Training)
        for name in axes(declared)
        if (option := knobs(declared)[name].option)
    ),
)
"""What a grid may have of its own."""

_DEEP: Final = re.compile(r"(?:[\w\"'-]+[ \t]*\.[ \t]*){20}")

ELSEWHERE: Final = ("out", "address", "cluster", "plan", "study", "lang")
"""Options that say where a study runs and what is said of it, and are no part of it."""


def parsed(parser: Parser, given: Sequence[str]) -> argparse.Namespace:
    """The options, with those of `--study`.

    Returns:
        As the parser has them, and `words`, all that was said; `grids`, a namespace for each grid;
        `grid_words`, what each has of its own.

    Raises:
        UserError: a file that cannot be read, or that says what no option is.
    """
    only = Parser(prog=parser.prog, add_help=False, allow_abbrev=False)
    only.add_argument("--study")
    file = only.parse_known_args(given)[0].study
    words, grids = _read(Path(file), parser) if file else ([], [])
    options = parser.parse_args([*words, *given])
    options.words, options.grid_words = [*words, *given], grids
    options.grids = [parser.parse_args([*words, *grid, *given]) for grid in grids]
    return options


def text(options: argparse.Namespace) -> str:
    """A file that says what these options do, without where that runs."""
    grids = [f"[[grid]]\n{_toml(words)}" for words in options.grid_words]
    return "\n".join([_toml(options.words), *grids])


def _read(path: Path, parser: Parser) -> tuple[list[str], list[list[str]]]:
    try:
        said = read_small(path).decode("utf-8-sig")
        if _DEEP.search(said):  # the time that is taken for one grows with its square
            raise ValueError(tr("a name of more than twenty parts"))
        found = tomllib.loads(said)
    except (OSError, ValueError, RecursionError) as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            "--study {path}: it cannot be read ({why}); give a TOML file", path=path, why=why
        ) from None
    grids = found.pop("grid", [])
    if not isinstance(grids, list) or not all(isinstance(each, dict) for each in grids):
        raise UserError("--study {path}: grid is no table; write [[grid]] above each", path=path)
    for each in grids:
        if other := sorted(set(each) - set(AXES)):
            raise UserError(
                "--study {path}: {name!r} is nothing that a grid has of its own; move "
                "it above the grids, or choose from {axes}",
                path=path,
                name=other[0],
                axes=", ".join(AXES),
            )
    return _words(found, path, parser), [_words(each, path, parser) for each in grids]


def _words(said: Mapping[str, Any], path: Path, parser: Parser) -> list[str]:
    made: list[str] = []
    for name, value in said.items():
        if not parser.knows(f"--{name}") or name in ("study", "help", "lang"):
            raise UserError(
                "--study {path}: {name!r} is no option; use the names that --help lists, "
                "without their dashes",
                path=path,
                name=name,
            )
        values = value if isinstance(value, list) else [value]
        if not isinstance(value, bool) and not {type(v) for v in values} <= {str, int, float}:
            raise UserError(
                "--study {path}: {name!r} is no value; give one, or a list of them",
                path=path,
                name=name,
            )
        if value is False or not values:
            continue
        made += [f"--{name}", *(str(each) for each in values if each is not True)]
    return made


def _toml(words: Sequence[str]) -> str:
    said: dict[str, list[str]] = {}
    name = ""
    for word in words:
        if word.startswith("--"):
            name, mark, value = word.removeprefix("--").partition("=")
            said[name] = [value] if mark else []
        elif name:
            said[name].append(word)
    return "".join(
        f"{name} = {_value(values)}\n" for name, values in said.items() if name not in ELSEWHERE
    )


def _value(values: Sequence[str]) -> str:
    shown = [_plain(value) for value in values]
    return "true" if not shown else shown[0] if len(shown) == 1 else f"[{', '.join(shown)}]"


def _plain(value: str) -> str:
    """A number as it was written, where TOML reads it as one; else a string."""
    try:
        tomllib.loads(f"x = {value}")
        float(value)
    except ValueError:
        return json.dumps(value)
    return value
