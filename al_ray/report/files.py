"""Figures as SVG and PNG, for papers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import vl_convert

from al_ray.files import atomic
from al_ray.report.figures.base import Figure
from al_ray.report.fonts import stand_ins

_VERSION: Final = "6.4"
_SCALE: Final = 2.0


def save(figures: Sequence[Figure], folder: Path, labels: Sequence[str], stamp: str) -> list[Path]:
    """Write each figure as it is before anything is chosen.

    Args:
        figures: drawn for paper.
        folder: where to; pictures of figures that are no more are removed.
        labels: names of the corpus's labels, which may be Korean.
        stamp: a line in each picture; may be empty.

    Returns:
        The files. SVG keeps Korean as text, whatever fonts this machine has; PNG shows stand-ins
        where no font can draw it.
    """
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
    for old in [*folder.glob("*.svg"), *folder.glob("*.png")]:
        if old not in written:
            old.unlink()
    return written
