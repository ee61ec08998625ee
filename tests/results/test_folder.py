"""What is not ours stays as it is, and nothing leads out of a results folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import lock_of
from written_studies import write_study

from al_ray.commands import study as cli
from al_ray.errors import StorageError, StudyConflict, UserError
from al_ray.results import Store
from al_ray.results.folder import OURS, own
from al_ray.results.lease import held
from al_ray.results.untouched import untouched

ROOT = Path(__file__).resolve().parents[2]

SOMEBODYS = (
    ".env.production-eu",
    "web/.env.local-backup",
    "report/figures/logo.svg",
    "predictions/mine.parquet",
    "steps/notes-0001.parquet",
)


def state(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    for name in SOMEBODYS:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{name} is mine")
    return folder


def call(argv, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([str(word) for word in argv])
    return ended.value.code, *capsys.readouterr()


# A folder of somebody else's


def test_a_study_in_somebody_s_project_is_refused_in_a_line(project):
    """As a user gives it: `--out .`; nothing is made, changed or removed."""
    before = state(project)
    script = ROOT / "experiments" / "news7.py"
    for options in ([], ["--plan"]):
        ended = subprocess.run(
            [sys.executable, script, "--out", ".", "--seeds", "0", "--address", "local", *options],
            cwd=project,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert ended.returncode == 2, ended.stderr
        (line,) = ended.stderr.splitlines()
        assert "holds files that are not al_ray's (.env.production-eu and 4 more)" in line
        assert "give a new or empty folder" in line
        assert state(project) == before


@pytest.mark.parametrize("command", ["show", "verdict", "report", "compact"])
def test_nor_do_readers_touch_it(project, command, capsys):
    before = state(project)
    code, _, said = call([command, project], capsys)
    assert code == 2
    assert said.count("\n") == 1
    assert state(project) == before


def test_what_is_refused_and_what_is_not(tmp_path, s3_server):
    own(Store(tmp_path / "new").storage)
    own(Store(tmp_path / "new").storage)  # ours by now
    (tmp_path / "new" / "notes.txt").write_text("of the user's")
    own(Store(tmp_path / "new").storage)
    (tmp_path / "empty").mkdir()
    own(Store(tmp_path / "empty").storage)
    before = tmp_path / "of an earlier version"
    before.mkdir()
    for name in ("study.json", "steps.txt"):
        (before / name).write_text("{}")
    own(Store(before).storage)
    assert (before / ".al_ray" / "README").exists()
    (before / ".al_ray" / "study.json").write_text("{}")
    for name in (".al_ray/README", "study.json"):  # both gone; the copy is there
        (before / name).unlink()
    own(Store(before).storage)
    for name in ("README", "study.json"):  # a folder of this name alone says nothing
        (before / ".al_ray" / name).unlink()
    with pytest.raises(StudyConflict, match=r"\(steps.txt\); give a new or empty folder"):
        own(Store(before).storage)
    other = Store(s3_server.uri(tmp_path.name)).storage
    other.write("mine.txt", b"mine")
    with pytest.raises(StudyConflict, match=r"\(mine.txt\); give a new or empty folder"):
        own(other)


def test_somebody_s_files_beside_ours_stay(tmp_path):
    """A study begun, stopped, gone on with and read: what is not of our naming is left alone."""
    few = {"strategies": ("random", "margin"), "seeds": 2, "steps": 2, "step_sizes": (20,)}
    out = write_study(tmp_path / "out", **few, controls=())
    names = [*SOMEBODYS[:-1], "report/figures/old.png", "cache/.env-x", "claims/.a.b-c"]
    for name in names:
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{name} is mine")
    with held(Store(out), print, "wait"):
        pass
    for command in ("compact", "report"):
        with pytest.raises(SystemExit) as ended:
            cli.main([command, str(out)])
        assert ended.value.code == 0
    assert [(out / name).read_text() for name in names] == [f"{name} is mine" for name in names]


# Links, pipes and the like


def in_place(out: Path, name: str, put) -> Path:
    path = out / name
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    put(path)
    return path


def bind(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # names of sockets are short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    few = {"strategies": ("random",), "seeds": 1, "steps": 1, "step_sizes": (20,)}
    out = write_study(tmp_path_factory.mktemp("small"), **few, controls=())
    lock_of(out).touch()
    return out


PLACES = (
    *OURS,
    ".al_ray/lock",
    ".al_ray/README",
    ".al_ray/study.json",
    "report/index.html",
    "report/figures",
    "report/figures/curves.svg",
    "steps/margin-cold-20-s0-0123456789-0000.parquet",
    "cache/tokens-0.arrow",
    "cache/mini-2-0/config.json",
)


@pytest.mark.parametrize("place", PLACES)
def test_no_link_leads_out(tmp_path, small, place):
    victim = tmp_path / "victim"
    for name in ("index.html", "holiday.png", "holiday.svg", "x-0000.parquet", "config.json"):
        (victim / name).parent.mkdir(exist_ok=True)
        (victim / name).write_text("mine")
    before = state(victim)
    out = tmp_path / "out"
    shutil.copytree(small, out)
    path = in_place(out, place, lambda path: path.symlink_to(victim))
    with pytest.raises(StorageError) as refused:
        Store(out)
    assert str(refused.value).startswith(f"{path}: is a link, a pipe or a device")
    assert "remove it" in str(refused.value)
    assert state(victim) == before
    path.unlink()  # the remedy
    Store(out)


@pytest.mark.parametrize("command", ["show", "verdict", "report", "compact"])
@pytest.mark.parametrize("place", ["report", "report/figures", "members", ".al_ray", "study.json"])
@pytest.mark.parametrize("put", [lambda p: p.symlink_to("/"), os.mkfifo, bind])
def test_no_command_follows_one_or_waits(tmp_path, small, place, command, put, capsys):
    out = tmp_path / "o"
    shutil.copytree(small, out)
    path = in_place(out, place, put)
    code, _, said = call([command, out], capsys)
    assert code == 2
    assert said.count("\n") == 1
    assert f"{path}: is a link, a pipe or a device" in said


@pytest.mark.parametrize(
    ("place", "command"),
    [(".al_ray/lock", "compact"), ("report", "report"), ("report/index.html", "report")],
)
def test_something_else_where_a_file_or_a_folder_belongs(tmp_path, small, place, command, capsys):
    """The remedy is that it goes."""
    out = tmp_path / "out"
    shutil.copytree(small, out)
    folder = place != "report"
    path = in_place(out, place, Path.mkdir if folder else Path.touch)
    code, _, said = call([command, out, *["--no-pictures"] * (command == "report")], capsys)
    assert code == 2
    assert said.count("\n") == 1
    assert str(path if place != "report/index.html" else path.parent) in said
    path.rmdir() if folder else path.unlink()
    code, _, said = call([command, out, *["--no-pictures"] * (command == "report")], capsys)
    assert (code, said) == (0, "")


def test_a_name_that_is_not_in_utf8(tmp_path, small, capsys):
    out = tmp_path / "out\udcff"
    shutil.copytree(small, out)
    for command in ("show", "verdict", "report", "compact"):
        code, _, said = call([command, out], capsys)
        assert code == 2
        assert said.count("\n") == 1
        assert "its name is not in UTF-8; rename the folder" in said


def test_a_file_larger_than_the_memory(tmp_path, small):
    """Nobody can say what is in it; once it is removed it is missed, and done again."""

    class Full:
        def open_input_file(self, _):
            raise MemoryError

    store = Store(small)
    store.storage.fs = Full()
    (name,) = Store(small).files("steps")
    with pytest.raises(StorageError, match="larger than there is memory for; remove it") as refused:
        store.get(name)
    assert str(refused.value).startswith(f"{small / name}: ")


def test_a_folder_that_is_a_link_itself(tmp_path):
    """The user has said so: a disk of its own."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk")
    own(Store(tmp_path / "out").storage)
    assert (tmp_path / "disk" / ".al_ray" / "README").exists()


