"""`al-ray search` and `al-ray stopping`: what they refuse, and the options of a search."""

import json
import shlex
import shutil

import numpy as np
import pytest
from loop_stub import Stub, World, config_of
from tables_kept import WIDTHS, Kept, shown
from written_studies import write_study

from al_ray.commands import study as cli
from al_ray.commands.experiment import Experiment
from al_ray.commands.options import study_config
from al_ray.commands.parser import study_parser
from al_ray.errors import UserError
from al_ray.loop.trajectory import Trajectory
from al_ray.results import Store
from al_ray.study.ranges import Range

EXPERIMENT = Experiment("search", "", ("margin", "random"), (100,), 300, 8, 64)


def study_of(words):
    return study_config(EXPERIMENT, study_parser(EXPERIMENT).parse_args(shlex.split(words)))


def ran(argv, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(argv)
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


def test_a_search_is_asked_for():
    study = study_of(
        "--search halving --validation 50 --learning-rate 1e-5..1e-3:log --epochs 2..5 --trials 7 "
        "--search-seeds 11 12 --objective area seconds --budget-hours 2"
    )
    assert study.ranges == {
        "learning_rate": Range(1e-5, 1e-3, log=True),
        "epochs": Range(2, 5, whole=True),
    }
    asked = study.search
    assert (asked.method, asked.trials, asked.seeds) == ("halving", 7, (11, 12))
    assert (asked.objectives, asked.hours) == (("area", "seconds"), 2.0)
    alone = study.unsearched((11, 12), 200)
    assert (alone.search, alone.ranges, alone.seeds, alone.budget) == (None, {}, (11, 12), 200)
    assert study_of("").search is None


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("--search halving", "reads validation rows alone; say how many with --validation"),
        ("--learning-rate 1e-5..1e-3", "only a search chooses from a range"),
        ("--learning-rate 1e-5..1e-3 1e-4 --search random --validation 9", "a range and other"),
        ("--epochs 0..5 --search random --validation 9", "--epochs 0: give 1 or more"),
        ("--trials 5", "is for a search; say which with --search"),
        ("--search random --validation 9 --search-seeds 0", "is one of --seeds"),
        ("--search racing --validation 9 --search-seeds 77", "needs two or more --search-seeds"),
        ("--search random --validation 9 --objective labels", "with --search-target"),
        ("--search random --validation 9 --controls 0.5", "--controls: is nothing that a search"),
        ("--search random --validation 9 --budget-hours 0", "give hours above 0"),
        ("--search random --validation 9 --search-seeds 7 7", "one value is given twice"),
        ("--stop-set -1", "give 0 or more rows"),
    ],
)
def test_what_no_search_can_be(words, why):
    with pytest.raises(UserError, match=why.replace("(", r"\(")):
        study_of(words)


def test_what_is_no_range_or_number(capsys):
    for words, why in (("3..2", "no range; give two numbers"), ("x", "invalid float value")):
        with pytest.raises(SystemExit):
            study_of(f"--learning-rate {words}")
        assert why in capsys.readouterr().err


