"""What is damaged, gone or in another's place is named, set aside and done again."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from loop_stub import World, assert_same, config_of, ended, go, tables

from al_ray.commands import study as cli
from al_ray.errors import StorageError
from al_ray.io.files import atomic_with_digest
from al_ray.loop.record import all_steps_done, steps_done
from al_ray.results import VERSION, Store
from al_ray.results.compact import compact
from al_ray.results.damage.check import damaged_checkpoints, damages, refuse_damaged
from al_ray.results.damage.inputs import damaged_inputs, distrust, trust
from al_ray.results.damage.mend import mend

WORLD = World()
CONFIG = config_of(strategy="qbc", retrain="cold")
WARM = config_of(strategy="margin", retrain="warm")
TABLES = ("steps", "selections", "predictions", "members", "scores")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    store, _, _ = go(folder / "apart", WORLD, CONFIG, ledger=True)
    store.study_json.write({"schema_version": VERSION})
    shutil.copytree(folder / "apart", folder / "merged")
    compact(Store(folder / "merged"))
    return folder


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 4
    path.write_bytes(data)


def zero(path, _):
    data = path.read_bytes()
    path.write_bytes(data[:4] + bytes(196) + data[200:])  # the first page


DAMAGES = {
    "a bit in a page": lambda path, other: flip(path, 60),
    "a bit in the footer": lambda path, other: flip(path, -20),
    "a zeroed page": zero,
    "truncated": lambda path, other: path.write_bytes(path.read_bytes()[:-9]),
    "emptied": lambda path, other: path.write_bytes(b""),
    "deleted": lambda path, other: path.unlink(),
    "another step's": lambda path, other: shutil.copyfile(other, path),
}


CASES = [
    *(("apart", table, damage) for damage in DAMAGES for table in TABLES),
    *(("merged", t, damage) for damage in ("a bit in a page", "deleted") for t in TABLES),
]


@pytest.mark.parametrize(("kind", "table", "damage"), CASES)
def test_it_is_set_aside_and_done_again(tmp_path, whole, kind, table, damage):
    out = tmp_path / "out"
    shutil.copytree(whole / kind, out)
    files = sorted((out / table).iterdir())
    # In the middle, so that something was built on it; of merged ones there is one a table.
    path, other = files[len(files) // 2], files[0]
    if path == other:
        other = next(f for t in TABLES if t != table for f in (out / t).iterdir())
    content = None if damage == "deleted" else path
    DAMAGES[damage](path, other)
    damaged = content.read_bytes() if content else None
    store = Store(out)
    # Of a trajectory whose steps are all gone nobody can tell that it had any: it is done anew.
    if (len(files), table, damage) != (1, "steps", "deleted"):
        (found,) = {each.file for each in damages(store)}
        assert found == str(path.relative_to(out))
        with pytest.raises(StorageError, match="given again") as refused:
            refuse_damaged(store)
        assert str(path) in str(refused.value)
        assert "\n" not in str(refused.value)
        said = []
        assert mend(store, said.append) == len(said) == 1
        assert str(path) in said[0]
        if damaged is not None:  # it is not deleted
            assert (out / "set-aside" / path.relative_to(out)).read_bytes() == damaged
    assert steps_done(store, CONFIG) < CONFIG.schedule.steps
    go(out, WORLD, CONFIG, store=store, ledger=True)
    assert damages(store) == []
    assert_same(tables(Store(whole / "apart")), tables(store))


def test_what_was_built_on_it_does_not_count(tmp_path):
    """A trajectory that was given its rows, and a replay of a step after the damaged one."""
    out = tmp_path / "out"
    store, _, _ = go(out, WORLD, CONFIG)
    store.write("trajectories", {"status": "complete"}, CONFIG.id)
    for name, columns in {
        "follower": {"rows_of": CONFIG.id},
        "replay of 1": {"replay_of": CONFIG.id, "replay_step": 1},
        "replay of 2": {"replay_of": CONFIG.id, "replay_step": 2},
        "another": {},
    }.items():
        store.write("selections", {"row_id": ["a"]}, name, -1)
        for step in range(3):
            store.write("steps", {"test": ["test"]}, name, step)
        store.write("trajectories", {"status": "complete", **columns}, name)
    store.path("selections", CONFIG.id, 1).unlink()
    mend(store, lambda _: None)
    left = store.read("steps").groupby("trajectory").step.nunique().to_dict()
    # A replay of step 1 has the rows that were chosen before it.
    assert left == {CONFIG.id: 1, "follower": 1, "replay of 1": 3, "another": 3}


def test_the_first_draw(tmp_path):
    store, _, _ = go(tmp_path / "out", WORLD, CONFIG)
    before = tables(store)
    store.path("selections", CONFIG.id, -1).unlink()
    mend(store, lambda _: None)
    assert steps_done(store, CONFIG) == 0
    go(store.folder, WORLD, CONFIG, store=store)
    assert_same(before, tables(store))


@pytest.mark.parametrize("table", ["rows", "trajectories"])
def test_tables_without_steps(tmp_path, table):
    store = Store(tmp_path)
    store.write(table, {}, "a")
    store.write(table, {}, "b")
    shutil.copyfile(store.path(table, "a"), store.path(table, "b"))
    said = []
    mend(store, said.append)
    assert len(said) == 1
    assert store.files(table) == [f"{table}/a.parquet"]


def test_weights(tmp_path):
    """A damaged checkpoint is begun over; a continuation from it would end elsewhere, unsaid."""
    whole, _, _ = go(tmp_path / "whole", WORLD, WARM)
    store, _, _ = go(tmp_path / "cut", WORLD, ended(WARM, 2))
    # The last step had nothing to choose, so it is done again, from what was before it.
    newest = store.folder / store.checkpoints.name(WARM.id, 0)
    for at in (9, 30, -3):  # in the header and in the numbers
        shutil.copytree(store.folder, tmp_path / f"copy{at}")
        flip(tmp_path / f"copy{at}" / newest.relative_to(store.folder), at)
        copy = Store(tmp_path / f"copy{at}")
        assert [each.file for each in damaged_checkpoints(copy)] == [
            store.checkpoints.name(WARM.id, 0)
        ]
        with pytest.raises(StorageError, match="damaged"):
            copy.checkpoints.read(WARM.id, 0)
        go(copy.folder, WORLD, WARM, store=copy)
        assert_same(tables(whole), tables(copy))
        assert len(list((copy.folder / "set-aside" / "checkpoints").iterdir())) == 1
    said = []
    flip(newest, 30)
    mend(store, said.append)
    assert len(said) == 1
    assert not newest.exists()


def test_files_of_before_there_were_seals(tmp_path):
    """They are read, checked by decoding, and mended where that finds something."""
    whole, _, _ = go(tmp_path / "whole", WORLD, CONFIG)
    store, _, _ = go(tmp_path / "old", WORLD, CONFIG)
    for table in TABLES:
        for name in store.files(table):
            pq.write_table(store.get(name), store.folder / name)
    assert damages(store) == []
    assert_same(tables(whole), tables(store))
    store.study_json.write({"schema_version": VERSION})
    compact(store)
    assert damages(store) == []
    assert_same(tables(whole), tables(store))


@pytest.mark.parametrize("damage", ["zeroed page", "another step's"])
def test_damage_to_files_of_before(tmp_path, damage):
    whole, _, _ = go(tmp_path / "whole", WORLD, CONFIG)
    store, _, _ = go(tmp_path / "old", WORLD, CONFIG)
    for table in TABLES:
        for name in store.files(table):
            pq.write_table(store.get(name), store.folder / name)
    path = store.path("predictions", CONFIG.id, 1)
    if damage == "zeroed page":
        zero(path, None)
    else:
        shutil.copyfile(store.path("predictions", CONFIG.id, 0), path)
    mend(store, lambda _: None)
    assert all_steps_done(store, [CONFIG]) == {CONFIG.id: 1}
    go(store.folder, WORLD, CONFIG, store=store)
    assert_same(tables(whole), tables(store))


def test_two_damaged_files_of_one_name(tmp_path):
    store = Store(tmp_path)
    for _ in range(3):
        store.write("rows", {}, "a")
        flip(store.path("rows", "a"), 60)
        mend(store, lambda _: None)
    names = sorted(path.name for path in (tmp_path / "set-aside" / "rows").iterdir())
    assert names == ["a-2.parquet", "a-3.parquet", "a.parquet"]


def test_a_file_of_somebody_in_a_table_s_folder(tmp_path):
    store, _, _ = go(tmp_path, WORLD, CONFIG)
    mine = tmp_path / "predictions" / "mine.parquet"
    mine.write_bytes(b"PAR1 of mine")
    before = tables(store)
    assert mend(store, print) == 0
    assert mine.read_bytes() == b"PAR1 of mine"
    assert_same(before, tables(store))


# What every actor maps


def with_inputs(folder):
    store, _, _ = go(folder, WORLD, ended(CONFIG, 2))
    store.cache.mkdir()
    for name in ("tokens-0.arrow", "vectors-0.npy"):
        with atomic_with_digest(store.cache / name) as temp:
            Path(temp).write_bytes(b"content of it")
    return store


@pytest.mark.parametrize("noted", [True, "gone", "damaged"])
def test_steps_that_may_have_read_a_damaged_input(tmp_path, noted):
    """Two steps, inputs seen to be right, one step more, a bit: nobody knows which came first."""
    store, said = with_inputs(tmp_path), []
    trust(store)
    go(tmp_path, WORLD, CONFIG, store=store)
    distrust(store, said.append)
    assert said == []  # nothing is damaged
    if noted == "gone":
        (tmp_path / ".al_ray" / "trusted.json").unlink()
    if noted == "damaged":
        flip(tmp_path / ".al_ray" / "trusted.json", -60)
    flip(store.cache / "tokens-0.arrow", 3)
    assert damaged_inputs(store) == [store.cache / "tokens-0.arrow"]
    distrust(store, said.append)
    # The last of two had nothing to choose, so it was done again with the third.
    assert steps_done(store, CONFIG) == (2 if noted is True else 0)
    assert len(said) == 1


def test_a_digest_without_end(tmp_path):
    """It is read as far as one goes; a terabyte of nothing takes no room on a disk."""
    store = with_inputs(tmp_path)
    for name in ("tokens-0.arrow", "vectors-0.npy"):
        os.truncate(store.cache / f"{name}.digest", 2**40)
    assert damaged_inputs(store) == [store.cache / "tokens-0.arrow", store.cache / "vectors-0.npy"]


def call(*words):
    with pytest.raises(SystemExit) as ended:
        cli.main([str(word) for word in words])
    return ended.value.code


def test_show_check(tmp_path, capsys):
    store = with_inputs(tmp_path)
    store.study_json.write({"schema_version": VERSION, "run": {"command": "python news7.py"}})
    store.checkpoints.write(CONFIG.id, 0, [])
    assert call("show", tmp_path, "--check") == 0
    assert "every file is there, and as it was written" in capsys.readouterr().out
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    paths = [
        store.path("members", CONFIG.id, 0),
        store.folder / store.checkpoints.name(CONFIG.id, 0),
        store.cache / "vectors-0.npy",
    ]
    for path in paths:
        flip(path, 9)
    damaged = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert {p for p in before if before[p] != damaged[p]} == set(paths)
    assert call("show", tmp_path, "--check") == 1
    said = capsys.readouterr().out
    for path in paths:
        assert f"{path}: is damaged" in said
    assert "Not to be believed: 3." in said
    assert "python news7.py" in said
    assert call("show", tmp_path, "--check", "--json") == 1
    answer = json.loads(capsys.readouterr().out)
    assert len(answer["damaged"]) == 3
    # It only looks.
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == damaged
