"""E7's script: its options, and its table over folders."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parent / "analysis"))

from small_studies import noisy, study, write

SCRIPT = Path(__file__).parents[1] / "experiments" / "savings.py"
LABELS = [10, 20, 30]


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("savings_experiment", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def options_of(script, *given, epochs=3):
    from al_ray.commands.options import study_config
    from al_ray.commands.parser import study_parser

    own, rest = script.parse(given)
    arguments = script.study_arguments(rest, epochs, Path(own.out) / "x")
    options = study_parser(script.EXPERIMENT).parse_args(arguments)
    return study_config(script.EXPERIMENT, options), options


def test_real_data_gets_the_reference_studys_sizes(script):
    study_of, options = options_of(script, "--data", "FOLDER", "--model", "kobert", epochs=15)
    assert study_of.step_sizes == (3000, 1000, 500, 200)
    assert study_of.budget == 21_000
    assert (study_of.training.epochs, study_of.training.min_updates) == (15, 0)
    assert study_of.seeds == tuple(range(10))
    assert options.out == "results/savings/x"
    assert script.parse([])[0].epochs == [3, 15]


def test_a_demonstration_is_small(script):
    study_of, _ = options_of(script)
    assert study_of.step_sizes == (120, 60, 30)
    assert study_of.budget == 240
    assert all(target % size == 0 for target in script.DEMO_TARGETS for size in (120, 60, 30))


def test_what_is_given_stays(script):
    given = ("--seeds", "7", "--steps", "2", "--step-size", "9", "--min-updates", "5")
    study_of, _ = options_of(script, *given)
    assert (study_of.seeds, study_of.steps, study_of.step_sizes) == ((7,), 2, (9,))
    assert study_of.training.min_updates == 5


@pytest.mark.parametrize("epochs", [["0"], ["3", "3"]])
def test_epochs_are_checked(script, epochs):
    with pytest.raises(SystemExit) as ended:
        script.parse(["--epochs", *epochs])
    assert ended.value.code == 2


def folders(out):
    for epochs, shift in ((3, 0.0), (15, 0.1)):
        arms = {
            "random": noisy([0.4, 0.5, 0.6], 5, 0.01),
            "margin": noisy([0.4, 0.5, 0.6], 5, 0.01, 1, shift),
        }
        write(out / f"epochs-{epochs}", study(arms, LABELS))


def test_one_table_of_all_folders(script, tmp_path):
    folders(tmp_path)
    table = script.table(tmp_path, [3, 15], [30])
    assert table.epochs.tolist() == [3, 15]
    assert table.shown.tolist() == [False, True]  # equal arms, and one that is 10 points ahead
    assert table.low[1] > 0
    assert table.labels.isna().tolist() == [True, False]


def test_the_studies_run_and_the_table_is_written(script, tmp_path, monkeypatch, capsys):
    ran = []

    def study_main(experiment, arguments, plans):
        ran.append(arguments)
        sys.exit(1 if "3" in arguments[-3:] else 0)

    folders(tmp_path)
    monkeypatch.setattr(script, "study_main", study_main)
    with pytest.raises(SystemExit) as ended:
        script.main(["--out", str(tmp_path), "--targets", "30", "25"])
    assert ended.value.code == 1  # a trajectory of the first study had failed
    assert [arguments[-3] for arguments in ran] == ["3", "15"]
    assert pd.read_csv(tmp_path / "savings.csv").epochs.tolist() == [3, 15]
    said = capsys.readouterr().out
    assert "15 epochs" in said
    assert "No baseline of 25 random labels." in said


def test_bad_options_end_it(script, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        script.main(["--out", str(tmp_path), "--retrain", "hot"])
    assert ended.value.code == 2
    assert "savings.py: " in capsys.readouterr().err


def test_a_plan_is_the_sum_of_the_studies(script, monkeypatch, tmp_path):
    """No table is looked for: nothing has run."""
    summed = []

    def study_main(experiment, arguments, plans):
        assert "--plan" in arguments
        plans.append(arguments[arguments.index("--epochs") + 1])
        sys.exit(0)

    monkeypatch.setattr(script, "study_main", study_main)
    monkeypatch.setattr(script, "print_sum", lambda plans, console: summed.extend(plans))
    with pytest.raises(SystemExit) as ended:
        script.main(["--plan", "--address", "local", "--out", str(tmp_path / "out")])
    assert (ended.value.code, summed) == (0, ["3", "15"])
