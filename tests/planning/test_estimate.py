"""From work to hours: by hand, and what must hold of any estimate."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al_ray.planning import (
    Facts,
    Left,
    Room,
    Speed,
    Storage,
    Tokens,
    Wanted,
    Work,
    at_first,
    estimate,
    finish,
    stretch,
)
from al_ray.study.config import StudyConfig
from al_ray.study.grid import Encoder, trajectories, trials
from al_ray.study.learner import Source
from al_ray.study.training import RECIPES, Training

SPEED = Speed(
    start=10.0,
    fit=1.0,
    update=0.1,
    train_token=0.001,
    call=0.5,
    score_token=0.0001,
    parameters=1000,
    step=2.0,
    row=0.01,
    number=1e-6,
    byte=1e-3,
)
FACTS = Facts(
    pool=1000,
    tests={"test": 100},
    train=Tokens(20.0, 30.0, 10.0),
    tested={"test": 10.0},
    labels=7,
    width=64,
    packs=True,
)
TRAINING = Training(
    recipe="seed",
    **RECIPES["seed"],
    learning_rate=2e-5,
    batch_size=10,
    max_length=32,
    token_budget=4096,
)
NOTHING = Storage(0, 0, 0, 0)
TWO = Room(2.0)


def lefts(seeds=(0,), strategies=("margin",), steps=3, n_labels=7, first=0, **options):
    study = StudyConfig(
        strategies=strategies,
        training=TRAINING,
        rates=(2e-5, 1e-5),
        seeds=seeds,
        step_sizes=(100,),
        steps=steps,
        **options,
    )
    nothing = Source(name="", digest="")
    configs = trajectories(study, nothing, Encoder(nothing), 1000)
    return [
        Left(trial, first, FACTS, SPEED, float(len(trial.leader.learner.rates)))
        for trial in trials(configs, n_labels, keep_equivalent=False)
    ]


def planned(stage, room=TWO, **options):
    told = {"storage": NOTHING, "done": 0, "labels": 300, "labels_per_day": 1000.0}
    return estimate([stage], room, **{**told, **options})


# Seconds


def test_seconds_of_a_step():
    work = Work(
        updates=10,
        train_tokens=1000.0,
        rows_tested=100,
        test_tokens=1000.0,
        test_calls=1,
        score_tokens=30_000.0,
        score_calls=3,
        select_numbers=4e6,
    )
    spent = SPEED.seconds(work, warm=False, members=1)
    assert spent.fit == pytest.approx(1 + 10 * 0.1 + 1000 * 0.001)
    assert spent.evaluate == pytest.approx(0.1 + 0.5)
    assert spent.score == pytest.approx(3 + 1.5)
    assert spent.select == pytest.approx(4)
    assert spent.record == pytest.approx(2 + 1)
    assert spent.total == pytest.approx(3 + 0.6 + 4.5 + 4 + 3)


def test_members_at_the_same_time_and_weights_that_are_kept():
    work = Work(updates=10)
    assert SPEED.seconds(work, warm=False, members=3, stretch=1.5).fit == pytest.approx(3.0)
    assert SPEED.seconds(work, warm=True, members=3).record == pytest.approx(2 + 3)


def test_shards_take_whole_chunks():
    work = Work(score_tokens=50_000.0, score_calls=5)
    each = [SPEED.seconds(work, warm=False, members=1, shards=n).score for n in (1, 2, 3, 5, 9)]
    assert each == pytest.approx([7.5, 4.5, 3.0, 1.5, 1.5])


def test_how_much_longer_a_committee_takes():
    assert stretch(1, 1, 1.0) == 1
    assert stretch(3, 1, 2.0) == 1.5  # three on two cores
    assert stretch(3, 1, 3.0) == 1
    assert stretch(3, 2, 2.0) == 3
    assert stretch(3, 1, 3.0, of_gpu=1 / 3) == 3  # all on one GPU
    assert stretch(3, 1, 3.0, of_gpu=0.5) == 2
    assert stretch(3, 1, 3.0, of_gpu=1.0) == 1


# Slots


def test_trials_in_order():
    def seconds(*trials, room=TWO):
        return finish([Wanted(*trial) for trial in trials], room)

    assert seconds() == 0
    assert seconds((3, 1), (1, 1), (1, 1)) == 3
    assert seconds((1, 1), (1, 1), (2, 2)) == 3
    assert seconds((1, 1), (2, 2), (1, 1)) == 4  # the wide one waits, and none overtakes it
    assert seconds((1, 1), (1, 1), (1, 1), room=Room(2.0, concurrent=1)) == 3
    assert seconds((1, 1, 1), (1, 1, 1), room=Room(8.0, 1.0)) == 2
    assert seconds((1, 1, 1), (1, 1, 1), room=Room(8.0, 2.0)) == 1
    assert seconds((5, 9)) == 5  # what does not fit takes all


def test_how_many_begin():
    ones = [Wanted(1.0, 1.0)] * 5
    assert at_first(ones, Room(2.0)) == 2
    assert at_first(ones, Room(2.0, concurrent=1)) == 1
    assert at_first([Wanted(1.0, 2.0), *ones], Room(2.0)) == 1
    assert at_first([], Room(2.0)) == 0


TRIALS = st.lists(
    st.builds(Wanted, st.floats(0, 100), st.sampled_from([0.5, 1.0, 2.0, 3.0])), max_size=12
)


@given(TRIALS, st.integers(1, 6), st.integers(1, 4))
@settings(max_examples=200, deadline=None)
def test_more_room_is_never_slower_and_work_bounds_it(wanted, cpus, more):
    cut = [replace(trial, cpus=min(trial.cpus, cpus)) for trial in wanted]
    one, other = finish(cut, Room(cpus)), finish(cut, Room(cpus + more))
    assert other <= one + 1e-6
    held = sum(trial.seconds * trial.cpus for trial in cut)
    longest = max((trial.seconds for trial in cut), default=0)
    assert max(held / cpus, longest) - 1e-6 <= one
    assert one <= sum(trial.seconds for trial in cut) + 1e-6
    assert one <= finish(cut, Room(cpus, concurrent=1)) + 1e-6


@given(TRIALS, st.floats(0, 100))
@settings(max_examples=100, deadline=None)
def test_one_trial_more_is_never_faster(wanted, seconds):
    assert finish([*wanted, Wanted(seconds, 1.0)], Room(3.0)) >= finish(wanted, Room(3.0)) - 1e-6


# Studies


def test_a_study_by_hand():
    found = planned(lefts())
    # Rows 100, 200, 300: 30, 60, 90 updates on 300, 600, 900 rows of 20 tokens; 900 and 800 rows
    # scored, a call each; three evaluations of 100 rows.
    fits = 3 * 1 + 180 * 0.1 + 1800 * 20 * 0.001
    score = (900 + 800) * 10 * 0.0001 + 2 * 0.5
    evaluate = 3 * (100 * 10 * 0.0001 + 0.5)
    record = 3 * (2 + 100 * 0.01)
    assert found.phases.total == pytest.approx(10 + fits + score + evaluate + record)
    assert found.seconds == pytest.approx(found.phases.total)
    assert (found.trials, found.steps, found.work.fits, found.work.rows_scored) == (1, 3, 3, 1700)
    assert found.device_hours == pytest.approx(found.seconds / 3600)
    assert found.days == 0.3
    [arm] = found.arms
    assert (arm.strategy, arm.trials, arm.steps) == ("margin, cold", 1, 3)
    json.dumps(found.as_dict())


def test_what_is_done_is_not_estimated():
    whole, rest = planned(lefts()), planned(lefts(first=2))
    assert rest.steps == 1
    assert rest.phases.total == pytest.approx(10 + 1 + 90 * 0.1 + 18 + 0.6 + 3)
    assert rest.seconds < whole.seconds


def test_two_labels_run_once_for_several_names():
    names = ("random", "least-confidence", "margin", "entropy")
    apart, together = planned(lefts(strategies=names)), planned(lefts(strategies=names, n_labels=2))
    assert (apart.trials, together.trials) == (4, 2)
    assert [(arm.strategy, arm.given) for arm in together.arms] == [
        ("random, cold", 0),
        ("least-confidence = margin = entropy, cold", 2),
    ]


def test_later_trials_are_given_the_actors_of_earlier_ones():
    """Of four on one slot one waits 10 s for its actors, three half a second; on two slots two."""
    four = lefts((0, 1, 2, 3))
    assert planned(four, Room(1.0)).phases.start == pytest.approx(10 + 3 * 0.5)
    assert planned(four, Room(2.0)).phases.start == pytest.approx(2 * 10 + 2 * 0.5)
    # A committee's are not a single model's.
    mixed = planned(lefts((0, 1), ("margin", "qbc")), Room(1.0))
    apart = [planned(lefts((0, 1), (name,)), Room(1.0)) for name in ("margin", "qbc")]
    assert mixed.phases.start == pytest.approx(sum(one.phases.start for one in apart))


def test_a_stage_waits_for_the_one_before():
    [one] = lefts()
    alone = planned([one]).seconds
    both = estimate(
        [[one], [one]],
        Room(8.0),
        storage=NOTHING,
        done=0,
        labels=0,
        labels_per_day=1.0,
    )
    assert both.seconds == pytest.approx(2 * alone)


@given(
    st.integers(1, 5),
    st.integers(1, 5),
    st.sets(st.sampled_from(["random", "margin", "qbc", "core-set", "bald"]), min_size=1),
    st.sampled_from(["cold", "warm", "warm-new"]),
    st.integers(2, 6),
)
@settings(max_examples=60, deadline=None)
def test_more_seeds_are_never_cheaper_and_more_slots_never_slower(
    seeds, more, strategies, regime, cpus
):
    """Actors that begin cost nothing here: more slots begin more of them, which may take longer."""
    names = tuple(sorted(strategies))
    few, many = (
        [replace(left, start=0.0) for left in lefts(tuple(range(n)), names, retrain=(regime,))]
        for n in (seeds, seeds + more)
    )
    one, other = planned(few, Room(cpus)), planned(many, Room(cpus))
    assert other.seconds >= one.seconds - 1e-6
    assert other.device_hours > one.device_hours
    assert other.work.updates > one.work.updates
    wide = planned(few, Room(cpus + more))
    assert wide.seconds <= one.seconds + 1e-6
    assert wide.seconds >= wide.device_hours * 3600 / (cpus + more) - 1e-6


def test_a_frozen_head_needs_no_actors_and_no_gpu():
    """Two seeds of three steps: what the tables cost, and a core each."""
    speed = replace(SPEED, number=0.0, row=0.0, alone=0.5)
    cheap = [
        replace(left, cpus=1.0, start=0.0, speed=speed)
        for left in lefts(seeds=(0, 1), strategies=("random",), heads=("frozen",))
    ]
    facts = {"storage": NOTHING, "done": 0, "labels": 300, "labels_per_day": 1000}
    found = estimate([cheap], Room(2.0, 1.0), **facts)
    assert found.seconds == pytest.approx(1.5)
    assert found.phases.total == found.phases.record == pytest.approx(3.0)
    assert found.device_hours == 0
    assert estimate([cheap], TWO, **facts).device_hours == pytest.approx(3.0 / 3600)
