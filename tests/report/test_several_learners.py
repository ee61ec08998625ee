"""A page of a study in which trainings vary and a head learns what another chose."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_studies import arm, study, write

from al_ray.analysis.study import load
from al_ray.commands import study as cli


def curves(level: float, seed: int) -> dict[int, list[float]]:
    noise = np.random.default_rng(seed).normal(0, 0.002, (6, 3))
    return {n: list(np.array([0.5, 0.6, 0.7]) + level + noise[n]) for n in range(6)}


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
