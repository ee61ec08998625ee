"""`study.json`: what was asked for; sealed where it is written, looked at where it is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from al_ray.errors import StorageError, StudyConflict, UserError
from al_ray.io.reading import parse_json
from al_ray.io.storage import Storage
from al_ray.language import tr
from al_ray.results.folder import COPY, MARKER, SEARCH
from al_ray.results.schema import VERSION, newer
from al_ray.results.seal import EMPTY, seal, seal_of

_MOST_BYTES: Final = 2**26

_KINDS: Final[dict[str, type | tuple[type, ...]]] = {
    **dict.fromkeys(("corpus", "model", "training", "tests", "trajectories", "arms", "run"), dict),
    **dict.fromkeys(("labels", "notes", "models"), list),
    **dict.fromkeys(("schema_version", "recipes"), int),
    "labels_per_day": (int, float),
    "label_price": (str, type(None)),
    "annotation_seconds": (list, type(None)),
}
"""What parts of a study's description are."""

_HOLDS: Final = {
    **dict.fromkeys(("trajectories", "tests"), int),
    **dict.fromkeys(("corpus", "model", "labels", "notes"), str),
    **dict.fromkeys(("models", "arms"), dict),
}
"""And what is in them."""


@dataclass(frozen=True)
class StudyJson:
    """That of a study's folder, and its copy.

    Attributes:
        storage: the folder.
    """

    storage: Storage

    def read(self) -> dict[str, Any] | None:
        """`study.json`, or None where no study has begun.

        Where it is damaged or gone its copy counts.

        Raises:
            StudyConflict: it cannot be read, nor its copy.
        """
        found = {name: self._described(name) for name in ("study.json", COPY)}
        for each in found.values():
            if isinstance(each, dict):
                return each
        if (why := found["study.json"]) is None:
            return None
        name = self.storage.of("study.json")
        if not self.storage.exists(MARKER):
            raise StudyConflict(
                "{path}: not a study's description ({why}); give another --out",
                path=name,
                why=why,
            )
        raise StudyConflict(
            "{path}: is damaged ({why}), and so is its copy; remove it, and give the "
            "study's command again, which writes it anew",
            path=name,
            why=why,
        )

    def _described(self, name: str) -> dict[str, Any] | str | None:
        """What a description says, or why it cannot be believed; None where there is none."""
        try:
            data = self.storage.read(name, _MOST_BYTES)
            return None if data is None else parsed(data)
        except StorageError as error:
            raise StudyConflict("--out: {error}", error=error) from error
        except ValueError as error:
            return str(error).partition("\n")[0]

    def get(self, *needs: str) -> dict[str, Any]:
        """`study.json`.

        Args:
            needs: facts without which the reader can do nothing.

        Raises:
            UserError: no study has begun here.
            StudyConflict: the file cannot be read, or lacks what is needed.
        """
        described = self.read()
        if described is None and self.storage.exists(f"{SEARCH}/study.json"):
            raise UserError(
                "{address}: its search is not at its end yet; al-ray search {address} says how far "
                "it is",
                address=self.storage.address,
            )
        if described is None:
            raise UserError(
                "{address}: no study there (study.json is missing); give its results folder",
                address=self.storage.address,
            )
        if described["schema_version"] > VERSION:
            raise newer(self.storage.of("study.json"), described["schema_version"])
        if "tests" in needs and described.get("tests") == {}:
            raise StudyConflict(
                "{address}: is a search, which has no test; al-ray search {address} says what it "
                "came to",
                address=self.storage.address,
            )
        for part in needs:
            if not described.get(part):
                raise StudyConflict(
                    "{path}: names no {part}; give another results folder, or the study's "
                    "command again",
                    path=self.storage.of("study.json"),
                    part=part,
                )
        return described

    def write(self, description: Mapping[str, Any]) -> None:
        """Write `study.json`, and a copy of it that is read where it is damaged."""
        data = sealed(description)
        for name in (COPY, "study.json"):
            self.storage.write(name, data)

    def damaged(self) -> list[str]:
        """Files of a description that are not as they were written, or gone while the other is not.

        A copy that is not there is no damage: earlier versions made none.
        """
        found = {name: self._described(name) for name in ("study.json", COPY)}
        gone = found["study.json"] is None and found[COPY] is not None
        return [name for name, each in found.items() if isinstance(each, str)] + (
            ["study.json"] if gone else []
        )

    def mend(self) -> list[str]:
        """Write both files of a description, if one is damaged, as the other has it.

        Returns:
            Those that were damaged.

        Raises:
            StudyConflict: neither can be read.
        """
        described, damaged = self.read(), self.damaged()
        if described is not None and damaged:
            self.write(described)
        return damaged


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
        raise ValueError(tr("lacks what one holds"))
    found.pop("seal", None)
    return found


def _in(found: Mapping[str, Any], part: str) -> list[Any]:
    inside = found.get(part, [])
    return list(inside.values() if isinstance(inside, dict) else inside)
