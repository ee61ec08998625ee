"""`study.json` as bytes: sealed where it is written, and looked at where it is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from al_ray.io.reading import parse_json
from al_ray.results.seal import EMPTY, seal, seal_of

_KINDS: Final[dict[str, type | tuple[type, ...]]] = {
    **dict.fromkeys(("corpus", "model", "training", "tests", "trajectories", "arms", "run"), dict),
    **dict.fromkeys(("labels", "notes", "models"), list),
    "schema_version": int,
    "labels_per_day": (int, float),
}
"""What parts of a study's description are."""

_HOLDS: Final = {
    **dict.fromkeys(("trajectories", "tests"), int),
    **dict.fromkeys(("corpus", "model", "labels", "notes"), str),
    **dict.fromkeys(("models", "arms"), dict),
}
"""And what is in them."""


def sealed(description: Mapping[str, Any]) -> bytearray:
    """What is written."""
    text = json.dumps({**description, "seal": EMPTY}, indent=1, ensure_ascii=False)
    data = bytearray((text + "\n").encode())
    seal(data, "study.json")
    return data


def parsed(data: bytes) -> dict[str, Any]:
    """What it says, if it is one.

    Raises:
        ValueError: it is not, or not as it was written.
    """
    seal_of(data, "study.json")
    found = parse_json(data)
    if (
        not isinstance(found, dict)
        or "schema_version" not in found
        or any(part in found and not isinstance(found[part], kind) for part, kind in _KINDS.items())
        or any(not isinstance(each, _HOLDS[part]) for part in _HOLDS for each in _in(found, part))
    ):
        raise ValueError("lacks what one holds")
    found.pop("seal", None)
    return found


def _in(found: Mapping[str, Any], part: str) -> list[Any]:
    inside = found.get(part, [])
    return list(inside.values() if isinstance(inside, dict) else inside)
