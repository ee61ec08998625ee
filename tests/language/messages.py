"""The messages of the code, and the catalogues brought up to date with them: `make messages`."""

from __future__ import annotations

import sys
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from al_ray.analysis.summary import ARM
from al_ray.report.arms import axis_of
from al_ray.study.knobs import knobs
from al_ray.study.training import Training

ROOT = Path(__file__).parents[2] / "al_ray"
KOREAN = ROOT / "language" / "ko.po"

_ERRORS = ("UserError", "CorpusError", "ModelError", "StudyConflict", "StorageError", "AlRayError")
_KEYWORDS = {"trn": (1, 2), "check": (2,), **dict.fromkeys(("tr", "mark", *_ERRORS), (1,))}
_METHODS = [("**.py", "python"), ("**.j2", "jinja2")]
_OPTIONS = {"**.j2": {"silent": "false"}}


def extracted() -> Catalog:
    """All that may be said, with where it is said."""
    found = Catalog(locale="ko", charset="utf-8")
    for name in (*map(axis_of, ARM), *(name.replace("_", " ") for name in knobs(Training))):
        found.add(name)  # of what was declared, by its name
    for path, line, message, _, _ in extract_from_dir(ROOT, _METHODS, _OPTIONS, _KEYWORDS):
        if message and message != ("", ""):
            found.add(message, locations=[(path, line)])
    return found


def read(path: Path = KOREAN) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale="ko", charset="utf-8")


def update(path: Path = KOREAN) -> list[str]:
    """Take what is new into a catalogue, drop what is no more, and say what is to be translated."""
    known, found = read(path), extracted()
    missing = []
    for message in found:
        old = known.get(id_of(message)) if message.id else None
        if old is not None and any(old.string):
            message.string = old.string
        elif message.id:
            missing.append(id_of(message))
    with path.open("wb") as file:
        file.write(b"# What al_ray says, in Korean; `make messages` keeps up with the code.\n\n")
        write_po(file, found, width=100, no_location=True, sort_by_file=True, omit_header=True)
    return missing


def id_of(message: Message) -> str:
    """The English that it is known by."""
    return message.id[0] if isinstance(message.id, tuple | list) else message.id


if __name__ == "__main__":
    missing = update()
    for message in missing:
        print(f"to be translated: {message}")
    sys.exit(bool(missing))
