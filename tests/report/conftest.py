"""One page of one small study for all tests of the report, and a browser to open pages in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from written_studies import write_study

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """A study with everything: two step sizes, a committee, controls, and an arm that failed."""
    return write_study(
        tmp_path_factory.mktemp("report") / "study",
        strategies=("random", "margin", "least-confidence", "qbc", "entropy"),
        missing=("entropy",),
        pool=300,
        tests=40,
    )


@pytest.fixture
def small(tmp_path):
    """A study that is quick to draw, for tests that draw again."""
    facts = {"seeds": 2, "steps": 2, "step_sizes": (20,), "pool": 120, "tests": 30}
    return write_study(tmp_path / "small", ("random", "margin"), controls=(), **facts)


@pytest.fixture(scope="session")
def written(study):
    from al_ray.report.build import write_report

    return write_report([study])


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here; install one (Debian: apt-get install chromium)")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        # A container has neither the sandbox's privileges nor much shared memory.
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield chromium
        chromium.close()


class Opened:
    """A page that has been drawn, what it said, and what it asked a network for."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.said: list[str] = []
        self.requests: list[str] = []
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(10_000)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.route(lambda url: not url.startswith(("file:", "data:")), self._refuse)
        self.page.goto(path.as_uri())
        self.page.evaluate("alRay.ready")

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.said.append(message.text)

    def _refuse(self, route: Any) -> None:
        self.requests.append(route.request.url)
        route.abort()


@pytest.fixture
def open_page(browser):
    opened = []

    def go(path: Path, **options: Any) -> Opened:
        opened.append(Opened(browser, path, **options))
        return opened[-1]

    yield go
    for each in opened:
        each.context.close()


class Shown(NamedTuple):
    """What a command ended with."""

    code: int
    out: str
    err: str