def test_a_folder_without_a_search_or_a_stop_set(tmp_path, capsys):
    out = write_study(tmp_path / "plain", step_sizes=(20,), controls=())
    code, _, err = ran(["search", str(out)], capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert "no search there; run the study with --search" in err
    code, _, err = ran(["search", str(out), "--replays", "3"], capsys)
    assert "has no validation rows, and a search reads nothing else" in err
    code, _, err = ran(["stopping", str(out)], capsys)
    assert (code, "no complete trajectory has a stop set" in err) == (2, True)
    code, _, err = ran(["stopping", str(out), "--point-worth", "0"], capsys)
    assert (code, "give labels above 0" in err) == (2, True)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Three strategies and two seeds on the loop's stub, with validation rows and a stop set."""
    out = tmp_path_factory.mktemp("recorded")
    record(
        Store(out),
        *(
            config_of(strategy=strategy, seed=seed, validation=15, steps=7)
            for strategy in ("margin", "entropy", "random")
            for seed in (0, 1)
        ),
    )
    return out


def record(store, *configs):
    """A study of these trajectories, at their ends."""
    world = World()
    for config in configs:
        list(Trajectory(config, world.rows, Stub(world, config), store, stop_set=20).run())
        columns = {n: [v] if isinstance(v, list) else v for n, v in config.columns.items()}
        store.write("trajectories", {**columns, "status": "complete"}, config.id)
    asked = {config.id: config.schedule.steps for config in configs}
    labels = list(world.rows.label_names)
    facts = {"schema_version": 2, "trajectories": asked, "tests": {"test": 25}, "labels": labels}
    store.study_json.write(facts)


def test_a_search_in_the_midst_is_not_taken_for_a_study(tmp_path, recorded, capsys):
    """What each command says leads to what can be seen."""
    out = tmp_path / "out"
    shutil.copytree(recorded, out / "search")
    store = Store(out / "search")
    store.study_json.write({**store.study_json.read(), "tests": {}})
    for command in ("show", "verdict", "report"):
        code, _, err = ran([command, str(out)], capsys)
        assert (code, err.count("\n")) == (2, 1)
        assert f"its search is not at its end yet; al-ray search {out} says how far" in err
        code, _, err = ran([command, str(out / "search")], capsys)
        assert (code, "is a search, which has no test" in err) == (2, True)
    code, said, _ = ran(["search", str(out)], capsys)
    assert (code, said.count("going on")) == (0, 3)


def test_replays_as_a_table_and_for_machines(recorded, capsys, monkeypatch):
    console = Kept()
    with monkeypatch.context() as at:
        at.setattr(cli.terminal, "console", lambda: console)
        assert ran(["search", str(recorded), "--replays", "3"], capsys)[0] == 0
    _, searches = console.tables
    for width in WIDTHS:
        assert "one-rung" in shown(searches, width)
    _, out, _ = ran(["search", str(recorded), "--replays", "3", "--json"], capsys)
    said = json.loads(out)
    assert said["replays"]["all"]["share_of_seconds"] == pytest.approx([1, 1, 1])
    assert said["replays"].keys() == {"all", "random", "one-rung", "halving", "racing", "optuna"}
    assert [each["labels"] for each in said["early"]] == [6, 11, 16, 21, 26, 31, 36] * 2
    assert all(min(each["behind"]) >= 0 for each in said["replays"].values())


def test_schedules_that_never_meet_cannot_be_replayed(tmp_path, capsys):
    sizes = ({"initial": size, "step_size": size} for size in (5, 7))
    record(Store(tmp_path), *(config_of(**size, validation=15, steps=3) for size in sizes))
    code, _, err = ran(["search", str(tmp_path), "--replays", "3"], capsys)
    assert (code, "share no number of labels" in err) == (2, True)


def test_stopping_as_a_table_and_for_machines(recorded, capsys, monkeypatch):
    console = Kept()
    with monkeypatch.context() as at:
        at.setattr(cli.terminal, "console", lambda: console)
        assert ran(["stopping", str(recorded)], capsys)[0] == 0
    for width in WIDTHS:
        assert "to the end" in shown(console.tables[0], width)
    _, out, _ = ran(["stopping", str(recorded), "--json"], capsys)
    said = json.loads(out)["stopped"]
    assert len(said) == 3 * 7
    ends = [each for each in said if not each["criterion"]]
    assert [each["labels"] for each in ends] == [36, 36, 36]
    assert np.allclose([each["below"] for each in ends], 0)


def test_a_journal_is_written_beside_nobodys(recorded, tmp_path, capsys):
    path = tmp_path / "journal"
    code, out, _ = ran(["search", str(recorded), "--journal", str(path)], capsys)
    assert (code, path.exists(), f"optuna-dashboard {path}" in out) == (0, True, True)
    code, _, err = ran(["search", str(recorded), "--journal", str(path)], capsys)
    assert (code, "is there already" in err) == (2, True)
