"""Colours and type: on the page as CSS variables, in saved pictures as the colours themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

FONTS: Final = (
    "system-ui",
    "Pretendard",
    "Apple SD Gothic Neo",
    "Malgun Gothic",
    "Noto Sans KR",
    "Noto Sans CJK KR",
    "NanumGothic",
    "sans-serif",
)

FILE_FONTS: Final = (
    "Noto Sans KR",
    "NanumGothic",
    "Malgun Gothic",
    "Apple SD Gothic Neo",
    "sans-serif",
)
"""Of files: whoever opens one should have the font that it was laid out with, if there is one."""

LIGHT: Final = {
    "paper": "#ffffff",
    "panel": "#f6f7f9",
    "ink": "#16191d",
    "soft": "#545c66",
    "rule": "#d9dde3",
    "grid": "#eceff2",
    "link": "#005a8d",
    "heat": "#0072b2",
    "stamp": "#a33c00",
    "phase-0": "#33414e",
    "phase-1": "#6f8494",
    "phase-2": "#a3b4c1",
    "phase-3": "#d3dce3",
    # Okabe and Ito's colours in their order; the first is ink, and yellow is darkened on white.
    "arm-0": "#16191d",
    "arm-1": "#e69f00",
    "arm-2": "#56b4e9",
    "arm-3": "#009e73",
    "arm-4": "#c4b500",
    "arm-5": "#0072b2",
    "arm-6": "#d55e00",
    "arm-7": "#cc79a7",
}
DARK: Final = {
    **LIGHT,
    "paper": "#14171b",
    "panel": "#1d2127",
    "ink": "#eceff3",
    "soft": "#a9b2bd",
    "rule": "#3a414a",
    "grid": "#262b32",
    "link": "#7cc4f0",
    "heat": "#56b4e9",
    "stamp": "#ffab73",
    "phase-0": "#dde5ec",
    "phase-1": "#9fb1c0",
    "phase-2": "#6a7d8c",
    "phase-3": "#414f5b",
    "arm-0": "#eceff3",
    "arm-4": "#f0e442",
    "arm-5": "#3b9bdc",
    "arm-6": "#f07c2b",
}


def colour(name: str) -> str:
    """A colour of LIGHT, as the page's CSS has it."""
    return f"var(--{name})"


def settled(value: Any) -> Any:
    """The same with LIGHT's colours in place of the page's, in all that is inside."""
    text = json.dumps(value, ensure_ascii=False)
    return json.loads(re.sub(r"var\(--([a-z0-9-]+)\)", lambda found: LIGHT[found[1]], text))


def variables(colours: dict[str, str]) -> str:
    """CSS declarations of all colours."""
    return " ".join(f"--{name}: {value};" for name, value in colours.items())


def config(fonts: Sequence[str] = FONTS) -> dict[str, Any]:
    """Vega-Lite's configuration: thin axes, quiet grid, one family of type."""
    ink, soft = colour("ink"), colour("soft")
    family = ", ".join(f'"{name}"' if " " in name else name for name in fonts)
    text = {"labelColor": soft, "titleColor": soft, "labelFontSize": 12, "titleFontSize": 12}
    return {
        "background": "transparent",
        "font": family,
        "padding": 2,
        "view": {"stroke": None},
        "axis": {
            **text,
            "titleFontWeight": "normal",
            "titlePadding": 8,
            "gridColor": colour("grid"),
            "domainColor": colour("rule"),
            "tickColor": colour("rule"),
            "labelOverlap": "greedy",
            "labelFlush": False,
        },
        "axisY": {"domain": False, "ticks": False, "labelPadding": 6},
        "legend": {**text, "title": None, "symbolType": "circle", "labelLimit": 320},
        "title": {
            "color": ink,
            "subtitleColor": soft,
            "fontSize": 13,
            "fontWeight": 600,
            "anchor": "start",
        },
        "text": {"color": ink, "fontSize": 12},
        "rule": {"color": soft},
    }
