"""docs/notebook.ipynb is executed, and refusals in a notebook are exceptions."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

import al_ray
from al_ray.errors import CorpusError, UserError

NOTEBOOK = Path(__file__).resolve().parents[2] / "docs" / "notebook.ipynb"


@pytest.mark.ray
def test_the_notebook_runs_and_shows_what_it_says(tmp_path: Path) -> None:
    book = nbformat.read(NOTEBOOK, as_version=4)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert not any(cell.outputs for cell in code)  # none is kept
    NotebookClient(book, timeout=500, resources={"metadata": {"path": str(tmp_path)}}).execute()
    study, curve, steps, verdict, columns = (cell.outputs[-1].data for cell in code)
    assert all("<table" in each["text/html"] for each in (study, steps, verdict))
    assert "vegaEmbed" in curve["text/html"]
    assert "test_accuracy" in columns["text/plain"]
    ended = pd.DataFrame(al_ray.load(tmp_path / "study").steps())
    assert ended.groupby("strategy").size().to_dict() == {"margin": 4, "random": 4}


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"sedes": [1]}, UserError, "sedes is no option"),
        ({"seeds": "a"}, UserError, "'a' is not a whole number"),
        ({"text": "본문"}, CorpusError, "the columns are: text, label"),
        ({"step_size": 500}, UserError, "the pool has only"),
    ],
)
def test_what_cannot_be_is_an_exception(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: object, error: type, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame({"text": [f"문장 {i}" for i in range(80)], "label": ["가", "나"] * 40})
    with pytest.raises(error, match=says):
        al_ray.run(frame, **given)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())
