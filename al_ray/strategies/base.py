"""What a strategy is: from what the model says of rows to which of them are labelled next.

One's own strategy is a class in any module that Python can import:

    import numpy as np
    from al_ray.strategies import Outputs, Strategy

    class Gini(Strategy):
        name = "gini"
        family = "prediction-based"

        def score(self, outputs: Outputs) -> np.ndarray:
            return 1.0 - np.exp(2.0 * outputs.log_probabilities[0]).sum(axis=1)

and is named on the command line as `--strategies my_module:Gini`. A row's score may depend on
nothing but that row's outputs and the labelled rows': the pool arrives in chunks of any size and in
any order. A strategy whose choice depends on what the batch already holds is a `Sequential` one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from al_ray.errors import AlRayError, NotNumbers

Family = Literal["data-based", "model-based", "prediction-based"]

Need = Literal[
    "units",
    "probabilities",
    "sequence",
    "labels",
    "committee",
    "vectors",
    "word-gradients",
    "predicted-loss",
    "dropout",
    "labelled",
]
"""What a strategy may ask of the model; only what is asked for is computed, once.

`units`: one forward pass, whatever a row is made of. `probabilities`: the same of a task where a
row is one unit, with one distribution over its answers. `sequence`: the same of a task where a row
is a sequence of units. `labels`: a task whose labels mean the same in every row. `committee`: a
pass of each member. `vectors`: one a row, what the classification layer is fed, from the same pass.
`word-gradients`: a backward pass a label. `predicted-loss`: a loss-prediction module, trained with
the model. `dropout`: `Strategy.passes` forward passes with dropout. `labelled`: the
evaluated member's log-probabilities of the labelled rows and, with `vectors`, their vectors.
"""


@dataclass(frozen=True, eq=False)
class Outputs:
    """What the model, or each member of a committee, said about some rows.

    A unit is what has a distribution: in classification a row is one, in tagging each of its
    characters.

    Attributes:
        log_probabilities: float64 (members, units, labels), natural logarithms, -inf where a
            probability is zero; members in the order of the configuration. Made C-contiguous,
            as the last bits of a sum depend on the layout.
        units: int64 (rows,), how many each row has, one or more; None: each has one.
        spans: int64 (rows, labels, 2), where a row's labels are spans of its characters, each its
            own; the last is exclusive, and -1 where there are fewer.
        legal: bool (labels + 1, labels), which label may follow which within a row, the last line
            for a row's first; None: any may.
        vectors: float32 (rows, width), what the classification layer is fed.
        bias: whether that layer adds a bias.
        word_gradients: float32 (rows, labels, words), Euclidean norm of the loss's gradient, if
            this label were the true one, with respect to each distinct word's embedding; 0 where a
            row has fewer words.
        predicted_loss: float64 (rows,), of the loss-prediction module.
        dropout: float64 (passes, units, labels), log-probabilities of passes with dropout.
        labelled: of the labelled rows.

    Raises:
        ValueError: an array has another shape; log_probabilities has no member or under two labels.
        NotNumbers: a value is not a number, or a vector, gradient or loss is infinite.
    """

    log_probabilities: NDArray[np.float64]
    vectors: NDArray[np.float32] | None = None
    units: NDArray[np.int64] | None = None
    spans: NDArray[np.int64] | None = None
    legal: NDArray[np.bool_] | None = None
    bias: bool = True
    word_gradients: NDArray[np.float32] | None = None
    predicted_loss: NDArray[np.float64] | None = None
    dropout: NDArray[np.float64] | None = None
    labelled: Outputs | None = None

    def __post_init__(self) -> None:
        shape = self.log_probabilities.shape
        if len(shape) != 3 or shape[0] < 1 or shape[2] < 2:
            raise ValueError(f"log_probabilities: (members, units, labels) expected, got {shape}")
        units, labels = shape[1:]
        if self.units is not None and (self.units.sum() != units or (self.units < 1).any()):
            raise ValueError(f"units: {units} in {len(self.units)} rows of one or more expected")
        rows = len(self)
        for name, expected, kind in (
            ("log_probabilities", (None, units, labels), np.float64),
            ("dropout", (None, units, labels), np.float64),
            ("vectors", (rows, None), np.float32),
            ("word_gradients", (rows, labels, None), np.float32),
            ("predicted_loss", (rows,), np.float64),
        ):
            values = getattr(self, name)
            if values is None:
                continue
            fits = values.ndim == len(expected) and all(
                want in (None, got) for want, got in zip(expected, values.shape, strict=True)
            )
            if not fits:
                raise ValueError(f"{name}: of {rows} rows and {labels} labels, got {values.shape}")
            wide = np.ascontiguousarray(values, dtype=kind)
            object.__setattr__(self, name, wide)
            # A vote would hide it: argmax takes a NaN for the largest.
            logarithms = name in ("log_probabilities", "dropout")
            bad = np.isnan(wide) if logarithms else ~np.isfinite(wide)
            axis = 1 if logarithms else 0
            if bad.any():
                others = tuple(i for i in range(wide.ndim) if i != axis)
                where = np.flatnonzero(bad.any(axis=others))
                if logarithms and self.units is not None:
                    where = np.unique(np.repeat(np.arange(rows), self.units)[where])
                what = "probabilities" if logarithms else name.replace("_", " ")
                raise NotNumbers(f"{len(where)} of {rows} rows have {what}", where.tolist())

    def __len__(self) -> int:
        return int(self.log_probabilities.shape[1]) if self.units is None else len(self.units)

    def get(self, name: str) -> Any:
        """An output that the strategy declared to need.

        Raises:
            AlRayError: it is not there, since `needs` does not name it.
        """
        value = getattr(self, name)
        if value is None:
            raise AlRayError(
                "outputs have no {name}: does the strategy's `needs` name it?", name=name
            )
        return value


class Strategy(ABC):
    """Decides which rows of the pool come first.

    Attributes:
        name: in options and tables.
        family: what the decision is made from.
        needs: of the model. Nothing: there are no scores, and rows come in the seeded permutation.
        costly: whether `--candidates` holds for it.
        passes: forward passes with dropout, if it needs any.
    """

    name: ClassVar[str]
    family: ClassVar[Family]
    needs: ClassVar[frozenset[Need]] = frozenset({"probabilities"})
    costly: ClassVar[bool] = False
    passes: int = 0

    @property
    def committee(self) -> bool:
        """Whether it compares several members; the others read member 0 alone."""
        return "committee" in self.needs

    @property
    def ranks(self) -> bool:
        """Whether rows are scored at all."""
        return bool(self.needs)

    @abstractmethod
    def score(self, outputs: Outputs) -> NDArray[np.float64]:
        """One score a row, float64 (rows,); the larger is chosen first."""


class Field(Protocol):
    """What a sequential strategy keeps of some rows while a batch is being chosen."""

    def values(self) -> NDArray[np.float64]:
        """How much each row is wanted now, float64 (rows,); the largest is chosen next."""

    def centre(self, row: int) -> Any:
        """What other rows must know of this one if it is chosen: it travels between shards."""

    def take(self, centre: Any) -> None:
        """Take into account that a row, here or elsewhere, has been chosen."""


Draw = Callable[[int], NDArray[np.float64]]
"""Called with a pick's number: uniform numbers in (0, 1), float64 (rows,), from the rows' ids."""


class Sequential(Strategy):
    """Chooses row by row, each in the light of those chosen before.

    The rows are held in chunks, on any number of shards. A field must come out the same to the
    last bit wherever its chunk is held.
    """

    @abstractmethod
    def begin(self, outputs: Outputs, draw: Draw) -> Field:
        """The field of these rows, before the first pick."""

    def score(self, outputs: Outputs) -> NDArray[np.float64]:
        """Float64 (rows,): how much each row is wanted before the first pick."""
        return self.begin(outputs, _no_draw).values()


def _no_draw(pick: int) -> NDArray[np.float64]:
    raise TypeError(f"no numbers are drawn before the first pick, and {pick} was asked for")
