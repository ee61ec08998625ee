"""Whether pictures can show Korean: found out by drawing it, not by the names of fonts."""

from __future__ import annotations

import functools
from collections.abc import Iterable

import vl_convert

from al_ray.language import mark
from al_ray.report.theme import FILE_FONTS

REMEDY = mark(
    "No font for Korean was found: the PNG figures show label 1, label 2, … in its place; install "
    "one (Debian and Ubuntu: apt-get install fonts-nanum) and run al-ray report again."
)
BOXES = mark(
    "No font for Korean was found: the words of the PNG figures show as boxes; install one (Debian "
    "and Ubuntu: apt-get install fonts-nanum) and run al-ray report again, or with --lang en."
)


def is_korean(text: str) -> bool:
    """Whether any letter is Hangul."""
    return any("가" <= letter <= "힣" or "ㄱ" <= letter <= "ㆎ" for letter in text)


@functools.cache
def draws_korean() -> bool:
    """Whether different syllables come out as different pictures; boxes are all alike."""
    return len({_drawn(syllable) for syllable in "가힣뷁"}) == 3


def stand_ins(labels: Iterable[str]) -> dict[str, str]:
    """What pictures show in place of labels that cannot be drawn; empty where all can be."""
    names = list(labels)
    if not any(map(is_korean, names)) or draws_korean():
        return {}
    return {name: f"label {i}" for i, name in enumerate(names, 1) if is_korean(name)}


def _drawn(text: str) -> bytes:
    family = ", ".join(FILE_FONTS)
    return vl_convert.svg_to_png(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40">'
        f'<text x="5" y="30" font-size="24" font-family="{family}">{text}</text></svg>'
    )