# Gone


def test_a_folder_that_is_removed_is_not_begun_anew_in_the_middle(tmp_path):
    store = Store(tmp_path / "out")
    own(store.storage)
    shutil.rmtree(tmp_path / "out")
    with pytest.raises(StorageError, match="was removed meanwhile; the same command begins it"):
        store.write("steps", {}, "t", 0)
    assert not (tmp_path / "out").exists()
    with held(Store(tmp_path / "out"), print, "wait"):  # the remedy
        Store(tmp_path / "out").write("steps", {}, "t", 0)


@pytest.mark.parametrize("begun", [None, "study.json", "search/study.json"])
def test_a_refusal_takes_back_what_has_not_begun_alone(tmp_path, begun):
    """A study that has begun keeps its tokens, and is gone on with."""
    store = Store(tmp_path / "out")

    def refused():
        for name in ("cache/tokens.npy", "search/.al_ray/lock", begun):
            if name is not None:
                (store.folder / name).parent.mkdir(parents=True, exist_ok=True)
                (store.folder / name).write_text("{}")
        raise UserError("no room")

    with pytest.raises(UserError), untouched(store):
        refused()
    assert (store.folder / "cache/tokens.npy").exists() == (begun is not None)
    assert store.folder.exists() == (begun is not None)
    own(store.storage)  # as the next start does
