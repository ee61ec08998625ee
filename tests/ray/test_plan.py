"""`--plan` on a real cluster: an estimate, and nothing but caches in the folder."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from tiny_study import STUDY

from al_ray.cluster import plan as plans
from al_ray.cluster.trials import probe
from al_ray.commands import study as cli
from al_ray.commands.experiment import Experiment
from al_ray.corpus.embedded.news import generate
from al_ray.learners.encoder.source import resolve
from al_ray.results import Store
from al_ray.study.running import RunConfig

pytestmark = pytest.mark.ray

SMALL = Experiment(
    name="small",
    title="",
    strategies=("random", "margin"),
    step_sizes=(20,),
    budget=60,
    batch_size=8,
    max_length=24,
    demo_step_sizes=(20,),
    demo_steps=3,
)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "FIT_SECONDS", 0.5)
    monkeypatch.setattr(probe, "SCORE_SECONDS", 0.5)


def test_an_estimate_and_no_study(
    cluster: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    argv = ["--plan", "--pool-limit", "300", "--test-limit", "60", "--out", str(out)]
    argv += ["--seeds", "0", "1"]
    with pytest.raises(SystemExit) as ended:
        cli.study_main(SMALL, argv)
    said = capsys.readouterr().out
    assert ended.value.code == 0, said
    assert "It would take about " in said
    assert "4 trajectories, 12 steps, 12 fits" in said
    assert "of cache" in said
    assert {path.name for path in out.iterdir()} == {".al_ray", "cache"}


def test_what_is_left_of_a_study(undisturbed: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(undisturbed, out)
    before = {path for path in out.rglob("*") if path.is_file()}

    def plan(steps: int) -> plans.Plan:
        corpus = generate(train=200, test=60)
        where = RunConfig(out=str(out), dashboard=False)
        models = {STUDY.model: resolve("mini", corpus, Store(out).cache)}
        return plans.plan_study(replace(STUDY, steps=steps), where, corpus, models, Console())

    nothing = plan(3)
    assert (nothing.estimate.trials, nothing.estimate.done) == (0, 1)
    assert (nothing.measured, nothing.estimate.seconds) == ({}, 0.0)

    more = plan(5)
    # The third step chose nothing when it was the last one, so it is done again.
    assert (more.estimate.steps, more.estimate.trials, more.estimate.work.fits) == (3, 1, 3)
    (measured,) = more.measured.values()
    assert measured.at_once == 1  # there is one trial, whatever the cores
    assert more.estimate.seconds > 0
    assert more.past is not None
    assert more.past > 0
    assert more.estimate.storage.checkpoints == 0
    assert {path for path in out.rglob("*") if path.is_file()} == before
