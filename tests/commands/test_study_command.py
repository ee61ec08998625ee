"""The command line: defaults, refusals in one line, and what `show` says."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import ray
from helpers import Started
from loop_stub import World, config_of, go

from al_ray.cluster import study as cluster_study
from al_ray.cluster.layout import Machine
from al_ray.cluster.trials import ready as cluster_ready
from al_ray.commands import study as cli
from al_ray.commands.options import run_config, study_config
from al_ray.commands.parser import study_parser
from al_ray.errors import AlRayError
from al_ray.results import Store
from al_ray.results.folder import own
from al_ray.study.training import RECIPES

pytestmark = pytest.mark.usefixtures("no_ray_no_hub_no_child")
EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"
NAMES = ("nsmc", "news6", "news7")
REMEDY = re.compile(
    r"\b(give|choose|use|drop|name|keep|raise|add|see|check|lower|leave|is its|needs|"
    r"the columns are|define)\b"
)


def experiment(name):
    spec = importlib.util.spec_from_file_location(f"experiment_{name}", EXPERIMENTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.EXPERIMENT


def study(*argv, name="nsmc"):
    made = experiment(name)
    return study_config(made, study_parser(made).parse_args(argv))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "mine"
    folder.mkdir()
    for split, rows in (("train", 60), ("test", 12)):
        lines = [f"{split} 문장 {i} 입니다\t{'가나'[i % 2]}" for i in range(rows)]
        (folder / f"{split}.tsv").write_text("\n".join(["text\tlabel", *lines]) + "\n")
    return folder


@pytest.fixture
def refused(capsys, data, tmp_path):
    """Run a script with these options; answers with the one line that it ends with."""
    out = tmp_path / "out"

    def run(*argv, name="nsmc", out=out):
        given = {"--data": str(data), "--model": "mini", "--step-size": "5", "--out": str(out)}
        for option, value in given.items():
            if option not in argv:
                argv = (*argv, option, value)
        with pytest.raises(SystemExit) as ended:
            cli.study_main(experiment(name), list(argv))
        said = capsys.readouterr().err
        assert ended.value.code == 2, said
        assert said.startswith(f"{name}.py: ")
        assert said.count("\n") == 1, said
        assert said.endswith("\n")
        assert REMEDY.search(said), said
        assert out.is_file() or not out.exists()
        return said

    return run


# Defaults


@pytest.mark.parametrize(
    ("argv", "recipe", "rate", "rates"),
    [
        ((), "stable", 3e-3, (6e-3, 3e-3, 1.5e-3)),
        (("--data", "x"), "seed", 2e-5, (5e-4, 2e-5, 1e-5)),
        (("--model", "kobert"), "seed", 2e-5, (5e-4, 2e-5, 1e-5)),
        (("--data", "x", "--model", "mini"), "stable", 3e-3, (6e-3, 3e-3, 1.5e-3)),
        (("--data", "x", "--model", "some/id"), "stable", 1e-4, (2e-4, 1e-4, 5e-5)),
        (("--data", "x", "--recipe", "stable"), "stable", 2e-5, (5e-4, 2e-5, 1e-5)),
        (("--recipe", "seed", "--learning-rate", "1e-2"), "seed", 1e-2, (2e-2, 1e-2, 5e-3)),
        (("--committee-learning-rates", "3e-3", "1e-5"), "stable", 3e-3, (3e-3, 1e-5)),
    ],
)
def test_recipe_and_rates_follow_from_the_model(argv, recipe, rate, rates):
    made = study(*argv)
    assert made.training.recipe == recipe
    assert made.training.learning_rate == rate
    assert made.rates == pytest.approx(rates)
    if "--committee-learning-rates" not in argv:
        assert made.training.learning_rate in made.rates  # exactly: that member is evaluated
    for name, value in RECIPES[recipe].items():
        assert getattr(made.training, name) == value


def test_the_recipes_are_the_pages():
    """docs: `seed` is 3 epochs with nothing more; `stable` 5, 150 updates, 10 %, linear, 1.0."""
    assert (study("--data", "x").training.pooling, study().training.pooling) == ("own", "mean")
    seed, stable = study("--data", "x").training, study().training
    assert (seed.epochs, seed.min_updates, seed.warmup, seed.decay, seed.clip) == (
        *(3, 0, 0.0, "none", None),
    )
    assert (stable.epochs, stable.min_updates, stable.warmup, stable.decay, stable.clip) == (
        *(5, 150, 0.1, "linear", 1.0),
    )
    assert study("--updates", "7", "--warmup", "0", "--epochs", "2").training.updates_for(500) == 7
    assert study("--min-updates", "0", "--weight-decay", "0").training.weight_decay == 0


@pytest.mark.parametrize(
    ("name", "strategies", "sizes", "budget", "batch", "length"),
    [
        ("nsmc", ["random", "least-confidence", "entropy"], (3000,), 0.4, 16, 150),
        ("news6", ["random", "least-confidence", "entropy"], (1000,), 0.5, 8, 512),
        (
            "news7",
            ["random", "least-confidence", "margin", "entropy", "qbc"],
            (3000,),
            21_000,
            8,
            512,
        ),
    ],
)
def test_the_experiments(name, strategies, sizes, budget, batch, length):
    real = study("--data", "x", name=name)
    assert list(real.strategies) == strategies
    assert (real.step_sizes, real.budget, real.steps) == (sizes, budget, None)
    assert (real.training.batch_size, real.training.max_length) == (batch, length)
    assert (real.seeds, real.retrain, real.initial) == (tuple(range(10)), ("cold",), None)
    assert (real.controls, real.validation, real.committee) == ((), 0, ("rates",))
    shown = study(name=name)
    assert (shown.steps, shown.budget, shown.seeds) == (3, None, (0, 1, 2, 3, 4))
    assert list(shown.strategies) == strategies
    where = run_config(experiment(name), study_parser(experiment(name)).parse_args([]))
    assert (where.out, where.shards, where.concurrent) == (f"results/{name}", None, None)
    assert (where.address, where.device, where.dashboard) == (None, "auto", True)


def test_steps_take_the_place_of_the_default_budget_and_the_other_way_round():
    for data in ((), ("--data", "x")):
        made = study(*data, "--steps", "3")
        assert (made.steps, made.budget) == (3, None)
        made = study(*data, "--budget", "0.25")
        assert (made.steps, made.budget) == (None, 0.25)


# Refusals


@pytest.mark.parametrize(
    "argv",
    [
        *[("--seeds", value) for value in ("-1", "a", "0.5", str(2**63))],
        *[("--step-size", value) for value in ("0", "-3", "x", "61")],
        *[("--initial", value) for value in ("0", "61")],
        *[("--steps", value) for value in ("0", "-1", "1.5")],
        *[("--budget", value) for value in ("0", "-1", "2.5", "nan", "inf")],
        *[("--controls", value) for value in ("0", "1.5", "nan")],
        *[("--validation", value) for value in ("-1", "60", "1000")],
        *[("--epochs", value) for value in ("0", "two")],
        *[("--updates", value) for value in ("0", "-1")],
        ("--min-updates", "-1"),
        *[("--learning-rate", value) for value in ("0", "1", "-1e-3", "nan", "inf")],
        *[("--batch-size", value) for value in ("0", "-1")],
        *[("--max-length", value) for value in ("0", "2", "513")],
        *[("--warmup", value) for value in ("-0.1", "1.1", "nan")],
        *[("--weight-decay", value) for value in ("-1", "nan", "inf")],
        ("--threads", "0"),
        ("--shards", "0"),
        ("--concurrent", "0"),
        *[("--pool-limit", value) for value in ("0", "1")],
        ("--test-limit", "0"),
        *[
            (option, "nosuch")
            for option in (
                *("--strategies", "--retrain", "--recipe", "--disagreement", "--precision"),
                *("--device", "--test-split", "--text-column", "--label-column", "--id-column"),
            )
        ],
        *[("--strategies", value) for value in ("nosuch:Thing", "json:Nosuch", "control")],
        ("--strategies", "margin", "margin"),
        ("--seeds", "0", "0"),
        ("--retrain", "cold", "cold"),
        ("--seeds",),
        ("--nosuch", "1"),
        ("--step", "5"),  # an abbreviation
    ],
    ids=" ".join,
)
def test_bad_values(refused, argv):
    assert argv[0] in refused(*argv)


@pytest.mark.parametrize("given", [("3e-3",), ("3e-3", "3e-3"), ("1e-3", "1e-4"), ("3e-3", "1.5")])
def test_committees_that_cannot_be(refused, given):
    argv = ("--strategies", "random", "qbc", "--committee-learning-rates", *given)
    assert "--committee-learning-rates" in refused(*argv)


def test_a_refusal_lets_go_of_the_folder(data, tmp_path):
    """Also where the error is kept, as a test or a notebook does."""
    argv = ["--data", str(data), "--model", "mini", "--step-size", "5", "--out", str(tmp_path)]
    kept = []
    for _ in range(2):
        try:
            cli.study_main(experiment("nsmc"), [*argv, "--strategies", "nosuch"])
        except SystemExit as end:
            kept.append(end)
        assert "another process" not in str(kept[-1].__context__)


def test_steps_and_budget(refused):
    said = refused("--steps", "3", "--budget", "100")
    assert "--steps and --budget" in said


def test_data_that_is_not_there(refused, tmp_path, monkeypatch):
    said = refused("--data", str(tmp_path / "nosuch"))
    assert str(tmp_path / "nosuch") in said
    assert "check its path" in said
    monkeypatch.chdir(tmp_path)
    for name in ("nsmc", "ynat"):
        assert f"--data {name}" in refused("--data", name)
    (tmp_path / "empty").mkdir()
    assert "no train file" in refused("--data", str(tmp_path / "empty"))


def test_models_that_are_not_there(refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "--model /no/such" in refused("--model", "/no/such")
    assert "--model kobert" in refused("--model", "kobert")
    (tmp_path / "folder").mkdir()
    assert "config.json" in refused("--model", "folder")
    assert not (tmp_path / "out" / "cache").exists()


@pytest.mark.parametrize("kind", ["bert", "nosuch"])
def test_a_model_without_a_tokenizer(refused, tmp_path, kind):
    folder = tmp_path / "encoder"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": kind}))
    assert str(folder) in refused("--model", str(folder))


def test_an_out_that_is_a_file(refused, tmp_path):
    (tmp_path / "file").write_text("mine")
    assert "--out" in refused(out=tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_an_out_that_holds_something_else(refused, tmp_path):
    (tmp_path / "other").mkdir()
    path = tmp_path / "other" / "study.json"
    for content in ("not JSON", "{}", "[]"):
        path.write_text(content)
        with pytest.raises(SystemExit) as ended:
            cli.main(["show", str(path.parent)])
        assert ended.value.code == 2


@pytest.mark.parametrize("more", [(), ("--search", "one-rung", "--validation", "20")])
def test_no_gpu(refused, monkeypatch, tmp_path, more):
    """And nothing is left that would be in the way of the same without `--device`."""
    monkeypatch.setattr(ray, "init", lambda **facts: SimpleNamespace(dashboard_url=""))
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    monkeypatch.setattr(cluster_ready, "await_worker", lambda *_: None)
    monkeypatch.setattr(cluster_ready, "machines", lambda: [Machine({"CPU": 2.0}, 1)])
    for _ in range(2):
        assert "--device cuda" in refused("--device", "cuda", *more)
        assert not (tmp_path / "out").exists()


def test_good_options_do_start_ray(data, tmp_path):
    """So that a refusal is one."""
    argv = ["--data", str(data), "--model", "mini", "--step-size", "5", "--out", str(tmp_path)]
    with pytest.raises(Started):
        cli.study_main(experiment("nsmc"), argv)


def test_one_folder_whatever_way_home_is_written(data, tmp_path, monkeypatch):
    """A shell leaves `--out=~/x` as it is; cache, study and summary must agree on where it is."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    argv = ["--data", str(data), "--model", "mini", "--step-size", "5", "--out=~/x"]
    with pytest.raises(Started):
        cli.study_main(experiment("nsmc"), argv)
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["x"]
    assert not list((tmp_path / "work").iterdir())


