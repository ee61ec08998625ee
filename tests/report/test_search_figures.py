"""The pictures of a search, from a search's folder that the loop has written."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from loop_stub import Stub, World, config_of
from written_studies import write_study

from al_ray import language
from al_ray.analysis import searched
from al_ray.analysis.conclusion import conclusion
from al_ray.analysis.study import load
from al_ray.analysis.summary import arms as summarised
from al_ray.analysis.verdict import sentences, verdict
from al_ray.loop.trajectory import Trajectory
from al_ray.report.arms import Arms
from al_ray.report.figures.searched import has_search
from al_ray.report.gallery import gallery
from al_ray.results import Store
from al_ray.search.account import account, called, told


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


def test_reasons_are_in_the_language_that_is_spoken(out):
    """Tables have them in English, whoever ran the search."""
    language.use("ko")  # every test begins in English
    said = [told(each.why) for each in account(Store(out / "search"))]
    language.use("en")
    assert said == ["", "2개 중 2위, 1개만 계속"] * 2
    assert told("place 3 of 7 at the end") == "place 3 of 7 at the end"
    assert told("what nobody wrote") == "what nobody wrote"


def test_one_that_has_no_step_yet_is_going_on(out, tmp_path):
    there = tmp_path / "search"
    shutil.copytree(out / "search", there)
    store = Store(there)
    config = config_of(strategy="entropy", validation=20)
    columns = {n: [v] if isinstance(v, list) else v for n, v in config.columns.items()}
    store.write("trajectories", {**columns, "status": "running"}, config.id)
    described = store.study_json.read()
    asked = {**described["trajectories"], config.id: 4}
    store.study_json.write({**described, "trajectories": asked})
    (new,) = [e for e in account(store) if dict(e.configuration)["strategy"] == "entropy"]
    assert (new.state, new.labels, new.seeds) == ("left", 0, 0)


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


@pytest.fixture
def final(out, tmp_path):
    """A study of random and margin at step sizes of 20 and 40, as if random were best at 40."""

    def made(random_steps=40, **facts):
        plain = write_study(
            tmp_path / "final",
            **{"strategies": ("random", "margin"), "controls": (), "demonstration": False, **facts},
        )
        shutil.copytree(out / "search", plain / "search")
        store = Store(plain / "search")
        known = store.read("trajectories")
        for name, strategy in zip(known.trajectory, known.strategy, strict=True):
            size = random_steps if strategy == "random" else 20
            store.change("trajectories", name, {"step_size": size, "epochs": 2})
        return plain

    return made


def test_the_comparison_at_the_end_is_of_these_two(final):
    """Trained alike they are what the verdict compares: the same numbers, said once."""
    plain = final(random_steps=20)
    assert searched.lines(load(write_study(plain.parent / "other"))) == []
    study = load(plain)
    found = searched.final(study)
    assert (found.alike, found.seeds, found.rows) == (True, 5, 80)
    said = next(r for r in verdict(study).to_dict("records") if r["step_size"] == 20)
    assert found.area.difference == pytest.approx(said["numbers"]["difference"])
    assert found.area.low == pytest.approx(said["numbers"]["low"])
    assert searched.lines(study) == []


def test_the_comparison_at_the_end_decides_the_answer(final):
    """Better than random trained alike, and not shown better than random at its own best."""
    many = {"tests": 1000, "seeds": 8}
    better = load(final(gains={"random": 0.0, "margin": 0.2}, **many))
    found = searched.final(better)
    assert (found.alike, found.kind) == (False, "better")
    assert "against random at its own best" in searched.lines(better)[0]
    assert searched.lines(better)[0] in sentences(better)
    said = conclusion(better)
    assert said.kind == "label with"
    assert "better than random at its own best, random (steps of 40)" in said.sentence

    random40 = better.steps.strategy.eq("random") & better.steps.step_size.eq(40)
    risen = replace(better, predictions=_right(better, random40), memory={})
    found = searched.final(risen)
    assert found.kind in ("no difference", "worse")
    said = conclusion(risen)
    assert said.kind in ("cannot tell", "label at random")
    assert "random at its own best" in said.sentence
    assert not said.sentence.startswith("Label with")

    three = better.trajectories[better.trajectories.seed < 3]
    few = replace(better, trajectories=three, steps=better.steps[better.steps.seed < 3], memory={})
    assert searched.lines(few)[0].endswith("cannot tell (3 seeds)")


def _right(study, of):
    """Predictions that are right in nine of ten rows more, of some steps' trajectories."""
    names = set(study.steps.trajectory[of])
    told = study.predictions
    draw = np.random.default_rng(0).random(len(told)) < 0.9
    hit = told.trajectory.isin(names) & draw
    return told.assign(prediction=told.prediction.where(~hit, told.label))
