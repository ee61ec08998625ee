"""al_ray: which labels to buy, studied by whole active-learning trajectories on Ray."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from al_ray.analysis.tables import Tables

__version__ = "0.1.0"


def load(out: str | Path) -> Tables:
    """The tables of a study; of one that still runs, the steps that are done.

    Args:
        out: its results folder, or an address such as s3://bucket/path.

    Raises:
        UserError: no study there.
        StudyConflict: its description cannot be read.
    """
    from al_ray.analysis.tables import Tables  # loads pandas

    return Tables.of(out)
