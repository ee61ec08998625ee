"""What TensorBoard and MLflow read back is what the tables say, once each, however often begun."""

import json
import socket
from types import SimpleNamespace

import pytest
from loop_stub import World, config_of, go
from rich.console import Console

from al_ray.cluster.lots import encode
from al_ray.cluster.observe.tensorboard import TensorBoard, scalars
from al_ray.errors import UserError
from al_ray.study.grid import Trial

WORLD = World(train=70, seed=3)
SHORT, LONG = config_of(steps=2), config_of(steps=4)


@pytest.fixture
def folder(tmp_path, request):
    """Of a study whose name no other test has."""
    return tmp_path / request.node.name


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """MLflow takes its time to make one."""
    pytest.importorskip("mlflow")
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


@pytest.fixture
def store(folder):
    """Two steps of a trajectory, in a study's folder."""
    store, _, _ = go(folder, WORLD, SHORT)
    store.study_json.write({"schema_version": 2, "begun_at": "2026-01-01T00:00:00+00:00"})
    return store


def tune_trial(config):
    # What Tune gives its callbacks has been through its own copy of the search space.
    point = json.loads(json.dumps(encode((Trial(config),))))
    return SimpleNamespace(config={"trial": point}, trial_id=config.id)


def report_of(config):
    return {"steps": [{"trajectory": config.id}]}


def expected(store, column):
    steps = store.read("steps")
    return [(int(row.n_labelled), getattr(row, column)) for row in steps.itertuples()]


def test_scalars_are_named_by_test(store):
    rows = store.read_one("steps", SHORT.id, 1)
    found = scalars(rows)
    assert {name for name in found if name.startswith("accuracy/")} == {
        f"accuracy/{test}" for test in rows.test
    }
    for row in rows.itertuples():
        assert found[f"macro_f1/{row.test}"] == row.test_macro_f1
    assert found["train_loss"] == rows.train_loss.iloc[0]


@pytest.mark.parametrize("continued", [True, False], ids=["another start", "the next rung"])
def test_tensorboard_reads_every_step_once(store, folder, continued):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    board = TensorBoard(store, print)
    board.begin([SHORT])
    go(folder, WORLD, LONG)  # two more steps of the same trajectory
    if continued:
        board.on_trial_result(tune_trial(LONG), report_of(LONG))
        board = TensorBoard(store, print)
    board.begin([LONG])
    test = store.read("steps").test.iloc[0]
    read = events.EventAccumulator(str(folder / "tensorboard" / LONG.id)).Reload()
    steps = store.read("steps").query("test == @test")
    assert [
        (e.step, pytest.approx(e.value, abs=1e-6)) for e in read.Scalars(f"accuracy/{test}")
    ] == [(int(row.n_labelled), row.test_accuracy) for row in steps.itertuples()]
    assert len(steps) == 4


def test_a_tensorboard_without_room_costs_nothing_but_itself(store, folder):
    """A folder that cannot be made stands for it: it is the same error to the writer."""
    said = []
    (folder / "tensorboard").write_text("a file")
    board = TensorBoard(store, said.append)
    board.begin([SHORT])
    go(folder, WORLD, LONG)
    board.on_trial_result(tune_trial(LONG), report_of(LONG))
    assert len(said) == 1
    assert said[0].startswith(f"{folder / 'tensorboard'}: TensorBoard is not told any more (")
    assert "\n" not in said[0]


def history(database, study, name):
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=database)
    experiment = client.get_experiment_by_name(study)
    runs = client.search_runs([experiment.experiment_id])
    return {
        run.info.run_name: (
            run.info.status,
            run.data.params,
            sorted((m.step, m.value) for m in client.get_metric_history(run.info.run_id, name)),
        )
        for run in runs
    }


def test_mlflow_has_one_run_for_a_trajectory_that_was_continued(store, folder, database):
    from al_ray.cluster.observe.mlflow import connect

    connect(database, store, Console()).begin([SHORT])
    assert history(database, folder.name, "train_loss")[SHORT.id][0] == "FINISHED"
    go(folder, WORLD, LONG)
    later = connect(database, store, Console())
    later.begin([LONG])
    later.log_trial_result(1, tune_trial(LONG), report_of(LONG))
    later.log_trial_end(tune_trial(LONG))
    (found,) = history(database, folder.name, "train_loss").items()
    name, (status, params, losses) = found
    assert (name, status) == (LONG.id, "FINISHED")
    assert params["strategy"] == LONG.strategy
    assert params["learning_rate"] == str(LONG.learner.training.learning_rate)
    first = store.read("steps").groupby("step").first()
    assert losses == list(zip(first.n_labelled, first.train_loss, strict=True))


def test_mlflow_that_is_not_there_is_refused_in_one_line(store):
    pytest.importorskip("mlflow")
    from al_ray.cluster.observe.mlflow import connect

    with socket.socket() as bound:  # taken, and nobody listens
        bound.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{bound.getsockname()[1]}"
        with pytest.raises(UserError) as refused:
            connect(uri, store, Console())
    assert uri in str(refused.value)
    assert "\n" not in str(refused.value)


def test_mlflow_that_goes_away_costs_the_study_nothing(store, database, capsys):
    from al_ray.cluster.observe.mlflow import connect

    told = connect(database, store, Console(width=200))

    def gone(*_, **__):
        raise ConnectionError("nobody answers")

    told.mlflow_util.start_run = gone
    told.begin([SHORT])
    told.log_trial_result(1, tune_trial(SHORT), report_of(SHORT))
    said = capsys.readouterr().out
    assert said.count("MLflow is not told any more (nobody answers)") == 1
