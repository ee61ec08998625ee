"""E7's script: one study, in which epochs are an axis, and a verdict at the reference's targets."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from small_studies import noisy, study, write

from al_ray.commands import study as cli
from al_ray.commands.options import study_config
from al_ray.commands.parser import study_parser
from al_ray.study.config import StudyConfig

SCRIPT = Path(__file__).parents[1] / "experiments" / "savings.py"
LABELS = [10, 20, 30]


def asked(*given: str) -> StudyConfig:
    spec = importlib.util.spec_from_file_location("savings_experiment", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return study_config(module.EXPERIMENT, study_parser(module.EXPERIMENT).parse_args(given))


def test_real_data_gets_the_reference_studys_sizes():
    found = asked("--data", "FOLDER", "--model", "kobert")
    assert found.step_sizes == (3000, 1000, 500, 200)
    assert found.budget == 21_000
    assert [(t.epochs, t.min_updates) for t in found.trainings] == [(3, 0), (15, 0)]
    assert found.seeds == tuple(range(10))


def test_a_demonstration_is_small_and_what_is_given_stays():
    found = asked()
    assert (found.strategies, found.step_sizes) == (("random", "margin"), (120, 60, 30))
    assert (found.budget, found.steps) == (240, None)
    found = asked(
        *["--seeds", "7", "--steps", "2", "--step-size", "9", "--min-updates", "5", "--epochs", "4"]
    )
    assert (found.seeds, found.steps, found.step_sizes) == ((7,), 2, (9,))
    assert [(t.epochs, t.min_updates) for t in found.trainings] == [(4, 5)]


def verdict(out: Path, *targets: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(["verdict", str(out), "--targets", *targets])
    return int(ended.value.code or 0)


def test_the_verdict_is_at_the_targets_asked_for(tmp_path, capsys):
    arms = {
        "random": noisy([0.4, 0.5, 0.6], 5, 0.01),
        "margin": noisy([0.4, 0.5, 0.6], 5, 0.01, 1, 0.1),
    }
    write(tmp_path / "out", study(arms, LABELS))
    assert verdict(tmp_path / "out", "30", "25") == 0
    said = capsys.readouterr().out
    assert "Labels saved at the accuracy of N random ones" in said
    assert "No baseline of 25 random labels." in said


@pytest.mark.parametrize("targets", [("0",), ("-5",), ("5", "5"), ("x",)])
def test_targets_are_numbers_of_labels(tmp_path, capsys, targets):
    write(tmp_path / "out", study({"random": noisy([0.4, 0.5, 0.6], 5, 0.01)}, LABELS))
    assert verdict(tmp_path / "out", *targets) == 2
    assert "--targets" in capsys.readouterr().err
