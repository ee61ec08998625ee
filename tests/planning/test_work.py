"""What a step is counted to be, against values worked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from al_ray.planning import Facts, Tokens, facts_of, step_work
from al_ray.study.config import StudyConfig
from al_ray.study.grid import Encoder, replays, trajectories
from al_ray.study.learner import Source
from al_ray.study.training import RECIPES, Training

FACTS = Facts(
    pool=250,
    tests={"test": 100, "dev": 30},
    train=Tokens(packed=20.0, whole=30.0, scored=10.0),
    tested={"test": 8.0, "dev": 12.0},
    labels=7,
    width=64,
    packs=True,
)
TRAINING = Training(
    recipe="seed",
    **RECIPES["seed"],
    learning_rate=2e-5,
    batch_size=8,
    max_length=32,
    token_budget=4096,
    chunk_rows=64,
)


def config_of(strategy: str, training: Training = TRAINING, **options):
    study = StudyConfig(
        strategies=(strategy,),
        training=training,
        rates=(5e-4, 2e-5, 1e-5),
        seeds=(0,),
        **{"step_sizes": (20,), "steps": 3, **options},
    )
    return next(
        config
        for config in trajectories(
            study, Source(name="", digest=""), Encoder(Source(name="", digest="")), 250
        )
        if config.strategy == strategy
    )


def test_random_trains_and_evaluates_and_scores_nothing():
    work = step_work(config_of("random"), FACTS, 0)
    # 20 rows are 3 batches a pass, 3 passes; every row is seen three times.
    assert (work.fits, work.updates, work.train_tokens) == (1, 9, 60 * 20.0)
    # 100 rows are two chunks of 64, 30 are one.
    assert (work.rows_tested, work.test_tokens, work.test_calls) == (130, 800.0 + 360.0, 3)
    assert (work.rows_scored, work.score_tokens, work.score_calls) == (0, 0, 0)


def test_cold_trains_on_all_labels_and_warm_new_on_the_new_ones():
    assert [step_work(config_of("random"), FACTS, s).updates for s in range(3)] == [9, 15, 24]
    new = config_of("random", retrain=("warm-new",))
    assert [step_work(new, FACTS, s).updates for s in range(3)] == [9, 9, 9]
    warm = config_of("random", retrain=("warm",))
    assert step_work(warm, FACTS, 2).updates == 24


def test_a_floor_on_updates_and_an_exact_number():
    floor = config_of("random", replace(TRAINING, min_updates=10))
    work = step_work(floor, FACTS, 0)  # three passes of 20 rows and a batch of 8 more
    assert (work.updates, work.train_tokens) == (10, 68 * 20.0)
    exact = config_of("random", replace(TRAINING, updates=2))
    assert step_work(exact, FACTS, 1).train_tokens == 16 * 20.0


def test_margin_scores_what_is_left_but_for_the_last_step():
    scored = [step_work(config_of("margin"), FACTS, step) for step in range(3)]
    assert [work.rows_scored for work in scored] == [230, 210, 0]
    assert [work.score_tokens for work in scored] == [2300.0, 2100.0, 0.0]
    assert [work.score_calls for work in scored] == [4, 4, 0]


def test_a_committee_fits_and_scores_with_every_member():
    work = step_work(config_of("qbc"), FACTS, 0)
    assert (work.fits, work.updates) == (3, 9)  # updates of one: they train at the same time
    assert (work.rows_scored, work.score_tokens, work.score_calls) == (230, 3 * 2300.0, 12)
    assert work.test_tokens == step_work(config_of("margin"), FACTS, 0).test_tokens


@pytest.mark.parametrize(
    ("strategy", "passes"),
    [("bald", 11), ("expected-gradient-length", 1), ("expected-gradient-length-word", 2 + 1.5 * 7)],
)
def test_passes_over_the_pool(strategy, passes):
    assert step_work(config_of(strategy), FACTS, 0).score_tokens == pytest.approx(2300 * passes)


def test_candidates_hold_for_costly_strategies_alone():
    assert step_work(config_of("bald", candidates=(50,)), FACTS, 0).rows_scored == 50
    assert step_work(config_of("margin", candidates=(50,)), FACTS, 0).rows_scored == 230


def test_core_set_reads_the_pool_at_every_pick_and_runs_the_labelled_rows():
    work = step_work(config_of("core-set"), FACTS, 0)
    assert work.score_tokens == (230 + 20) * 10.0
    # 20 picks among 230 rows; and 230 x 20 distances by a product, ten times as fast.
    assert work.select_numbers == pytest.approx(20 * 230 * 64 + 0.1 * 230 * 20 * 64)


def test_learning_loss_leaves_batches_whole():
    assert step_work(config_of("learning-loss"), FACTS, 0).train_tokens == 60 * 30.0
    on_gpu = replace(FACTS, packs=False)
    assert step_work(config_of("margin"), on_gpu, 0).train_tokens == 60 * 30.0


def test_diversity_looks_four_batches_ahead():
    more = step_work(config_of("margin", diversity=(0.9,)), FACTS, 0)
    assert more.score_tokens - step_work(config_of("margin"), FACTS, 0).score_tokens == 4 * 20 * 10


def test_a_frozen_head_runs_no_encoder():
    work = step_work(config_of("margin", heads=("frozen",)), FACTS, 0)
    assert (work.updates, work.train_tokens, work.score_tokens, work.test_tokens) == (0, 0, 0, 0)
    assert work.score_numbers == (130 + 230) * 64


def test_controls_and_replays_are_one_fit():
    study = StudyConfig(
        strategies=("margin",),
        training=TRAINING,
        rates=(2e-5,),
        seeds=(0,),
        step_sizes=(20,),
        steps=3,
        controls=(0.4,),
        replay_cold=(2,),
    )
    nothing = Source(name="", digest="")
    configs = trajectories(study, nothing, Encoder(nothing), 250)
    control = step_work(configs[0], FACTS, 0)
    assert (control.updates, control.rows_scored) == (39, 0)  # 100 rows, 13 batches, 3 passes
    [again] = replays(study, configs, 7)
    assert (step_work(again, FACTS, 0).updates, again.schedule.steps) == (24, 1)  # on 60 rows


def test_validation_rows_are_predicted_and_leave_the_pool():
    work = step_work(config_of("margin", validation=50), FACTS, 0)
    assert (work.rows_tested, work.rows_scored, work.test_calls) == (180, 180, 4)


def test_the_pool_ends():
    config = config_of("margin", step_sizes=(100,), steps=4, retrain=("warm-new",))
    assert config.schedule.steps == 3
    assert [step_work(config, FACTS, s).updates for s in range(3)] == [39, 39, 21]  # 50 rows left


def test_tokens_of_rows_that_are_alike():
    lengths = np.full(40, 10, np.int32)
    facts = facts_of({"train": lengths, "test": lengths[:5]}, TRAINING, 7, 64, packs=True)
    assert facts.train == Tokens(packed=10.0, whole=10.0, scored=10.0)
    assert (facts.pool, facts.tests, facts.tested) == (40, {"test": 5}, {"test": 10.0})


def test_padding_is_counted():
    lengths = np.array([4, 4, 4, 100] * 2, np.int32)
    facts = facts_of({"train": lengths}, TRAINING, 7, 64, packs=True)
    assert facts.train.whole == 100.0
    assert facts.train.packed == facts.train.scored == (2 * 100 + 6 * 4) / 8
    budget = replace(TRAINING, token_budget=200)
    assert facts_of({"train": lengths}, budget, 7, 64, packs=False).train.scored == (200 + 24) / 8
