"""From a study to its trajectories and trials."""

import itertools
from collections import Counter
from dataclasses import replace

import pandas as pd
import pytest

from al_ray.analysis.names import arm_name, several
from al_ray.analysis.summary import with_learner
from al_ray.errors import UserError
from al_ray.strategies import EQUIVALENT_ON_TWO_LABELS
from al_ray.study.config import StudyConfig
from al_ray.study.grid import Encoder, replays, trajectories, trials, unasked
from al_ray.study.learner import Source
from al_ray.study.training import Training

CORPUS, MODEL = Source(name="nsmc", digest="c"), Encoder(Source(name="kobert", digest="m"))
FIXED, PRETRAINED = replace(MODEL, dropout=False), replace(MODEL, pretrained=True)
COMMITTEE = (5e-4, 2e-5, 1e-5)


def study(**changes):
    training = Training(recipe="seed", epochs=3, learning_rate=2e-5, batch_size=32, max_length=64)
    facts = {
        "strategies": ("random", "margin"),
        "training": training,
        "rates": COMMITTEE,
        "step_sizes": (10,),
        "steps": 4,
        **changes,
    }
    return StudyConfig(**facts)


def grid(pool=1000, **changes):
    return trajectories(study(**changes), CORPUS, MODEL, pool)


# Trajectories


def test_the_grid_is_the_product():
    made = grid(
        strategies=("random", "margin", "qbc"),
        step_sizes=(10, 50),
        retrain=("cold", "warm"),
        seeds=(0, 1, 2),
    )
    keys = [(c.strategy, c.schedule.step_size, c.schedule.retrain, c.seed) for c in made]
    assert sorted(keys) == sorted(
        itertools.product(("random", "margin", "qbc"), (10, 50), ("cold", "warm"), (0, 1, 2))
    )
    assert len({c.id for c in made}) == 36
    assert all(
        (c.corpus, c.learner.model, c.schedule.steps) == (CORPUS, MODEL.source, 4) for c in made
    )


def test_the_first_draw_is_the_step_size_unless_given():
    assert [
        (c.schedule.initial, c.schedule.step_size) for c in grid(step_sizes=(10, 50), seeds=(0,))
    ] == [
        (10, 10),
        (50, 50),
    ] * 2
    assert {c.schedule.initial for c in grid(step_sizes=(10, 50), initial=20)} == {20}
    # The same arm, however its first draw was said.
    assert [c.id for c in grid()] == [c.id for c in grid(initial=10)]


def test_members():
    made = {c.strategy: c for c in grid(strategies=("random", "margin", "qbc"), seeds=(0,))}
    assert made["qbc"].learner.rates == COMMITTEE
    assert made["qbc"].columns["disagreement"] == "vote-entropy"
    assert made["qbc"].learner.evaluated == 1
    for name in ("random", "margin"):
        assert made[name].learner.rates == (2e-5,)
        assert made[name].columns["disagreement"] == ""
    # What only committees have is no part of the others' identity.
    other = {
        c.strategy: c.id
        for c in grid(
            strategies=("margin", "qbc:disagreement=mean-kl"), rates=(2e-5, 1e-4), seeds=(0,)
        )
    }
    assert other["margin"] == made["margin"].id
    assert other["qbc"] != made["qbc"].id


def test_families():
    made = grid(strategies=("random", "margin", "qbc"), seeds=(0,))
    assert [c.chooser.family for c in made] == ["data-based", "prediction-based", "model-based"]


def test_more_of_anything_keeps_what_there_is():
    before = {c.id for c in grid()}
    wider = grid(
        strategies=("margin", "random", "qbc"),
        seeds=(2, 1, 0),
        step_sizes=(20, 10),
        retrain=("warm", "cold"),
        controls=(0.5,),
        steps=9,
    )
    assert before < {c.id for c in wider}


def test_controls():
    made = [c for c in grid(controls=(0.02, 0.2, 1.0), validation=100) if c.strategy == "control"]
    assert [(c.schedule.initial, c.seed) for c in made] == [
        (18, 0),
        (18, 1),
        (180, 0),
        (180, 1),
        (900, 0),
        (900, 1),
    ]
    for c in made:
        assert (c.schedule.steps, c.schedule.retrain, c.learner.rates, c.chooser.family) == (
            1,
            "cold",
            (2e-5,),
            "data-based",
        )
    tiny = grid(pool=10, controls=(0.001,), seeds=(0,), step_sizes=(5,))[0]
    assert tiny.schedule.initial == 1


