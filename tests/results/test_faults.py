"""Two who write to one study, files that are not whole, files of a version to come."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time

import pyarrow.parquet as pq
import pytest
from filelock import FileLock
from helpers import lock_of
from loop_stub import World, assert_same, config_of, ended, go, tables

from al_ray.errors import StorageError, StudyConflict, Superseded
from al_ray.loop.record import steps_done
from al_ray.results import SCHEMAS, VERSION, Store, lease
from al_ray.results.compact import compact
from al_ray.results.damage.mend import mend
from al_ray.results.folder import own
from al_ray.results.lease import held


@pytest.fixture(params=["here", "s3"])
def where(request, tmp_path):
    if request.param == "here":
        return str(tmp_path / "out")
    return request.getfixturevalue("s3_server").uri(tmp_path.name)


# Claims


def test_an_attempt_that_was_cut_off_writes_nothing_more(where):
    first, second = Store(where, "first"), Store(where, "second")
    first.claims.take(["t", "u"])
    first.write("selections", {"row_id": ["a"]}, "t", 0)
    second.claims.take(["t"])
    for act in (
        lambda: first.write("selections", {"row_id": ["b"]}, "t", 0),
        lambda: first.write("trajectories", {"status": "running"}, "t"),
        lambda: first.checkpoints.write("t", 0, []),
    ):
        with pytest.raises(Superseded, match="another attempt"):
            act()
    first.write("selections", {"row_id": ["b"]}, "u", 0)  # nobody else has claimed this one
    second.write("selections", {"row_id": ["c"]}, "t", 0)
    assert second.read_one("selections", "t", 0).row_id.tolist() == ["c"]
    assert second.read_one("selections", "u", 0).row_id.tolist() == ["b"]
    assert second.read_one("trajectories", "t") is None
    assert not second.checkpoints.has("t", 0)


def test_the_claim_is_looked_at_when_the_file_is_ready(tmp_path):
    """Not when it is begun: writing it may take long."""
    store, other = Store(tmp_path, "one"), Store(tmp_path, "two")
    store.claims.take(["t"])

    def write_slowly():
        with store.storage.replace("steps/t-0000.parquet", lambda: store.claims.check("t")) as temp:
            other.claims.take(["t"])
            with open(temp, "wb") as file:
                file.write(b"late")

    with pytest.raises(Superseded):
        write_slowly()
    assert list((tmp_path / "steps").iterdir()) == []


def test_a_loop_that_is_overtaken_ends(tmp_path):
    """The whole loop, without Ray: the second attempt begins in the middle of the first."""
    world, config = World(), config_of(strategy="qbc", retrain="warm")
    go(tmp_path / "whole", world, config)
    out = tmp_path / "twice"
    first = Store(out, "first")
    first.claims.take([config.id])
    go(out, world, ended(config, 2), store=first)
    second = Store(out, "second")
    second.claims.take([config.id])
    with pytest.raises(Superseded):
        go(out, world, config, store=first)
    go(out, world, config, store=second)
    assert_same(tables(Store(tmp_path / "whole")), tables(Store(out)))


# The lock


def test_one_at_a_time(where, monkeypatch):
    monkeypatch.setattr(lease, "RENEWED", 0.05)
    monkeypatch.setattr(lease, "SETTLED", 0.1)
    store, said = Store(where), []
    for _ in range(2):  # it is free again afterwards
        with held(store, said.append, "wait"):
            with (
                pytest.raises(StudyConflict, match="wait") as refused,
                held(Store(where), said.append, "wait"),
            ):
                pass
            assert "\n" not in str(refused.value)


def test_a_lease_whose_owner_died_is_taken_over_with_a_word(s3_server, tmp_path, monkeypatch):
    """Whatever its clock said; the owner wakes up and ends, since it is not its own any more."""
    monkeypatch.setattr(lease, "RENEWED", 0.05)
    monkeypatch.setattr(lease, "PATIENCE", 0.5)
    monkeypatch.setattr(lease, "SETTLED", 0.1)
    store = Store(s3_server.uri(tmp_path.name))
    dead = {"owner": "x", "who": "process 7 on there", "beat": 3, "time": "2999-01-01"}
    own(store.storage)
    store.storage.write(".lease", json.dumps(dead).encode())
    said: list[str] = []
    ended = threading.Event()
    monkeypatch.setattr(lease._thread, "interrupt_main", ended.set)
    with held(store, said.append, "wait"):
        assert "process 7 on there was at this study" in said[0]
        assert "is gone" in said[1]
        # Again where it was written over in the instant between the owner's look and its writing.
        until = time.monotonic() + 60
        while not ended.wait(0.5) and time.monotonic() < until:
            store.storage.write(".lease", json.dumps({**dead, "owner": "y"}).encode())
        assert ended.is_set()
    assert "has taken this study over" in said[2]
    assert json.loads(store.storage.read(".lease"))["owner"] == "y"  # not ours to remove


def test_who_is_named_in_a_lease_steers_nothing(s3_server, tmp_path, monkeypatch):
    monkeypatch.setattr(lease, "PATIENCE", 0.0)
    monkeypatch.setattr(lease, "SETTLED", 0.0)
    store = Store(s3_server.uri(tmp_path.name))
    own(store.storage)
    dead = {"owner": "x", "who": "\x1b[2J\n\u202eeno" + "y" * 1000}
    store.storage.write(".lease", json.dumps(dead).encode())
    said: list[str] = []
    with held(store, said.append, "wait"):
        pass
    assert len(said) == 2
    for line in said:
        assert "\\u001b[2J \\u202eenoy" in line
        assert len(line) < 400
        assert "\n" not in line


def test_a_lock_file_of_a_dead_process_stops_nobody(tmp_path):
    program = (
        "import os, sys; from filelock import FileLock\n"
        "FileLock(sys.argv[1]).acquire(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program, str(lock_of(tmp_path))], check=False)
    (lock_of(tmp_path)).touch()
    with held(Store(tmp_path), print, "wait"):
        assert os.path.exists(lock_of(tmp_path))
    with (
        FileLock(lock_of(tmp_path)),
        pytest.raises(StudyConflict),
        held(Store(tmp_path), print, "wait"),
    ):
        pass


# Files that are not whole


@pytest.mark.parametrize(
    ("table", "retrain", "merged"),
    [
        *((table, "cold", False) for table in ("steps", "predictions", "members", "scores")),
        *(("selections", retrain, merged) for retrain in ("cold", "warm") for merged in (0, 1)),
        ("steps", "warm", True),
    ],
)
def test_a_file_cut_short_is_done_again(tmp_path, table, retrain, merged):
    world, config = World(), config_of(strategy="qbc", retrain=retrain)
    whole, _, _ = go(tmp_path / "whole", world, config, ledger=True)
    store, _, _ = go(tmp_path / "cut", world, config, ledger=True)
    store.study_json.write({"schema_version": VERSION})
    if merged:
        compact(store)
    files = store.files(table)
    for name, share in zip((files[0], files[-1]), (0.5, 0), strict=True):
        path = store.folder / name
        data = path.read_bytes()
        path.write_bytes(data[: int(share * len(data))])
        with pytest.raises(StorageError) as refused:  # readers name it
            Store(store.folder).read(table)
        assert str(path) in str(refused.value)
        said: list[str] = []
        mend(store, said.append)
        assert len(said) == 1
        assert str(path) in said[0]
        assert steps_done(store, config) < config.schedule.steps
        go(store.folder, world, config, store=store, ledger=True)
        assert_same(tables(whole), tables(store))
        if merged:
            compact(store)


def test_whole_files_are_left_alone(tmp_path):
    world, config = World(), config_of(strategy="margin", retrain="warm")
    store, _, _ = go(tmp_path, world, config)
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.is_file()}
    said: list[str] = []
    mend(store, said.append)
    assert said == []
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.is_file()} == before


def test_a_checkpoint_cut_short(tmp_path):
    world, config = World(), config_of(strategy="margin", retrain="warm")
    whole, _, _ = go(tmp_path / "whole", world, config)
    store, _, _ = go(tmp_path / "cut", world, ended(config, 2))
    for path in (store.folder / "checkpoints").iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    said: list[str] = []
    mend(store, said.append)
    assert said
    go(store.folder, world, config, store=store)
    assert_same(tables(whole), tables(store))


def test_a_file_of_a_version_to_come(where):
    store = Store(where)
    rows = SCHEMAS["steps"].empty_table()
    later = {b"al_ray_schema": str(VERSION + 1).encode()}
    with store.storage.replace("steps/t-0000.parquet") as temp:
        pq.write_table(rows.replace_schema_metadata(later), temp)
    with pytest.raises(StudyConflict, match=r"steps/t-0000\.parquet.* version 3.*update al_ray"):
        mend(store, print)
    assert store.files("steps") == ["steps/t-0000.parquet"]
    store.study_json.write({"schema_version": VERSION + 1})
    with pytest.raises(StudyConflict, match=r"study\.json.*update al_ray"):
        store.study_json.get()


@pytest.mark.faults
@pytest.mark.parametrize("file", ["members/*-0001.parquet", "steps/*-0000.parquet"])
def test_a_loop_killed_on_an_object_store_goes_on(s3_server, tmp_path, file):
    """The whole loop, without Ray, in a process that is killed when a file is there."""
    where = s3_server.uri(tmp_path.name)
    program = (
        "import sys; from loop_stub import World, config_of, go; from al_ray.results import Store\n"
        "store, config = Store(sys.argv[1], 'first'), config_of(strategy='qbc', retrain='warm')\n"
        "store.claims.take([config.id]); go(None, World(), config, store=store)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", program, where], env=environment)
    until = time.monotonic() + 300
    while not list(s3_server.path(tmp_path.name).glob(file)):
        assert process.poll() is None
        assert time.monotonic() < until
    process.kill()
    assert process.wait() != 0
    world, config = World(), config_of(strategy="qbc", retrain="warm")
    second = Store(where, "second")
    assert steps_done(second, config) < config.schedule.steps
    second.claims.take([config.id])
    mend(second, print)
    go(None, world, config, store=second)
    whole, _, _ = go(tmp_path, world, config)
    assert_same(tables(whole), tables(second))
