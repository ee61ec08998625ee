"""What a figure is made of, and how it becomes Vega-Lite for the page and for files."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd

from al_ray.report.theme import FILE_FONTS, LIGHT, config, settled

Rows = list[dict[str, Any]]

SHOWN: Final = " && ".join(
    f"indexof(hidden, datum.{name}) < 0" for name in ("line", "arm", "group")
)
"""The filter that leaves out arms that the reader has switched off."""

TOUCH: Final = "touch"
"""Name of a layer that is there to be hit by a pointer, and is left out of files."""

_LINE: Final = 28
"""Characters of an arm's name that stand in one line beside a chart."""

ROW: Final = 30
"""Pixels of a row of a chart that has one for each arm."""

FILE_WIDTH: Final = 430
WIDE: Final = 640
"""Pixels of a panel in a picture file; on the page panels are as wide as their place."""


@dataclass(frozen=True)
class Control:
    """Something that the reader may choose: a parameter of a figure's panels.

    Attributes:
        name: of the parameter.
        title: beside the control.
        options: (value, text); of a slider these are its stops.
        value: at the start.
        slider: a slider and no list.
    """

    name: str
    title: str
    options: tuple[tuple[Any, str], ...]
    value: Any
    slider: bool = False


@dataclass(frozen=True)
class Panel:
    """One chart of a figure.

    Attributes:
        name: unique in the page.
        title: above the chart.
        chart: without data, parameters, size and configuration.
        height: in pixels.
        data: names of the data sets that it draws.
        wide: takes the whole row on the page.
        legend: arms are told apart by colour and marker alone, so that a file needs a legend.
        group: the step size, where it is of one.
        rows: it has a row of ROW pixels for each arm that is shown, which the page sees to.
    """

    name: str
    title: str
    chart: alt.LayerChart
    height: int
    data: tuple[str, ...]
    wide: bool = False
    legend: bool = False
    group: str = ""
    rows: bool = False


