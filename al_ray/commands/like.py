"""What won a study, as what a project of labelling begins with."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pandas as pd

from al_ray.errors import UserError
from al_ray.io.storage import is_remote
from al_ray.learners.encoder.source import HUB
from al_ray.study.chooser import spelt
from al_ray.study.knobs import kinds, knobs
from al_ray.study.training import FIT, Training

NUMERICS = ("precision", "token_budget", "chunk_rows", "threads")
"""Knobs of how rows are run over, which a project has of its own."""


def winner(out: str, model: str | None = None) -> dict[str, Any]:
    """The arm that a study's verdict says to label with, in the words of `labelling.begin`.

    Where the verdict is to label at random, or that nothing can be told, it is random with what
    the study trained, and `won` is false. A tenth of a batch is drawn at random, so a little less
    is chosen at once.

    Args:
        out: results folder.
        model: to begin with; None: that arm's.

    Raises:
        UserError: no study there, or none of classification, or nothing says where its encoder is.
    """
    from al_ray.analysis.comparison import key_of
    from al_ray.analysis.conclusion import conclusion
    from al_ray.analysis.study import load
    from al_ray.analysis.summary import FROZEN
    from al_ray.analysis.verdict import arm_names

    study = load(out)
    if study.task["name"] != "classification":
        raise UserError("--like {out}: a study of another task; leave it out", out=out)
    said = conclusion(study)
    arm = said.arm if said.kind == "label with" else None
    named = {name: key for key, name in arm_names(study).items()}
    known = study.trajectories
    keys = [key_of(row) for row in known.to_dict("records")]
    chosen = known[[key == named.get(arm or "") for key in keys]]
    strategy = None
    if not len(chosen):
        chosen, strategy = known[known.strategy == "random"], "random"
    if not len(chosen):
        raise UserError("--like {out}: it has no arm to begin with; leave it out", out=out)
    row = chosen.iloc[0]
    kinds_of = kinds(Training)
    frozen = row["head"] == FROZEN  # which has none of FIT
    training = {
        name: kinds_of[name](row[name])  # tables have whole numbers with gaps as floats
        for name in knobs(Training)
        if name not in NUMERICS and not (frozen and name in FIT)
        if name in row and not pd.isna(row[name])
    }
    return {
        "strategy": strategy or spelt(row.strategy, row.parameters or ""),
        "head": row["head"],
        "size": int(row.step_size),
        "training": training if frozen else {**training, "recipe": row.recipe},
        "won": strategy is None,
        "model": model or _model(out, row["model"]),
    }


def _model(out: str, name: str) -> str:
    """The encoder of this name as the study was asked for it.

    Raises:
        UserError: the study's folder does not say, or it is no folder from here.
    """
    if name in ("mini", *HUB):
        return name
    try:
        said = tomllib.loads((Path(out) / "study.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        said = {}
    for part in (said, *said.get("grid", ())):
        asked = part.get("model", [])
        for each in [asked] if isinstance(asked, str) else asked:
            if Path(each.partition("?")[0]).name == name and (
                is_remote(each) or Path(each).expanduser().is_dir()
            ):
                return str(each)
    # A folder that is not here may be named as somebody's encoder on the hub is.
    raise UserError(
        "--like {out}: its encoder {name} is not here as the study was given it; give it as "
        "--model",
        out=out,
        name=name,
    )
