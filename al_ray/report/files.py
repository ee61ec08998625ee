"""Figures as SVG and PNG, for papers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import vl_convert

from al_ray.io.files import atomic, digest_of
from al_ray.io.reading import parse_json, read_small
from al_ray.report.figures.base import Figure
from al_ray.report.fonts import stand_ins

_VERSION: Final = "6.4"
_SCALE: Final = 2.0

_INVENTORY: Final = ".al_ray.json"
"""Digests of the pictures that were written, by name."""


def save(figures: Sequence[Figure], folder: Path, labels: Sequence[str], stamp: str) -> list[Path]:
    """Write each figure as it is before anything is chosen.

    Args:
        figures: drawn for paper.
        folder: where to; made if need be. Pictures of figures that are no more are removed.
        labels: names of the corpus's labels, which may be Korean.
        stamp: a line in each picture; may be empty.

    Returns:
        The files. SVG keeps Korean as text, whatever fonts this machine has; PNG shows stand-ins
        where no font can draw it.
    """
    folder.mkdir(exist_ok=True)
    replaced = stand_ins(labels)
    written = []
    for figure in figures:
        spec = figure.picture({}, stamp)
        svg = vl_convert.vegalite_to_svg(spec, vl_version=_VERSION)
        drawn = svg
        if replaced:
            other = figure.picture(replaced, stamp)
            drawn = vl_convert.vegalite_to_svg(other, vl_version=_VERSION)
        png = vl_convert.svg_to_png(drawn, scale=_SCALE)
        for path, content in (
            (folder / f"{figure.name}.svg", svg.encode()),
            (folder / f"{figure.name}.png", png),
        ):
            with atomic(path) as temp:
                Path(temp).write_bytes(content)
            written.append(path)
    _forget(folder, written)
    return written


def _forget(folder: Path, written: Sequence[Path]) -> None:
    """Remove what an earlier call has written and this one has not, if it is as it was then."""
    inventory = folder / _INVENTORY
    try:
        known = parse_json(read_small(inventory))
    except (OSError, ValueError):
        known = None
    for name, digest in known.items() if isinstance(known, dict) else ():
        old = folder / Path(name).name
        if old not in written and old.is_file() and digest_of(old) == digest:
            old.unlink()
    with atomic(inventory) as temp:
        now = {path.name: digest_of(path) for path in written}
        Path(temp).write_text(json.dumps(now, indent=1), encoding="utf-8")
