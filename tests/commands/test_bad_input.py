"""Bad input ends with one line that names it and the remedy, code 2, and nothing half-written."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import bad_input
import pytest
from bad_input import Given, Kind
from helpers import Started

from al_ray.commands import study as cli

pytestmark = pytest.mark.usefixtures("no_ray_no_hub_no_child")
EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"
REMEDY = re.compile(
    r"\b(add|attach|change|check|choose|close|convert|correct|did you mean|drop|fetch|fill|give|"
    r"go without|keep|leave|lower|mend|move|name|needs|quote|raise|remove|rename|save|see|set|use|"
    r"write|its folder on|must be|end it|the columns are)\b"
)
LONGEST = 600


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "mine"
    folder.mkdir()
    for name, content in bad_input.GOOD.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder that is the working one, too."""
    (tmp_path / "place").mkdir()
    monkeypatch.chdir(tmp_path / "place")
    monkeypatch.syspath_prepend(tmp_path / "place")
    return tmp_path / "place"


def experiment(name="nsmc"):
    spec = importlib.util.spec_from_file_location(f"experiment_{name}", EXPERIMENTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def contents(folder: Path) -> dict[str, object]:
    """Every path under a folder, with what it holds."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else path.is_dir()
        for path in folder.rglob("*")
        if "__pycache__" not in path.parts
    }


def complete(given: Given, good: Path, place: Path) -> list[str]:
    """The options, with good ones for what the kind does not give."""
    argv = list(given.options)
    defaults = {"--data": good, "--model": "mini", "--step-size": 5, "--out": place / "out"}
    for option, value in defaults.items():
        if option not in argv:
            argv += [option, str(value)]
    return argv


def check_line(said: str, program: str, says) -> None:
    assert re.match(rf"{re.escape(program)}( [a-z]+)?: ", said), said
    assert said.endswith("\n")
    assert said.count("\n") == 1, said
    assert "Traceback" not in said
    assert len(said) <= LONGEST, len(said)
    for part in says:
        assert part in said, said
    assert REMEDY.search(said), said


def refused(main, argv, program, given, place, capsys) -> None:
    before = contents(place)
    with pytest.raises(SystemExit) as ended:
        main(argv)
    said = capsys.readouterr().err
    assert ended.value.code == 2, said
    check_line(said, program, given.says)
    assert contents(place) == before


def study_refused(given, good, place, capsys) -> None:
    argv = complete(given, good, place)
    refused(
        lambda argv: cli.study_main(experiment().EXPERIMENT, argv),
        argv,
        "nsmc.py",
        given,
        place,
        capsys,
    )


@pytest.mark.parametrize("options", bad_input.OPTIONS, ids=" ".join)
def test_options(options, good, place, capsys):
    study_refused(Given(options, options[:1]), good, place, capsys)


@pytest.mark.parametrize(("options", "says"), bad_input.PAIRS, ids=str)
def test_options_together(options, says, good, place, capsys):
    study_refused(Given(options, says), good, place, capsys)


@pytest.mark.parametrize("name", bad_input.CORPORA)
def test_corpora(name, good, place, capsys):
    given = bad_input.corpus_kind(*bad_input.CORPORA[name])(place)
    study_refused(given, good, place, capsys)


@pytest.mark.parametrize("name", bad_input.CORPORA)
def test_corpora_are_refused_by_check_too(name, place, capsys):
    given = bad_input.corpus_kind(*bad_input.CORPORA[name])(place)
    if name == "one row per label":
        return  # which can be looked at, and not held out of
    refused(cli.main, ["check", given.options[1]], "al-ray", given, place, capsys)


@pytest.mark.parametrize("kind", bad_input.DATA + bad_input.MODELS, ids=lambda kind: kind.__name__)
def test_data_and_models(kind: Kind, good, place, capsys):
    study_refused(kind(place), good, place, capsys)


@pytest.mark.parametrize("position", range(len(bad_input.STRATEGIES)))
def test_strategies(position, good, place, capsys):
    study_refused(bad_input.strategy_kind(position)(place), good, place, capsys)


@pytest.mark.parametrize("name", bad_input.OUTS)
def test_results_folders(name, good, place, capsys):
    study_refused(bad_input.OUTS[name](place), good, place, capsys)


@pytest.mark.parametrize("name", bad_input.COMMANDS)
def test_commands(name, place, capsys):
    given = bad_input.COMMANDS[name](place)
    refused(cli.main, list(given.options), "al-ray", given, place, capsys)


@pytest.mark.parametrize(
    "options",
    [
        *[("--epochs", value) for value in ("0", "x", "3 3")],
        *[("--labels-per-day", value) for value in ("0", "nan", "x")],
        *[("--label-price", value) for value in ("0", "KRW150")],
        ("--out", ""),
    ],
    ids=" ".join,
)
def test_the_savings_script(options, good, place, capsys):
    argv = [options[0], *options[1].split(" "), "--data", str(good), "--model", "mini"]
    given = Given(argv, options[:1])
    savings = experiment("savings").EXPERIMENT
    refused(partial(cli.study_main, savings), argv, "savings.py", given, place, capsys)


def test_good_input_does_start_ray(good, place):
    """So that a refusal is one."""
    for given in (Given((), ()), Given(("--model", str(good_encoder(place))), ())):
        with pytest.raises(Started):
            cli.study_main(experiment().EXPERIMENT, complete(given, good, place))


def good_encoder(folder: Path) -> Path:
    return bad_input.encoder(folder)


# In a process of its own, where a traceback or a start of Ray would be seen

REAL = {
    "a corpus": bad_input.corpus_kind(*bad_input.CORPORA["ragged rows"]),
    "a model": bad_input.a_pickle_with_a_program,
    "a results folder": bad_input.a_study_of_another_corpus,
}


@pytest.mark.parametrize("name", REAL)
def test_in_a_process_of_its_own(name, good, place):
    given = REAL[name](place)
    before = contents(place)
    ended = subprocess.run(
        [sys.executable, str(EXPERIMENTS / "nsmc.py"), *complete(given, good, place)],
        # Had it started Ray, or joined one, it had said so first.
        capture_output=True,
        text=True,
        cwd=place,
        check=False,
    )
    assert ended.returncode == 2, ended.stderr
    assert "Ray cluster" not in ended.stdout
    check_line(ended.stderr, "nsmc.py", given.says)
    assert contents(place) == before