@pytest.mark.parametrize(
    ("recipes", "given", "pooling"),
    [
        (None, [], "mean"),
        ({}, [], "own"),
        ({"recipes": 1}, [], "own"),
        ({"recipes": 1}, ["--pooling", "mean"], "mean"),
        ({"recipes": 2}, [], "mean"),
        ({"recipes": 2}, ["--recipe", "seed"], "own"),
    ],
)
def test_the_same_command_goes_on_in_a_folder_of_before_a_recipe_changed(
    data, tmp_path, monkeypatch, recipes, given, pooling
):
    """Until version 2 `stable` had the model's own pooling."""
    studies = []

    def run_study(study, *_):
        studies.append(study)
        raise Started

    if recipes is not None:
        store = Store(tmp_path)
        own(store.storage)
        store.study_json.write({"schema_version": 2, **recipes})
    monkeypatch.setattr(cluster_study, "run_study", run_study)
    argv = ["--data", str(data), "--model", "mini", "--step-size", "5", "--out", str(tmp_path)]
    with pytest.raises(Started):
        cli.study_main(experiment("nsmc"), [*argv, *given])
    assert [each.training.pooling for each in studies] == [pooling]


@pytest.mark.parametrize("unfinished", [False, True])
def test_a_study_at_its_end_has_few_files(data, tmp_path, monkeypatch, unfinished):
    """One a table and trajectory; of one that is not at its end they are left alone."""
    config = config_of()
    own(Store(tmp_path / "out").storage)
    store, _, _ = go(tmp_path / "out", World(), config)
    before = {table: store.read(table) for table in ("steps", "selections", "predictions")}

    def run_study(*_):
        store.study_json.write({"schema_version": 2, "tests": {"test": 25}, "trajectories": {}})
        return SimpleNamespace(trajectories=(config,), unfinished=(config,) * unfinished)

    monkeypatch.setattr(cluster_study, "run_study", run_study)
    for command, name in (
        (cli.show_command, "print_summary"),
        (cli.tables_command, "after_study"),
        (cli.report_command, "after_study"),
    ):
        monkeypatch.setattr(command, name, lambda *_, **__: None)
    argv = ["--data", str(data), "--model", "mini", "--step-size", "5"]
    with pytest.raises(SystemExit) as ended:
        cli.study_main(experiment("nsmc"), [*argv, "--out", str(tmp_path / "out")])
    assert ended.value.code == unfinished
    for table, rows in before.items():
        assert (len(store.files(table)) == 1) == (not unfinished)
        pd.testing.assert_frame_equal(store.read(table), rows)


