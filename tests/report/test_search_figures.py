"""The pictures of a search, from a search's folder that the loop has written."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
from loop_stub import Stub, World, config_of
from written_studies import write_study

from al_ray.analysis import searched
from al_ray.analysis.study import load
from al_ray.analysis.summary import arms as summarised
from al_ray.analysis.verdict import sentences, verdict
from al_ray.loop.trajectory import Trajectory
from al_ray.report.arms import Arms
from al_ray.report.figures.searched import has_search
from al_ray.report.gallery import gallery
from al_ray.results import Store
from al_ray.search.account import account, called


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """Margin and random in two trainings each; one of each pair is let go at 11 labels."""
    out = write_study(tmp_path_factory.mktemp("found") / "study", step_sizes=(20,))
    store, world = Store(out / "search"), World()
    world.rows.splits.pop("test")
    world.rows.splits.pop("dev")
    asked = {}
    for strategy in ("margin", "random"):
        for epochs, steps in ((2, 4), (5, 2)):
            base = config_of(strategy=strategy, validation=20, steps=steps)
            learner = base.learner
            training = replace(learner.training, epochs=epochs)
            for seed in (7, 8) if steps == 4 else (7,):
                config = replace(base, learner=replace(learner, training=training), seed=seed)
                list(Trajectory(config, world.rows, Stub(world, config), store).run())
                told = {"status": "complete", "rung": 21, "why": "place 1 of 2"}
                if steps == 2:
                    told = {"status": "stopped", "rung": 11, "why": "place 2 of 2, and 1 went on"}
                columns = {n: [v] if isinstance(v, list) else v for n, v in config.columns.items()}
                store.write("trajectories", {**columns, **told}, config.id)
                asked[config.id] = steps
    facts = {"schema_version": 2, "trajectories": asked, "tests": {}, "labels": ["가"]}
    store.study_json.write(facts)
    return out


def test_the_account(out):
    found = account(Store(out / "search"))
    assert [(e.random, e.state, e.labels, e.seeds) for e in found] == [
        *((False, "best", 21, 2), (False, "stopped", 11, 1)),
        *((True, "best", 21, 2), (True, "stopped", 11, 1)),
    ]
    assert [called(e.configuration) for e in found] == [
        f"{name} (epochs {n})" for name in ("margin", "random") for n in (2, 5)
    ]


def test_all_pictures_are_drawn(out):
    study = load(out)
    arms = Arms(study.trajectories, summarised(study.steps, study.trajectories, study.test))
    drawn = gallery(study, arms)
    assert drawn.failed == []
    names = [f.name for f in drawn.figures if f.name.startswith("search-")]
    assert names == [
        f"search-{n}" for n in ("ranks", "parallel", "slices", "importances", "front", "timeline")
    ]
    for figure in drawn.figures:
        for panel in figure.panels:
            panel.chart.to_dict()  # as Vega-Lite's schema has it
    by_name = {figure.name: figure for figure in drawn.figures}
    ranks = by_name["search-ranks"].data["search-ranks"]
    places = {}
    for row in ranks:
        places.setdefault(row["labels"], []).append(row["place"])
    assert {n: sorted(each) for n, each in places.items()} == {
        6: [1, 2, 3, 4],
        11: [1, 2, 3, 4],
        16: [1, 2],  # who was let go has no place any more
        21: [1, 2],
    }
    front = by_name["search-front"]
    assert "11" in front.caption  # the last number of labels that all came to
    assert len(front.data["search-front"]) == 4
    plain = load(write_study(out.parent / "plain", step_sizes=(20,)))
    assert not has_search(plain)


def test_the_comparison_at_the_end_is_of_these_two(out):
    """Best against best as one study of both has it: the same numbers as the verdict's own."""
    plain = write_study(
        out.parent / "final", strategies=("random", "margin"), step_sizes=(20,), controls=()
    )
    assert searched.lines(load(plain)) == []
    shutil.copytree(out / "search", plain / "search")
    study = load(plain)
    trajectories = study.trajectories.assign(epochs=2)
    study = replace(study, trajectories=trajectories, memory={})
    found = searched.final(study)
    assert (found.arm, found.random, found.seeds, found.missing) == ("margin", "random", 5, 0)
    (said,) = verdict(study).to_dict("records")
    assert found.area.difference == pytest.approx(said["numbers"]["difference"])
    assert found.area.low == pytest.approx(said["numbers"]["low"])
    (line,) = searched.lines(study)
    assert line.startswith("Best of the search, margin, against random at its own best, random: ")
    assert line in sentences(study)
    few = replace(study, trajectories=trajectories[trajectories.seed < 3], memory={})
    few = replace(few, steps=study.steps[study.steps.seed < 3], memory={})
    assert searched.lines(few)[0].endswith("cannot tell from 3 seeds")
