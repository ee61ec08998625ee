"""A knob is declared once: its option, help, check, remedy and column come from there."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import asdict, dataclass
from typing import Literal

import pytest

from al_ray.commands.experiment import Experiment
from al_ray.commands.options import study_config
from al_ray.commands.parser import study_parser, whole
from al_ray.errors import UserError
from al_ray.results.rerun import rerun_commands
from al_ray.results.schema import SCHEMAS
from al_ray.study.knobs import add_knobs, check_knobs, given, kinds, knob, later
from al_ray.study.training import Training


@dataclass(frozen=True, kw_only=True)
class MadeUp:
    """With a knob of each kind."""

    smoothing: float = knob(
        "--label-smoothing", default=0.0, ok=lambda x: 0 <= x < 1, say="give 0 to 1", help="of gold"
    )
    heads: int | None = knob("--heads", default=None, ok=lambda n: n > 0, say="give 1 or more")
    pooling: Literal["first", "mean"] = knob("--pooling", default="first")
    secret: int = knob(default=7, ok=lambda n: n == 7, say="leave it", later=True)
    plain: str = "no knob"

    def __post_init__(self) -> None:
        check_knobs(self)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(exit_on_error=False)
    add_knobs(made, MadeUp, {int: whole}, {"pooling": "first"})
    return made


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ("", {}),
        ("--label-smoothing 0.1 --heads 4", {"smoothing": 0.1, "heads": 4}),
        ("--pooling mean", {"pooling": "mean"}),
        ("--label-smoothing 0", {"smoothing": 0.0}),  # zero is a value
    ],
)
def test_from_words_to_values(words, values):
    found = given(parser().parse_args(words.split()), MadeUp)
    assert found == values
    assert asdict(MadeUp(**found)) == {**asdict(MadeUp()), **values}


def test_the_option_and_its_help():
    said = " ".join(parser().format_help().split())
    assert "--label-smoothing LABEL_SMOOTHING of gold" in said or "of gold" in said
    assert "--pooling {first,mean}" in said
    assert "default: first" in said
    assert "secret" not in said
    assert "plain" not in said
    for words in ("--heads x", "--pooling max"):
        with pytest.raises(argparse.ArgumentError):
            parser().parse_args(words.split())


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"smoothing": 1.5}, "--label-smoothing 1.5: give 0 to 1"),
        ({"heads": 0}, "--heads 0: give 1 or more"),
        ({"secret": 8}, "secret 8: leave it"),
    ],
)
def test_the_check_and_its_remedy(values, said):
    with pytest.raises(UserError) as refused:
        MadeUp(**values)
    assert str(refused.value) == said


def test_what_came_later_is_known_with_its_default():
    assert later(MadeUp) == {"secret": 7}


def test_the_type_of_its_column():
    assert kinds(MadeUp) == {"smoothing": float, "heads": int, "pooling": str, "secret": int}
    columns = SCHEMAS["trajectories"].names
    assert set(kinds(Training)) <= set(columns)


def test_the_command_that_runs_a_study_again_has_every_knob():
    """By its own parser: the command that is put together says what the study was."""
    experiment = Experiment("news7", "", ("random", "margin"), (3000,), 21_000, 8, 128)
    words = (
        "--model mini --strategies margin qbc --step-size 5 7 --initial 4 --steps 3 --seeds 0 2 "
        "--retrain warm cold --controls 0.5 --validation 6 --disagreement mean-kl --diversity 0.9 "
        "--candidates 9 --head frozen fine-tuned --on-divergence retry-with-lower-rate --ledger "
        "--replay-cold 1 --replay-seeds 2 --keep-equivalent --recipe stable --epochs 2 --updates 9 "
        "--min-updates 3 --learning-rate 0.0012345678 --batch-size 4 --max-length 31 --warmup 0.3 "
        "--weight-decay 0.2 --threads 2 --precision bfloat16 --committee seeds "
        "--committee-learning-rates 0.0012345678 0.002 --pooling mean --start linear"
    )
    study = study_config(experiment, study_parser(experiment).parse_args(shlex.split(words)))
    plain = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(study).items()}
    description = {
        "corpus": {"name": "embedded"},
        "demonstration": True,
        "study": plain,
        "training": asdict(study.training),
    }
    (command,), recorded = rerun_commands(description, "OUT")
    assert not recorded
    again = study_parser(experiment).parse_args(shlex.split(command)[2:])
    assert study_config(experiment, again) == study