@dataclass(frozen=True)
class Numbers:
    """A table of the numbers that a figure draws: (field, heading, format) of one data set."""

    data: str
    columns: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Figure:
    """A figure of the page, and a picture file.

    Attributes:
        name: in file names and anchors.
        title: what it shows.
        caption: how to read it, in a sentence or two.
        panels: drawn beside each other.
        data: rows of each data set.
        controls: what may be chosen.
        parameters: other parameters of the panels.
        legend: whether arms are drawn, so that they can be switched on and off.
        key: texts and colours of what else is told apart by colour.
        numbers: the same as tables.
        kind: number of the kind in the reference study; None: not one of its.
    """

    name: str
    title: str
    caption: str
    panels: tuple[Panel, ...]
    data: Mapping[str, Rows]
    controls: tuple[Control, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    legend: bool = True
    key: tuple[tuple[str, str], ...] = ()
    numbers: tuple[Numbers, ...] = ()
    kind: int | None = None

    @property
    def lines(self) -> set[str]:
        """The arms that it draws."""
        return {row["line"] for rows in self.data.values() for row in rows if "line" in row}

    def spec(self, panel: Panel) -> dict[str, Any]:
        """A panel's Vega-Lite for the page, which keeps data, configuration and legends apart."""
        spec = panel.chart.to_dict(validate=False)  # tests check all; it takes a fifth of a page
        del spec["config"]
        return {
            **_without_legends(spec),
            "params": [*spec.get("params", []), *self._params()],
            "width": "container",
            "height": panel.height,
            "autosize": {"type": "fit-x", "contains": "padding"},
        }

    def picture(self, replaced: Mapping[str, str], stamp: str) -> dict[str, Any]:
        """The whole figure as Vega-Lite with its data, for a file.

        Args:
            replaced: values shown as others, where no font can draw them.
            stamp: a line under the title; may be empty.
        """
        panels = []
        for panel in self.panels:
            spec = panel.chart.to_dict(validate=False)
            del spec["config"], spec["$schema"]
            spec["layer"] = [layer for layer in spec["layer"] if not _is_touch(layer)]
            title = {"text": panel.title} if len(self.panels) > 1 else None
            size = {"width": WIDE if panel.wide else FILE_WIDTH, "height": panel.height}
            if panel.legend and panel is next(each for each in self.panels if each.legend):
                spec = _with_legend(spec, self.lines)
            panels.append({**spec, **size} | ({"title": title} if title else {}))
        data = {
            name: [
                {
                    key: replaced.get(value, value) if isinstance(value, str) else value
                    for key, value in row.items()
                }
                for row in rows
            ]
            for name, rows in self.data.items()
        }
        chosen = [
            f"{control.title.lower()}: {_text_of(control, replaced)}" for control in self.controls
        ]
        subtitle = [line for line in (stamp, "; ".join(chosen)) if line]
        own = [param for panel in panels for param in panel.pop("params", [])]
        hoisted = {param["name"]: param for param in own}.values()  # panels share some
        params = [
            {**param, "value": _replaced(param.get("value"), replaced)} for param in self._params()
        ]
        made = {
            "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
            "title": {"text": self.title, "subtitle": subtitle, "fontSize": 15, "offset": 14},
            "params": [*hoisted, *params],
            "concat": panels,
            "columns": 2 if len(panels) > 1 else 1,
            "spacing": 36,
            "resolve": {
                "scale": dict.fromkeys(("color", "shape", "strokeDash", "opacity"), "independent")
            },
            "config": config(FILE_FONTS) | {"background": LIGHT["paper"], "padding": 24},
        }
        return {**settled(made), "datasets": data}

    def _params(self) -> list[dict[str, Any]]:
        made: dict[str, Any] = {"hidden": []} if self.legend else {}
        names = {row["arm"] for rows in self.data.values() for row in rows if "arm" in row}
        made |= {"wrapped": {name: lines for name in names if len(lines := wrapped(name)) > 1}}
        made |= {control.name: control.value for control in self.controls}
        made |= self.parameters
        return [{"name": name, "value": value} for name, value in made.items()]


def _with_legend(spec: Any, lines: set[str]) -> Any:
    """With a legend of these arms, on which all layers must agree."""
    if isinstance(spec, list):
        return [_with_legend(each, lines) for each in spec]
    if not isinstance(spec, dict):
        return spec
    if spec.get("field") == "line" and "scale" in spec:
        legend = {
            "orient": "bottom",
            "columns": 3,
            "title": None,
            "symbolOpacity": 1,
            "values": [name for name in spec["scale"]["domain"] if name in lines],
        }
        return {**spec, "legend": legend}
    return {key: _with_legend(value, lines) for key, value in spec.items()}


def wrapped(name: str) -> list[str]:
    """An arm's name in two lines where it is long: the strategy, if the rest has room in one."""
    parts = name.split(", ")
    if len(name) <= _LINE or len(parts) == 1:
        return [name]
    halves = [(", ".join(parts[:at]) + ",", ", ".join(parts[at:])) for at in range(1, len(parts))]
    fit = (pair for pair in halves if max(map(len, pair)) <= 1.3 * _LINE)
    return list(next(fit, min(halves, key=lambda pair: max(map(len, pair)))))


def _is_touch(layer: dict[str, Any]) -> bool:
    return str(layer.get("name", "")).startswith(TOUCH)


def _without_legends(spec: Any) -> Any:
    """The page has its legends in HTML, where they can be pressed."""
    if isinstance(spec, list):
        return [_without_legends(each) for each in spec]
    if not isinstance(spec, dict):
        return spec
    return {
        key: None if key == "legend" else _without_legends(value) for key, value in spec.items()
    }


def _text_of(control: Control, replaced: Mapping[str, str]) -> str:
    text = dict(control.options).get(control.value, str(control.value))
    return replaced.get(text, text)


def _replaced(value: Any, replaced: Mapping[str, str]) -> Any:
    return replaced.get(value, value) if isinstance(value, str) else value


def data(name: str) -> alt.NamedData:
    """The data set of a figure by its name."""
    return alt.NamedData(name)


def equals(column: str, value: Any) -> str:
    """A filter expression, whatever the value holds."""
    return f"datum[{json.dumps(column)}] === {json.dumps(value, ensure_ascii=False)}"


def chosen(*names: str) -> str:
    """A filter expression: the columns have the values of the controls of the same names."""
    return " && ".join(f"datum[{json.dumps(name)}] === {name}" for name in names)


def records(frame: pd.DataFrame, *columns: str, digits: int = 4) -> Rows:
    """Rows as JSON can hold them, rounded; what is not a finite number is null."""
    kept = frame[list(columns)] if columns else frame
    return [
        {str(key): _plain(value, digits) for key, value in row.items()}
        for row in kept.to_dict("records")
    ]


def _plain(value: Any, digits: int) -> Any:
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return round(float(value), digits) if math.isfinite(value) else None
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    return str(value)


def domain(*values: Any, margin: float = 0.04, least: float = 0.02) -> list[float]:
    """The range of an axis that holds all values, with a margin."""
    flat = np.concatenate([np.asarray(each, float).ravel() for each in values])
    flat = flat[np.isfinite(flat)]
    if not len(flat):
        return [0.0, 1.0]
    low, high = float(flat.min()), float(flat.max())
    room = max(margin * (high - low), least / 2)
    return [round(low - room, 4), round(high + room, 4)]


def percent(field_: str, title: str, digits: int = 1) -> alt.Tooltip:
    """A tooltip of a share in percent."""
    return alt.Tooltip(f"{field_}:Q", title=title, format=f".{digits}%")


def number(field_: str, title: str, digits: int = 0) -> alt.Tooltip:
    """A tooltip of a number."""
    return alt.Tooltip(f"{field_}:Q", title=title, format=f",.{digits}f")


def word(field_: str, title: str) -> alt.Tooltip:
    """A tooltip of a text."""
    return alt.Tooltip(f"{field_}:N", title=title)


def layered(*charts: Any) -> alt.LayerChart:
    """Charts on top of each other."""
    return alt.LayerChart(layer=list(charts))


def option_list(values: Sequence[Any]) -> tuple[tuple[Any, str], ...]:
    """Options whose texts are their values."""
    return tuple((value, str(value)) for value in values)
