"""A console that keeps the tables it is given, and what must hold of each at any width."""

from __future__ import annotations

import io
from typing import Any

from rich.cells import cell_len
from rich.console import Console

from al_ray.io.table import Table

WIDTHS = (80, 100, 160)


class Kept(Console):
    """Keeps the tables that it is given."""

    def __init__(self) -> None:
        super().__init__(width=140)
        self.tables: list[Table] = []

    def print(self, *given: Any, **options: Any) -> None:
        self.tables += [each for each in given if isinstance(each, Table)]
        super().print(*given, **options)


def shown(table: Table, width: int) -> str:
    """As so wide a terminal shows it: it fits, and no name nor what is always there is cut."""
    file = io.StringIO()
    Console(file=file, width=width).print(table)
    said = file.getvalue()
    assert "…" not in said
    assert max(map(cell_len, said.splitlines())) <= width
    words = set(said.replace("│", " ").replace(",", " ").split())
    for place, column in enumerate(table.columns):
        if not (place and column.rank):
            cells = (str(row[place]) for row in table.rows if place < len(row))
            assert {word for cell in cells for word in cell.replace(",", " ").split()} <= words
    return said
