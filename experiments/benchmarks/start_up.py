"""What it costs to start: imports, a trajectory's actors, and a study that goes on.

python experiments/benchmarks/start_up.py

Four things, each several times, with medians and the range. Imports in a process of their own:
torch, and after it Transformers' BERT with and without scikit-learn and SciPy, which it imports
where they are installed. A trajectory's actors, in Tune trials as a study has them: from the moment
the loop asks for them until each has loaded its model and says so, for one member and one shard and
for three of each, new ones and those that are kept for the next trajectory. What passes from one
trial's end until the next one's actors are there. And a study on generated text that has all but
one of its steps: from the start of the command until the last one is on disk.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from machine import machine
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
SHAPES = ((1, 1), (3, 3))
KOBERT = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "vocab_size": 8002,
}
TORCH = "import torch"
BERT = "from transformers import BertForSequenceClassification"
OURS = "from al_ray.corpus.tokens.tokenising import quiet_transformers; quiet_transformers()"
IMPORTS = {"torch": ("", TORCH), "all of BERT": (TORCH, BERT), "ours": (TORCH, f"{OURS}; {BERT}")}
STUDY = (
    "--strategies margin --seeds 0 --step-size 20 --updates 6 --max-length 24 --pool-limit 200 "
    "--test-limit 60 --no-dashboard --address local"
)


def spread(seconds: list[float]) -> dict[str, Any]:
    return {"median": statistics.median(seconds), "seconds": [round(s, 3) for s in seconds]}


def imports(rounds: int) -> dict[str, Any]:
    """Seconds that a statement takes after another one, by turns; and of a core."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in IMPORTS}
    for _ in range(rounds + 1):  # the first reads the files from disk
        for name, (before, timed) in IMPORTS.items():
            program = f"{before}\nimport time; t, c = time.perf_counter(), time.process_time()\n"
            program += f"{timed}\nprint(time.perf_counter() - t, time.process_time() - c)"
            said = subprocess.run(
                [sys.executable, "-W", "ignore", "-c", program],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                check=True,
            )
            wall, core = map(float, said.stdout.split())
            found[name].append((wall, core))
    return {
        name: {
            **spread([wall for wall, _ in times[1:]]),
            "core_median": statistics.median(core for _, core in times[1:]),
        }
        for name, times in found.items()
    }


def kobert_shaped(folder: Path, tokenizer: Path) -> Path:
    """A random BERT of KoBERT's shape, with a tokenizer that has fewer ids."""
    from transformers import BertConfig, BertForSequenceClassification

    shutil.copytree(tokenizer, folder)
    config = json.loads((folder / "config.json").read_text()) | KOBERT
    BertForSequenceClassification(BertConfig(**config)).save_pretrained(folder)
    return folder


def probe(point: dict[str, Any], setup: Any, members: int, shards: int, cpus: float) -> None:
    """A trial without any work: its actors come, and it ends."""
    import ray
    from common import trajectory
    from ray import tune

    from al_ray.cluster.actors.ray_workers import RayWorkers
    from al_ray.cluster.layout import layout

    began, start = time.time(), time.perf_counter()
    rate = setup.training.learning_rate
    config = trajectory(
        setup.training, (rate,) * members, "margin", size=1, steps=1, seed=point["seed"]
    )
    where = layout(members, shards, setup.training.threads, cpus, 0)
    with RayWorkers(setup, config, "margin", where, shards, 600.0, "start-up") as workers:
        ray.get(workers._prepared)
        seconds = time.perf_counter() - start
        kept = workers._crew.kept
    tune.report({"began": began, "seconds": seconds, "kept": kept, "ended": time.time()})


def trials(setup: Any, members: int, shards: int, rounds: int, keep: bool) -> list[dict[str, Any]]:
    """What each of some trials said, one after the other."""
    from ray import tune

    from al_ray.cluster.actors.crew import Dismissing
    from al_ray.cluster.layout import layout

    cpus = float(os.cpu_count() or 1)
    bundles = layout(members, shards, setup.training.threads, cpus, 0).bundles
    run = partial(probe, setup=setup, members=members, shards=shards, cpus=cpus)
    named: Any = lambda point: run(point)  # noqa: E731 Tune wants a name and an argument
    named.__mixins__ = (Dismissing,)
    with tempfile.TemporaryDirectory() as scratch:
        results = tune.Tuner(
            tune.with_resources(named, tune.PlacementGroupFactory(bundles, strategy="PACK")),
            param_space={"seed": tune.grid_search(list(range(rounds)))},
            tune_config=tune.TuneConfig(max_concurrent_trials=1, reuse_actors=keep),
            run_config=tune.RunConfig(storage_path=scratch, verbose=0),
        ).fit()
    if results.errors:
        raise results.errors[0]
    return sorted((result.metrics for result in results), key=lambda said: said["began"])


