"""What a strategy is: from the members' outputs to one score a row.

One's own strategy is a class in any module that Python can import:

    import numpy as np
    from al_ray.strategies import Outputs, Strategy

    class Gini(Strategy):
        name = "gini"
        family = "prediction-based"

        def score(self, outputs: Outputs) -> np.ndarray:
            return 1.0 - np.exp(2.0 * outputs.log_probabilities[0]).sum(axis=1)

and is named on the command line as `--strategies my_module:Gini`. A row's score may depend on
nothing but that row's outputs: the pool arrives in chunks of any size and in any order.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from al_ray.errors import AlRayError

Family = Literal["data-based", "model-based", "prediction-based"]


@dataclass(frozen=True, eq=False)
class Outputs:
    """What the members said about some rows of the pool.

    Attributes:
        log_probabilities: float64 (members, rows, labels), natural logarithms, -inf where a
            probability is zero; members in the order of the configuration. Made C-contiguous,
            as the last bits of a sum depend on the layout.

    Raises:
        ValueError: the array is not three-dimensional, or has no member or under two labels.
        AlRayError: a value is not a number.
    """

    log_probabilities: NDArray[np.float64]

    def __post_init__(self) -> None:
        shape = self.log_probabilities.shape
        if len(shape) != 3 or shape[0] < 1 or shape[2] < 2:
            raise ValueError(f"log_probabilities: (members, rows, labels) expected, got {shape}")
        # A vote would hide it: argmax takes a NaN for the largest.
        bad = np.isnan(self.log_probabilities).any(axis=(0, 2)).sum()
        if bad:
            raise AlRayError(f"{bad} of {shape[1]} rows have probabilities that are not numbers")
        contiguous = np.ascontiguousarray(self.log_probabilities, dtype=np.float64)
        object.__setattr__(self, "log_probabilities", contiguous)

    def __len__(self) -> int:
        return int(self.log_probabilities.shape[1])


class Strategy(ABC):
    """Decides which rows of the pool come first.

    Attributes:
        name: in options and tables.
        family: what the decision is made from.
        committee: whether it compares several members; the others read member 0 alone.
        ranks: False where there are no scores: rows then come in the seeded permutation.
    """

    name: ClassVar[str]
    family: ClassVar[Family]
    committee: ClassVar[bool] = False
    ranks: ClassVar[bool] = True

    @abstractmethod
    def score(self, outputs: Outputs) -> NDArray[np.float64]:
        """One score a row, float64 (rows,); the larger is chosen first."""
