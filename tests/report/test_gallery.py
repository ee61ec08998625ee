"""Figures of studies with many arms, which are counted and chosen and not heaped."""

from __future__ import annotations

from written_studies import write_study

from al_ray.analysis.study import load
from al_ray.report.arms import Arms
from al_ray.report.gallery import gallery


def test_many_arms(tmp_path):
    strategies = ("random", "margin", "least-confidence", "entropy", "badge", "core-set", "bald")
    facts = {"seeds": 1, "steps": 2, "step_sizes": (20,), "controls": (), "pool": 120, "tests": 30}
    study = load(write_study(tmp_path, strategies, **facts))
    made = gallery(study, Arms(study.trajectories))
    assert made.failed == []
    figures = {figure.name: figure for figure in made.figures}

    sets = figures["right-sets"].data["sets"]
    assert len({row["right"] for row in sets}) == len(sets)  # one bar for each combination
    assert sum(row["rows"] for row in sets) <= 30

    for name in ("agreement", "overlap"):
        figure = figures[name]
        (beside,) = figure.controls
        assert beside.name == "beside"
        assert {value for value, _ in beside.options} == set(strategies)
        rows = next(iter(figure.data.values()))
        of_one = {row["pair"] for row in rows if row["beside"] == strategies[1]}
        assert len(of_one) == len(strategies) - 1
        assert all(strategies[1] in pair for pair in of_one)
