"""Files here and on a real S3-compatible server."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from s3_server import BUCKET, SECRET, S3Server

from al_ray.errors import StorageError, UserError
from al_ray.io import node_files, storage
from al_ray.io.files import is_as_written
from al_ray.io.node_files import share
from al_ray.io.storage import Storage, is_remote, said


@pytest.fixture(params=["here", "s3"])
def place(request, tmp_path, s3_server) -> Storage:
    if request.param == "here":
        return Storage(tmp_path / "out")
    return Storage(s3_server.uri(tmp_path.name))


def test_there_and_back(place):
    assert place.read("steps/가-cold+1.parquet") is None
    assert place.size("steps/가-cold+1.parquet") is None
    assert place.names("steps") == []
    for data in (b"first", b"", b"x" * 12_000_000):
        place.write("steps/가-cold+1.parquet", data)
        assert place.read("steps/가-cold+1.parquet") == data
        assert place.size("steps/가-cold+1.parquet") == len(data)
    place.write("steps/.hidden", b"")
    place.write("steps/b.txt", b"")
    place.write("steps/deeper/c.parquet", b"")
    assert place.names("steps") == ["b.txt", "가-cold+1.parquet"]
    assert place.names("steps", ".parquet") == ["가-cold+1.parquet"]
    place.remove("steps/b.txt")
    place.remove("steps/b.txt")
    assert place.names("steps") == ["가-cold+1.parquet"]


def test_many_names(s3_server):
    """More than one page of a listing, which has 1,000."""
    names = [f"{number:04d}" for number in range(1005)]
    folder = s3_server.path("listed/many")
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).touch()
    assert Storage(s3_server.uri("listed")).names("many") == names


def test_what_goes_wrong_leaves_what_was_there(place):
    place.write("a", b"before")

    def refuse():
        raise UserError("no")

    with pytest.raises(UserError, match="no"):
        place.write("a", b"after", refuse)

    def crash():
        with place.replace("a") as temp:
            Path(temp).write_bytes(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        crash()
    assert place.read("a") == b"before"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("s3://key:se%2Fcret@b/p?endpoint_override=h:1&scheme=http", "s3://b/p?endpoint_override=h:1&scheme=http"),
        ("s3://key:sec/ret@b/p", "s3://b/p"),
        ("abfss://c@a.dfs.core.windows.net/p?account_key=zzz&x=1", "abfss://a.dfs.core.windows.net/p"),
        ("--out=gs://tok:en@b/p?access_token=zzz", "--out=gs://b/p"),
        ("a 's3://k:s@b/p?secret=1' b", "a 's3://b/p' b"),
        ("s3://b/p?endpoint_override=u:pw@h", "s3://b/p"),
        ("/a/b@c?d", "/a/b@c?d"),
        ("a@b.c", "a@b.c"),
    ],
)  # fmt: skip
def test_secrets_are_not_said(text, clean):
    assert said(text) == clean


def test_addresses():
    assert is_remote("s3://b/p")
    assert is_remote("GS://b/p")
    assert not is_remote("/a/b")
    assert not is_remote("results/s3")
    assert not is_remote("file:///a")
    assert Storage("file:///a/b").local == Path("/a/b")


@pytest.mark.parametrize(
    "where", ["nope://b/p", "s3://k:a/b@b/p", "s3://", "s3://k:hidden@b/p?nonsense=1"]
)
def test_addresses_that_are_refused(where):
    with pytest.raises(UserError) as refused:
        Storage(where)
    assert "\n" not in str(refused.value)
    assert "hidden" not in str(refused.value)
    assert "--out" in str(refused.value)


def test_a_key_that_is_not_known(s3_server):
    with pytest.raises(StorageError) as refused:
        Storage(s3_server.uri("x", key="another")).write("a", b"a")
    assert "\n" not in str(refused.value)
    assert f"s3://{BUCKET}/x/a: cannot be written" in str(refused.value)
    assert "credentials" in str(refused.value)


def test_unreachable_and_back(tmp_path):
    server = S3Server(tmp_path)
    place = Storage(server.uri("x"))
    place.write("a", b"a")
    server.stop()
    for act in (lambda: place.write("a", b"b"), lambda: place.read("a"), lambda: place.names("")):
        with pytest.raises(StorageError) as refused:
            act()
        assert "goes on from here" in str(refused.value)
        assert "\n" not in str(refused.value)
        assert SECRET not in str(refused.value)
    server.start()
    try:
        assert place.read("a") == b"a"
    finally:
        server.stop()


def test_a_full_disk(tmp_path):
    """A limit on the size of files, which the system enforces as it does a full disk."""
    program = """
