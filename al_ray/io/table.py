"""Tables for a terminal of any width: columns fold away, words and numbers stay whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rich import box, table
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.text import Text

from al_ray.language import tr

NOTHING: Final = "–"
"""A cell that says nothing, and nothing is said of it elsewhere."""

LINE: Final = ()
"""A row that is a line between those before it and those after it."""

_NAME: Final = 32
"""Cells beyond which a row's name is broken between words rather than a column folded away."""

_TITLE: Final = 60
"""Cells that a title finds above the narrowest table."""

Row = Sequence[str | Text]


@dataclass(frozen=True)
class Column:
    """A column, and how it folds away where there is no room for it.

    Attributes:
        title: above it.
        rank: 0: it never does; of others the largest goes first, and of equals the last.
        words: what a cell says elsewhere, such as `steps of {}`: once, for all rows, where these
            have the same, which goes before all others, and else beside the row's name. '': the
            column is left out, and that is said.
        left: whether cells begin at the left; numbers do not.
    """

    title: str
    rank: int = 0
    words: str = ""
    left: bool = False


@dataclass(frozen=True)
class Table:
    """A table that shows what there is room for; texts are no markup.

    Attributes:
        columns: the first one names the rows and is broken between words; no other is.
        rows: a cell for each column; of a heading the first one alone; or LINE.
        title: above it.
        caption: below it.
        lines: whether cells are framed.
    """

    columns: Sequence[Column]
    rows: Sequence[Row]
    title: str = ""
    caption: str = ""
    lines: bool = True

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        """The table in so many columns of the terminal."""
        alike, beside, out = self._folded(options.max_width)
        gone = {*alike, *beside, *out}
        shown = [place for place in range(len(self.columns)) if place not in gone]
        told = [self._words(place, value) for place in alike for value in self._values(place)[:1]]
        left_out = ", ".join(self.columns[place].title for place in out)
        made = table.Table(
            title=_text(self.title, tr("In every row: {said}", said=", ".join(told)) * bool(told)),
            caption=_text(
                tr("A wider terminal shows {columns}, too.", columns=left_out) * bool(out),
                self.caption,
            ),
            title_justify="left",
            caption_justify="left",
            box=box.HEAVY_HEAD if self.lines else None,
            padding=(0, 1) if self.lines else (0, 2, 0, 0),
            min_width=min(_TITLE, options.max_width) if self.lines else None,
        )
        for place in shown:
            column = self.columns[place]
            made.add_column(
                Text(column.title),
                justify="left" if column.left or not place else "right",
                no_wrap=place > 0,
                overflow="fold",
            )
        for row in self.rows:
            if row:
                name = self._name(row, beside)
                made.add_row(name, *(_cell(row[place]) for place in shown[1:] if place < len(row)))
            else:
                made.add_section()
        yield made

    def _folded(self, width: int) -> tuple[list[int], list[int], list[int]]:
        """Columns that are said once, beside the names, and not at all."""
        places = range(1, len(self.columns))
        if self._width() <= width:
            return [], [], []
        alike = [
            place
            for place in places
            if self.columns[place].words and len(set(self._values(place))) < 2
        ]
        beside: list[int] = []
        out: list[int] = []
        foldable = [place for place in places if self.columns[place].rank and place not in alike]
        for place in sorted(foldable, key=lambda at: (self.columns[at].rank, at), reverse=True):
            if self._width([*alike, *beside, *out], beside) <= width:
                break
            (beside if self.columns[place].words else out).append(place)
        return alike, sorted(beside), sorted(out)

    def _width(self, without: Sequence[int] = (), beside: Sequence[int] = ()) -> int:
        """Cells that the table asks for without these columns, names broken between words."""
        names = [self.columns[0].title, *(str(self._name(row, beside)) for row in self.rows if row)]
        longest = max((cell_len(word) for name in names for word in name.split()), default=0)
        widths = [max(longest, min(_NAME, max(map(cell_len, names))))]
        for place, column in enumerate(self.columns):
            if place and place not in without:
                widths.append(max(map(cell_len, (column.title, *self._values(place)))))
        return sum(widths) + (3 * len(widths) + 1 if self.lines else 2 * len(widths))

    def _values(self, place: int) -> list[str]:
        """The cells of a column that say something."""
        cells = (str(row[place]) for row in self.rows if place < len(row))
        return [cell for cell in cells if cell != NOTHING]

    def _words(self, place: int, cell: str) -> str:
        return self.columns[place].words.format(cell)

    def _name(self, row: Row, beside: Sequence[int]) -> Text:
        """What the first column says of a row."""
        cells = ((place, str(row[place])) for place in sorted(beside) if place < len(row))
        told = (self._words(place, cell) for place, cell in cells if cell != NOTHING)
        return Text(", ").join([_cell(row[0]), *map(Text, told)])


def _cell(cell: str | Text) -> Text:
    return Text(cell) if isinstance(cell, str) else cell


def _text(*lines: str) -> Text | None:
    said = "\n".join(line for line in lines if line)
    return Text(said) if said else None
