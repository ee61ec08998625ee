"""A study as a file: the same words as the options, and grids that are no full product."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from al_ray.commands import study as cli
from al_ray.commands.experiment import Experiment
from al_ray.commands.options import study_config
from al_ray.commands.parser import study_parser
from al_ray.commands.study_file import parsed, text
from al_ray.study.config import StudyConfig
from al_ray.study.grid import Encoder, all_of
from al_ray.study.learner import Source

NEWS = Experiment("news7", "", ("random", "margin"), (3000,), 21_000, 8, 128)
X = Source(name="x", digest="x" * 32)
WORDS = (
    "--data news --model encoder --strategies margin my:Own --learning-rate 5e-5 1e-4 --epochs 3 "
    "--head frozen fine-tuned --steps 3 --step-size 10 --seeds 0 1 --ledger --imbalance 정치=0.5"
)
GRIDS = """
data = "news"
model = "encoder"
step-size = 10
steps = 3
seeds = [0, 1]
keep-equivalent = true
ledger = false

[[grid]]
strategies = ["random", "margin"]
learning-rate = [5e-5, 1e-4]

[[grid]]
strategies = ["random", "core-set"]
learning-rate = [1e-4]
seeds = [0, 1, 2]
"""


def asked(*given: str) -> StudyConfig:
    return study_config(NEWS, parsed(study_parser(NEWS), given))


def written(folder: Path, content: str) -> str:
    path = folder / "study.toml"
    path.write_text(content, encoding="utf-8")
    return str(path)


def test_what_a_run_writes_asks_for_the_same(tmp_path):
    given = [*shlex.split(WORDS), "--out", "OUT", "--address=local"]
    options = parsed(study_parser(NEWS), given)
    file = written(tmp_path, text(options))
    assert "learning-rate = [5e-5, 1e-4]\n" in text(options)
    assert "OUT" not in text(options)
    again = parsed(study_parser(NEWS), ["--study", file])
    assert study_config(NEWS, again) == study_config(NEWS, options)
    assert (again.data, again.imbalance, again.ledger) == ("news", ["정치=0.5"], True)


def test_grids_are_a_union_and_each_trajectory_is_there_once(tmp_path):
    study = asked("--study", written(tmp_path, GRIDS))
    made, _ = all_of(study, X, dict.fromkeys(study.models, Encoder(X)), 500, 7)
    found = sorted((c.strategy, c.learner.training.learning_rate, c.seed) for c in made)
    assert found == sorted(
        [
            *((name, rate, seed) for name in ("random", "margin") for rate in (5e-5, 1e-4)
              for seed in (0, 1)),
            *(("core-set", 1e-4, seed) for seed in (0, 1, 2)),
            ("random", 1e-4, 2),
        ]
    )  # fmt: skip
    assert study.keep_equivalent
    assert not study.ledger


def test_grids_are_in_what_is_written_too(tmp_path):
    options = parsed(study_parser(NEWS), ["--study", written(tmp_path, GRIDS)])
    again = parsed(study_parser(NEWS), ["--study", written(tmp_path, text(options))])
    assert study_config(NEWS, again) == study_config(NEWS, options)


def test_what_is_given_stands_in_place_of_the_files_words(tmp_path):
    file = written(tmp_path, GRIDS)
    assert asked("--study", file, "--steps", "5").steps == 5
    assert {part.seeds for part in asked("--study", file, "--seeds", "7").parts} == {(7,)}


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("learning_rate = 1", "'learning_rate' is no option; use the names that --help lists"),
        ("study = 'x'", "'study' is no option"),
        ("epochs = {a = 1}", "'epochs' is no value; give one, or a list of them"),
        ("grid = 1", r"grid is no table; write \[\[grid\]\] above each"),
        ("[[grid]]\ndata = 'x'", "'data' is nothing that a grid has .* move it above"),
        ("epochs = [true, 1]", "'epochs' is no value; give one, or a list of them"),
        ("\ufeffepochs = 0", "--epochs 0: give 1 or more"),  # as Windows' editors write it
        ("epochs = ", "it cannot be read .* give a TOML file"),
        (f"{'a.' * 50_000}a = 1", "it cannot be read .a name of more than twenty parts."),
        ("epochs = 'x'", "argument --epochs: 'x' is not a whole number"),
        ("[[grid]]\nepochs = 0", "--epochs 0: give 1 or more"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(tmp_path, capsys, content, line):
    with pytest.raises(SystemExit) as ended:
        cli.study_main(NEWS, ["--study", written(tmp_path, content), "--out", str(tmp_path / "o")])
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.count("\n") == 1
    assert re.search(line, said), said
    assert ", ," not in said
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("given", [["--study"], ["--study", "none.toml"]])
def test_no_such_file(capsys, given):
    with pytest.raises(SystemExit) as ended:
        cli.study_main(NEWS, given)
    said = capsys.readouterr().err
    assert (ended.value.code, said.count("\n")) == (2, 1)
    assert "--study" in said
