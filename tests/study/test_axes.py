"""Hyperparameters with several values: what a study is then, and what its arms are called."""

from __future__ import annotations

import shlex

import pandas as pd
import pytest

from al_ray.analysis.names import arm_name, several
from al_ray.analysis.summary import with_learner
from al_ray.commands.experiment import Experiment
from al_ray.commands.options import study_config
from al_ray.commands.parser import study_parser
from al_ray.errors import StudyConflict, UserError
from al_ray.results.description import facts, recorded, refuse_another
from al_ray.study.config import StudyConfig
from al_ray.study.grid import Encoder, all_of, trajectories
from al_ray.study.learner import Source
from al_ray.study.trajectory import TrajectoryConfig

NEWS = Experiment("news7", "", ("random", "margin"), (3000,), 21_000, 8, 128)
CORPUS, MODEL = Source(name="c", digest="c" * 32), Source(name="m", digest="m" * 32)
PLAIN = "--model somewhere --steps 2 --step-size 10 --seeds 0 1"
GRID = f"{PLAIN} --learning-rate 5e-5 1e-4 --epochs 3 5 --head frozen fine-tuned"


def study(words: str) -> StudyConfig:
    return study_config(NEWS, study_parser(NEWS).parse_args(shlex.split(words)))


def asked(of: StudyConfig) -> list[TrajectoryConfig]:
    return trajectories(of, CORPUS, Encoder(MODEL), 500)


def names_of(made: list[TrajectoryConfig]) -> list[str]:
    """What their arms are called beside each other."""
    arms = with_learner(pd.DataFrame([config.columns for config in made]), {})
    columns = several(arms)
    return [arm_name(arm, columns) for arm in arms.to_dict("records")]


def test_a_grid_has_each_combination_and_a_frozen_head_once():
    made = asked(study(GRID))
    tuned = [config for config in made if config.learner.head == "fine-tuned"]
    points = {(c.learner.training.learning_rate, c.learner.training.epochs) for c in tuned}
    assert points == {(5e-5, 3), (5e-5, 5), (1e-4, 3), (1e-4, 5)}
    assert len(tuned) == 4 * 2 * 2  # by strategies and seeds
    assert len(made) - len(tuned) == 2 * 2
    assert len({config.id for config in made}) == len(made)


def test_a_grid_goes_on_with_what_a_study_of_one_value_had():
    first = asked(study(f"{PLAIN} --learning-rate 1e-4 --epochs 5 --head frozen fine-tuned"))
    described = facts(study(f"{PLAIN} --learning-rate 1e-4 --epochs 5"), CORPUS, [MODEL])
    grown = recorded(study(GRID), described)
    assert {config.id for config in first} <= {config.id for config in asked(grown)}
    refuse_another({"schema_version": 2, **described}, facts(grown, CORPUS, [MODEL]), "OUT")


def test_a_committee_is_made_of_multiples_of_each_rate():
    made = asked(study(f"{PLAIN} --learning-rate 2e-4 1e-4 --strategies qbc --seeds 0"))
    assert [config.learner.rates for config in made] == [(4e-4, 2e-4, 1e-4), (2e-4, 1e-4, 5e-5)]
    assert [config.learner.evaluated for config in made] == [1, 1]


def test_controls_are_made_for_each_training():
    made = asked(study(f"{PLAIN} --learning-rate 2e-4 1e-4 --controls 0.5 --strategies random"))
    controls = [config for config in made if config.strategy == "control"]
    assert {(c.learner.training.learning_rate, c.seed) for c in controls} == {
        (2e-4, 0), (2e-4, 1), (1e-4, 0), (1e-4, 1)
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--learning-rate 1e-4 1e-4", "--learning-rate: one value is given twice; drop it"),
        ("--epochs 3 0", "--epochs 0: give 1 or more"),
        ("--warmup 0.1 2", "--warmup 2: give a share from 0 to 1"),
    ],
)
def test_a_bad_value_is_refused_wherever_it_stands(words, said):
    with pytest.raises(UserError, match=said):
        study(f"{PLAIN} {words}")


def test_arms_are_called_by_what_varies():
    assert names_of([config for config in asked(study(GRID)) if config.seed == 0]) == [
        "random (frozen)",
        "margin (frozen)",
        "random (fine-tuned, learning rate 5e-05, epochs 3)",
        "random (fine-tuned, learning rate 5e-05, epochs 5)",
        "random (fine-tuned, learning rate 0.0001, epochs 3)",
        "random (fine-tuned, learning rate 0.0001, epochs 5)",
        "margin (fine-tuned, learning rate 5e-05, epochs 3)",
        "margin (fine-tuned, learning rate 5e-05, epochs 5)",
        "margin (fine-tuned, learning rate 0.0001, epochs 3)",
        "margin (fine-tuned, learning rate 0.0001, epochs 5)",
    ]


