"""A full disk, as the system and the libraries that write say it: they are asked."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from written_studies import write_study

from al_ray.io import room

ROOT = Path(__file__).parents[2]

WRITERS = """
import json, sys
from pathlib import Path
import numpy as np, pyarrow as pa, pyarrow.parquet as pq
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models
from al_ray.io.room import no_room

path = Path(sys.argv[2])

def python():
    path.write_bytes(b"x")

def hidden():
    try:
        python()
    except OSError:
        json.loads("")

writers = {
    "python": python,
    "hidden": hidden,
    "arrow": lambda: pq.write_table(pa.table({"a": [1]}), path),
    "safetensors": lambda: save_file({"a": np.zeros(10)}, path),
    "tokenizers": lambda: Tokenizer(models.BPE()).save(str(path)),
}
try:
    writers[sys.argv[1]]()
except Exception as error:
    print(no_room(error, [path.parent]))
"""


def without_room(*argv: str) -> subprocess.CompletedProcess[str]:
    """Run in a process none of whose files may grow: what a quota does, to everything."""
    return subprocess.run(
        [sys.executable, *argv],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, -1)),
    )


@pytest.mark.parametrize("writer", ["python", "hidden", "arrow", "safetensors", "tokenizers"])
def test_a_full_disk_is_known_whoever_meets_it(tmp_path: Path, writer: str) -> None:
    ended = without_room("-c", WRITERS, writer, str(tmp_path / "file"))
    (line,) = ended.stdout.splitlines()
    assert line.startswith(f"{tmp_path}: no room (")
    assert "File too large" in line
    assert line.endswith("; make room there; the same command goes on from here")


def test_the_folder_is_named(tmp_path: Path) -> None:
    error = OSError(28, "No space left on device", str(tmp_path / "deep" / "file"))
    assert str(room.no_room(error, [])).startswith(f"{tmp_path / 'deep'}: no room (")


def test_what_goes_wrong_beside_a_full_disk_is_put_down_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing else is."""
    error = EOFError("Ran out of input")
    free = {tmp_path / "a": 2**30, tmp_path / "b": 4096}
    assert room.no_room(error, free) is None
    monkeypatch.setattr(room.shutil, "disk_usage", lambda path: SimpleNamespace(free=free[path]))
    assert room.no_room(error, [tmp_path / "a"]) is None
    said = str(room.no_room(error, free))
    assert said.startswith(f"{tmp_path / 'b'}: no room (EOFError: Ran out of input); make room")


def test_what_the_system_does_not_let_is_said_of_the_folder(tmp_path: Path) -> None:
    """Nobody knows what an error elsewhere means, and a temporary file's name says nothing."""
    folders = room.here(str(tmp_path), "s3://bucket/path")
    assert folders == [tmp_path]
    for name, said in (("report/x", "report/x"), ("report/.al_ray-0123.tmp", "report")):
        error = PermissionError(13, "Permission denied", str(tmp_path / name))
        line = str(room.not_let(error, folders))
        assert line.startswith(f"{tmp_path / said}: cannot be read or written (Permission denied);")
        assert "\n" not in line
    for other in (PermissionError(13, "no", "/etc/x"), OSError("no"), ValueError(str(tmp_path))):
        assert room.not_let(other, folders) is None


@pytest.mark.parametrize("command", ["report", "compact", "study"])
def test_a_command_says_it_in_one_line(tmp_path: Path, command: str) -> None:
    out = str(tmp_path / "out")
    if command == "study":
        options = ("--pool-limit", "200", "--test-limit", "60", "--address", "local")
        ended = without_room("experiments/news7.py", *options, "--out", out)
    else:
        few = {"seeds": 2, "steps": 2, "step_sizes": (20,), "controls": ()}
        write_study(tmp_path / "out", ("random", "margin"), **few)
        ended = without_room("-c", "from al_ray.commands.start import main; main()", command, out)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    said = [line for line in ended.stderr.splitlines() if "make room" in line]
    assert len(said) == 1
    # Every file of the process is cut short, those of the system's scratch, too.
    assert out in said[0] or f"{tempfile.gettempdir()}: " in said[0]
