"""The command that runs a study again."""

from __future__ import annotations

import shlex
from typing import Any


def rerun_command(description: dict[str, Any], out: str) -> tuple[str, bool]:
    """The command, and whether it is the one that was given.

    Args:
        description: `study.json`.
        out: the study's folder.

    Returns:
        Where the command was not recorded it is put together from the configuration, and what
        cannot be known is in capitals.
    """
    recorded = description.get("run", {}).get("command")
    if recorded:
        return str(recorded), True
    study, training = description.get("study", {}), description.get("training", {})
    data = description["corpus"]["name"]
    words: list[str] = ["--data", data if description["demonstration"] else "FOLDER"]
    if not description["demonstration"]:
        words += ["--model", "FOLDER"]
    several = (
        ("--strategies", study.get("strategies")),
        ("--retrain", study.get("retrain")),
        ("--step-size", study.get("step_sizes")),
        ("--initial", study.get("initial")),
        ("--steps", study.get("steps")),
        ("--budget", study.get("budget")),
        ("--controls", study.get("controls")),
        ("--seeds", study.get("seeds")),
        ("--recipe", training.get("recipe")),
        ("--learning-rate", training.get("learning_rate")),
        ("--epochs", training.get("epochs")),
        ("--updates", training.get("updates")),
        ("--batch-size", training.get("batch_size")),
        ("--max-length", training.get("max_length")),
        ("--out", out),
    )
    for option, value in several:
        values = value if isinstance(value, list) else [value]
        if values and values[0] is not None:
            words += [option, *(f"{v:g}" if isinstance(v, float) else str(v) for v in values)]
    return f"python experiments/EXPERIMENT.py {shlex.join(words)}", False
