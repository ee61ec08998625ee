"""Tables at widths from 80 on: whatever folds away, words and numbers stay whole."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from al_ray.io.table import LINE, Column, Table

COLUMNS = (
    Column("arm"),
    Column("regime", 4, "{}", left=True),
    Column("step", 4, "steps of {}"),
    Column("accuracy"),
    Column("balanced", 3),
    Column("area", 2),
)
LONG = "expected-gradient-length-word, learning rate 0.0001, epochs 10, pooling mean"
NUMBERS = ("0.764 ± 0.018", "0.790", "0.692 ± 0.013")


def shown(table: Table, width: int) -> list[str]:
    file = io.StringIO()
    Console(file=file, width=width).print(table)
    lines = [line.rstrip() for line in file.getvalue().splitlines()]
    assert max(map(cell_len, lines)) <= width
    assert "…" not in file.getvalue()
    return lines


def names(lines: list[str]) -> str:
    """The first column, wrapped lines put together again."""
    cells = (line.split("│")[1].strip() for line in lines if line.startswith("│"))
    return " ".join(cell for cell in cells if cell)


def test_what_is_alike_goes_first_and_is_said_once():
    rows = [(name, "cold", "1,000", *NUMBERS) for name in ("random", "margin")]
    table = Table(COLUMNS, rows, "A title")
    wide = shown(table, 100)
    assert "In every row" not in "".join(wide)
    assert sum("cold" in line and "1,000" in line for line in wide) == 2
    narrow = shown(table, 66)
    assert narrow[:2] == ["A title", "In every row: cold, steps of 1,000"]
    assert sum(all(number in line for number in NUMBERS) for line in narrow) == 2
    narrower = shown(table, 50)
    assert "balanced" not in narrower[3]
    assert "0.790" not in "".join(narrower)
    assert narrower[-1] == "A wider terminal shows balanced, too."


def test_what_tells_rows_apart_is_never_lost():
    arms = ("cold", "100"), ("cold", "50"), ("warm-new", "–")
    lines = shown(Table(COLUMNS, [(LONG, *arm, *NUMBERS) for arm in arms]), 80)
    told = ("cold, steps of 100", "cold, steps of 50", "warm-new")
    assert names(lines) == " ".join(f"{LONG}, {words}" for words in told)
    assert sum("0.692 ± 0.013" in line for line in lines) == 3


@pytest.mark.parametrize("width", [80, 100, 160])
@pytest.mark.parametrize("name", ["random", LONG, "문학과 예술, 그리고 스포츠" * 3])
@pytest.mark.parametrize("lines", [True, False])
def test_numbers_and_words_are_whole(name: str, width: int, lines: bool):
    head = ("learning rate 5e-05 and more that is common to the arms below it",)
    rows = [LINE, head, (name, "cold", "100", *NUMBERS), LINE, (name, "warm", "3,000", *NUMBERS)]
    said = shown(Table(COLUMNS, rows, "A title " * 30, "A caption " * 30, lines=lines), width)
    words = [word for line in said for word in line.replace("│", " ").split()]
    for word in [*name.split(), *head[0].split(), "0.764", "0.018"]:
        assert any(each.rstrip(",") == word.rstrip(",") for each in words), word
    if lines:
        assert len({cell_len(line) for line in said if line[:1] in "┏┃┡│├└"}) == 1
