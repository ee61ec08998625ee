"""A search on Ray: what it decides is the same after any interruption, and no test row is read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console
from tiny_study import STUDY

from al_ray.cluster import study as study_module
from al_ray.cluster.search import Found, run_search
from al_ray.corpus.embedded.news import generate
from al_ray.learners.encoder.source import resolve
from al_ray.results import Store
from al_ray.results.folder import own
from al_ray.search.account import account
from al_ray.study.config import StudyConfig
from al_ray.study.running import RunConfig
from al_ray.study.searching import SearchConfig

pytestmark = pytest.mark.ray

SEARCH = replace(
    STUDY,
    strategies=("margin", "random"),
    heads=("fine-tuned", "frozen"),
    validation=30,
    initial=20,
    seeds=(0, 1),
    search=SearchConfig(method="halving", seeds=(7, 8)),
)
KEPT = ["trajectory", "status", "rung", "why", "steps", "seed"]


def search(out: Path, study: StudyConfig = SEARCH) -> Found:
    corpus = replace(generate(train=200, test=60), tests=())
    own(Store(out).storage)
    model = resolve("mini", corpus, Store(out).cache)
    where = RunConfig(out=str(out), dashboard=False)
    return run_search(study, where, corpus, {study.model: model}, Console(width=120))


def decided(out: Path) -> tuple[pd.DataFrame, list[object]]:
    table = Store(out).read("trajectories")[KEPT]
    return table, [replace(entry, seconds=0) for entry in account(Store(out))]


@pytest.mark.campaign  # minutes; what is decided of which tables is in tests/search
def test_a_search_that_is_interrupted_decides_the_same(
    cluster: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = search(tmp_path / "whole")
    assert whole.done
    table, entries = decided(tmp_path / "whole")
    assert set(table.status) == {"complete", "stopped"}
    assert (table.rung[table.status == "stopped"].isin([40, 60])).all()
    assert next(entry.state for entry in entries if entry.random) == "best"
    steps = Store(tmp_path / "whole").read("steps")
    assert steps.test.isna().all()  # there is no test to be read
    stopped = steps[steps.trajectory.isin(table.trajectory[table.rung == 40])]
    assert stopped.n_labelled.max() == 40  # let go at the first rung, and never run on
    assert set(Store(tmp_path / "whole").read("predictions").test) == {"validation"}

    real, calls = study_module.tune_study, []

    def dies(study, run_config, configs, *rest):  # type: ignore[no-untyped-def]
        """Half of a batch is done when the driver ends."""
        calls.append(len(configs))
        if len(calls) in (1, 3):
            real(study, run_config, configs[: len(configs) // 2], *rest)
            raise KeyboardInterrupt
        real(study, run_config, configs, *rest)

    monkeypatch.setattr(study_module, "tune_study", dies)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            search(tmp_path / "cut")
    again = search(tmp_path / "cut")
    assert again.rounds == whole.rounds
    pd.testing.assert_frame_equal(decided(tmp_path / "cut")[0], table)
    assert decided(tmp_path / "cut")[1] == entries
    digests = ["trajectory", "step", "picks_digest", "validation_accuracy"]
    cut = Store(tmp_path / "cut").read("steps")
    pd.testing.assert_frame_equal(cut[digests], steps[digests])

    # Another method in the same folder leaves one best of each half, and the first again its own.
    monkeypatch.setattr(study_module, "tune_study", real)
    other = search(
        tmp_path / "cut", replace(SEARCH, search=SearchConfig(method="random", seeds=(7,)))
    )
    assert sum(entry.state == "best" for entry in decided(tmp_path / "cut")[1]) == 2
    assert other.done
    again = search(tmp_path / "cut")
    states = {e.configuration: e.state for e in decided(tmp_path / "cut")[1]}
    assert states == {entry.configuration: entry.state for entry in entries}

    # What is damaged is done again by the same command, as its message says.
    name = next(iter(sorted((tmp_path / "cut" / "steps").glob("*.parquet"))))
    name.write_bytes(b"damaged")
    assert search(tmp_path / "cut").rounds == whole.rounds

    # At its end nothing runs any more; what goes on to the test has seeds of its own.
    monkeypatch.setattr(study_module, "tune_study", None)
    study = search(tmp_path / "cut").final()
    assert study.search is None
    assert study.seeds == (0, 1)
    strategies = [part.strategies for part in study.parts]
    assert ("margin",) in strategies
    assert ("random",) in strategies
