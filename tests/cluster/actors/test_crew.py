"""Which actors are kept, on actors of the test's own."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import ray

from al_ray.cluster.actors import crew
from al_ray.cluster.actors.crew import Crew, Dismissing, Shape, dismiss, keep, muster
from al_ray.cluster.layout import Layout
from al_ray.study.training import RECIPES, Training

TRAINING = Training(
    recipe="seed", learning_rate=1e-4, batch_size=8, max_length=24, **RECIPES["seed"]
)
SHAPE = Shape(
    "news7",
    (Path("encoder"), Path("tokens"), "cpu"),
    Layout({"CPU": 0.02}, {"CPU": 0.9}, 1),
    members=1,
    shards=1,
)


@dataclass(eq=False)
class Actor:
    """Says whether it is well: True, False, or an error in place of an answer."""

    well: Any = True
    ended: bool = False

    @property
    def unharmed(self) -> SimpleNamespace:
        return SimpleNamespace(remote=lambda: self.well)


@dataclass
class Cluster:
    """Stands for Ray."""

    group: str = "group"
    exceptions: Any = ray.exceptions
    made: list[Crew] = field(default_factory=list)

    @property
    def util(self) -> SimpleNamespace:
        return SimpleNamespace(get_current_placement_group=lambda: self.group)

    def get(self, answers: list[Any], timeout: float) -> list[bool]:
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    def kill(self, actor: Actor) -> None:
        actor.ended = True

    def make(self, shape: Shape, group: str) -> Crew:
        self.made.append(Crew("news7/0", shape, group, [Actor()], [Actor()]))
        return self.made[-1]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    cluster = Cluster()
    monkeypatch.setattr(crew, "ray", cluster)
    monkeypatch.setattr(crew, "_made", cluster.make)
    monkeypatch.setattr(crew, "_waiting", None)
    return cluster


def test_a_crew_that_is_kept_is_mustered_again(cluster: Cluster) -> None:
    first = muster(SHAPE)
    assert not first.kept
    keep(first)
    assert muster(replace(SHAPE)) is first
    assert first.kept
    assert muster(SHAPE) is not first  # it is at work, and was not kept again


@pytest.mark.parametrize(
    "other",
    [
        replace(SHAPE, shards=2),
        replace(SHAPE, members=3),
        replace(SHAPE, study="news6"),
        replace(SHAPE, layout=Layout({"CPU": 0.02}, {"CPU": 0.5}, 1)),
        replace(SHAPE, loaded=(*SHAPE.loaded[:2], "cuda")),
    ],
    ids=["shards", "members", "study", "layout", "setup"],
)
def test_another_shape_has_a_crew_of_its_own(cluster: Cluster, other: Shape) -> None:
    first = muster(SHAPE)
    keep(first)
    assert muster(other) is not first
    assert all(actor.ended for actor in first.all)


def test_so_has_another_placement_group(cluster: Cluster) -> None:
    first = muster(SHAPE)
    keep(first)
    cluster.group = "another"
    assert muster(SHAPE) is not first
    assert all(actor.ended for actor in first.all)


@pytest.mark.parametrize(
    "answer", [False, ray.exceptions.RayActorError(), ray.exceptions.GetTimeoutError()]
)
@pytest.mark.parametrize("who", ["members", "shards"])
def test_who_died_or_does_not_answer_is_not_mustered_again(
    cluster: Cluster, who: str, answer: Any
) -> None:
    first = muster(SHAPE)
    keep(first)
    getattr(first, who)[0].well = answer
    assert muster(SHAPE) is not first
    assert all(actor.ended for actor in first.all)


def test_nobody_waits_after_a_dismissal(cluster: Cluster) -> None:
    class Trainable:
        cleaned = False

        def cleanup(self) -> None:
            self.cleaned = True

    class Ours(Dismissing, Trainable):
        pass

    first, ours = muster(SHAPE), Ours()
    keep(first)
    ours.cleanup()
    assert ours.cleaned
    assert all(actor.ended for actor in first.all)
    assert muster(SHAPE) is not first
    dismiss()  # nobody waits: nothing to do


def test_one_crew_waits_at_most(cluster: Cluster) -> None:
    first, second = muster(SHAPE), muster(SHAPE)
    keep(first)
    keep(second)
    assert all(actor.ended for actor in first.all)
    assert muster(SHAPE) is second
