"""What tests share."""

from __future__ import annotations

import functools
import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from s3_server import S3Server

from al_ray import language

TESTS = Path(__file__).parent
RAY = TESTS / "ray"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
settings.register_profile("al_ray", deadline=None)  # how long something takes is not tested
settings.load_profile("al_ray")
sys.path.insert(0, str(RAY))  # its studies and strategies are used in other rooms, too

os.environ |= {
    # Two threads that spin for each other make small models many times slower on a busy machine.
    "OMP_NUM_THREADS": "1",
    "LC_ALL": "C.UTF-8",  # or what is said is in the language of who runs the tests
    # At its own 15, Ray's workers are starved by the tests beside them.
    "RAY_worker_niceness": "0",
}
# Nothing of a test goes into the home folder, nor does it meet another run's cluster.
os.environ["RAY_AUTH_MODE"] = "disabled"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ.pop("RAY_ADDRESS", None)


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """A command that a test has run in this process may have spoken Korean."""
    yield
    language.use("en")


@pytest.fixture
def korean() -> None:
    """What is said is Korean."""
    language.use("ko")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs Ray takes longest, and begins first."""
    items.sort(key=lambda item: item.get_closest_marker("ray") is None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores, since tests of Ray wait now and then; each takes 1 GB."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(4, (cores or 1) + 1)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give what belongs together to one process: a file, or a room that shares something.

    pytest-xdist's own groups (3.8) are lost on pytest 9.2.
    """
    from xdist.scheduler import LoadScopeScheduling

    @functools.cache
    def together(file: str) -> str:
        path = config.rootpath / file
        own = path.parent != TESTS and (path.parent / "conftest.py").exists()
        return str(path.parent) if own else file

    class Together(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return together(nodeid.partition("::")[0])

    config.option.loadscopereorder = False  # in the order above
    return Together(config, log)


@pytest.fixture(scope="session")
def cluster() -> Iterator[None]:
    """One Ray cluster of two cores for all tests of this process that need one."""
    import ray

    # What a user does for a strategy of one's own; actors inherit it from the cluster.
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(RAY), before])
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


@pytest.fixture(scope="session")
def undisturbed(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What other studies are compared with: one shard, one trial after the other, made once.

    Margin and core-set by two seeds, a committee, and margin in the other regimes.
    """
    import tiny_study
    from filelock import FileLock
    from helpers import roles
    from tiny_study import STUDY

    base = tmp_path_factory.getbasetemp()
    place = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    out = place / "undisturbed"
    crews = out.with_suffix(".roles")
    grids = (
        {"strategies": ("margin", "core-set"), "seeds": (0, 1)},
        {"strategies": ("qbc",)},
        {"retrain": ("warm", "warm-new"), "seeds": (0, 1)},
    )
    with FileLock(place / "undisturbed.lock"):
        if not crews.exists():
            study = replace(STUDY, grids=grids)
            assert not tiny_study.run(out, study, concurrent=1).unfinished
            crews.write_text(json.dumps(roles(out.name)))
    return out


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Torch computes with one thread: with two, sums differ in the last bits."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3-compatible server for all tests that need one."""
    server = S3Server(tmp_path_factory.mktemp("s3"))
    yield server
    server.stop()


@pytest.fixture
def node_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This machine's cache, empty; processes that are begun from here on have it, too."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    return tmp_path / "xdg" / "al_ray"


@pytest.fixture
def no_ray_no_hub_no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run in this process up to where Ray would be started, which raises `Started`."""
    import huggingface_hub
    import ray
    from helpers import Inline, Started

    from al_ray.corpus.tokens import prepared

    def init(*_: object, **__: object) -> None:
        raise Started

    def download(*_: object, **__: object) -> None:
        raise ConnectionError("no network in tests")

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    monkeypatch.setattr(prepared, "ProcessPoolExecutor", Inline)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium, gone after these tests: its event loop would be in the way of others."""
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
