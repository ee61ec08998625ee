"""Strategies by name: those that come with al_ray, and one's own as `module:name`."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import inspect
import math
from collections.abc import Callable, Iterable, Set
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

from al_ray.errors import UserError
from al_ray.io.reading import read_small
from al_ray.language import mark, tr
from al_ray.strategies.base import Family, Need, Strategy
from al_ray.strategies.built_in.badge import Badge
from al_ray.strategies.built_in.bald import Bald
from al_ray.strategies.built_in.contrastive import Contrastive
from al_ray.strategies.built_in.core_set import CoreSet
from al_ray.strategies.built_in.entropy import Entropy
from al_ray.strategies.built_in.expected_gradient_length import ExpectedGradientLength
from al_ray.strategies.built_in.expected_gradient_length_word import ExpectedGradientLengthWord
from al_ray.strategies.built_in.learning_loss import LearningLoss
from al_ray.strategies.built_in.least_confidence import LeastConfidence
from al_ray.strategies.built_in.margin import Margin
from al_ray.strategies.built_in.query_by_committee import QueryByCommittee
from al_ray.strategies.built_in.random import Random
from al_ray.strategies.built_in.sequences import (
    ClassWeighted,
    LeastConfidentUnit,
    NormalisedLogProbability,
)

STRATEGIES: dict[str, type[Strategy]] = {
    strategy.name: strategy
    for strategy in (
        Random,
        LeastConfidence,
        Margin,
        Entropy,
        QueryByCommittee,
        ExpectedGradientLength,
        ExpectedGradientLengthWord,
        CoreSet,
        LearningLoss,
        Bald,
        Badge,
        Contrastive,
        NormalisedLogProbability,
        LeastConfidentUnit,
        ClassWeighted,
    )
}

EQUIVALENT_ON_TWO_LABELS = (LeastConfidence.name, Margin.name, Entropy.name)
"""With p and 1 - p, each falls as |2p - 1| grows: one order under three names."""


def build(spec: str) -> Strategy:
    """The strategy that is spelt so.

    Args:
        spec: a key of `STRATEGIES`, or `module:name` of a `Strategy` subclass or of a function that
            returns a strategy; parameters may follow: `qbc:disagreement=mean-kl`.

    Raises:
        UserError: the name or a parameter is not known or cannot be used, or one's own cannot be
            loaded or is not a strategy.
    """
    name, said = split(spec)
    if ":" in name:
        return _build_own(name, said)
    _check_known(name)
    made: Strategy = _made(STRATEGIES[name], name, said)
    return made


def split(spec: str) -> tuple[str, str]:
    """Name and parameters of a strategy, these in one spelling, without those at their defaults.

    Args:
        spec: such as `bald:passes=20` or `mine:Gini:power=2,floor=0.1`.

    Raises:
        UserError: as `build`, but for what only the making of the strategy tells.
    """
    name, _, said = spec.rpartition(":")
    if "=" not in said or not name:
        return spec, ""
    if ":" not in name:
        _check_known(name)
    known = _parameters(_own(name) if ":" in name else STRATEGIES[name])
    values: dict[str, Any] = {}
    for part in said.split(","):
        key, _, value = part.partition("=")
        if key not in known:
            if known:
                message = mark(
                    "--strategies {spec!r}: {name} has no parameter {key!r}; it has {known}"
                )
            else:
                message = mark(
                    "--strategies {spec!r}: {name} has no parameter {key!r}; it has none"
                )
            raise UserError(
                message,
                spec=spec,
                name=name,
                key=key,
                known=", ".join(known),
            )
        if key in values:
            raise UserError(
                "--strategies {spec!r}: {key} is given twice; drop one", spec=spec, key=key
            )
        kind = type(known[key])
        try:
            values[key] = kind(value)
            if kind is float and not math.isfinite(values[key]):
                raise ValueError
        except ValueError:
            if kind is int:
                message = mark("--strategies {spec!r}: {key} is no whole number; give one")
            else:
                message = mark("--strategies {spec!r}: {key} is no number; give one")
            raise UserError(message, spec=spec, key=key) from None
    told = {key: value for key, value in sorted(values.items()) if value != known[key]}
    return name, ",".join(f"{key}={value}" for key, value in told.items())


def _parameters(made: Callable[..., Any]) -> dict[str, int | float | str]:
    """Of a strategy: arguments with a default that is a number or a word, and these defaults."""
    arguments = inspect.signature(made).parameters.values()
    return {
        each.name: each.default
        for each in arguments
        if isinstance(each.default, int | float | str) and not isinstance(each.default, bool)
    }


def _made(maker: Callable[..., Any], name: str, said: str) -> Any:
    known = _parameters(maker) if said else {}
    pairs = (part.partition("=") for part in said.split(",") if part)
    values = {key: type(known[key])(value) for key, _, value in pairs}
    try:
        return maker(**values)
    except UserError as error:
        raise UserError(
            "--strategies '{name}:{said}': {error}", name=name, said=said, error=error
        ) from None


REMEDIES: dict[Need, str] = {
    "units": mark("it needs probabilities"),
    "probabilities": mark("it needs one distribution a row"),
    "sequence": mark("it needs rows of several units"),
    "labels": mark("it needs labels that mean the same in every row"),
    "committee": mark("it needs several members"),
    "vectors": mark("it needs the vectors that the classification layer is fed"),
    "word-gradients": mark("it needs gradients down to the words"),
    "predicted-loss": mark("it needs layers to train its loss-prediction module on"),
    "dropout": mark("it needs a model with dropout"),
    "labelled": mark("it needs the outputs of the labelled rows"),
}


def check_needs(name: str, strategy: Strategy, given: Iterable[Need], what: str) -> None:
    """Refuse a strategy that needs what the model or task does not have.

    Args:
        name: as the user gave it.
        strategy: of this name.
        given: what there is.
        what: the option that decides it.

    Raises:
        UserError: naming the strategy, the option and what is missing.
    """
    given = set(given)
    for need in get_args(Need):
        if need in strategy.needs and need not in given:
            raise UserError(
                "--strategies {name}: {needs}, and {what} has none; leave this "
                "strategy out, or change that",
                name=name,
                needs=tr(REMEDIES[need]),
                what=what,
            )


def source_digest(name: str) -> str:
    """Names the source that decides the picks: '' if al_ray's own, else 32 hex digits.

    Args:
        name: without parameters.

    Only the module's own file counts, not what it imports.

    Raises:
        UserError: the name is not known, or its module cannot be imported or has no file.
    """
    if ":" not in name:
        _check_known(name)
        return ""
    file = getattr(_module(name), "__file__", None)
    if file is None:
        raise UserError("--strategies {name!r}: its module has no source file", name=name)
    try:
        source = read_small(Path(file))
    except (OSError, ValueError) as error:
        raise UserError(
            "--strategies {name!r}: its source {file} cannot be read ({error}); give a "
            "module that is a file",
            name=name,
            file=file,
            error=_one_line(error),
        ) from error
    return hashlib.blake2b(source, digest_size=16).hexdigest()


def _check_known(name: str) -> None:
    if name not in STRATEGIES:
        near = difflib.get_close_matches(name.lower(), STRATEGIES, n=1)
        raise UserError(
            "--strategies {name!r} is not known{meant}: choose from {known}, or "
            "module:name of your own",
            name=name,
            meant=tr(" (did you mean {name!r}?)", name=near[0]) if near else "",
            known=", ".join(STRATEGIES),
        )


def _module(name: str) -> ModuleType:
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise UserError("--strategies {name!r}: write module:name", name=name)
    try:
        return importlib.import_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # importing runs the module: anything may come, even an exit
        raise UserError(
            "--strategies {name!r}: cannot import {module!r} ({error}); is its folder on "
            "PYTHONPATH?",
            name=name,
            module=module,
            error=_one_line(error),
        ) from error


def _own(name: str) -> Callable[..., Any]:
    """What makes a strategy of one's own."""
    module, attribute = _module(name), name.partition(":")[2]
    try:
        made = getattr(module, attribute, None)
    except Exception as error:
        raise UserError(
            "--strategies {name!r} cannot be made: {error}", name=name, error=_one_line(error)
        ) from error
    if made is None:
        raise UserError(
            "--strategies {name!r}: the module has no {attribute!r}; name a Strategy in it",
            name=name,
            attribute=attribute,
        )
    # What is written in C, such as sys.exit or os.abort, makes no strategy, and is not called.
    if not inspect.isfunction(made) and not (isinstance(made, type) and issubclass(made, Strategy)):
        raise _no_strategy(name)
    return made