def test_no_trajectory_is_there_twice():
    """Two trials of one id would write the same files at the same time."""
    with pytest.raises(UserError, match=r"--controls 0\.2001: another share is 200 rows too"):
        grid(pool=1000, controls=(0.2, 0.2001), seeds=(0,))
    made = grid(pool=1000, controls=(0.2, 0.201), seeds=(0, 1))
    assert max(Counter(c.id for c in made).values()) == 1


def test_steps_end_with_the_pool():
    made = grid(pool=65, validation=10, step_sizes=(10, 50), steps=9, seeds=(0,))
    assert {c.schedule.step_size: c.schedule.steps for c in made} == {10: 6, 50: 2}


@pytest.mark.parametrize(
    ("changes", "option"),
    [
        ({"strategies": ("qbc",), "rates": (2e-5,)}, "--committee-learning-rates 2e-05"),
        ({"strategies": ("qbc",), "rates": (1e-3, 1e-4)}, "--committee-learning-rates 0.001"),
        ({"strategies": ("margin", "qbc"), "rates": ()}, "--committee-learning-rates"),
        ({"strategies": ("qbc",), "rates": (2e-5, 2e-5)}, "--committee-learning-rates"),
        ({"strategies": ("qbc",), "rates": (2e-5, 5.0)}, "--committee-learning-rates"),
        ({"strategies": ("nobody",)}, "--strategies 'nobody'"),
        ({"strategies": ("no_such_module:Mine",)}, "--strategies 'no_such_module:Mine'"),
        ({"strategies": ("qbc:disagreement=votes",)}, "--strategies 'qbc:disagreement=votes'"),
        ({"validation": 100}, "--validation 100"),
        ({"step_sizes": (101,)}, "--step-size 101"),
        ({"initial": 101}, "--initial 101"),
        ({"initial": 96, "validation": 5}, "--initial 96"),
    ],
)
def test_refusals(changes, option):
    with pytest.raises(UserError) as refused:
        grid(pool=100, **changes)
    assert str(refused.value).startswith(option)
    assert "\n" not in str(refused.value)


def test_rates_do_not_matter_without_a_committee():
    assert len(grid(rates=(1.0,))) == 4


def test_the_whole_pool_may_be_drawn():
    assert {c.schedule.steps for c in grid(pool=100, step_sizes=(100,))} == {1}


# Trials

SAME = ("entropy", "margin", "least-confidence")


def test_one_leads_and_two_follow():
    made = trials(grid(strategies=("random", *SAME), seeds=(0, 1)), 2, False)
    assert [
        (t.leader.strategy, t.leader.seed, [f.strategy for f in t.followers]) for t in made
    ] == [
        ("random", 0, []),
        ("random", 1, []),
        ("entropy", 0, ["margin", "least-confidence"]),
        ("entropy", 1, ["margin", "least-confidence"]),
    ]


def test_only_what_is_alike_otherwise_is_put_together():
    configs = grid(
        strategies=(*SAME, "qbc", "random"),
        step_sizes=(10, 50),
        retrain=("cold", "warm"),
        controls=(0.5,),
    )
    made = trials(configs, 2, False)
    everyone = [c for t in made for c in (t.leader, *t.followers)]
    assert sorted(c.id for c in everyone) == sorted(c.id for c in configs)
    for t in made:
        for f in t.followers:
            assert (f.seed, f.schedule.retrain, f.schedule.step_size) == (
                t.leader.seed,
                t.leader.schedule.retrain,
                t.leader.schedule.step_size,
            )
            assert {f.strategy, t.leader.strategy} <= set(EQUIVALENT_ON_TWO_LABELS)
    assert sum(bool(t.followers) for t in made) == 8
    assert len(made) == 8 * 3 + 2  # the three as one, qbc, random; two controls


@pytest.mark.parametrize(("n_labels", "keep"), [(3, False), (7, False), (2, True)])
def test_apart(n_labels, keep):
    configs = grid(strategies=SAME)
    made = trials(configs, n_labels, keep)
    assert [t.leader for t in made] == configs
    assert not any(t.followers for t in made)


@pytest.mark.parametrize("begun", SAME)
def test_who_has_begun_leads(begun):
    configs = grid(strategies=SAME, seeds=(0,))
    names = [c.id for c in configs if c.strategy == begun]
    (made,) = trials(configs, 2, False, names)
    assert made.leader.strategy == begun
    assert {f.strategy for f in made.followers} == set(SAME) - {begun}


