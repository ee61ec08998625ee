"""Merging small files: nothing changes but their number, whatever is killed when."""

from __future__ import annotations

import duckdb
import pandas as pd
import pytest
from filelock import FileLock
from helpers import lock_of
from loop_stub import World, assert_same, config_of, ended, go, tables

from al_ray.errors import StudyConflict, UserError
from al_ray.loop.record import step_is_done, steps_done
from al_ray.results import SCHEMAS, Store
from al_ray.results import compact as module
from al_ray.results.compact import compact

TRAJECTORIES = ("margin-cold-10-s0-0123456789", "random-cold-10-s0-abcdef0123")


def write_step(store, trajectory, step, last=False, score=1.0):
    if step == 0:
        store.write("selections", {"rank": [0, 1], "row_id": ["a", "b"]}, trajectory, -1)
    ids = [f"{step}{letter}" for letter in "yx"]  # not in the order of the alphabet
    if not last:
        store.write("selections", {"rank": [0, 1], "row_id": ids, "score": score}, trajectory, step)
    store.write("predictions", {"test": "test", "row_id": ids, "label": "가"}, trajectory, step)
    counts = [[5, step], [step, 5]]
    store.write("members", {"member": [0, 1], "predicted_counts": counts}, trajectory, step)
    store.write(
        "steps",
        {
            "test": ["test", "dev"],
            "test_accuracy": [0.5, step / 10],
            "picks_digest": None if last else "d",
        },
        trajectory,
        step,
    )


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path)
    for trajectory in TRAJECTORIES:
        for step in range(3):
            write_step(made, trajectory, step, last=step == 2)
        made.write("trajectories", {"status": "complete"}, trajectory)
    made.write("rows", {"row_id": ["a", "b"], "text": ["글", "글"]}, "corpus")
    made.study_json.write({"schema_version": 2})
    return made


def read(store):
    return {name: store.read(name) for name in SCHEMAS}


def assert_equal(one, other):
    for name in one:
        pd.testing.assert_frame_equal(one[name], other[name], check_exact=True, obj=name)


def files(store, table):
    return sorted(path.name for path in (store.folder / table).iterdir())


def test_whoever_had_listed_the_files_before_sees_each_row(store, monkeypatch):
    before, reader = read(store), Store(store.folder)
    get, merged = reader._get_if_there, []

    def merged_first(name):
        if not merged:
            merged.append(name)
            compact(store)
        return get(name)

    monkeypatch.setattr(reader, "_get_if_there", merged_first)
    assert_equal({"steps": reader.read("steps")}, before)
    assert files(store, "steps") == [f"{name}-all.parquet" for name in TRAJECTORIES]


def test_one_file_per_table_and_trajectory(store):
    before = read(store)
    done = {table.table: table for table in compact(store)}
    assert files(store, "steps") == [f"{name}-all.parquet" for name in TRAJECTORIES]
    assert (done["steps"].files_before, done["steps"].files_after) == (6, 2)
    assert (done["rows"].files_before, done["rows"].files_after) == (1, 1)
    assert done["steps"].bytes_after < done["steps"].bytes_before
    assert "scores" not in done
    assert_equal(before, read(store))
    compact(store)  # and again
    assert_equal(before, read(store))


def test_other_readers_see_the_same(store):
    folder = store.folder / "selections"
    query = f"SELECT count(*), count(DISTINCT (trajectory, step)) FROM '{folder}/*.parquet'"
    before, counts = len(pd.read_parquet(folder)), duckdb.sql(query).fetchall()
    compact(store)
    assert len(pd.read_parquet(folder)) == before
    assert duckdb.sql(query).fetchall() == counts


def test_single_steps_are_found(store):
    name = TRAJECTORIES[0]
    before = {step: store.read_one("selections", name, step) for step in (-1, 0, 1, 2)}
    compact(store)
    for step, rows in before.items():
        found = store.read_one("selections", name, step)
        if rows is None:
            assert found is None
        else:
            pd.testing.assert_frame_equal(found, rows)
    assert store.read_one("steps", name, 9) is None
    store.copy(name, "copy", 1, "members")
    assert store.read_one("members", "copy", 1).predicted_counts[1].tolist() == [1, 5]
    with pytest.raises(FileNotFoundError):
        store.copy(name, "copy", 9, "members")


