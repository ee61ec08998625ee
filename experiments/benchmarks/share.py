"""What Ray itself costs: a plain loop against actors, and three members at once against one.

python experiments/benchmarks/share.py

First real work: a trajectory on generated text with `mini`, by members and shards in this process
and by actors; both must choose the same rows. Then steps that last a minute. Members and shards are
stubs that wait (`--fit` seconds a fit, `--score` for the pool, `--test` for the test rows), so that
three have three slots on any machine; what they send is real: weights of KoBERT's size, which are
received for every chunk, and all scores. A step's seconds beyond the waiting are Ray's and the
loop's. Trials, and what passes between them, are in `start_up.py`.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from machine import main, table

KOBERT_NUMBERS = 92_000_000
POOL, TEST, CHUNK = 2400, 600, 20


class StubMember:
    """Waits, and sends weights."""

    def __init__(self, fit_seconds: float) -> None:
        self._seconds = fit_seconds
        count = KOBERT_NUMBERS // 200
        self._weights = {f"part {i}": np.ones(count, np.float32) for i in range(200)}

    def prepare(self, assignment: Any) -> None:
        pass

    def fit(self, assignment: Any, job: Any) -> tuple[Any, Any]:
        from al_ray.workers import Fitted

        time.sleep(self._seconds)
        return self._weights, Fitted(None, 1, 0.5)


class StubShard:
    """Takes the weights, waits a while for each row, and sends what a shard would."""

    def __init__(self, score_row: float, test_row: float) -> None:
        self._score, self._test = score_row, test_row

    def prepare(self, assignment: Any) -> None:
        pass

    def predict(self, assignment: Any, budget: Any, rows: Any, weights: Any) -> Any:
        import ray

        from al_ray.workers import Predictions

        ray.get(list(weights))
        time.sleep(self._test * len(rows))
        return Predictions(np.log(np.full((len(rows), 7), 1 / 7)))

    def score(self, assignment: Any, budget: Any, rows: Any, query: Any) -> Any:
        import ray

        from al_ray.workers import Scores

        members = len(ray.get(list(query.weights)))
        time.sleep(self._score * len(rows) * members)
        scores = np.modf(rows * 0.618)[0]
        return Scores(scores, np.zeros((members, len(rows)), np.int32), np.full(len(rows), 0.5))


def prepared(folder: Path, train: int, test: int) -> tuple[Any, Any, Any]:
    """Encoder, rows and tokens of generated text."""
    from al_ray.corpus.embedded.news import generate
    from al_ray.corpus.tokens.prepared import Rows, prepare
    from al_ray.learners.encoder import mini

    corpus = generate(train=train, test=test)
    encoder = mini.build(corpus, folder)
    made = prepare(corpus, encoder, "mini", 32, folder)
    return encoder, Rows.load(made.rows), made.tokens


def config_of(rates: tuple[float, ...], steps: int, updates: int, chunk: int = 2048) -> Any:
    from common import trajectory

    from al_ray.study.training import Training

    training = Training(
        recipe="seed",
        epochs=1,
        updates=updates,
        learning_rate=3e-3,
        batch_size=8,
        max_length=32,
        precision="float32",
        token_budget=4096,
        chunk_rows=chunk,
    )
    return trajectory(
        training, rates, "qbc" if len(rates) > 1 else "margin", size=60, steps=steps, seed=0
    )


def run(config: Any, rows: Any, workers: Any, folder: Path) -> tuple[list[float], list[str]]:
    """Seconds of each step but the first, and which rows were chosen."""
    from al_ray.loop.trajectory import Trajectory
    from al_ray.results import Store

    store, ends = Store(str(folder)), [time.perf_counter()]
    for _ in Trajectory(config, rows, workers, store).run():
        ends.append(time.perf_counter())
    steps = store.read("steps").sort_values("step")
    return np.diff(ends)[1:].tolist(), steps.picks_digest.dropna().tolist()


def real(folder: Path, rounds: int) -> dict[str, Any]:
    from al_ray.cluster.actors.ray_workers import RayWorkers
    from al_ray.cluster.layout import layout
    from al_ray.workers import LocalWorkers, Setup

    encoder, rows, tokens = prepared(folder / "real", 3000, 600)
    config = config_of((3e-3,), 4, 60)
    setup = Setup(encoder, tokens, 7, config.learner.training, "cpu")
    plain: list[float] = []
    actors: list[float] = []
    equal = True
    for turn in range(rounds):
        local = LocalWorkers(setup, config.member_seeds, "margin")
        seconds, picks = run(config, rows, local, folder / f"plain-{turn}")
        plain += seconds
        where = layout(1, 1, 1, os.cpu_count() or 1, 0)
        with RayWorkers(setup, config, "margin", where, 1, 600.0, "share") as workers:
            seconds, others = run(config, rows, workers, folder / f"ray-{turn}")
        actors += seconds
        equal = equal and picks == others
    more = float(np.median(actors) - np.median(plain))
    return {
        "plain_seconds_a_step": float(np.median(plain)),
        "ray_seconds_a_step": float(np.median(actors)),
        "more_a_step": more,
        "picks_equal": equal,
    }


def minutes(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    from al_ray.cluster.actors import crew
    from al_ray.cluster.actors.ray_workers import RayWorkers
    from al_ray.cluster.layout import layout
    from al_ray.workers import FitJob, Setup

    encoder, rows, tokens = prepared(folder / "minutes", POOL + 60, TEST)
    found: dict[str, Any] = {}
    score, test = options.score / POOL, options.test / TEST

    class Member(StubMember):
        def __init__(self) -> None:
            super().__init__(options.fit)

    class Shard(StubShard):
        def __init__(self) -> None:
            super().__init__(score, test)

    crew.MemberActor, crew.ShardActor = Member, Shard  # type: ignore[misc, assignment]
    for name, rates in (("one", (3e-3,)), ("three", (6e-3, 3e-3, 1.5e-3))):
        config = config_of(rates, options.steps, 1, CHUNK)
        setup = Setup(encoder, tokens, 7, config.learner.training, "cpu")
        count = len(rates)
        where = replace(layout(count, count, 1, float(count), 0), bundle={"CPU": 0.02})
        with RayWorkers(setup, config, config.strategy, where, count, 3600.0, name) as workers:
            import ray

            ray.get(workers._prepared)
            seconds, _ = run(config, rows, workers, folder / f"minutes-{name}")
            if name == "three":
                found["after_one_another"] = one_by_one(workers, config, FitJob)
                found["at_once"] = at_once(workers, config, FitJob)
        # The last step selects nothing, and so scores nothing.
        whole = np.array(seconds[:-1])
        pools = POOL + 60 - 60 * np.arange(2, len(whole) + 2)
        waited = options.fit + options.test / count + score * pools
        found[name] = {
            "seconds_a_step": float(np.median(whole)),
            "of_which_waiting": float(np.median(waited)),
            "share": float(np.median(1 - waited / whole)),
        }
    found["three_to_one"] = found["three"]["seconds_a_step"] / found["one"]["seconds_a_step"]
    found["fit_three_to_one"] = found["at_once"] / options.fit
    return found


def jobs(config: Any, make: Any) -> list[Any]:
    rows = np.arange(60)
    labels = np.zeros(60, np.int32)
    return [make(i, rows, labels, rate, 0, 0, None) for i, rate in enumerate(config.learner.rates)]


def one_by_one(workers: Any, config: Any, make: Any) -> float:
    start = time.perf_counter()
    for job in jobs(config, make):
        workers.fit([job])
    return time.perf_counter() - start


def at_once(workers: Any, config: Any, make: Any) -> float:
    start = time.perf_counter()
    workers.fit(jobs(config, make))
    return time.perf_counter() - start


def measure(options: argparse.Namespace) -> dict[str, Any]:
    import ray

    os.environ.setdefault("RAY_worker_niceness", "0")
    ray.init(
        "local",
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        object_store_memory=5 * 2**30,
    )
    with tempfile.TemporaryDirectory(prefix="share-") as temp:
        try:
            return {
                "real": real(Path(temp), options.rounds),
                "minute": minutes(Path(temp), options),
            }
        finally:
            ray.shutdown()


def show(found: dict[str, Any]) -> None:
    one, two = found["real"], found["minute"]
    table(
        "Real steps of a small model",
        ("", ""),
        [
            ("plain loop, a step", f"{one['plain_seconds_a_step']:.2f} s"),
            ("actors, a step", f"{one['ray_seconds_a_step']:.2f} s"),
            ("picks", "equal" if one["picks_equal"] else "differ"),
        ],
    )
    table(
        "Steps of a minute (members and shards wait, weights of KoBERT's size travel)",
        ("", "a step", "not waiting"),
        [
            (
                f"{name} member(s)",
                f"{two[name]['seconds_a_step']:.1f} s",
                f"{two[name]['share']:.1%}",
            )
            for name in ("one", "three")
        ],
    )
    table(
        "Three members, three slots",
        ("", ""),
        [
            ("a step of three to a step of one", f"{two['three_to_one']:.3f}"),
            ("their fits at once to one fit", f"{two['fit_three_to_one']:.3f}"),
            ("their fits one after another", f"{two['after_one_another']:.1f} s"),
        ],
    )


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--steps", type=int, default=4, help="that wait; default: 4")
    parser.add_argument("--fit", type=float, default=40.0, help="seconds; default: 40")
    parser.add_argument("--score", type=float, default=15.0, help="seconds; default: 15")
    parser.add_argument("--test", type=float, default=5.0, help="seconds; default: 5")


if __name__ == "__main__":
    main("share", __doc__, (), arguments, measure, show)
