"""What labels mean, however they are written; and what is no label of a class."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, Literal, get_args

from al_ray.language import tr

Variants = Literal["join", "keep"]
"""Labels that differ in case, width or inner blanks alone: one label, or labels of their own."""

VARIANTS: Final[tuple[Variants, ...]] = get_args(Variants)

MANY = 20
"""Different labels from which on it is asked whether they are classes at all."""
LONG = 50
"""Characters of a label, on average, over which it is a text."""

_UNSEEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0"
)
"""Characters that nobody sees: of no width, of direction, fillers of Hangul."""
_BLANK = rf"[\s{_UNSEEN}]+"
_INSIDE = re.compile(_BLANK)
_AROUND = re.compile(rf"^{_BLANK}|{_BLANK}\Z")
_INTEGER = re.compile(r"[+-]?[0-9]{1,100}")  # Python reads no number of thousands of digits
_NUMBER = re.compile(
    r"[+-]?([0-9]{1,100}([.,][0-9]{1,100})*|\.[0-9]{1,100})(e[+-]?[0-9]+)?%?", re.I
)
_EMPTY = {"na", "n/a", "nan", "null", "<na>", "nil", "-", "?", "#value!", "#ref!", "#div/0!"}
_DATE = re.compile(
    r"[0-9]{4}(?P<mark>[-./])[0-9]{1,2}(?P=mark)[0-9]{1,2}\.?([T ]+[0-9:.+Z-]+)?"
    r"|[0-9]{4}년 *[0-9]{1,2}월( *[0-9]{1,2}일)?"
)


def cleaned(label: str) -> str:
    """A label in NFC, as Windows writes Korean and macOS does not, without blanks around it."""
    return unicodedata.normalize("NFC", _AROUND.sub("", label))


def integers(values: Iterable[str | None]) -> bool:
    """Whether all of the values are whole numbers."""
    return all(value and _INTEGER.fullmatch(value) for value in set(values))


def variants(counts: Mapping[str, int]) -> list[list[str]]:
    """Groups of labels, of two or more, that differ in case, width or what nobody sees alone.

    Args:
        counts: rows of each label.

    Returns:
        The label that most rows have comes first in its group.
    """
    groups: dict[str, list[str]] = {}
    for label in sorted(counts, key=lambda label: (-counts[label], label)):
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", label).casefold())
        groups.setdefault(_INSIDE.sub("", folded), []).append(label)
    return [group for group in groups.values() if len(group) > 1]


def empty_words(counts: Mapping[str, int]) -> list[str]:
    """Labels that are what programs write where there is none, such as NA and Excel's #N/A."""
    return [label for label in counts if label.casefold() in _EMPTY or label.startswith("#N")]


def no_classes(counts: Counter[str]) -> str | None:
    """Why these, of so many rows each, are no labels of classes, and what else to do; or None.

    Dates are none; nor are numbers of more than `MANY` values, unless they run from 0 or 1 without
    a gap as codes do; nor are texts: more than `MANY` that are long, or that seldom come twice.
    """
    kinds, rows = len(counts), sum(counts.values())
    if all(map(_DATE.fullmatch, counts)):
        return tr("holds dates, not classes; name another with --label-column")
    if kinds <= MANY:
        return None
    if all(map(_NUMBER.fullmatch, counts)) and not _codes(counts):
        return tr(
            "holds {n:,} different numbers, not classes; name another with --label-column, or "
            "write words in their place ('low' and 'high' for ranges, 'c17' for the code 17)",
            n=kinds,
        )
    if 2 * kinds > rows or sum(map(len, counts)) > LONG * kinds:
        return tr(
            "holds {n:,} different values in {rows:,} rows: texts or ids, not classes; name "
            "another with --label-column",
            n=kinds,
            rows=rows,
        )
    return None


def _codes(counts: Counter[str]) -> bool:
    if not integers(counts) or 2 * len(counts) > sum(counts.values()):
        return False
    codes = sorted(map(int, counts))
    return codes[0] in (0, 1) and codes == list(range(codes[0], codes[0] + len(codes)))
