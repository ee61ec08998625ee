"""`al-ray verdict` and `al-ray compact`, as they are called."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
from filelock import FileLock
from helpers import lock_of

sys.path.insert(0, str(Path(__file__).parents[1] / "analysis"))

from small_studies import arm, noisy, study, write
from tables_kept import WIDTHS, Kept, shown

from al_ray.analysis.study import load
from al_ray.commands.study import main
from al_ray.results import Store

CURVE = [0.5, 0.6, 0.66, 0.70]
LABELS = [1000, 2000, 3000, 4000]


@pytest.fixture
def out(tmp_path):
    arms = {
        "random": noisy(CURVE, 6, 0.004),
        "margin": noisy([0.5, 0.66, 0.72, 0.75], 6, 0.004, 1),
        "entropy": {0: CURVE, 1: CURVE[:1]},
    }
    one = study(arms, LABELS, status={("entropy", 1): "failed"})
    write(tmp_path, one)
    return tmp_path


def call(*arguments):
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return ended.value.code


def test_verdict_in_words(out, capsys):
    assert call("verdict", out) == 0
    said = capsys.readouterr().out
    assert "- margin: saves at least 1," in said
    assert "- entropy: cannot tell" in said
    assert "- Missing: entropy, seed 1: failed (training diverged)." in said
    table = said[said.index("Labels saved") :]
    assert "margin" in table
    assert "entropy" not in table
    assert max(map(len, table.splitlines())) <= 80


def test_the_answer_is_on_top(tmp_path, capsys):
    """And what to do next is a command that is taken."""
    arms = {"random": noisy(CURVE, 3, 0.004), "margin": noisy(CURVE, 3, 0.004, 1)}
    one = study(arms, LABELS)
    one.description["run"] = {"command": "python experiments/news7.py --data X --seeds 0 1 2"}
    write(tmp_path, one)
    assert call("verdict", tmp_path) == 0
    answer, then, command, *_ = capsys.readouterr().out.splitlines()
    assert answer == "Cannot tell: 3 seeds, and a verdict takes 5 or more."
    assert then.startswith("Next: ")
    assert call("verdict", tmp_path, "--json") == 0
    said = json.loads(capsys.readouterr().out)["conclusion"]
    assert said["commands"] == [command.strip()]
    assert (said["kind"], said["arm"]) == ("cannot tell", None)
    assert answer == f"{said['sentence']}."


@pytest.mark.parametrize("seeds", [1, 3, 8])
def test_what_was_not_shown_is_not_printed(tmp_path, seeds, capsys):
    arms = {"random": noisy(CURVE, seeds, 0.02), "margin": noisy(CURVE, seeds, 0.02, 1)}
    write(tmp_path, study(arms, LABELS))
    assert call("verdict", tmp_path) == 0
    said = capsys.readouterr().out
    assert ("No saving was shown" in said) == (seeds >= 5)  # of fewer nothing can be said
    assert "nan" not in said
    assert call("verdict", tmp_path, "--json") == 0
    for row in json.loads(capsys.readouterr().out)["savings"]:
        assert [row[name] for name in ("saved_labels", "low", "high", "saved_days")] == [None] * 4


def test_many_arms_are_a_table_by_training(tmp_path, capsys, monkeypatch):
    """Twelve against random; margin is better at all trainings, the others equal it."""
    console = Kept()
    monkeypatch.setattr("al_ray.commands.study.terminal.console", lambda: console)
    trainings = [(rate, epochs) for rate in (1e-4, 5e-5) for epochs in (3, 5)]
    arms = {
        arm(name, learning_rate=rate, epochs=epochs): noisy(
            CURVE, 6, 0.002, place, 0.05 * (name == "margin") + 0.01 * (epochs == 5)
        )
        for place, (rate, epochs) in enumerate(trainings)
        for name in ("random", "margin", "entropy", "badge")
    }
    write(tmp_path, study(arms, LABELS))
    assert call("verdict", tmp_path) == 0
    said = capsys.readouterr().out
    assert len(console.tables) == 3
    for table in console.tables:
        assert all(shown(table, width) for width in WIDTHS)
    tables = said.splitlines()
    assert sum(line.startswith("│ learning rate") for line in tables) == 4
    sentences = [line for line in said.splitlines() if line.startswith("- ")]
    assert len(sentences) == 4
    assert all(line.startswith("- margin (") for line in sentences)
    assert "Best with best" in said
    assert sum("  random at learning" in line for line in tables) == 3
    assert call("verdict", tmp_path, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert len(answer["verdict"]) == 12
    best = {row["strategy"]: row for row in answer["best_with_best"]["arms"]}
    assert [best[name]["kind"] for name in ("margin", "entropy")] == ["better", "no difference"]
    assert sum(best["margin"]["chosen"].values()) == 6


def test_verdict_for_machines(out, capsys):
    assert call("verdict", out, "--json", "--labels-per-day", "500") == 0
    said = json.loads(capsys.readouterr().out)
    assert [arm["kind"] for arm in said["verdict"]] == ["saves", "cannot tell"]
    assert said["missing"][0]["error"] == "training diverged"
    ends = [row for row in said["savings"] if row["target_labels"] == 4000]
    assert ends[0]["saved_days"] == pytest.approx(ends[0]["saved_labels"] / 500)
    assert ends[1]["low"] is None
    assert said["label_price"] is None
    assert not said["demonstration"]
    assert said["disagreements"] == []


def test_compact(out, capsys):
    assert call("compact", out, "--json") == 0
    said = {table["table"]: table for table in json.loads(capsys.readouterr().out)}
    assert said["steps"]["files_before"] == 6 * 4 * 2 + 4 + 1
    assert said["steps"]["files_after"] == 14
    assert call("compact", out) == 0
    assert "steps: " in capsys.readouterr().out
    assert call("verdict", out) == 0


@pytest.mark.parametrize(
    ("status", "held", "state"),
    [
        ("running", True, "running"),
        ("running", False, "stopped"),
        ("failed", False, "done"),
    ],
)
def test_how_a_study_is_is_one_fact(tmp_path, capsys, status, held, state):
    arms = {"random": noisy(CURVE, 2, 0.02), "margin": noisy(CURVE, 2, 0.02, 1)}
    write(tmp_path, study(arms, LABELS, status={("margin", 1): status}))
    with FileLock(lock_of(tmp_path)) if held else nullcontext():
        said = {}
        for command in ("show", "verdict"):
            assert call(command, tmp_path, "--json") == 0
            said[command] = json.loads(capsys.readouterr().out)["state"]
        assert said == {"show": state, "verdict": state}
        of_page = load(tmp_path).state
    assert of_page.word == state
    assert of_page.line.startswith("This study")


@pytest.mark.parametrize("command", ["verdict", "compact"])
def test_no_study(tmp_path, command, capsys):
    assert call(command, tmp_path) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "no study there" in error


@pytest.mark.parametrize("command", ["show", "verdict"])
@pytest.mark.parametrize("named", [{"nowhere": 60}, {"test": 60, "nowhere": 60}])
def test_a_description_of_another_test_than_its_steps(out, named, command, capsys):
    """Made by hand, and so is what the remedy asks for."""
    path = out / "study.json"
    described = json.loads(path.read_text())
    assert list(described["tests"]) == ["test"]
    path.write_text(json.dumps({**described, "tests": named, "seal": ""}))
    asked = "take it out" if "test" in named else "call it 'test'"
    assert call(command, out) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"the test 'nowhere', which no step has; {asked} there" in said
    path.write_text(json.dumps({**described, "tests": {"test": 60}, "seal": ""}))
    assert call(command, out) == 0


def test_person_days_are_as_the_study_was_told(out, capsys):
    store = Store(out)
    store.study_json.write({**store.study_json.get(), "labels_per_day": 400.0})
    assert call("verdict", out, "--json") == 0
    rows = json.loads(capsys.readouterr().out)["savings"]
    assert rows[0]["saved_days"] == pytest.approx(rows[0]["saved_labels"] / 400)


@pytest.mark.parametrize("given", ["0", "-3", "nan", "inf"])
def test_nobody_labels_nothing(out, given, capsys):
    assert call("verdict", out, "--labels-per-day", given) == 2
    assert "give a number above 0" in capsys.readouterr().err


def test_a_labels_price(out, capsys):
    assert call("verdict", out, "--label-price", "150KRW", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    margin = said["verdict"][0]
    assert said["label_price"] == "150KRW"
    assert margin["numbers"]["saved_cost"] == pytest.approx(150 * margin["numbers"]["saved_labels"])
    assert " KRW" in margin["sentence"]
    assert " of 600,000 KRW" in said["conclusion"]["sentence"]
    assert call("verdict", out, "--label-price", "cheap") == 2
    assert "such as 150KRW" in capsys.readouterr().err


def test_no_such_test(out, capsys):
    assert call("verdict", out, "--test", "dev") == 2
    assert "no test 'dev'" in capsys.readouterr().err


def test_commands_load_no_model():
    from test_layout import OF_A_MODEL, loaded

    described = ("agreement", "costs", "noise", "stability")
    modules = ["study", "verdict", "reference.claims", *(f"described.{n}" for n in described)]
    names = loaded(*(f"al_ray.analysis.{module}" for module in modules), "al_ray.commands.tables")
    assert names.isdisjoint(["ray", *OF_A_MODEL])


@pytest.mark.parametrize("words", [["verdict"], ["show"]])
def test_who_reads_the_beginning_alone_is_not_shouted_at(out, words):
    """As `al-ray verdict OUT --json | head -c 20` does."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "al_ray", *words, str(out), "--json"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")
