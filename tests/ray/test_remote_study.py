"""A study on an S3-compatible server, run and read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_study
from helpers import assert_as_undisturbed
from s3_server import BUCKET, KEY, SECRET, S3Server

from al_ray.commands.study import main

pytestmark = pytest.mark.ray


def test_the_tables_are_those_of_a_local_run(
    undisturbed: Path,
    tmp_path: Path,
    s3_server: S3Server,
    node_cache: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of deaths there, see the tests of `results`."""
    where = s3_server.uri("study")
    command = [sys.executable, tiny_study.__file__, where, "--retrain", "warm"]
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=580, check=False, cwd=tmp_path
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert_as_undisturbed(undisturbed, where)
    assert not s3_server.path("study/.lease").exists()
    assert list(node_cache.glob("tokens-*.arrow"))
    # What is read without Ray is all there.
    for pattern in ("*/margin-warm-20-s0-*", "rows/*.parquet"):
        for path in undisturbed.glob(pattern):
            if path.suffix in (".parquet", ".safetensors"):
                assert s3_server.path(f"study/{path.relative_to(undisturbed)}").exists()

    monkeypatch.chdir(tmp_path)
    said = {}
    for arguments in (["show"], ["verdict"], ["report", "--no-pictures"], ["compact"], ["show"]):
        with pytest.raises(SystemExit) as left:
            main([*arguments, where, "--json"])
        said[arguments[0]] = capsys.readouterr()
        assert not left.value.code, said[arguments[0]].err
    assert json.loads(said["show"].out)["progress"][0]["done"] == 3
    assert json.loads(said["verdict"].out)["out"] == f"s3://{BUCKET}/study"
    page = Path(json.loads(said["report"].out)["page"]["path"])
    assert page == tmp_path / "reports" / "study" / "report" / "index.html"
    assert_as_undisturbed(undisturbed, where)  # merged now

    secrets = [SECRET, s3_server.uri("").partition("@")[0].rpartition(":")[2], f"{KEY}:"]
    kept = [path for path in s3_server.path("study").rglob("*") if path.is_file()]
    texts = [path.read_bytes() for path in (*kept, page)]
    texts += [f"{text.out}{text.err}".encode() for text in said.values()]
    texts.append(f"{ended.stdout}{ended.stderr}".encode())
    for secret in secrets:
        assert not any(secret.encode() in text for text in texts)
