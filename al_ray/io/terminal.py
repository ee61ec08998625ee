"""What is written to a terminal: texts of a corpus must not steer it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from typing import Any, Final

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

# Control characters but for tab and newline, what turns the direction of writing, and lone halves
# of a surrogate pair, which cannot be encoded.
_STEERING: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def plain(text: str) -> str:
    """The text with what would steer a terminal written as JSON writes it, such as \\u001b."""
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def json_line(answer: Any) -> str:
    """A line for machines, as `plain`; a number that JSON has not is null."""
    return plain(json.dumps(_finite(answer), ensure_ascii=False))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, list | tuple) else value


def one_line(text: str) -> str:
    """As `plain`, and without line breaks: a label may hold some, a message must not."""
    return plain(" ".join(text.split("\n")))


class PlainConsole(Console):
    """A console that shows no text but as `plain` gives it; colours are its own.

    Nor does a text bring colours, links or pictures along: Rich's markup is off.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"markup": False, "emoji": False, "highlight": False, **options})

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """The segments of something to show."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(plain(segment.text), segment.style)


def console(**options: Any) -> PlainConsole:
    """The console of a command: a pipe has no width of its own, and 80 columns help nobody."""
    made = PlainConsole(**options)
    return made if made.is_terminal else PlainConsole(width=140, **options)


def say(console: Console, text: str) -> None:
    """Print a line, which a terminal alone breaks: what is copied from it stays whole."""
    console.print(text, markup=False, soft_wrap=True)
