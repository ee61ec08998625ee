"""Where and how wide a study runs; none of it changes a pick."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from al_ray.errors import UserError
from al_ray.language import tr
from al_ray.study.knobs import check
from al_ray.study.training import Device

LABELS_PER_DAY = 1000.0
"""What one person labels, where a study is told nothing else."""


def check_annotation_seconds(seconds: Sequence[float] | None) -> None:
    """Raise `UserError` unless these are two numbers, of a text above 0 and of a mark not below."""
    check(
        seconds is None
        or (
            len(seconds) == 2 and all(map(math.isfinite, seconds)) and seconds[0] > 0 <= seconds[1]
        ),
        "--annotation-seconds {seconds}: give the seconds of a text, above 0, and of each thing "
        "marked in it, such as 5 2",
        seconds=" ".join(f"{each:g}" for each in seconds or ()),
    )


def check_labels_per_day(labels: float | None) -> None:
    """Raise `UserError` unless it is a number above 0, or None."""
    check(
        labels is None or (math.isfinite(labels) and labels > 0),
        "--labels-per-day {labels}: give a number above 0",
        labels=labels,
    )


_PRICE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([^\W\d_]{0,12}|[$€£¥₩])")


@dataclass(frozen=True)
class Price:
    """What a label costs.

    Attributes:
        value: of one label.
        unit: of a currency; '' where none was given.
    """

    value: float
    unit: str = ""

    @classmethod
    def parsed(cls, text: str) -> Price:
        """As it is given: a number, and a unit if need be, such as 150KRW.

        Raises:
            UserError: it is none, or not above 0.
        """
        found = _PRICE.fullmatch(text.strip())
        if found is None or not 0 < float(found[1]) < 1e12:
            raise UserError(
                "--label-price {text}: give a number above 0, with a unit if you like, "
                "such as 150KRW",
                text=text[:40],
            )
        return cls(float(found[1]), found[2])

    def of(self, *labels: float) -> str:
        """What so many labels cost; of several numbers, one of the other."""
        costs = [self.value * number for number in labels]
        said, *others = [f"{cost:,.{0 if cost >= 100 else 2}f}" for cost in costs]
        for whole in others:
            said = tr("{part} of {whole}", part=said, whole=whole)
        return f"{said} {self.unit}".rstrip()

    def __str__(self) -> str:
        """As `parsed` takes it."""
        return f"{self.value:.12g}{self.unit}"


@dataclass(frozen=True)
class Effort:
    """What it takes to label.

    Attributes:
        labels_per_day: what one person labels.
        price: of a label; None where it was not said.
    """

    labels_per_day: float
    price: Price | None = None

    def days(self, labels: float) -> float:
        """Of one person."""
        return labels / self.labels_per_day


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """How a study runs.

    Attributes:
        out: results folder.
        shards: shard actors of each trajectory; None: on GPUs as many as its members, else one.
        concurrent: trajectories at once; None: what fits.
        address: of a running Ray cluster; `local`: always one of our own; None: Ray's own rule.
        device: `auto`: a GPU where the cluster has one.
        dashboard: Ray's, where the cluster is our own.
        command: what runs the study again; '' where that is not known.
        study_file: the same as TOML, without where it runs; '' where that is not known.
        labels_per_day: what one person labels, for person-days; None: as before, or 1,000.
        label_price: what a label costs, as `Price.parsed` takes it; None: as before, if at all.
        annotation_seconds: of a text, and of each thing marked in it; None: as before, if at all.
        mlflow: URI of an MLflow tracking server, or of its data base; None: none is told.
        patience: seconds without any progress until a trajectory is begun again.
    """

    out: str
    shards: int | None = None
    concurrent: int | None = None
    address: str | None = None
    device: Device = "auto"
    dashboard: bool = True
    command: str = ""
    study_file: str = ""
    labels_per_day: float | None = None
    label_price: str | None = None
    annotation_seconds: tuple[float, float] | None = None
    mlflow: str | None = None
    patience: float = 1800.0

    def __post_init__(self) -> None:
        check_labels_per_day(self.labels_per_day)
        if self.label_price is not None:
            Price.parsed(self.label_price)
        check_annotation_seconds(self.annotation_seconds)
        check(
            self.shards is None or 1 <= self.shards <= 1024,
            "--shards {n}: give 1 to 1,024",
            n=self.shards,
        )
        check(
            self.concurrent is None or self.concurrent >= 1,
            "--concurrent {n}: give 1 or more",
            n=self.concurrent,
        )
        check(
            self.patience > 0,
            "--patience {minutes:g}: give minutes above 0",
            minutes=self.patience / 60,
        )
