"""What `study.json` keeps from one run to the next."""

import pytest
from loop_stub import config_of, training

from al_ray.config import RunConfig, Source, StudyConfig
from al_ray.errors import UserError
from al_ray.results.description import describe


def described(before, **where):
    study = StudyConfig(strategies=("random",), training=training(), rates=(1e-4,), steps=2)
    source = Source(name="x", digest="0")
    run = RunConfig(out="out", **where)
    return describe(before, study, source, source, {}, [config_of()], run)


def test_labels_per_day_hold_until_another_number_is_given():
    first = described(None)
    assert first["labels_per_day"] == 1000
    told = described(first, labels_per_day=250.0)
    assert told["labels_per_day"] == 250
    assert described(told)["labels_per_day"] == 250


@pytest.mark.parametrize("labels", [0.0, -1.0, float("nan"), float("inf")])
def test_labels_per_day_are_a_number_above_0(labels):
    with pytest.raises(UserError, match="--labels-per-day"):
        RunConfig(out="out", labels_per_day=labels)
