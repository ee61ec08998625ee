"""A knob is a field of a frozen dataclass that says all there is to say of itself.

From the declaration come the option of the command line with its help, the check and its remedy,
and, by the fields' names, columns, `study.json` and what a folder refuses. So a knob is written in
two places: where it is declared, and where it is used.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass
from types import MappingProxyType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from al_ray.errors import UserError
from al_ray.language import tr


@dataclass(frozen=True)
class Knob:
    """What is said of a field.

    Attributes:
        option: on the command line; '': it has none, and is named by its field.
        ok: whether a value can be used; None, where the field may be, always can.
        say: the remedy where it cannot.
        help: of the option.
        metavar: of the option.
        axis: whether it takes several values, each of which makes trajectories of its own; a knob
            that is none is the study's.
        default: of the field; None: it has none, or none.
        later: whether it came after results had been named: at its default it is no part of a name.
    """

    option: str
    ok: Callable[[Any], bool]
    say: str
    help: str | None
    metavar: str | None
    axis: bool = False
    default: Any = None
    later: bool = False


def knob(
    option: str = "",
    *,
    default: Any = MISSING,
    ok: Callable[[Any], bool] = lambda _: True,
    say: str = "",
    help: str | None = None,
    metavar: str | None = None,
    axis: bool = False,
    later: bool = False,
) -> Any:
    """A field of a dataclass; see `Knob`."""
    known = None if default is MISSING else default
    said = Knob(option, ok, say, help, metavar, axis, known, later)
    return dataclasses.field(default=default, metadata={Knob: said})


def knobs(declared: type) -> dict[str, Knob]:
    """Of a dataclass, by the names of their fields."""
    fields = dataclasses.fields(declared)
    return {each.name: each.metadata[Knob] for each in fields if Knob in each.metadata}


def axes(declared: type) -> list[str]:
    """The fields of a dataclass that take several values."""
    return [name for name, said in knobs(declared).items() if said.axis]


def later(declared: type) -> dict[str, Any]:
    """The knobs that came later, by field: their defaults, which results of before them have."""
    return {name: said.default for name, said in knobs(declared).items() if said.later}


def kinds(declared: type) -> dict[str, type]:
    """Of what type the values of a dataclass's knobs are, by field: int, float or str."""
    hints = get_type_hints(declared)
    found = {name: _plain(hints[name]) for name in knobs(declared)}
    return {name: str if get_origin(kind) is Literal else kind for name, kind in found.items()}


def words(name: str, value: Any) -> str:
    """A knob's value where it is to be told from others, such as `learning rate 5e-05`."""
    shown = f"{value:g}" if isinstance(value, float) else f"{value}"
    return f"{tr(name.replace('_', ' '))} {shown}"


def check(condition: bool, message: str, **values: Any) -> None:
    """Raise `UserError` with this one line and its values unless the condition holds."""
    if not condition:
        raise UserError(message, **values)


def check_knobs(values: Any) -> None:
    """Refuse what a declaration does not allow; for `__post_init__`.

    Raises:
        UserError: naming the option, the value and the remedy.
    """
    for name in knobs(type(values)):
        check_knob(type(values), name, getattr(values, name))


def check_knob(declared: type, name: str, value: Any) -> None:
    """Refuse a value of one knob; None, where the field may be, always can.

    Raises:
        UserError: naming the option, the value and the remedy.
    """
    said = knobs(declared)[name]
    shown = f"{value:g}" if isinstance(value, float) else value
    check(
        value is None or said.ok(value),
        "{option} {value}: {remedy}",
        option=said.option or name,
        value=shown,
        remedy=tr(said.say),
    )


def add_knobs(
    group: argparse._ActionsContainer,
    declared: type,
    readers: Mapping[type, Callable[[str], Any]],
    defaults: Mapping[str, str] = MappingProxyType({}),
    axis_readers: Mapping[type, Callable[[str], Any]] = MappingProxyType({}),
) -> None:
    """Add an option for each knob that has one. What is not given is None.

    Args:
        group: of the parser.
        declared: the dataclass.
        readers: of words, for types of fields that do not read them well enough themselves.
        defaults: said of the default, by field.
        axis_readers: in place of `readers` where an option takes several values.
    """
    hints = get_type_hints(declared)
    for name, said in knobs(declared).items():
        if not said.option:
            continue
        kind = _plain(hints[name])
        reader = axis_readers.get(kind) if said.axis else None
        choices = get_args(kind) if get_origin(kind) is Literal else None
        parts = (said.help, f"default: {defaults[name]}" if name in defaults else None)
        group.add_argument(
            said.option,
            dest=name,
            nargs="+" if said.axis else None,
            type=str if choices else reader or readers.get(kind, kind),
            choices=choices,
            metavar=said.metavar,
            help="; ".join(part for part in parts if part) or None,
        )


def given(options: argparse.Namespace, declared: type) -> dict[str, Any]:
    """The values of the knobs that were given, by field; of an axis a list."""
    named = {name: getattr(options, name) for name, said in knobs(declared).items() if said.option}
    return {name: value for name, value in named.items() if value is not None}


def _plain(hint: Any) -> Any:
    """`int` of `int | None`."""
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (each for each in get_args(hint) if each is not type(None))
    return hint
