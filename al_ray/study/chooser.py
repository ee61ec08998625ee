"""Where a trajectory's rows come from: the pool, the first draw, or another trajectory."""

from __future__ import annotations

from dataclasses import dataclass

from al_ray.language import mark
from al_ray.study.knobs import check_knobs, knob
from al_ray.study.learner import Head

RANDOM = "random"
"""The strategy that all others are measured against."""

CONTROL = "control"
"""The strategy name of a model trained once on a random share of the pool."""

REPLAY = "replay"
"""The strategy name of a cold model on the rows that another trajectory had chosen up to a step."""

UNQUERIED = (CONTROL, REPLAY)
"""These have one step and choose nothing."""

DISAGREEMENT = "disagreement"
"""A parameter that had a column, and a place in names, before strategies had any."""


@dataclass(frozen=True, kw_only=True)
class Query:
    """Rows of the pool that a strategy chooses.

    Attributes:
        strategy: its name.
        parameters: its own, as `strategies.split` gives them.
        source: digest of the source of a strategy of one's own, else empty.
        family: of the strategy.
        candidates: pool rows that a costly strategy scores, a seeded subsample; None: all.
        diversity: cosine similarity above which a row is passed over in a batch; None: never.
    """

    strategy: str
    parameters: str = ""
    source: str = ""
    family: str
    candidates: int | None = knob(
        "--candidates",
        default=None,
        axis=True,
        ok=lambda rows: rows >= 1,
        say=mark("give 1 or more rows"),
        metavar="ROWS",
        help="pool rows, a new seeded sample each step, that costly strategies score; default: all",
    )
    diversity: float | None = knob(
        "--diversity",
        default=None,
        axis=True,
        ok=lambda cosine: 0 < cosine < 1,
        say=mark("give a cosine similarity between 0 and 1"),
        metavar="COSINE",
        help="pass over rows of a batch that are more alike than this to one chosen before",
    )

    def __post_init__(self) -> None:
        check_knobs(self)


@dataclass(frozen=True, kw_only=True)
class Prefix:
    """The first draw and no more: a control."""

    strategy: str = CONTROL
    family: str = "data-based"


@dataclass(frozen=True, kw_only=True)
class RowsOf:
    """Step by step the rows of another trajectory: a successor.

    Attributes:
        trajectory: whose rows they are.
        query: how they were chosen there.
        head: that they were chosen with.
    """

    trajectory: str
    query: Query
    head: Head

    @property
    def strategy(self) -> str:
        """That chose them."""
        return self.query.strategy

    @property
    def family(self) -> str:
        """Of that strategy."""
        return self.query.family


@dataclass(frozen=True, kw_only=True)
class RowsUpTo:
    """At once all rows that another trajectory had chosen up to a step: a replay.

    Attributes:
        trajectory: whose rows they are.
        step: the last that was chosen before it.
        fit_seed: what tells its fit from the others on the same rows.
    """

    trajectory: str
    step: int
    fit_seed: int
    strategy: str = REPLAY
    family: str = "data-based"


Chooser = Query | Prefix | RowsOf | RowsUpTo
"""Where a trajectory's rows come from."""


def spelt(strategy: str, parameters: str) -> str:
    """A strategy with its parameters in one word; `strategies.split` takes it apart."""
    return f"{strategy}:{parameters}" if parameters else strategy


def parameters_of(said: str) -> dict[str, str]:
    """A strategy's parameters, by name."""
    pairs = (part.partition("=") for part in said.split(",") if part)
    return {name: value for name, _, value in pairs}
