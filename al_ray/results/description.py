"""`study.json`: what all trajectories of a folder have in common, and which were asked for."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from al_ray.errors import StudyConflict
from al_ray.language import mark, tr
from al_ray.results.rerun import recorded_commands
from al_ray.results.schema import VERSION
from al_ray.study.config import StudyConfig
from al_ray.study.learner import Source
from al_ray.study.running import LABELS_PER_DAY, RunConfig
from al_ray.study.training import FIT, READ, RECIPES_VERSION
from al_ray.study.trajectory import TrajectoryConfig


def facts(study: StudyConfig, corpus: Source, models: Sequence[Source]) -> dict[str, Any]:
    """What all trajectories of a folder have in common; and its encoders, which may be several."""
    return {
        "corpus": dataclasses.asdict(corpus),
        "models": [dataclasses.asdict(model) for model in models],
        "training": dataclasses.asdict(study.frozen_training),
        "validation": study.validation,
        "committee_learning_rates": list(study.rates_at(study.frozen_training)),
        # Studies of before it was there do not name it, and failed.
        "on_divergence": study.on_divergence if study.on_divergence != "fail" else None,
    }


def recipes_of(described: dict[str, Any] | None) -> int:
    """The version of the recipes that a folder keeps to: that with which it began."""
    return RECIPES_VERSION if described is None else described.get("recipes", 1)


def recorded(study: StudyConfig, described: dict[str, Any] | None) -> StudyConfig:
    """As the folder's study began: what `auto` meant, and what a frozen head is named with."""
    if described is None:
        return study
    before, training = described.get("training", {}), study.training
    if training.precision == "auto":
        training = replace(training, precision=before.get("precision", "auto"))
    if training.token_budget is None:
        training = replace(training, token_budget=before.get("token_budget"))
    named = {name: before[name] for name in FIT if name in before}
    return replace(study, training=training, frozen_with=named)


def refuse_another(described: dict[str, Any], wanted: dict[str, Any], folder: str) -> None:
    """Refuse to go on in a folder whose study is another.

    Raises:
        StudyConflict: naming the corpus, model or option that differs, or recipes of a later
            al_ray.
    """
    if described.get("schema_version") != VERSION:
        raise StudyConflict(
            "{folder}: its tables are of version {theirs}, this al_ray writes version "
            "{ours}; give another --out",
            folder=folder,
            theirs=described.get("schema_version"),
            ours=VERSION,
        )
    if (recipes := recipes_of(described)) > RECIPES_VERSION:
        raise StudyConflict(
            "{folder}: its recipes are of version {theirs}, this al_ray has version "
            "{ours}; update al_ray, or give another --out",
            folder=folder,
            theirs=recipes,
            ours=RECIPES_VERSION,
        )
    corpus, known = described.get("corpus", {}), models_of(described)
    if not described.get("training") or not all(
        isinstance(each, dict) and each.keys() >= {"name", "digest"} for each in (corpus, *known)
    ):
        raise StudyConflict(
            "{folder}/study.json: damaged, since it names no corpus, model or training; "
            "give another --out",
            folder=folder,
        )
    same = [(mark("corpus"), corpus, wanted["corpus"])]
    # Another encoder extends a study, but not one that tables could not tell from what is there.
    same += [
        (mark("model"), before, now)
        for before in known
        for now in wanted["models"]
        if before["name"] == now["name"]
    ]
    for what, before, now in same:
        if before["digest"] != now["digest"] and what == "corpus" and before["name"] == now["name"]:
            raise StudyConflict(
                "{folder}: holds a study of {name} as it was read then ({their_digest}), and it is "
                "read otherwise now ({our_digest}): the file has changed, or options such as "
                "--pool-limit and --test-limit; give the same, or another --out",
                folder=folder,
                name=now["name"],
                their_digest=before["digest"][:8],
                our_digest=now["digest"][:8],
            )
        if before["digest"] != now["digest"]:
            raise StudyConflict(
                "{folder}: holds a study of {what} {theirs} ({their_digest}), not of {ours} "
                "({our_digest}); give another --out",
                folder=folder,
                what=tr(what),
                theirs=before["name"],
                their_digest=before["digest"][:8],
                ours=now["name"],
                our_digest=now["digest"][:8],
            )
    before = {**described["training"], **{name: described.get(name) for name in _PLAIN}}
    now = {**wanted["training"], **{name: wanted[name] for name in _PLAIN}}
    # What is an axis extends a study.
    now = {name: value for name, value in now.items() if name not in (*FIT, *READ)}
    for name, value in now.items():
        if before.get(name) != value:
            option = "--" + name.replace("_", "-")
            raise StudyConflict(
                "{folder}: its study has {option} {before}, not {now}; give the same, or "
                "another --out",
                folder=folder,
                option=option,
                before=_text(before.get(name)),
                now=_text(value),
            )


_PLAIN = ("validation", "on_divergence")


def models_of(described: dict[str, Any]) -> list[dict[str, str]]:
    """The encoders of a folder, first come first; each with `name` and `digest`."""
    found: list[dict[str, str]] = described.get("models") or [described.get("model", {})]
    return found


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def describe(
    described: dict[str, Any] | None,
    study: StudyConfig,
    corpus: Source,
    models: Sequence[Source],
    shown: dict[str, Any],
    configs: Sequence[TrajectoryConfig],
    run_config: RunConfig,
) -> dict[str, Any]:
    """`study.json`: this run's configuration, and every trajectory asked for so far."""
    before = described or {}
    known = before.get("trajectories", {}) | {
        config.id: config.schedule.steps for config in configs
    }
    arms = before.get("arms", {}) | {config.id: config.columns for config in configs}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    wanted = facts(study, corpus, models)
    known_models = [] if described is None else models_of(described)
    known_models += [each for each in wanted["models"] if each not in known_models]
    commands = recorded_commands(before)
    if run_config.command and run_config.command not in commands:
        commands.append(run_config.command)
    return {
        "schema_version": VERSION,
        **wanted,
        "models": known_models,
        "recipes": recipes_of(described),
        **shown,
        "study": _asked(study),
        "run": {
            "shards": run_config.shards,
            "concurrent": run_config.concurrent,
            "command": run_config.command,
            "commands": commands,
        },
        "labels_per_day": run_config.labels_per_day or before.get("labels_per_day", LABELS_PER_DAY),
        "label_price": run_config.label_price or before.get("label_price"),
        "annotation_seconds": run_config.annotation_seconds or before.get("annotation_seconds"),
        "trajectories": known,
        "arms": arms,
        "versions": versions(),
        "commit": commit(),
        "begun_at": now if described is None else described["begun_at"],
        "continued_at": now,
        "vectors_seconds": None if described is None else described.get("vectors_seconds"),
    }


def _asked(study: StudyConfig) -> dict[str, Any]:
    """What was asked for, without addresses, which may hold secrets: `arms` has the encoders."""
    asked = dataclasses.asdict(study)
    for each in (asked, *asked["grids"]):
        each.pop("model", None)
    return asked


@cache
def versions() -> str:
    """Versions of what results may depend on, as JSON."""
    names = ("al_ray", "ray", "torch", "transformers", "tokenizers", "numpy", "pyarrow")
    return json.dumps({name: importlib.metadata.version(name) for name in names})


def commit() -> str:
    """The checkout's commit, or '' outside one."""
    here = Path(__file__).resolve().parent
    result = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=False
    )
    return result.stdout.strip()
