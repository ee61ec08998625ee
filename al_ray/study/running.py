"""Where and how wide a study runs; none of it changes a pick."""

from __future__ import annotations

import math
from dataclasses import dataclass

from al_ray.study.knobs import check
from al_ray.study.training import Device

LABELS_PER_DAY = 1000.0
"""What one person labels, where a study is told nothing else."""


def check_labels_per_day(labels: float | None) -> None:
    """Raise `UserError` unless it is a number above 0, or None."""
    check(
        labels is None or (math.isfinite(labels) and labels > 0),
        f"--labels-per-day {labels}: give a number above 0",
    )


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """How a study runs.

    Attributes:
        out: results folder.
        shards: shard actors of each trajectory.
        concurrent: trajectories at once; None: what fits.
        address: of a running Ray cluster; `local`: always one of our own; None: Ray's own rule.
        device: `auto`: a GPU where the cluster has one.
        dashboard: Ray's, where the cluster is our own.
        command: what runs the study again; '' where that is not known.
        study_file: the same as TOML, without where it runs; '' where that is not known.
        labels_per_day: what one person labels, for person-days; None: as before, or 1,000.
        mlflow: URI of an MLflow tracking server, or of its data base; None: none is told.
        patience: seconds without any progress until a trajectory is begun again.
    """

    out: str
    shards: int = 1
    concurrent: int | None = None
    address: str | None = None
    device: Device = "auto"
    dashboard: bool = True
    command: str = ""
    study_file: str = ""
    labels_per_day: float | None = None
    mlflow: str | None = None
    patience: float = 1800.0

    def __post_init__(self) -> None:
        check_labels_per_day(self.labels_per_day)
        check(1 <= self.shards <= 1024, f"--shards {self.shards}: give 1 to 1,024")
        check(
            self.concurrent is None or self.concurrent >= 1,
            f"--concurrent {self.concurrent}: give 1 or more",
        )
        check(self.patience > 0, f"--patience {self.patience / 60:g}: give minutes above 0")