import resource, sys
from al_ray.errors import StorageError
from al_ray.results import Store
store = Store(sys.argv[1])
columns = {"row_id": [str(i * 7919) for i in range(20_000)], "rank": list(range(20_000))}
store.write("selections", {**columns, "label": "old"}, "t", -1)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
def full(act):
    try:
        act()
    except StorageError as error:
        print(error)
    else:
        print("nothing went wrong")
full(lambda: store.write("selections", {**columns, "label": "new"}, "t", -1))
full(lambda: store.study_json.write({"a": "b" * 9999}))
import numpy as np
full(lambda: store.checkpoints.write("t", 0, [{"w": np.ones(9999)}]))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(set(store.read_one("selections", "t", -1).label))
store.write("selections", {**columns, "label": "new"}, "t", -1)
print(set(store.read_one("selections", "t", -1).label))
"""
    ended = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    *faults, before, after = ended.stdout.splitlines()
    assert len(faults) == 3
    for fault in faults:
        assert "cannot be written" in fault
        assert "make room" in fault
    assert (before, after) == ("{'old'}", "{'new'}")
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["t--001.parquet"]


# What every machine has a copy of


def test_fetched_once(tmp_path, s3_server, node_cache, monkeypatch):
    encoder = tmp_path / "mine"
    encoder.mkdir()
    (encoder / "config.json").write_bytes(b"{}")
    (encoder / "weights").write_bytes(b"w" * 1000)
    (tmp_path / "tokens-1.arrow").write_bytes(b"tokens")
    where = s3_server.uri(tmp_path.name)
    paths = {"encoder-1": encoder, "tokens-1.arrow": tmp_path / "tokens-1.arrow"}
    shared = share(where, None, paths)
    assert SECRET not in repr(shared)
    fetched = []
    fetch = node_files._fetch
    monkeypatch.setattr(node_files, "_fetch", lambda *a: (fetched.append(a[1]), fetch(*a)))
    for _ in range(2):
        assert shared.here("tokens-1.arrow").read_bytes() == b"tokens"
        assert (shared.here("encoder-1") / "weights").read_bytes() == b"w" * 1000
    assert fetched == ["tokens-1.arrow", "encoder-1/config.json", "encoder-1/weights"]
    assert shared.here("encoder-1").parent == storage.node_cache() == node_cache


def test_a_copy_that_is_not_the_same_is_refused(tmp_path, s3_server, node_cache):
    (tmp_path / "v.npy").write_bytes(b"vectors")
    shared = share(s3_server.uri(tmp_path.name), None, {"v.npy": tmp_path / "v.npy"})
    s3_server.path(f"{tmp_path.name}/cache/v.npy").write_bytes(b"damaged")
    with pytest.raises(StorageError, match="not what was written there"):
        shared.here("v.npy")
    assert not (node_cache / "v.npy").exists()
    s3_server.path(f"{tmp_path.name}/cache/v.npy").unlink()
    with pytest.raises(StorageError, match="is gone"):
        shared.here("v.npy")


def test_the_first_content_of_a_name_counts(tmp_path, s3_server, node_cache):
    """Vectors that were computed on another machine may differ in their last bits."""
    where = s3_server.uri(tmp_path.name)
    node_cache.mkdir(parents=True)
    path = node_cache / "v.npy"
    path.write_bytes(b"first")
    share(where, None, {"v.npy": path})
    path.write_bytes(b"other")
    shared = share(where, None, {"v.npy": path})
    assert path.read_bytes() == b"first"
    assert is_as_written(path)  # so that it is not computed anew at every start
    assert shared.digests["v.npy"] == hashlib.blake2b(b"first", digest_size=16).hexdigest()
