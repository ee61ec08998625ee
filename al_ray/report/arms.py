"""What an arm is called and how it is drawn: the same in every figure of every report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import altair as alt
import pandas as pd

from al_ray.analysis.names import MANY, TRAINED, several, told
from al_ray.analysis.summary import ARM, CHOOSER
from al_ray.language import tr
from al_ray.report.theme import colour
from al_ray.study.chooser import UNQUERIED, spelt

# Colour and marker of a strategy; colours are Okabe and Ito's, by place in their order.
_KNOWN: Final[dict[str, tuple[int, str]]] = {
    "random": (0, "circle"),
    "least-confidence": (1, "square"),
    "margin": (5, "triangle-up"),
    "entropy": (3, "diamond"),
    "qbc": (7, "cross"),
    "badge": (6, "triangle-down"),
    "core-set": (2, "triangle-right"),
    "bald": (4, "triangle-left"),
    "contrastive": (2, "square"),
    "learning-loss": (4, "diamond"),
    "expected-gradient-length": (6, "cross"),
    "expected-gradient-length-word": (6, "triangle-left"),
    "mnlp": (5, "square"),
    "ltp": (3, "triangle-down"),
    "class-weighted": (7, "diamond"),
}
_SHAPES: Final = (
    *("circle", "square", "triangle-up", "diamond", "cross"),
    *("triangle-down", "triangle-right", "triangle-left"),
)
_DASHES: Final = {"cold": (1, 0), "warm": (6, 3), "warm-new": (2, 2)}
_FROZEN: Final = (8, 3, 2, 3)
_MORE: Final = ((4, 4), (10, 4), (1, 3), (6, 2, 1, 2), (12, 2), (3, 1))


@dataclass(frozen=True)
class Line:
    """What arms that differ in their step size alone share: a name, a colour, marker and dash."""

    name: str
    strategy: str
    colour: int
    shape: str
    dash: tuple[int, ...]


class Arms:
    """The arms of a study: their names, no longer than they must be, and their looks.

    Attributes:
        lines: in the order in which they were asked for, random first.
        groups: step sizes (and first draws where these differ), as text, least first.
        names: of all arms, in the order of lines and groups.
        each: of every arm its names, and on each axis that varies what it is: `arm`, `line`,
            `group` and `axes`.
        ranked: of each group its lines by their area, the largest first, and whether each is
            random.
    """

    def __init__(self, trajectories: pd.DataFrame, summary: pd.DataFrame | None = None) -> None:
        """Of a study's trajectories, and its arms as `analysis.summary.arms` has them."""
        arms = trajectories[ARM].drop_duplicates()
        arms = arms[~arms.strategy.isin(UNQUERIED)]
        self._regimes = arms["retrain"].nunique() > 1
        self._heads = arms["head"].nunique() > 1
        self._told = [name for name in several(arms) if name in (*TRAINED, *CHOOSER)]
        sizes = arms[["step_size", "initial"]].drop_duplicates()
        sizes = sizes.sort_values(["step_size", "initial"])
        self._initials = bool(sizes.step_size.duplicated().any())
        self.groups = [self._group(*row) for row in sizes.itertuples(index=False)]
        first = arms.strategy != "random"
        arms = arms.assign(_late=first).sort_values("_late", kind="stable")
        self.lines: list[Line] = []
        for row in arms.to_dict("records"):
            if self._line(row) not in self.line_names:
                self.lines.append(self._make(row))
        present = {(self._line(row), self._group(row["step_size"], row["initial"]))
                   for row in arms.to_dict("records")}  # fmt: skip
        self.names = [
            self._name(line, group)
            for line in self.line_names
            for group in self.groups
            if (line, group) in present
        ]
        told_apart = several(arms)
        self.each = [
            {**{name: row[name] for name in ("arm", "line", "group")},
             "axes": {axis_of(c): text for c in ("strategy", *told_apart)
                      for text in (told(row, [c]) if c != "strategy" else [row["choice"]])}}
            for row in self.named(arms).to_dict("records")
        ]  # fmt: skip
        self.ranked = [self._ranked(summary, group) for group in self.groups]

    @property
    def many(self) -> bool:
        """Whether lines are too many to be told apart side by side."""
        return len(self.lines) > MANY

    @property
    def axes(self) -> dict[str, list[str]]:
        """What varies, and its values."""
        found: dict[str, list[str]] = {}
        for arm in self.each:
            for axis, value in arm["axes"].items():
                if value not in found.setdefault(axis, []):
                    found[axis].append(value)
        return {axis: values for axis, values in found.items() if len(values) > 1}

    def roles(self, group: str) -> dict[str, str]:
        """The lines of a group that are drawn in colour, and what each of these is: `best`,
        `worst`, the best `random`, or '' where lines are few.
        """
        lines = self.ranked[self.groups.index(group)]
        if not self.many or not lines:
            return {line.name: "" for line in self.lines}
        random = [(line, "random") for line, is_random in lines if is_random][:1]
        return dict([*random, (lines[-1][0], "worst"), (lines[0][0], "best")])

    def _ranked(self, summary: pd.DataFrame | None, group: str) -> list[tuple[str, bool]]:
        if summary is None:
            return []
        rows = self.named(summary[summary.area_mean.notna()])
        rows = rows[rows.group == group].sort_values("area_mean", ascending=False, kind="stable")
        return [(row["line"], row["strategy"] == "random") for row in rows.to_dict("records")]

    @property
    def line_names(self) -> list[str]:
        """The names of the lines."""
        return [line.name for line in self.lines]

    def named(self, frame: pd.DataFrame, suffix: str = "") -> pd.DataFrame:
        """The rows of arms, not of controls, with `arm`, `line`, `group`, `setting` and `choice`.

        Args:
            frame: has ARM, each with the suffix.
            suffix: of the columns, such as `_a` where a row is a pair of arms.
        """
        columns = [name + suffix for name in ARM]
        kept = frame[~frame[columns[0]].isin(UNQUERIED)]
        rows = kept[columns].set_axis(ARM, axis=1).to_dict("records")
        lines = [self._line(row) for row in rows]
        groups = [self._group(row["step_size"], row["initial"]) for row in rows]
        names = [self._name(line, group) for line, group in zip(lines, groups, strict=True)]
        settings = [self._setting(row) for row in rows]
        made = {
            "arm" + suffix: names,
            "line" + suffix: lines,
            "group" + suffix: groups,
            "setting" + suffix: settings,
            "choice" + suffix: [self._choice(row) for row in rows],
        }
        return kept.assign(**made)

    def colour(self) -> alt.Color:
        """The encoding of `line` as colour."""
        colours = [colour(f"arm-{line.colour}") for line in self.lines]
        return alt.Color("line:N", scale=self._scale(colours), legend=None)

    def shape(self) -> alt.Shape:
        """The encoding of `line` as a marker."""
        shapes = [line.shape for line in self.lines]
        return alt.Shape("line:N", scale=self._scale(shapes), legend=None)

    def dash(self) -> alt.StrokeDash:
        """The encoding of `line` as a dash."""
        dashes = [list(line.dash) for line in self.lines]
        return alt.StrokeDash("line:N", scale=self._scale(dashes), legend=None)

    def _scale(self, values: Sequence[Any]) -> alt.Scale:
        return alt.Scale(domain=self.line_names, range=list(values))

    def _make(self, row: dict[Any, Any]) -> Line:
        strategy = str(row["strategy"])
        known = _KNOWN.get(strategy)
        if known is None:  # one's own: the first look that is free
            taken = {(line.colour, line.shape) for line in self.lines} | set(_KNOWN.values())
            free = [(c, s) for s in _SHAPES for c in (6, 2, 4, 7, 3, 1, 5, 0)]
            same = [line for line in self.lines if line.strategy == strategy]
            known = (
                (same[0].colour, same[0].shape)
                if same
                else next((look for look in free if look not in taken), free[0])
            )
        dash = _FROZEN if row["head"] == "frozen" else _DASHES.get(str(row["retrain"]), (1, 0))
        # Of one strategy and regime, trainings differ in their dash, as far as dashes go.
        looks = [(line.colour, line.shape, line.dash) for line in self.lines]
        dash = next((each for each in (dash, *_MORE) if (*known, each) not in looks), dash)
        return Line(self._line(row), strategy, *known, dash)

    def _line(self, row: dict[Any, Any]) -> str:
        parts = [spelt(row["strategy"], row["parameters"])]
        if self._regimes:
            parts += told(row, ["retrain"])
        if self._heads and row["head"] == "frozen":
            parts += told(row, ["head"])
        return ", ".join([*parts, *told(row, self._told)])

    def _group(self, step_size: Any, initial: Any) -> str:
        size, first = int(step_size), int(initial)
        if self._initials:
            return tr("{size:,} a step, first {first:,}", size=size, first=first)
        return tr("{size:,} a step", size=size)

    def _setting(self, row: dict[Any, Any]) -> str:
        """What arms that may be compared have in common: all but the strategy."""
        parts = told(row, ["retrain"]) if self._regimes else []
        if self._heads:
            parts += told(row, ["head"])
        parts += told(row, [name for name in self._told if name in TRAINED])
        if len(self.groups) > 1 or not parts:
            parts.insert(0, self._group(row["step_size"], row["initial"]))
        return ", ".join(parts)

    def _choice(self, row: dict[Any, Any]) -> str:
        """What it may differ in from those: the strategy, and how that chooses."""
        chooser = [name for name in self._told if name in CHOOSER]
        return ", ".join([spelt(row["strategy"], row["parameters"]), *told(row, chooser)])

    def _name(self, line: str, group: str) -> str:
        return f"{line}, {group}" if len(self.groups) > 1 else line


def axis_of(column: str) -> str:
    """What a column of ARM is called in the filters."""
    return "regime" if column == "retrain" else column.replace("_", " ")
