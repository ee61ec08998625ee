"""A page of a study in which trainings vary and a head learns what another chose."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_studies import answered, arm, study, write

from al_ray.analysis.study import load
from al_ray.analysis.summary import ARM
from al_ray.commands import study as cli
from al_ray.report.arms import Arms
from al_ray.report.figures.agreement import pairs
from al_ray.report.figures.curves import _controls


def curves(level: float, seed: int) -> dict[int, list[float]]:
    noise = np.random.default_rng(seed).normal(0, 0.002, (6, 3))
    return {n: list(np.array([0.5, 0.6, 0.7]) + level + noise[n]) for n in range(6)}


def test_a_control_is_of_one_encoder_and_training():
    arms = {arm("random", learning_rate=rate): curves(0, 1) for rate in (1e-4, 5e-5)}
    for rate, level in ((1e-4, 0.8), (5e-5, 0.9)):
        key = dict(zip(ARM, arm("control", learning_rate=rate, step_size=90), strict=True))
        arms[tuple({**key, "initial": 90}.values())] = {n: [level] for n in range(3)}
    made = study(arms, [10, 20, 30])
    found = {row["text"].partition("all, ")[2]: row["mean"] for row in _controls(made)
             if row["metric"] == "accuracy"}  # fmt: skip
    assert found == pytest.approx({"learning rate 0.0001": 0.8, "learning rate 5e-05": 0.9})


def test_two_of_one_strategy_are_two_arms_of_a_pair():
    right = {
        arm(name, parameters=given): np.array([[[n < many] for n in range(10)]] * 5)
        for name, given, many in (
            ("random", "", 5),
            ("bald", "passes=10", 6),
            ("bald", "passes=20", 8),
        )
    }
    made = answered(right, [10])
    found = pairs(made, Arms(made.trajectories))
    names = {row["pair"] for row in found.data["pairs"]}
    assert len(names) == 3
    assert all(sum(r["share"] for r in found.data["pairs"] if r["pair"] == name) == pytest.approx(1)
               for name in names)  # fmt: skip


def test_everything_is_drawn_and_every_arm_has_a_name(tmp_path, capsys):
    arms = {
        arm("random", learning_rate=1e-4): curves(0, 1),
        arm("margin", learning_rate=1e-4): curves(0.05, 2),
        arm("random", learning_rate=5e-5): curves(-0.02, 3),
        arm("margin", learning_rate=5e-5): curves(0.01, 4),
        arm("margin", learning_rate=1e-4, chosen_by="frozen"): curves(0.03, 5),
        arm("random", "frozen"): curves(-0.1, 6),
        arm("margin", "frozen"): curves(-0.1, 7),
    }
    made = study(arms, [10, 20, 30])
    facts = {"model": {"name": "a model", "digest": "d"}, "train_rows": 1000, "notes": []}
    write(tmp_path / "out", replace(made, description={**made.description, **facts}))
    assert len(load(tmp_path / "out").arms()) == len(arms)
    with pytest.raises(SystemExit) as ended:
        cli.main(["report", str(tmp_path / "out")])
    said = capsys.readouterr()
    assert ended.value.code == 0
    assert "could not" not in said.out + said.err
    page = (tmp_path / "out" / "report" / "index.html").read_text(encoding="utf-8")
    assert "against choosing for itself: worse" in page
    for name in ("margin, learning rate 5e-05", "margin, learning rate 0.0001, chosen by frozen"):
        assert name in page