def test_one_alone_has_no_followers():
    (made,) = trials(grid(strategies=("margin",), seeds=(0,)), 2, False)
    assert made.followers == ()


# What surrounds a strategy


def test_bald_is_refused_at_the_start_where_the_model_has_no_dropout():
    """Its passes would be one, and every score 0."""
    with pytest.raises(UserError, match=r"--strategies bald.*dropout.*--model kobert") as caught:
        trajectories(study(strategies=("bald",)), CORPUS, FIXED, 1000)
    assert "\n" not in str(caught.value)
    assert len(trajectories(study(strategies=("margin",)), CORPUS, FIXED, 1000)) > 0
    assert grid(strategies=("bald",))


def test_options_belong_to_the_arms_that_they_hold_for():
    """So that an arm they say nothing to keeps its name, and is not run again."""
    names = ("random", "margin", "core-set", "badge", "qbc")
    plain = {c.strategy: c for c in grid(strategies=names, seeds=(0,))}
    other = {
        c.strategy: c
        for c in grid(
            strategies=names,
            seeds=(0,),
            candidates=(50,),
            diversity=(0.9,),
            committee=("seeds",),
        )
    }
    assert {name: c.chooser.candidates for name, c in other.items() if c.chooser.candidates} == {
        "core-set": 50,
        "badge": 50,
    }
    assert {name for name, c in other.items() if c.chooser.diversity} == {"margin", "qbc"}
    assert {name for name in names if other[name].id == plain[name].id} == {"random"}
    assert other["qbc"].learner.rates == (2e-5,) * 3
    assert other["qbc"].learner.committee == "seeds"
    assert len(set(other["qbc"].member_seeds)) == 3


def test_what_surrounds_a_strategy_has_several_values():
    """Each is an arm of the strategies it means something to, and of no other."""
    made = grid(
        strategies=("random", "margin", "badge", "qbc"),
        seeds=(0,),
        candidates=(None, 50),
        diversity=(None, 0.9),
        committee=("rates", "seeds"),
    )
    said = Counter(c.strategy for c in made)
    assert said == {"random": 1, "margin": 2, "badge": 2, "qbc": 4}
    assert len({c.id for c in made}) == len(made)


def test_parameters_are_part_of_an_arm():
    specs = ("bald", "bald:passes=3", "qbc", "qbc:disagreement=mean-kl")
    made = grid(strategies=specs, seeds=(0,))
    assert [c.spec for c in made] == list(specs)
    assert len({c.id for c in made}) == 4
    rows = with_learner(pd.DataFrame([c.columns for c in made]), {})
    assert [arm_name(arm, several(rows)) for arm in rows.to_dict("records")] == list(specs)


def test_fewer_candidates_than_the_batch_are_refused():
    with pytest.raises(UserError, match="--candidates 9: fewer than --step-size 10"):
        grid(strategies=("core-set",), candidates=(9,))
    assert grid(strategies=("margin",), candidates=(9,))


# Frozen heads and replays


def test_a_frozen_head_begins_cold_and_takes_no_committee():
    asked = study(
        strategies=("margin",), heads=("fine-tuned", "frozen"), retrain=("warm",), seeds=(0,)
    )
    made = trajectories(asked, CORPUS, MODEL, 1000)
    assert [(c.learner.head, c.schedule.retrain) for c in made] == [
        ("fine-tuned", "warm"),
        ("frozen", "cold"),
    ]
    assert made[0].id != made[1].id
    for name in ("qbc", "bald", "learning-loss", "expected-gradient-length-word"):
        with pytest.raises(UserError, match="--head frozen has none"):
            trajectories(study(strategies=(name,), heads=("frozen",)), CORPUS, MODEL, 1000)


@pytest.mark.parametrize("values", [{"pooling": "mean"}, {"start": "linear"}])
def test_a_frozen_head_is_one_whatever_is_said_of_fine_tuned_ones(values):
    before, after = (
        grid(heads=("fine-tuned", "frozen"), training=replace(study().training, **more))
        for more in ({}, values)
    )
    for one, other in zip(before, after, strict=True):
        assert (one.id == other.id) == (one.learner.head == "frozen")
        assert {name: getattr(other.learner.training, name) for name in values} == (
            values
            if one.learner.head == "fine-tuned"
            else {n: getattr(one.learner.training, n) for n in values}
        )


