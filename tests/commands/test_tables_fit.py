"""The tables that commands print, of a study of many arms, at the widths of terminals."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "analysis"))

from small_studies import arm, noisy, study, write
from tables_kept import WIDTHS, Kept, shown
from test_plan_command import ESTIMATE, STUDY, made

from al_ray.commands import study as cli
from al_ray.commands.plan import print_plan

LONG = "expected-gradient-length-word"
TRAININGS = [(rate, epochs) for rate in (1e-4, 5e-5) for epochs in (3, 15)]


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Kept:
    console = Kept()
    monkeypatch.setattr(cli.terminal, "console", lambda: console)
    return console


def test_a_study_in_the_midst_of_its_arms(tmp_path: Path, kept: Kept):
    arms = {
        arm(name, learning_rate=rate, epochs=epochs): noisy([0.5, 0.6, 0.7], 5, 0.01, place)
        for place, (rate, epochs) in enumerate(TRAININGS)
        for name in ("random", LONG)
    }
    made = study(arms, [1000, 2000, 3000], status={(LONG, 1): "running"})
    made.description["trajectories"] = dict.fromkeys(made.description["trajectories"], 4)
    write(tmp_path, made)
    with pytest.raises(SystemExit):
        cli.main(["show", str(tmp_path)])
    of_arms, of_trajectories = kept.tables
    for width in WIDTHS:
        said = shown(of_arms, width)
        assert sum(" ± 0.0" in line for line in said.splitlines()) == len(arms)
        assert "stopped" in shown(of_trajectories, width)
    assert "In every row: cold, 10 first, steps of 10, 3,000 labels" in shown(of_arms, 80)
    assert "s a step" in shown(of_trajectories, 160)


def test_a_corpus_and_a_plan(tmp_path: Path, kept: Kept):
    rows = (f"글 {i} {n},{label}" for i in range(20) for n, label in enumerate(("정치", "스포츠")))
    for name in ("train", "test"):
        lines = ["text,label", *rows] if name == "train" else ["text,label", "글,정치", "말,스포츠"]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(SystemExit):
        cli.main(["check", str(tmp_path)])
    arms = tuple(replace(ESTIMATE.arms[0], strategy=f"{LONG}, {it}") for it in ("cold", "warm-new"))
    print_plan(made(estimate=replace(ESTIMATE, arms=arms)), STUDY, kept)
    corpus, plan = kept.tables
    for width in WIDTHS:
        assert "스포츠" in shown(corpus, width)
        assert "3.0" in shown(plan, width)
