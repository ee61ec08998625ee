"""A study on an S3-compatible server: killed, continued, read."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tiny_study
from helpers import assert_as_undisturbed
from s3_server import BUCKET, KEY, SECRET, S3Server

from al_ray.commands.study import main

pytestmark = [pytest.mark.ray, pytest.mark.faults, pytest.mark.timeout(1500)]


def test_killed_and_continued(
    undisturbed: Path,
    tmp_path: Path,
    s3_server: S3Server,
    node_cache: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SIGKILL on the driver in its second step; the tables are those of a local run."""
    where = s3_server.uri("killed")
    command = [sys.executable, tiny_study.__file__, where, "--retrain", "warm"]
    log = tmp_path / "log"
    with log.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, cwd=tmp_path)
        try:
            until = time.monotonic() + 500
            while not list(s3_server.path("killed/steps").glob("*-0000.parquet")):
                assert time.monotonic() < until, "the step never came"
                assert process.poll() is None, log.read_text()
                time.sleep(0.02)
        finally:
            os.kill(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert len(list(s3_server.path("killed/steps").glob("*.parquet"))) < 3
        ended = subprocess.run(
            command, stdout=file, stderr=file, timeout=580, check=False, cwd=tmp_path
        )
    assert ended.returncode == 0, log.read_text()
    assert "is gone; its study goes on here" in log.read_text()  # the lease of the one that died
    assert_as_undisturbed(undisturbed, where)
    assert not s3_server.path("killed/.lease").exists()
    assert list(node_cache.glob("tokens-*.arrow"))
    # What is read without Ray is all there.
    for pattern in ("*/margin-warm-20-s0-*", "rows/*.parquet"):
        for path in undisturbed.glob(pattern):
            if path.suffix in (".parquet", ".safetensors"):
                assert s3_server.path(f"killed/{path.relative_to(undisturbed)}").exists()

    monkeypatch.chdir(tmp_path)
    said = {}
    for arguments in (["show"], ["verdict"], ["report", "--no-pictures"], ["compact"], ["show"]):
        with pytest.raises(SystemExit) as left:
            main([*arguments, where, "--json"])
        said[arguments[0]] = capsys.readouterr()
        assert not left.value.code, said[arguments[0]].err
    assert json.loads(said["show"].out)["progress"][0]["done"] == 3
    assert json.loads(said["verdict"].out)["out"] == f"s3://{BUCKET}/killed"
    page = Path(json.loads(said["report"].out)["page"]["path"])
    assert page == tmp_path / "reports" / "killed" / "report" / "index.html"
    assert_as_undisturbed(undisturbed, where)  # merged now

    secrets = [SECRET, s3_server.uri("").partition("@")[0].rpartition(":")[2], f"{KEY}:"]
    kept = [path for path in s3_server.path("killed").rglob("*") if path.is_file()]
    texts = [path.read_bytes() for path in (*kept, page, log)]
    texts += [f"{text.out}{text.err}".encode() for text in said.values()]
    for secret in secrets:
        assert not any(secret.encode() in text for text in texts)