def _build_own(name: str, said: str) -> Strategy:
    maker = _own(name)
    try:
        strategy = _made(maker, name, said)
    except (UserError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise UserError(
            "--strategies {name!r} cannot be made: {error}; it must be a Strategy subclass or a "
            "function without arguments that returns a strategy",
            name=name,
            error=_one_line(error),
        ) from error
    if not isinstance(strategy, Strategy):
        raise _no_strategy(name)
    _check_named(name, strategy)
    return strategy


def _no_strategy(name: str) -> UserError:
    return UserError(
        "--strategies {name!r} must be a Strategy subclass or a function without arguments that "
        "returns a strategy",
        name=name,
    )


def _check_named(name: str, strategy: Strategy) -> None:
    own, families = getattr(strategy, "name", None), get_args(Family)
    if not isinstance(own, str) or not own:
        raise UserError(
            "--strategies {name!r}: set its class attribute `name` to a string", name=name
        )
    if own in STRATEGIES:
        raise UserError(
            "--strategies {name!r}: the name {own!r} is taken; give it another", name=name, own=own
        )
    if getattr(strategy, "family", None) not in families:
        raise UserError(
            "--strategies {name!r}: set `family` to one of {families}",
            name=name,
            families=", ".join(families),
        )
    if not isinstance(strategy.needs, Set):
        raise UserError("--strategies {name!r}: set `needs` to a frozenset", name=name)
    if unknown := sorted(map(str, set(strategy.needs) - set(get_args(Need)))):
        raise UserError(
            "--strategies {name!r}: `needs` has {unknown}; choose from {known}",
            name=name,
            unknown=", ".join(unknown),
            known=", ".join(get_args(Need)),
        )
    if "dropout" in strategy.needs and not (
        isinstance(strategy.passes, int) and strategy.passes >= 2
    ):
        raise UserError(
            "--strategies {name!r}: set `passes` to 2 or more passes with dropout", name=name
        )


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