@pytest.mark.parametrize(
    ("error", "code"),
    [(AlRayError("what was wrong"), 1), (KeyboardInterrupt(), 130)],
)
def test_other_ends(data, tmp_path, monkeypatch, capsys, error, code):
    def run_study(*args):
        raise error

    monkeypatch.setattr(cluster_study, "run_study", run_study)
    with pytest.raises(SystemExit) as ended:
        cli.study_main(
            experiment("nsmc"),
            ["--data", str(data), "--model", "mini", "--step-size", "5", "--out", str(tmp_path)],
        )
    assert ended.value.code == code
    assert capsys.readouterr().err.count("\n") == 1


def test_the_script_itself(tmp_path):
    """In a process of its own, where a traceback would be seen."""
    ended = subprocess.run(
        [sys.executable, str(EXPERIMENTS / "news7.py"), "--data", "nosuch", "--out", "out"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr == "news7.py: nosuch: no such file or folder; check its path\n"
    assert not list(tmp_path.iterdir())


# Help


@pytest.mark.parametrize("name", NAMES)
def test_help_at_80_columns(name, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ended:
        cli.study_main(experiment(name), ["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 80
    described = said.split("\n\n", 1)[1]
    for action in study_parser(experiment(name))._actions:
        assert f"{action.option_strings[-1]}" in described


def test_help_of_al_ray(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    for argv in (["--help"], ["show", "--help"]):
        with pytest.raises(SystemExit) as ended:
            cli.main(argv)
        assert ended.value.code == 0
        assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


@pytest.mark.parametrize("argv", [[], ["nosuch"], ["show"], ["show", "a", "b"], ["show", "--no"]])
def test_bad_commands(argv, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(argv)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("al-ray")
    assert said.count("\n") == 1
    assert "--help" in said


# Show


def made_study(folder, error="it went wrong"):
    """Two margin arms of which one failed, a random arm that has not begun."""
    world = World()
    done, failed, waits = (
        config_of(seed=0),
        config_of(seed=1),
        config_of(strategy="random", seed=0),
    )
    store, _, _ = go(folder, world, done)
    facts = ("strategy", "family", "retrain", "head", "step_size", "initial", "seed", "steps")
    facts += ("parameters",)
    for config, status, said in ((done, "complete", None), (failed, "failed", error)):
        columns = {name: config.columns[name] for name in facts}
        store.write("trajectories", {**columns, "status": status, "error": said}, config.id)
    store.study_json.write(
        {
            "schema_version": 1,
            "demonstration": False,
            "tests": {"test": 25},
            "trajectories": {c.id: c.schedule.steps for c in (done, failed, waits)},
        }
    )
    return store, waits


def shown(argv, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["show", *argv])
    return ended.value.code, *capsys.readouterr()


def test_show(tmp_path, capsys):
    store, _ = made_study(tmp_path)
    code, out, err = shown([str(tmp_path)], capsys)
    assert (code, err) == (0, "")
    final = store.read("steps").query("test == 'test'").test_accuracy.iloc[-1]
    row = next(line for line in out.splitlines() if "margin" in line)
    for part in ("cold", "21", f"{final:.3f}"):
        assert part in row
    assert "Missing: margin, seed 1: failed (it went wrong)" in out
    assert "Missing: random, seed 0: not begun" in out
    assert str(tmp_path / "steps") in out


def test_show_json(tmp_path, capsys):
    store, waits = made_study(tmp_path)
    code, out, err = shown([str(tmp_path), "--json"], capsys)
    assert (code, err) == (0, "")
    said = json.loads(out, parse_constant=pytest.fail)  # NaN is no JSON
    assert said["not_begun"] == [waits.id]
    (arm,) = said["arms"]
    final = store.read("steps").query("test == 'test'").test_accuracy.iloc[-1]
    assert arm["strategy"] == "margin"
    assert arm["n_labelled"] == 21
    assert arm["final_mean"] == pytest.approx(final)
    assert arm["final_sd"] is None
    assert arm["missing"] == [[1, "failed", "it went wrong"]]


def test_show_says_errors_as_they_are(tmp_path, capsys):
    """Square brackets are no markup: neither lost nor an error of their own."""
    made_study(tmp_path, "shape [rows, 3] in [/a/folder] :smile:")
    code, out, _ = shown([str(tmp_path)], capsys)
    assert code == 0
    assert "shape [rows, 3] in [/a/folder] :smile:" in out


def test_show_of_a_study_that_has_not_begun(tmp_path, capsys):
    store, _ = made_study(tmp_path / "made")
    description = store.study_json.read()
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "study.json").write_text(json.dumps(description))
    code, out, _ = shown([str(tmp_path / "bare")], capsys)
    assert code == 0
    assert "Missing: margin, seeds 0, 1: not begun" in out
    assert "Missing: random, seed 0: not begun" in out
    code, out, _ = shown([str(tmp_path / "bare"), "--json"], capsys)
    assert (code, json.loads(out)["arms"], len(json.loads(out)["not_begun"])) == (0, [], 3)


@pytest.mark.parametrize("content", [None, "not JSON", "{}", "[]", "\ufffd"])
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_show_of_no_study(tmp_path, capsys, content, more):
    folder = tmp_path / "out"
    if content is not None:
        folder.mkdir()
        (folder / "study.json").write_text(content)
    code, out, err = shown([str(folder), *more], capsys)
    assert (code, out) == (2, "")
    assert err.startswith(f"al-ray: {folder}")
    assert err.count("\n") == 1
    assert folder.exists() == (content is not None)


def test_show_needs_neither_ray_nor_torch(tmp_path):
    made_study(tmp_path)
    program = (
        "import sys; from al_ray.commands.study import main\n"
        "try: main(['show', sys.argv[1], '--json'])\n"
        "except SystemExit as end: print(end.code, {'ray', 'torch'} & set(sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.splitlines()[-1] == "0 set()"


def test_the_command_that_is_kept_holds_no_secret(monkeypatch):
    kept = []
    monkeypatch.setattr(cli, "_run_experiment", lambda *given: kept.append(given[-1]) or 0)
    addresses = ["s3://key:hidden@b/p?scheme=http&token=hidden", "gs://hidden@b/data"]
    with pytest.raises(SystemExit):
        cli.study_main(experiment("nsmc"), ["--out", addresses[0], f"--data={addresses[1]}"])
    assert kept == ["python experiments/nsmc.py --out 's3://b/p?scheme=http' --data=gs://b/data"]
