"""The watchdog's arithmetic, on a clock and a store of the test's own."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import ray
from rich.console import Console

from al_ray.cluster import private
from al_ray.cluster.actors import watchdog
from al_ray.cluster.actors.watchdog import Stalled, Watch
from al_ray.cluster.trials import callbacks
from al_ray.cluster.trials.callbacks import Begun, Idle, Tries, in_words
from al_ray.errors import AlRayError, UserError


class Cluster:
    """Answers after some seconds, and gives a pulse at some; every look takes what it may."""

    def __init__(self, answers: float, pulses: tuple[float, ...]) -> None:
        self.now, self.answers, self.pulses = 0.0, answers, pulses
        self.exceptions = ray.exceptions

    def monotonic(self) -> float:
        return self.now

    def get(self, refs: Any, timeout: float) -> str:
        if self.now + timeout < self.answers:
            self.now += timeout
            raise ray.exceptions.GetTimeoutError
        self.now = max(self.now, self.answers)
        return f"answer to {refs}"

    def wait(
        self, refs: list[str], num_returns: int, timeout: float
    ) -> tuple[list[str], list[str]]:
        try:
            self.get(refs, timeout)
        except ray.exceptions.GetTimeoutError:
            return [], refs
        return refs[:1], refs[1:]

    def read(self, key: bytes) -> bytes | None:
        count = sum(pulse <= self.now for pulse in self.pulses)
        return str(count).encode() if count and key.endswith(b"one") else None


def actor(name: str) -> SimpleNamespace:
    return SimpleNamespace(_actor_id=SimpleNamespace(hex=lambda: name))


@pytest.mark.parametrize(
    ("answers", "pulses", "stalls"),
    [
        (5, (), False),
        (99, (), False),
        (115, (), True),  # looked at every 10 seconds
        (150, (60,), False),
        (500, (90, 180, 270, 360, 450), False),  # long, but at it
        (500, (90, 180), True),
    ],
)
@pytest.mark.parametrize("how", ["get", "first"])
def test_who_gives_a_pulse_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
    answers: float,
    pulses: tuple[float, ...],
    stalls: bool,
    how: str,
) -> None:
    cluster = Cluster(answers, pulses)
    for name in ("ray", "time"):
        monkeypatch.setattr(watchdog, name, cluster)
    monkeypatch.setattr(private, "get", cluster.read)
    watch = Watch(100.0)
    watch.over([actor("one"), actor("other")])
    call = watch.get if how == "get" else watch.first
    if stalls:
        with pytest.raises(Stalled, match="waited 2 minutes for a fit"):
            call(["ref"], "a fit")
        assert cluster.now <= max((0, *pulses)) + 120
    else:
        assert call(["ref"], "a fit") == ("answer to ['ref']" if how == "get" else ["ref"])
        assert cluster.now == answers


def test_a_stalled_trial_is_worth_another_try() -> None:
    """`trial.run` ends for good with what al_ray raises on purpose."""
    assert not issubclass(Stalled, AlRayError)


def test_tries_are_counted_from_the_last_step() -> None:
    trial = SimpleNamespace(num_failures=5, max_failures=3)
    facts: dict[str, Any] = {"iteration": 0, "trials": [trial], "trial": trial}
    Tries(3).on_trial_result(**facts, result={"steps": [{"gained": False}]})
    assert trial.max_failures == 3  # told again of what an earlier try had done
    Tries(3).on_trial_result(**facts, result={"steps": [{"gained": False}, {"gained": True}]})
    assert trial.max_failures == 8


def test_a_trial_has_begun_until_it_is_to_be_tried_again() -> None:
    """One that fails after that, before it begins anew, was never given a process that lived."""
    begun, trial = Begun(), SimpleNamespace(config={"trial": {"id": "one"}})
    facts: dict[str, Any] = {"iteration": 0, "trials": [trial], "trial": trial}
    begun.on_trial_start(**facts)
    assert begun.lots == {"one"}
    begun.on_trial_recover(**facts)
    assert not begun.lots
    begun.on_trial_start(**facts)
    begun.on_trial_error(**facts)
    assert begun.lots == {"one"}


def test_waiting_begins_anew_when_something_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(callbacks, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(callbacks, "_hosts", lambda: "2 times 4 CPU and 0 GPU")
    console = Console(width=200, record=True)
    idle = Idle("3 times 1 CPU and 1 GPU", 1000.0, console)
    pending, busy = SimpleNamespace(status="PENDING"), SimpleNamespace(status="RUNNING")

    def at(second: float, *trials: SimpleNamespace) -> str:
        clock[0] = second
        idle.on_step_end(iteration=0, trials=list(trials))
        return console.export_text().strip()

    assert at(1, pending) == ""
    assert at(100, pending) == ""
    assert at(122, pending).startswith("Nothing runs for 2 minutes now: a trajectory waits for 3")
    assert at(200, pending) == ""  # twice as long until it is said again
    assert "2 times 4 CPU" in at(242, pending)
    assert at(900, pending, busy) == ""
    assert at(1500, pending) == ""
    with pytest.raises(UserError, match="nothing could be placed for 17 minutes"):
        at(2500, pending)


def test_bundles_in_words() -> None:
    assert in_words([{"CPU": 0.02}, {"CPU": 1, "GPU": 0.5}, {"CPU": 1, "GPU": 0.5}]) == (
        "0.02 CPU, 2 times 1 CPU and 0.5 GPU"
    )