def test_several_encoders_are_a_union_of_grids_each_with_its_own_defaults():
    words = f"{PLAIN} --model somewhere kobert --max-length 32 64 --strategies margin qbc --seeds 0"
    of = study(words)
    encoders = {name: Encoder(Source(name=name, digest=name)) for name in of.models}
    made, _ = all_of(of, CORPUS, encoders, 500, 7)
    said = {(c.learner.model.name, c.learner.training.max_length, c.strategy): c for c in made}
    assert len(said) == len(made) == 2 * 2 * 2
    learners = {name: c.learner for (name, length, _), c in said.items() if length == 32}
    assert {name: each.training.recipe for name, each in learners.items()} == {
        "somewhere": "stable", "kobert": "seed"
    }  # fmt: skip
    assert learners["kobert"].rates == (5e-4, 2e-5, 1e-5)
    assert learners["somewhere"].rates == (2e-4, 1e-4, 5e-5)
    names = names_of(made)
    assert len(set(names)) == 8
    assert all(word in names[-1] for word in ("kobert", "max length 64"))


def test_a_frozen_head_is_named_alike_when_a_folder_of_several_encoders_goes_on():
    of = study(f"{PLAIN} --model somewhere kobert --head frozen --strategies margin --seeds 0")
    sources = [Source(name=name, digest=name) for name in of.models]
    encoders = {source.name: Encoder(source) for source in sources}
    first, _ = all_of(of, CORPUS, encoders, 500, 7)
    again, _ = all_of(recorded(of, facts(of, CORPUS, sources)), CORPUS, encoders, 500, 7)
    assert [config.id for config in again] == [config.id for config in first]


def test_another_encoder_extends_a_folder_but_not_one_of_the_same_name():
    of = study(PLAIN)
    described = {"schema_version": 2, **facts(of, CORPUS, [MODEL])}
    refuse_another(described, facts(of, CORPUS, [Source(name="n", digest="n" * 32)]), "OUT")
    with pytest.raises(StudyConflict, match="OUT: holds a study of model m "):
        refuse_another(described, facts(of, CORPUS, [Source(name="m", digest="n" * 32)]), "OUT")


def test_committees_of_other_rates_are_other_arms():
    rates = ("2e-4 1e-4 5e-5", "4e-4 1e-4")
    made = [
        config
        for each in rates
        for config in asked(study(f"{PLAIN} --strategies qbc --committee-learning-rates {each}"))
    ]
    arms = with_learner(pd.DataFrame([config.columns for config in made]), {})
    assert arms.multiples.unique().tolist() == ["2 1 0.5", "4 1"]
    assert set(names_of(made)) == {
        "qbc (rates times 2 1 0.5)", "qbc (rates times 4 1)"
    }  # fmt: skip


def test_what_surrounds_a_strategy_is_said_where_that_strategy_has_several():
    words = "--strategies random margin badge --diversity 0.8 0.9 --candidates 100 --seeds 0"
    made = asked(study(f"{PLAIN} {words}"))
    assert names_of(made) == [
        "random",
        "margin (diversity 0.8)",
        "margin (diversity 0.9)",
        "badge",
    ]


def test_disagreement_is_short_for_a_parameter_of_qbc():
    words = f"{PLAIN} --disagreement mean-kl --strategies random qbc qbc:disagreement=consensus"
    specs = ("random", "qbc:disagreement=mean-kl", "qbc:disagreement=consensus")
    assert study(words).strategies == specs
    # A folder of before says it in a column of its own.
    old = pd.DataFrame(
        {"strategy": ["qbc", "qbc", "margin"], "disagreement": ["mean-kl", "vote-entropy", ""]}
    )
    assert with_learner(old, {}).parameters.tolist() == ["disagreement=mean-kl", "", ""]


def test_folders_of_before_a_column_mean_the_one_training_that_they_had():
    old = pd.DataFrame({"trajectory": ["a", "b"], "epochs": [None, 7], "head": [None, "frozen"]})
    arms = with_learner(old, {"epochs": 4, "learning_rate": 0.5, "recipe": "seed"})
    assert arms.epochs.tolist() == [4, 0]
    assert arms.learning_rate.tolist() == [0.5, 0.0]
    assert arms.recipe.tolist() == ["seed", ""]
