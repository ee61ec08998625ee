"""What tests share beside fixtures."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

SHARED = Path(__file__).resolve().parents[1] / ".." / "shared"


class Started(BaseException):
    """Ray would be started; no error, since those of `ray.init` are put into one line."""


class Inline:
    """A process pool that runs at once and here: a child costs seconds."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __enter__(self) -> Inline:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, function: Any, *args: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*args))
        except Exception as error:
            future.set_exception(error)
        return future


def small_training(**changes: Any) -> Any:
    """The recipe `stable` in small batches and chunks, in float32."""
    from al_ray.study.training import RECIPES, Training

    facts = {"learning_rate": 2e-3, "batch_size": 8, "max_length": 24, "token_budget": 200}
    facts |= {"precision": "float32", "chunk_rows": 32, "recipe": "stable"}
    return Training(**{**RECIPES["stable"], **facts, **changes})


def mini_setup(cache: Path, **recipe: Any) -> Any:
    """What members and shards are made from: `mini` and 110 + 30 generated texts, 32 a chunk."""
    from al_ray.corpus.embedded.news import generate
    from al_ray.corpus.tokens import prepared
    from al_ray.learners.encoder import mini
    from al_ray.workers import Setup

    corpus = generate(train=110, test=30)
    encoder = mini.build(corpus, cache)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepared, "ProcessPoolExecutor", Inline)
        made = prepared.prepare(corpus, encoder, "mini", 24, cache)
    training = small_training(**{"pooling": "own", **recipe})
    return Setup(encoder, made.tokens, len(corpus.labels), training, "cpu")


def tables(out: Path | str) -> dict[str, pd.DataFrame]:
    """Every table of a study but for what an equal run need not repeat, in a fixed order."""
    from al_ray.results import SCHEMAS, Store
    from al_ray.results.schema import UNTIMED

    store = Store(out)
    return {
        name: store.read(name).drop(columns=[c for c in UNTIMED if c in SCHEMAS[name].names])
        for name in SCHEMAS
    }


def assert_equal_studies(
    one: Path | str, other: Path | str, only: list[str] | None = None, but: tuple[str, ...] = ()
) -> None:
    """Equal tables by value, to the last bit; of `one` only some trajectories if they are named.

    Args:
        one: a study's folder.
        other: another's.
        only: trajectories.
        but: tables that are not compared.
    """
    left, right = tables(one), tables(other)
    for name in but:
        del left[name]
    for name in left:
        if only is not None and "trajectory" in left[name]:
            left[name] = left[name][left[name].trajectory.isin(only)].reset_index(drop=True)
        pd.testing.assert_frame_equal(left[name], right[name], check_exact=True, obj=name)


def assert_as_undisturbed(undisturbed: Path, out: Path | str) -> None:
    """Whatever trajectories `out` has: as there, to the last bit."""
    from al_ray.results import Store

    assert_equal_studies(undisturbed, out, only=list(Store(out).study_json.get()["trajectories"]))


def actors_of(study: str) -> list[dict[str, Any]]:
    """Members and shards of a study on this process's cluster, living or not."""
    import ray

    found = ray._private.state.actors().values()
    return [actor for actor in found if actor["Name"].startswith(f"{study}/")]


def roles(study: str) -> Counter[str]:
    """How many of them there have been."""
    return Counter(actor["Name"].rpartition("/")[2] for actor in actors_of(study))


def lock_of(out: Path) -> Path:
    """The lock of a results folder, whose own folder is made if need be."""
    (out / ".al_ray").mkdir(parents=True, exist_ok=True)
    return out / ".al_ray" / "lock"
