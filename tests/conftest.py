"""What tests share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

# Nothing of a test goes into the home folder, nor does it meet another run's cluster.
os.environ["RAY_AUTH_MODE"] = "disabled"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ.pop("RAY_ADDRESS", None)

SHARED = Path(__file__).resolve().parents[1] / ".." / "shared"


class Inline:
    """A process pool that runs at once and here: a child costs seconds."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __enter__(self) -> Inline:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, function: Any, *args: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*args))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.fixture(scope="session")
def cluster() -> Iterator[None]:
    """One Ray cluster of two cores for all tests that need one."""
    import ray

    # What a user does for a strategy of one's own; actors inherit it from the cluster.
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent / "ray"), before])
    ray.init(
        "local",
        num_cpus=2,
        num_gpus=0,
        include_dashboard=False,
        object_store_memory=256 * 2**20,
        log_to_driver=False,
        logging_level="ERROR",
    )
    os.environ["PYTHONPATH"] = before
    yield
    ray.shutdown()


def tables(out: Path | str) -> dict[str, pd.DataFrame]:
    """Every table of a study but for what an equal run need not repeat, in a fixed order."""
    from al_ray.results import SCHEMAS, Store
    from al_ray.results.schema import UNTIMED

    store = Store(out)
    return {
        name: store.read(name).drop(columns=[c for c in UNTIMED if c in SCHEMAS[name].names])
        for name in SCHEMAS
    }


def assert_equal_studies(one: Path | str, other: Path | str, only: list[str] | None = None) -> None:
    """Equal tables by value, to the last bit; of `one` only some trajectories if they are named."""
    left, right = tables(one), tables(other)
    for name in left:
        if only is not None:
            left[name] = left[name][left[name].trajectory.isin(only)].reset_index(drop=True)
        pd.testing.assert_frame_equal(left[name], right[name], check_exact=True, obj=name)


# Of the report: one page of one small study for all its tests, and a browser to open pages in.
# They stand here, since a second conftest.py would hide this one from `from conftest import`.

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with everything: two step sizes, a committee, controls, and an arm that failed."""
    from page_studies import write_study

    return write_study(
        tmp_path_factory.mktemp("report") / "study",
        strategies=("random", "margin", "least-confidence", "qbc", "entropy"),
        missing=("entropy",),
        pool=300,
        tests=40,
    )


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A study that is quick to draw, for tests that draw again."""
    from page_studies import write_study

    facts = {"seeds": 2, "steps": 2, "step_sizes": (20,), "pool": 120, "tests": 30}
    return write_study(tmp_path / "small", ("random", "margin"), controls=(), **facts)


@pytest.fixture(scope="session")
def written(study: Path) -> Any:
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


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    from opened import Opened

    opened: list[Any] = []

    def go(path: Path, **options: Any) -> Any:
        opened.append(Opened(browser, path, **options))
        return opened[-1]

    yield go
    for each in opened:
        each.context.close()
