"""al_ray: which labels to buy, studied by whole active-learning trajectories on Ray."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from al_ray.notebook import Results

__all__ = ["load", "run"]

__version__ = "0.1.0"


def run(
    data: str | Path | pd.DataFrame,
    *,
    text: str | None = None,
    label: str | None = None,
    fine_tune: bool = False,
    name: str = "frame",
    **options: Any,
) -> Results:
    """Study texts as `al-ray run` does, with the same folder, continued by the same call.

    Args:
        data: a file, a folder, `nsmc`, `ynat` or `embedded`; or a frame with a text and a label
            column.
        text: the column of texts; None: detected, and said.
        label: the column of labels; None: detected, and said.
        fine_tune: fine-tune, too, after the frozen study; how long that takes is said first.
        name: of a frame: what its corpus and `results/` folder are called.
        options: as of the command line, with underscores: `model="…"`, `seeds=range(10)`,
            `out="…"`; `report=True` makes the page, too; `lang="ko"` is for all that is said from
            there on.

    Raises:
        UserError: an option or the corpus cannot be used, or not all of the study came to its end.
        AlRayError: what else went wrong.
    """
    from al_ray.notebook import run  # loads pandas

    return run(data, fine_tune, name, {"text_column": text, "label_column": label, **options})


def load(out: str | Path) -> Results:
    """What a study found; of one that still runs, the steps that are done.

    Args:
        out: its results folder, or an address such as s3://bucket/path.

    Raises:
        UserError: no study there.
        StudyConflict: its description cannot be read.
    """
    from al_ray.notebook import Results  # loads pandas

    return Results.of(out)
