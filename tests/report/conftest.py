"""One page of one small study for all tests of the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pages import Opened
from written_studies import write_study


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """A study with everything: two step sizes and heads, a committee, controls, a failed arm."""
    return write_study(
        tmp_path_factory.mktemp("report") / "study",
        strategies=("random", "margin", "least-confidence", "qbc", "entropy"),
        missing=("entropy",),
        frozen=("random",),
        pool=300,
        tests=40,
    )


@pytest.fixture
def small(tmp_path):
    """A study that is quick to draw, for tests that draw again."""
    facts = {"seeds": 2, "steps": 2, "step_sizes": (20,), "pool": 120, "tests": 30}
    return write_study(tmp_path / "small", ("random", "margin"), controls=(), **facts)


@pytest.fixture
def few(monkeypatch):
    """Two figures instead of all, for tests that are about other things."""
    from al_ray.report import gallery

    kept = ("Labels of what was chosen", "Time and cost")
    makers = tuple(maker for maker in gallery._MAKERS if maker[0] in kept)
    monkeypatch.setattr(gallery, "_MAKERS", makers)


@pytest.fixture(scope="session")
def written(study):
    from al_ray.report.build import write_report

    return write_report(study)


@pytest.fixture
def open_page(browser):
    opened = []

    def go(path: Path, **options: Any) -> Opened:
        opened.append(Opened(browser, path, **options))
        return opened[-1]

    yield go
    for each in opened:
        each.context.close()