def actors(model: Path, tokens: Path, rounds: int) -> dict[str, Any]:
    """Seconds until a trajectory's actors are there, and between two trials."""
    import ray

    from al_ray.study.training import RECIPES, Training
    from al_ray.workers import Setup

    training = Training(
        **RECIPES["seed"],
        recipe="seed",
        learning_rate=2e-5,
        batch_size=8,
        max_length=24,
        precision="float32",
    )
    setup = Setup(model, tokens, 7, training, "cpu")
    ray.init(
        "local",
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        object_store_memory=256 * 2**20,
    )
    found: dict[str, Any] = {}
    try:
        trials(setup, 1, 1, 1, False)  # reads the files from disk
        for members, shards in SHAPES:
            # The first of those that are kept is new.
            new = trials(setup, members, shards, rounds, False)
            kept = trials(setup, members, shards, rounds + 1, True)
            assert [said["kept"] for said in kept] == [False, *[True] * rounds]
            found[f"{members}+{shards}"] = {
                "new": spread([said["seconds"] for said in new]),
                "kept": spread([said["seconds"] for said in kept[1:]]),
                "between_new": spread(between(new)),
                "between_kept": spread(between(kept)),
            }
    finally:
        ray.shutdown()
    return found


def between(said: list[dict[str, Any]]) -> list[float]:
    """From each trial's end until the actors of the next are there."""
    return [after["began"] + after["seconds"] - before["ended"] for before, after in pairwise(said)]


def continued(folder: Path, rounds: int) -> dict[str, Any]:
    """Seconds from the start of a command until the one step that is left is on disk."""
    out, seconds = folder / "study", []
    for steps in range(2, rounds + 3):
        command = [sys.executable, str(ROOT / "experiments" / "news7.py"), *STUDY.split()]
        command += ["--steps", str(steps), "--out", str(out)]
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        last = f"*-{steps - 1:04d}.parquet"
        while process.poll() is None and not any((out / "steps").glob(last)):
            time.sleep(0.01)
        seconds.append(time.perf_counter() - start)
        if process.wait() != 0:
            sys.exit(f"{' '.join(command)}: ended with {process.returncode}")
    return spread(seconds[1:])  # the first is a whole study


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Everything that is not skipped, as JSON knows it."""
    os.environ.setdefault("RAY_worker_niceness", "0")  # Ray's own 15 yields to all else here
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    found: dict[str, Any] = {
        "machine": machine("ray", "torch", "transformers"),
        "model": options.model.name if options.model else "random, of KoBERT's shape",
        "rounds": options.rounds,
    }
    with tempfile.TemporaryDirectory(prefix="start-up-") as scratch:
        folder = Path(scratch)
        if "imports" not in options.skip:
            found["imports"] = imports(options.rounds)
        if "actors" not in options.skip:
            from al_ray.corpus.embedded.news import generate
            from al_ray.corpus.tokens.prepared import prepare
            from al_ray.learners.encoder import mini

            corpus = generate(train=200, test=60)
            small = mini.build(corpus, folder)
            tokens = prepare(corpus, small, "mini", 24, folder).tokens
            model = options.model or kobert_shaped(folder / "model", small)
            found["actors"] = actors(model.resolve(), tokens, options.rounds)
        if "continued" not in options.skip:
            found["continued"] = continued(folder, options.rounds)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("--model", type=Path, help="encoder folder; default: one of KoBERT's shape")
    parser.add_argument("--rounds", type=int, default=3, help="of each; default: 3")
    parser.add_argument(
        "--skip",
        nargs="+",
        choices=("imports", "actors", "continued"),
        default=(),
        help="leave these out",
    )
    parser.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args()
    if options.rounds < 2:
        parser.error("--rounds: give 2 or more")
    if options.model and not (options.model / "config.json").is_file():
        parser.error(f"--model {options.model}: no encoder's folder")
    found = measure(options)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    show(found)


def show(found: dict[str, Any]) -> None:
    caption = f"{found['machine']}; model: {found['model']}"
    table = Table("seconds", title="Starting", caption=caption)
    table.add_column("median", justify="right")
    table.add_column("range", justify="right")
    table.add_column("of a core", justify="right")

    def row(name: str, times: dict[str, Any]) -> None:
        low, high = min(times["seconds"]), max(times["seconds"])
        core = f"{times['core_median']:.1f}" if "core_median" in times else ""
        table.add_row(name, f"{times['median']:.1f}", f"{low:.1f} to {high:.1f}", core)

    if said := found.get("imports"):
        row("import torch", said["torch"])
        row("import Transformers' BERT, plainly", said["all of BERT"])
        row("import Transformers' BERT, as al_ray does", said["ours"])
    for shape, times in found.get("actors", {}).items():
        members, shards = shape.split("+")
        table.add_section()
        who = (
            f"{members} member{'s'[: int(members) > 1]} and {shards} shard{'s'[: int(shards) > 1]}"
        )
        row(f"{who}, new", times["new"])
        row(f"{who}, kept", times["kept"])
        row("from one trial to the next, new", times["between_new"])
        row("from one trial to the next, kept", times["between_kept"])
    if said := found.get("continued"):
        table.add_section()
        row("a study goes on: command to next step", said)
    Console().print(table)


if __name__ == "__main__":
    main()
