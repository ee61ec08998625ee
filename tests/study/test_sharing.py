"""Which fits are the same in several trajectories."""

from dataclasses import replace

from loop_stub import config_of

from al_ray.study.chooser import Prefix, RowsUpTo
from al_ray.study.sharing import first_fits, shared_fits
from al_ray.study.trajectory import Schedule


def test_all_arms_of_a_seed_begin_with_one_fit():
    one = config_of(strategy="margin")
    (name,) = first_fits(one)
    control = replace(one, chooser=Prefix(), schedule=Schedule.once(6))
    warm = config_of(strategy="badge", retrain="warm")
    longer = config_of(strategy="random", step_size=3, steps=9)
    committee = config_of(strategy="qbc")
    for other in (control, warm, longer):
        assert first_fits(other) == (name,)
    assert first_fits(committee)[committee.learner.evaluated] == name
    assert len(set(first_fits(committee))) == 3


def test_what_makes_another_fit():
    one = config_of()
    (name,) = first_fits(one)
    training = one.learner.training
    for other in (
        config_of(seed=1),
        config_of(initial=7),
        config_of(validation=3),
        config_of(strategy="learning-loss"),  # which trains a module of its own beside
        config_of(on_divergence="retry-with-lower-rate"),
        config_of(training=replace(training, epochs=9)),
        config_of(training=replace(training, start="linear")),
    ):
        assert name not in first_fits(other)
    assert first_fits(config_of(head="frozen")) == ()
    replay = replace(one, chooser=RowsUpTo(trajectory=one.id, step=0, fit_seed=0))
    assert first_fits(replay) == ()


def test_only_what_several_have_is_shared():
    fits = {str(n): first_fits(config_of(seed=n // 2)) for n in range(5)}
    assert shared_fits(fits) == {fits["0"][0]: 2, fits["2"][0]: 2}
