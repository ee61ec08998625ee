"""From what is asked for to a search: random has every training that a strategy has."""

from dataclasses import replace

import pytest

from al_ray.errors import UserError
from al_ray.search.asked import Asked
from al_ray.search.rounds import Run
from al_ray.search.seen import Seen
from al_ray.study.config import StudyConfig, union
from al_ray.study.grid import Encoder
from al_ray.study.learner import Source
from al_ray.study.ranges import Range
from al_ray.study.searching import SearchConfig
from al_ray.study.training import Training

TRAINING = Training(
    recipe="stable", learning_rate=1e-4, epochs=3, batch_size=8, max_length=32, token_budget=512
)
STUDY = StudyConfig(
    strategies=("margin", "entropy"),
    training=TRAINING,
    rates=(1e-4,),
    axes={"epochs": (2, 3)},
    step_sizes=(50,),
    budget=200,
    validation=20,
    search=SearchConfig(method="halving"),
)
NAMES = Source(name="x", digest="x")


def asked(study, pretrained=True):
    return Asked(study, NAMES, {"": Encoder(NAMES, pretrained=pretrained)}, 1000)


def halves(study):
    return {name: {run.configuration for run in said.runs}
            for name, said in asked(study).search().each(Seen({})).items()}  # fmt: skip


def test_random_is_there_though_nobody_named_it():
    found = halves(STUDY)
    assert [len(found[name]) for name in ("strategies", "random")] == [4, 2]
    for which in found["random"]:
        config = asked(STUDY).trajectory(Run(100, 7, which))
        assert (config.strategy, config.seed) == ("random", 7)
        assert config.learner.training.epochs == dict(which)["epochs"]
    # Beside a fine-tuned random arm a study has a frozen one, which no search has asked for.
    assert {dict(which).get("head") for which in found["random"]} == {None}


def test_random_has_the_trainings_of_every_grid():
    """Though only one of them names it."""
    one = replace(STUDY, strategies=("margin", "random"), axes={"epochs": (2, 3)})
    other = replace(STUDY, strategies=("margin",), axes={"epochs": (5, 9)})
    found = halves(union([one, other]))
    epochs = {name: sorted(dict(w)["epochs"] for w in of) for name, of in found.items()}
    assert epochs == {"strategies": [2, 3, 5, 9], "random": [2, 3, 5, 9]}


def test_a_frozen_head_has_no_hyperparameters():
    study = replace(
        STUDY, heads=("fine-tuned", "frozen"), ranges={"epochs": Range(2, 9, whole=True)}
    )
    study = replace(study, axes={})
    found = asked(study).space.sample(30, 1)
    assert len(found) == 3 * (8 + 1)  # with random; and no more, for epochs are whole
    for which in found:
        point = dict(which)
        assert ("epochs" in point) == (point["head"] == "fine-tuned")
        config = asked(study).trajectory(Run(100, 7, which))
        assert config.learner.head == point["head"]
        if "epochs" in point:
            assert config.learner.training.epochs == point["epochs"]


def test_rungs_are_after_the_first_draw_and_areas_from_where_all_begin():
    study = replace(STUDY, step_sizes=(50, 100))
    assert asked(study).reached() == [200]  # 100 is the first draw of one of them
    search = asked(study).search().parts["strategies"]
    assert min(search.aim.common) == 100
    with pytest.raises(UserError, match="no number of labels after the first draw"):
        asked(replace(STUDY, step_sizes=(50, 70), initial=None)).reached()
