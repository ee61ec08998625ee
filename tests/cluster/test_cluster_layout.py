"""Bundles of a trial: plain arithmetic, without Ray."""

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_study import STUDY

from al_ray.cluster.layout import Layout, Machine, alone, layout, misfit
from al_ray.cluster.trials.trial import Job, key_of, trial_layout
from al_ray.study.config import StudyConfig
from al_ray.study.grid import Encoder, trajectories
from al_ray.study.learner import Source


def exact(amount):
    """What Ray counts: ten-thousandths."""
    return Fraction(round(amount * 10_000), 10_000)


def total(made, kind):
    return sum(exact(bundle.get(kind, 0)) for bundle in made.bundles)


def gpus_hold(gpus, amount, count):
    """A part of a GPU must come from one GPU."""
    if amount == 1:
        return count <= gpus
    return count <= gpus * (1 // exact(amount))


def test_two_cores():
    single, committee = (layout(members, 1, 1, 2.0, 0.0) for members in (1, 3))
    assert 2 * total(single, "CPU") <= 2  # two at once
    assert 3 * total(single, "CPU") > 2
    assert committee.count == 3
    assert total(committee, "CPU") <= 2
    assert "GPU" not in single.bundle
    assert single.actor.keys() == {"num_cpus"}


def test_threads_are_whole_cores_where_there_are_enough():
    made = layout(3, 1, 4, 64.0, 0.0)
    assert 11.9 < total(made, "CPU") <= 12
    assert 5 * total(made, "CPU") <= 64


def test_eight_gpus():
    single, committee, sharded = (layout(m, s, 2, 64.0, 8.0) for m, s in [(1, 1), (3, 1), (1, 8)])
    for made, count in ((single, 1), (committee, 3), (sharded, 8)):
        assert made.count == count
        assert made.bundle["GPU"] == 1.0
        assert made.actor["num_gpus"] == 0.5


def test_one_gpu_in_thirds():
    made = layout(3, 1, 1, 8.0, 1.0)
    assert made.bundle["GPU"] == pytest.approx(1 / 3, abs=2e-3)
    assert gpus_hold(1, made.bundle["GPU"], 3)
    assert made.actor["num_gpus"] <= made.bundle["GPU"] / 2


@pytest.mark.parametrize(("gpus", "count"), [(2, 3), (2, 5), (4, 6), (8, 12)])
def test_parts_fit_into_gpus(gpus, count):
    """Two thirds of a GPU, three times, are two GPUs' worth and fit into no two GPUs."""
    made = layout(count, 1, 1, 64.0, float(gpus))
    assert gpus_hold(gpus, made.bundle["GPU"], made.count)


def test_places():
    made = layout(2, 3, 1, 8.0, 0.0)
    assert made.count == 3
    assert len(made.bundles) == 4
    assert made.bundles[0] == {"CPU": 0.02}
    assert [Layout.bundle_of(i) for i in range(3)] == [1, 2, 3]
    made.bundles[1]["CPU"] = 99.0  # a copy
    assert made.bundle["CPU"] != 99.0


@settings(deadline=None)
@given(
    st.integers(1, 8),
    st.integers(1, 32),
    st.integers(1, 16),
    st.integers(1, 256).map(float),
    st.integers(0, 16).map(float),
)
def test_no_more_than_there_is_and_never_nothing(members, shards, threads, cpus, gpus):
    made = layout(members, shards, threads, cpus, gpus)
    assert made.count == max(members, shards)
    assert total(made, "CPU") <= cpus
    assert total(made, "CPU") <= threads * made.count
    assert total(made, "GPU") <= gpus
    assert ("GPU" in made.bundle) == (gpus > 0)
    # A member and a shard share a bundle.
    assert 2 * exact(made.actor["num_cpus"]) <= exact(made.bundle["CPU"])
    assert made.actor["num_cpus"] > 0
    if gpus:
        assert 2 * exact(made.actor["num_gpus"]) <= exact(made.bundle["GPU"]) <= 1
        assert made.actor["num_gpus"] > 0
        assert made.bundle["GPU"] == 1 or gpus < made.count


@settings(deadline=None)
@given(st.integers(1, 64), st.integers(1, 8))
def test_trajectories_fill_the_cores(cpus, threads):
    """As many at once as there are cores for their threads."""
    made = layout(1, 1, threads, float(cpus), 0.0)
    assert int(cpus // total(made, "CPU")) == max(1, cpus // threads)


def test_a_loop_that_does_all_work_itself_has_one_core():
    assert alone(64.0).bundles == [{"CPU": 1.0}]
    assert alone(0.5).bundles == [{"CPU": 0.5}]
    assert alone(2.0).cpus == 1.0
    assert misfit(alone(2.0), [Machine({"CPU": 2.0}, 1)]) is None
    assert "needs 1 CPU" in misfit(alone(2.0), [Machine({"CPU": 0.0}, 3)])


@pytest.mark.parametrize(
    ("asked", "gpus", "shards"), [(None, 0, 1), (None, 2, 3), (1, 2, 1), (2, 0, 2)]
)
def test_a_committee_scores_on_every_gpu_that_it_holds(asked, gpus, shards):
    """Three members reserve a slot each, of which one shard would leave two idle."""
    study = StudyConfig(
        strategies=("qbc",), training=STUDY.training, rates=STUDY.rates, seeds=(0,),
        step_sizes=(20,), steps=1,
    )  # fmt: skip
    source = Source(name="", digest="")
    (config,) = trajectories(study, source, Encoder(source), 1000)
    setups = {key_of(config.learner): None}
    job = Job("", Path(), setups, asked, 8.0, float(gpus), False, None, "", 1.0)
    assert job.shards_of(config.learner) == shards
    wanted = trial_layout(config, job)
    assert wanted.count == 3
    assert ("GPU" in wanted.bundle) == bool(gpus)
