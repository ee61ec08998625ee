"""What `study.json` keeps from one run to the next."""

import dataclasses
import json

import pytest
from loop_stub import config_of, training

from al_ray.analysis.study import load
from al_ray.errors import StudyConflict, UserError
from al_ray.results import Store
from al_ray.results.description import describe, facts, refuse_another
from al_ray.results.folder import own
from al_ray.results.rerun import recorded_commands, with_options
from al_ray.study.config import StudyConfig
from al_ray.study.knobs import later
from al_ray.study.learner import Source
from al_ray.study.running import Price, RunConfig
from al_ray.study.training import Training


def described(before, **where):
    study = StudyConfig(strategies=("random",), training=training(), rates=(1e-4,), steps=2)
    source = Source(name="x", digest="0")
    run = RunConfig(out="out", **where)
    return describe(before, study, source, [source], {}, [config_of()], run)


def test_labels_per_day_hold_until_another_number_is_given():
    first = described(None)
    assert first["labels_per_day"] == 1000
    told = described(first, labels_per_day=250.0)
    assert told["labels_per_day"] == 250
    assert described(told)["labels_per_day"] == 250


def test_a_labels_price_holds_until_another_is_given():
    assert described(None)["label_price"] is None
    first = described(None, label_price="150KRW")
    assert described(first)["label_price"] == "150KRW"
    assert described(first, label_price="0.2")["label_price"] == "0.2"


@pytest.mark.parametrize("price", ["0", "-1", "nan", "x", "KRW150", "1 2", "", "1e3<b>"])
def test_a_labels_price_is_a_number_above_0_with_a_unit(price):
    with pytest.raises(UserError, match=r"--label-price .* such as 150KRW"):
        RunConfig(out="out", label_price=price)


@pytest.mark.parametrize(
    ("price", "said"),
    [("150KRW", "30,000 KRW"), ("150 원", "30,000 원"), ("0.12", "24.00"), ("0.25$", "50.00 $")],
)
def test_what_200_labels_cost(price, said):
    assert Price.parsed(price).of(200) == said
    assert Price.parsed(str(Price.parsed(price))) == Price.parsed(price)


def test_every_distinct_command_is_kept():
    first, more = "python news7.py --seeds 0", "python news7.py --seeds 0 1"
    before = described(None, command=first)
    assert recorded_commands(described(before, command=first)) == [first]
    assert recorded_commands(described(before, command=more)) == [first, more]
    assert described(described(before, command=more), command=first)["run"]["command"] == first
    assert recorded_commands(described(None)) == []
    del before["run"]["commands"]  # a folder of before they were kept
    assert recorded_commands(described(before, command=more)) == [first, more]


def test_an_option_takes_the_place_of_its_own():
    command = "python news7.py --seeds 0 1 --data 'a b' --steps=3 --seeds 2"
    more = with_options(command, {"--seeds": range(12), "--steps": [4], "--plan": []})
    assert more == "python news7.py --data 'a b' --seeds $(seq 0 11) --steps 4 --plan"
    assert with_options(command, {"--seeds": [3, 5]}).endswith("--steps=3 --seeds 3 5")


@pytest.mark.parametrize("labels", [0.0, -1.0, float("nan"), float("inf")])
def test_labels_per_day_are_a_number_above_0(labels):
    with pytest.raises(UserError, match="--labels-per-day"):
        RunConfig(out="out", labels_per_day=labels)


def test_a_folder_of_before_a_knob_has_its_default():
    """It is continued, and takes trajectories of other values beside those that it has."""
    before, source = described(None), Source(name="x", digest="0")
    assert before["training"].keys() >= later(Training).keys() > set()
    for name in later(Training):
        del before["training"][name]
    plain = StudyConfig(strategies=("random",), training=training(), rates=(1e-4,), steps=2)
    refuse_another(before, facts(plain, source, [source]), "OUT")
    other = dataclasses.replace(plain, training=training(pooling="mean"))
    numerics = dataclasses.replace(plain, training=training(threads=2))
    refuse_another(before, facts(other, source, [source]), "OUT")
    with pytest.raises(StudyConflict, match="its study has --threads 1, not 2"):
        refuse_another(before, facts(numerics, source, [source]), "OUT")


def test_a_folder_keeps_to_the_recipes_with_which_it_began():
    first = described(None)
    assert described(first)["recipes"] == first["recipes"] == 2
    source = Source(name="x", digest="0")
    plain = StudyConfig(strategies=("random",), training=training(), rates=(1e-4,), steps=2)
    with pytest.raises(StudyConflict, match=r"OUT: its recipes are .* 3, .* update al_ray"):
        refuse_another({**first, "recipes": 3}, facts(plain, source, [source]), "OUT")
    del first["recipes"]  # there were none but the first
    assert described(first)["recipes"] == 1
    assert described(described(first))["recipes"] == 1


def test_arms_are_written_down_and_not_read_from_names(tmp_path):
    """A frozen arm that never began, and a strategy of one's own, are told by what they are."""
    study = StudyConfig(strategies=("random",), training=training(), rates=(1e-4,), steps=2)
    source = Source(name="x", digest="0")
    first = config_of(head="frozen", strategy="random")
    second = config_of(strategy="loop_stub:Gini.x", seed=1, initial=9, family="data-based")
    before = describe(None, study, source, [source], {}, [first], RunConfig(out="out"))
    after = describe(before, study, source, [source], {}, [second], RunConfig(out="out"))
    store = Store(tmp_path)
    shown = {"labels": ["a", "b"], "tests": {"test": 3}, "demonstration": False}
    store.study_json.write({**after, **shown})
    found = load(tmp_path).trajectories.set_index("trajectory")
    assert found.index.tolist() == [first.id, second.id]
    assert found["head"].tolist() == ["frozen", "fine-tuned"]
    assert found.strategy.tolist() == ["random", "loop_stub:Gini.x"]
    assert found.step_size.tolist() == [5, 5]
    assert found.initial.tolist() == [6, 9]
    assert found.seed.tolist() == [0, 1]


def test_a_name_that_is_none_is_refused_in_one_line(tmp_path):
    """Written by hand into a description that has no seal."""
    description = {
        **{"schema_version": 2, "trajectories": {"mine": 3}, "tests": {"test": 5}},
        **{"labels": ["a", "b"], "demonstration": False},
    }
    own(Store(tmp_path).storage)
    (tmp_path / "study.json").write_text(json.dumps(description))
    with pytest.raises(StudyConflict, match="'mine' is no name of a trajectory") as refused:
        load(tmp_path)
    assert "\n" not in str(refused.value)