def extended(store):
    for trajectory in TRAJECTORIES:
        write_step(store, trajectory, 2, score=2.0)  # what was last now selects
        write_step(store, trajectory, 3, last=True)


def test_an_extended_study_is_as_if_it_had_never_been_merged(store, tmp_path_factory):
    apart = Store(tmp_path_factory.mktemp("apart"))
    for trajectory in TRAJECTORIES:
        for step in range(4):
            write_step(apart, trajectory, step, last=step == 3, score=2.0 if step == 2 else 1.0)
        apart.write("trajectories", {"status": "complete"}, trajectory)
    apart.write("rows", {"row_id": ["a", "b"], "text": ["글", "글"]}, "corpus")
    compact(store)
    extended(store)
    assert_equal(read(apart), read(store))
    assert len(pd.read_parquet(store.folder / "steps")) == 2 * 4 * 2  # for other readers too
    compact(store)
    assert_equal(read(apart), read(store))
    assert files(store, "members") == [f"{name}-all.parquet" for name in TRAJECTORIES]


@pytest.mark.parametrize("survivors", range(9))
def test_killed_between_writing_and_removing(store, monkeypatch, survivors):
    before = read(store)
    removed = []

    def remove(store, name):
        if len(removed) == survivors:
            raise KeyboardInterrupt
        removed.append(name)
        store.storage.remove(name)

    monkeypatch.setattr(module, "_remove", remove)
    with pytest.raises(KeyboardInterrupt):
        compact(store)
    assert_equal(before, read(store))
    monkeypatch.undo()
    compact(store)
    assert_equal(before, read(store))
    assert len(files(store, "steps")) == 2


def test_killed_before_the_old_rows_of_a_step_went(store, monkeypatch):
    compact(store)
    monkeypatch.setattr(store, "_drop_merged", lambda *_: None)
    extended(store)
    twice = read(store)
    monkeypatch.undo()
    compact(store)
    assert_equal(twice, read(store))
    assert store.read_one("selections", TRAJECTORIES[0], 2).score.tolist() == [2.0, 2.0]


def test_steps_that_do_not_count_stay_apart(store):
    name = TRAJECTORIES[0]
    store.write("selections", {"rank": [0], "row_id": ["z"]}, name, 7)
    compact(store)
    assert f"{name}-0007.parquet" in files(store, "selections")


def test_steps_done_and_a_new_start(store):
    compact(store)
    name = TRAJECTORIES[0]
    assert [step_is_done(store, name, step, step < 2) for step in range(4)] == [True] * 3 + [False]
    assert not step_is_done(store, name, 2, selects=True)  # as before: it had selected nothing


def test_not_while_a_study_runs(store):
    with FileLock(lock_of(store.folder)), pytest.raises(StudyConflict, match="afterwards"):
        compact(store)


def test_no_study(tmp_path):
    with pytest.raises(UserError, match="no study there"):
        compact(Store(tmp_path))


@pytest.mark.parametrize("retrain", ["cold", "warm", "warm-new"])
@pytest.mark.parametrize("stop", [1, 2, 3])
def test_a_trajectory_goes_on_from_merged_files(tmp_path, retrain, stop):
    """The loop itself, without Ray and without a model: stopped, merged, extended, merged."""
    world = World()
    config = config_of(strategy="qbc", retrain=retrain)
    whole, _, _ = go(tmp_path / "whole", world, config, ledger=True)
    merged, _, _ = go(tmp_path / "merged", world, ended(config, stop), ledger=True)
    merged.study_json.write({"schema_version": 2})
    compact(merged)
    _, _, said = go(tmp_path / "merged", world, config, ledger=True)
    # The last step chose nothing and is done again; what was merged before it is not.
    assert [step.step for step in said] == list(range(stop - 1, config.schedule.steps))
    assert_same(tables(whole), tables(merged))
    compact(merged)
    assert_same(tables(whole), tables(merged))
    assert steps_done(merged, config) == config.schedule.steps
    assert go(tmp_path / "merged", world, config, ledger=True)[2] == []