def test_what_no_frozen_head_does_is_not_learnt_by_one_either():
    tagging = replace(PRETRAINED, frozen=False, task="tagging")
    with pytest.raises(UserError, match="--successor frozen: no linear model"):
        trajectories(study(successor="frozen"), CORPUS, tagging, 1000)


def test_random_of_a_pretrained_encoder_has_a_frozen_one_beside_it():
    """The very trajectories that `--head frozen` asks for; it is trained once, whatever regimes."""
    facts = {"step_sizes": (10, 50), "initial": 20, "seeds": (0, 1), "controls": (0.5,)}
    asked = study(strategies=("random", "qbc"), retrain=("warm", "cold"), **facts)
    made = trajectories(asked, CORPUS, PRETRAINED, 1000)
    without = trajectories(asked, CORPUS, MODEL, 1000)
    frozen = study(strategies=("random",), heads=("frozen",), **facts)
    expected = [c for c in trajectories(frozen, CORPUS, MODEL, 1000) if c.learner.head == "frozen"]
    assert made == without + expected
    assert unasked(asked, made) == expected != []
    assert unasked(frozen, trajectories(frozen, CORPUS, PRETRAINED, 1000)) == []


@pytest.mark.parametrize(
    "facts",
    [
        {"strategies": ("margin",)},
        {"heads": ("frozen",)},
        {"heads": ("fine-tuned", "frozen"), "replay_cold": (1,)},
    ],
)
def test_nothing_is_added_where_it_is_there_or_has_nothing_beside_it(facts):
    asked = study(**facts)
    made = trajectories(asked, CORPUS, PRETRAINED, 1000)
    assert made == trajectories(asked, CORPUS, MODEL, 1000)
    assert unasked(asked, made) == []


def test_a_model_without_dropout_is_refused_for_bald_alone():
    with pytest.raises(UserError, match="--strategies bald: it needs a model with dropout"):
        trajectories(study(strategies=("margin", "bald")), CORPUS, FIXED, 1000)
    trajectories(study(strategies=("margin",)), CORPUS, FIXED, 1000)


def test_replays_are_of_every_trajectory_at_its_steps():
    asked = study(
        strategies=("random", "margin"),
        seeds=(0, 1),
        steps=3,
        controls=(0.5,),
        heads=("fine-tuned", "frozen"),
        replay_cold=(0, 2),
        replay_seeds=3,
    )
    configs = trajectories(asked, CORPUS, MODEL, 1000)
    made = replays(asked, configs, 7)
    # 2 arms, 2 seeds, 2 steps, 3 fits; controls and frozen heads are not replayed.
    assert len(made) == len({c.id for c in made}) == 24
    assert {(c.schedule.steps, c.schedule.retrain, c.strategy) for c in made} == {
        (1, "cold", "replay")
    }
    sources = {c.id: c for c in configs}
    for config in made:
        source = sources[config.chooser.trajectory]
        assert config.seed == source.seed
        assert (
            config.schedule.initial
            == source.schedule.initial + config.chooser.step * source.schedule.step_size
        )
    fits = {c.member_seeds for c in made if c.chooser.trajectory == made[0].chooser.trajectory}
    assert len(fits) == 3
    assert (made[0].seed,) not in fits


def test_on_two_labels_arms_that_are_one_order_are_replayed_once():
    asked = study(strategies=("random", "margin", "entropy"), steps=2, replay_cold=(1,))
    configs = trajectories(asked, CORPUS, MODEL, 1000)
    replayed = {c.chooser.trajectory.split("-")[0] for c in replays(asked, configs, 2)}
    assert replayed == {"random", "margin"}
    assert len(replays(asked, configs, 3)) > len(replays(asked, configs, 2))


def test_on_two_labels_there_may_be_no_arm_that_is_one_order_with_others():
    asked = study(strategies=("random", "badge"), steps=2, replay_cold=(1,))
    configs = trajectories(asked, CORPUS, MODEL, 1000)
    assert len(replays(asked, configs, 2)) == len(replays(asked, configs, 3)) == len(configs)


def test_replays_beyond_the_last_step_are_refused():
    with pytest.raises(UserError, match="--replay-cold 3: there are 3 steps"):
        trajectories(study(steps=3, replay_cold=(3,)), CORPUS, MODEL, 1000)
