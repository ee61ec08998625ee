"""What is trained on the labels: an encoder with a head, one model or a committee of them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

from al_ray.study.knobs import check_knobs, knob
from al_ray.study.training import Training

Head = Literal["fine-tuned", "frozen"]
Committee = Literal["rates", "seeds"]
OnDivergence = Literal["fail", "retry-with-lower-rate"]

LOWER: OnDivergence = "retry-with-lower-rate"
"""A fit whose loss is not finite is begun again with half the learning rate."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Something that determines picks by its content: a corpus or a model.

    Attributes:
        name: for people and tables.
        digest: of the content; this alone counts for identity.
    """

    name: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class Learner:
    """What is trained on the labels.

    Attributes:
        model: the encoder.
        head: `fine-tuned`: the whole encoder is trained; `frozen`: a linear model on its vectors.
        training: how.
        rates: learning rate of each member; one for all but committee strategies.
        committee: what its members differ in; `rates` where there is one member.
        on_divergence: what follows a training loss that is not finite.
    """

    model: Source
    head: Head = knob(
        "--head",
        default="fine-tuned",
        axis=True,
        help="frozen: a logistic regression on the pretrained encoder's vectors, a cheap arm",
    )
    training: Training
    rates: tuple[float, ...]
    committee: Committee = knob(
        "--committee",
        default="rates",
        axis=True,
        help="what the members of a committee differ in: their learning rates (default), or the "
        "seeds of their initialisation, data order and dropout, at --learning-rate",
    )
    on_divergence: OnDivergence = knob(
        "--on-divergence",
        default="fail",
        help="what follows a training loss that is not finite: the trajectory fails (default), or "
        "the fit is begun again with half the learning rate, four times at most",
    )

    def __post_init__(self) -> None:
        check_knobs(self)

    @property
    def evaluated(self) -> int:
        """The position of the member that is evaluated: the first at the training's rate."""
        return self.rates.index(self.training.learning_rate)

    def single(self) -> Learner:
        """The same without a committee."""
        return dataclasses.replace(self, rates=(self.training.learning_rate,), committee="rates")
