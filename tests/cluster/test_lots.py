"""Cheap trajectories that share a trial of Tune: how many, and what is seen of them."""

import io
import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from loop_stub import config_of, training
from rich.console import Console

from al_ray.cluster.lots import decode, encode, lots
from al_ray.cluster.observe.progress import Progress
from al_ray.cluster.trials import trial as trial_module
from al_ray.cluster.trials.callbacks import Tries
from al_ray.cluster.trials.trial import Reports
from al_ray.loop.trajectory import Step
from al_ray.study.grid import Trial


def frozen(number, **facts):
    return [Trial(config_of(head="frozen", seed=seed, **facts)) for seed in range(number)]


@pytest.mark.parametrize(
    ("trials", "slots", "made"),
    [
        (0, 2, 0),
        (1, 2, 1),
        (5, 2, 2),  # one a slot
        (30, 2, 3),
        (300, 2, 8),  # a few a slot, so that none is idle for long at the end
        (300, 64, 64),  # and every slot has one
        (300, 1000, 300),
    ],
)
def test_lots_fill_the_slots(trials, slots, made):
    given = frozen(trials)
    found = lots(given, slots)
    assert len(found) == made
    assert sorted(t.leader.seed for lot in found for t in lot) == list(range(trials))
    sizes = [len(lot) for lot in found]
    assert max(sizes, default=0) - min(sizes, default=0) <= 1


def test_others_stay_alone_and_come_after():
    others = [Trial(config_of(seed=seed)) for seed in range(3)]
    found = lots([*others, *frozen(4)], 2)
    assert [len(lot) for lot in found] == [2, 2, 1, 1, 1]
    assert [lot[0] for lot in found[2:]] == others


def test_a_lot_survives_tunes_copies():
    leader, follower = config_of(), config_of(strategy="entropy")
    lot = (Trial(leader, (follower,)), *frozen(2))
    assert decode(json.loads(json.dumps(encode(lot)))) == lot


# Reports


class Clock:
    def __init__(self, *times):
        self.times = list(times)

    def monotonic(self):
        return self.times.pop(0)


def test_the_first_step_is_reported_at_once_and_others_together(monkeypatch):
    told = []
    monkeypatch.setattr(trial_module.tune, "report", lambda result: told.append(result["steps"]))
    monkeypatch.setattr(trial_module, "time", Clock(0.0, 0.0, 0.2, 0.9, 1.1, 1.1, 1.2, 1.3))
    one, two = (trial.leader for trial in frozen(2, steps=5))
    reports = Reports(1.0)
    reports.before(one)  # alone it is no reason to wait for the driver
    for step in range(5):
        reports.add(two, Step(step, 10, 0.5, 0.01))
    reports.flush()
    reports.flush()
    assert [[step["step"] for step in steps] for steps in told] == [[4, 0], [1, 2, 3], [4]]
    assert [step["gained"] for step in told[0]] == [False, True]


def test_what_was_done_before_buys_no_tries():
    trial = SimpleNamespace(max_failures=3, num_failures=2)
    Tries(3).on_trial_result(trial, {"steps": [{"gained": False}]})
    assert trial.max_failures == 3
    Tries(3).on_trial_result(trial, {"steps": [{"gained": False}, {"gained": True}]})
    assert trial.max_failures == 5


# What is shown


def test_a_study_of_many_arms_at_80_columns():
    arms = [
        Trial(config_of(seed=seed, strategy=name, training=replace(training(), epochs=epochs)))
        for name in ("random", "expected-gradient-length-word")
        for epochs in (5, 10)
        for seed in (0, 1)
    ]
    progress = Progress(arms, dict.fromkeys((arm.leader.id for arm in arms), 0), Console())
    done = arms[0].leader
    steps = [
        {"trajectory": done.id, "step": step, "gained": True, "n_labelled": 21, "seconds": 60.0}
        | {"accuracy": 0.75}
        for step in range(done.schedule.steps)
    ]
    trial = SimpleNamespace(config={"trial": encode((arms[0],))})
    progress.on_trial_start(trial)
    progress.on_trial_result(trial, {"steps": steps})
    said = io.StringIO()
    Console(file=said, width=80).print(progress._shown())
    lines = said.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].rstrip() == "Study: 1 of 8 trajectories, 4 of 32 steps; about 28 minutes left"
    assert "…" not in said.getvalue()
    assert sum("waiting" in line for line in lines) == 7
    (ended,) = (line for line in lines if "done" in line)
    assert ended.split()[-2:] == ["21", "0.750"]


def test_each_trajectory_of_a_lot_has_its_line():
    lot = tuple(frozen(4, steps=2))
    names = [trial.leader.id for trial in lot]
    said = io.StringIO()
    progress = Progress(list(lot), dict.fromkeys(names, 0), Console(file=said, width=200))
    trial = SimpleNamespace(config={"trial": encode(lot)})
    shown = lambda: [progress._lines[name].state for name in names]  # noqa: E731

    def result(*steps):
        made = [
            {
                "trajectory": names[number],
                "step": step,
                "gained": True,
                "n_labelled": 10,
                "accuracy": 0.5,
                "seconds": 0.1,
            }
            for number, step in steps
        ]
        progress.on_trial_result(trial, {"steps": made})

    progress.on_trial_start(trial)
    assert shown() == ["running", "waiting", "waiting", "waiting"]
    result((0, 0), (0, 1), (1, 0))
    assert shown() == ["done", "running", "waiting", "waiting"]
    result((2, 0))  # so the one before has failed
    assert shown() == ["done", "failed", "running", "waiting"]
    progress.on_trial_recover(trial)
    assert shown() == ["done", "failed", "trying again", "waiting"]
    progress.on_trial_start(trial)
    result((2, 1))
    assert shown() == ["done", "failed", "done", "running"]
    progress.on_trial_complete(trial)
    assert shown() == ["done", "failed", "done", "failed"]
    assert [line.split("  ")[1] for line in said.getvalue().splitlines()] == [
        "done",
        "failed",
        "trying again",
        "done",
        "failed",
    ]
