"""Names and picks of some thirty configurations, as they were before the redesign.

What could be run then is run now by the same words, and must have the same trajectories, by name,
and the same picks. `frozen_picks.json` was written by the code of then (this file as a program); to
write it anew is to say that results of before cannot be repeated.
"""

from __future__ import annotations

import hashlib
import json
import shlex
import sys
from functools import cache
from pathlib import Path

import pytest
from loop_stub import Stub, World

from al_ray.commands.experiment import Experiment
from al_ray.commands.options import study_config
from al_ray.commands.parser import study_parser
from al_ray.loop.equivalence import follow
from al_ray.loop.trajectory import Trajectory
from al_ray.results import Store
from al_ray.study.grid import Encoder, replays, trajectories, trials
from al_ray.study.learner import Source
from al_ray.study.trajectory import TrajectoryConfig

FILE = Path(__file__).with_name("frozen_picks.json")
NEWS = Experiment("news7", "", ("random", "margin"), (3000, 1000), 21_000, 8, 128)
SMALL = "--model mini --learning-rate 0.1 --epochs 3 --min-updates 0 --step-size 5 --steps 4"

SINGLE = (
    *("random", "least-confidence", "margin", "entropy", "expected-gradient-length", "core-set"),
    *("badge", "expected-gradient-length-word", "learning-loss", "bald", "contrastive"),
)

CONFIGURATIONS = (
    *(f"{SMALL} --seeds 0 1 --strategies {name}" for name in SINGLE),
    *(
        f"{SMALL} --seeds 0 --strategies qbc --disagreement {name}"
        for name in ("vote-entropy", "mean-kl", "consensus")
    ),
    f"{SMALL} --seeds 0 --strategies qbc --committee seeds",
    f"{SMALL} --seeds 0 --strategies qbc --committee-learning-rates 0.4 0.1 0.02",
    f"{SMALL} --seeds 0 1 --strategies margin random --retrain cold warm warm-new",
    f"{SMALL} --seeds 0 --strategies margin qbc --initial 8 --validation 6",
    f"{SMALL} --seeds 0 --strategies margin --step-size 3 7",
    f"{SMALL} --seeds 0 --strategies bald core-set badge --candidates 20",
    f"{SMALL} --seeds 0 --strategies margin entropy --diversity 0.9",
    f"{SMALL} --seeds 0 1 --strategies random --controls 0.2 0.5 1.0",
    f"{SMALL} --seeds 0 --strategies margin --replay-cold 1 2 --replay-seeds 2",
    f"{SMALL} --seeds 0 --strategies margin entropy least-confidence qbc --keep-equivalent",
    f"{SMALL} --seeds 0 --strategies margin core-set random --head frozen",
    f"{SMALL} --seeds 0 --strategies margin --head frozen fine-tuned --retrain warm cold",
    f"{SMALL} --seeds 0 --strategies margin --on-divergence retry-with-lower-rate",
    f"{SMALL} --seeds 0 --strategies margin --recipe seed --batch-size 4 --max-length 32",
    f"{SMALL} --seeds 0 --strategies margin --recipe stable --updates 7 --weight-decay 0.1",
    f"{SMALL} --seeds 0 --strategies margin --warmup 0.3 --threads 2 --precision bfloat16",
    "--model mini --learning-rate 0.1 --step-size 5 --budget 20 --seeds 3 --strategies entropy",
    "--data NEWS7 --model kobert --recipe seed --learning-rate 0.1 --step-size 5 --steps 2 "
    "--seeds 0 --strategies margin --committee-learning-rates 0.1 0.2",
)


def configs_of(words: str, labels: int) -> list[TrajectoryConfig]:
    """What a command asks for, over the rows of the stub's world; replays after the others."""
    options = study_parser(NEWS).parse_args(shlex.split(words))
    study = study_config(NEWS, options, recipes=1)  # as in a folder of then
    corpus, model = Source(name="random", digest="c" * 32), Source(name="stub", digest="m" * 32)
    made = trajectories(study, corpus, Encoder(model), 60)
    return [*made, *(replays(study, made, labels) if study.replay_cold else ())]


def picks(words: str, labels: int, folder: Path) -> dict[str, str]:
    """A digest of all that each trajectory chose, by its name."""
    world, store = World(n_labels=labels), Store(folder)
    found: dict[str, str] = {}
    for trial in trials(configs_of(words, labels), labels, "--keep-equivalent" in words):
        config = trial.leader
        for _ in Trajectory(config, world.rows, Stub(world, config), store).run():
            pass
        for follower in trial.followers:
            follow(store, config, follower)
        for each in trial.all:
            rows = store.read("selections", [each.id])
            chosen = "\x00".join(f"{row.step} {row.row_id}" for row in rows.itertuples())
            found[each.id] = hashlib.blake2b(chosen.encode(), digest_size=8).hexdigest()
    return found


@cache
def frozen() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("labels", [3, 2])
@pytest.mark.parametrize("words", CONFIGURATIONS)
def test_the_same_words_have_the_same_trajectories_and_picks(words, labels, tmp_path):
    assert picks(words, labels, tmp_path) == frozen()[f"{labels} {words}"]


def main() -> None:
    from tempfile import TemporaryDirectory

    made = {}
    for words in CONFIGURATIONS:
        for labels in (3, 2):
            with TemporaryDirectory() as folder:
                made[f"{labels} {words}"] = picks(words, labels, Path(folder))
    FILE.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
