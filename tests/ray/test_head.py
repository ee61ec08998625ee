"""A study on a cluster that runs already: found, entered with its token, and as a job of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from head import ROOT, TOKEN, Head, head

pytestmark = [pytest.mark.ray, pytest.mark.timeout(1500)]
SCRIPT = ROOT / "experiments" / "news7.py"
OPTIONS = (
    *("--step-size", "20", "--steps", "2", "--updates", "2", "--seeds", "0"),
    *("--pool-limit", "200", "--test-limit", "100", "--strategies", "margin"),
    "--no-report",
)
WRONG = "fedcba9876543210fedcba9876543210"


@pytest.fixture(scope="module")
def running() -> Iterator[Head]:
    folder = Path(tempfile.mkdtemp(prefix="alr", dir="/tmp"))  # short: sockets lie in it
    try:
        with head(folder) as made:
            yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def command(out: Path, *options: str) -> list[str]:
    return [sys.executable, str(SCRIPT), *OPTIONS, "--out", str(out), *options]


def study(
    running: Head, out: Path, *options: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(out, *options),
        env=running.environment(**environment),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def secret(*texts: str) -> bool:
    return any(TOKEN in text for text in texts)


@pytest.mark.parametrize(
    ("where", "environment", "expected"),
    [
        ("auto", {}, "demands a token and there is none here"),
        ("port", {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": WRONG}, "refuses the token"),
        ("dashboard", {"RAY_AUTH_TOKEN": WRONG}, "refuses the token that is here"),
    ],
)
def test_without_the_token_it_is_refused_in_one_line(
    running: Head, tmp_path: Path, where: str, environment: dict[str, str], expected: str
) -> None:
    """Of every other way to name a cluster, and mode, see `tests/cluster/access`."""
    address = {"port": f"127.0.0.1:{running.port}", "dashboard": running.dashboard}
    out = tmp_path / "out"
    ended = study(running, out, "--address", address.get(where, where), **environment)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert ended.stderr.count("\n") == 1, ended.stderr  # no traceback, no word of Ray's own
    assert expected in ended.stderr
    assert "RAY_AUTH_TOKEN or ~/.ray/auth_token" in ended.stderr
    assert not secret(ended.stdout, ended.stderr)
    assert WRONG not in ended.stdout + ended.stderr
    assert not (out / "study.json").exists()


def test_auto_runs_with_the_token(running: Head, tmp_path: Path) -> None:
    """From the file, as Ray has it; no option finds the cluster."""
    home = running.folder / "other"
    (home / ".ray").mkdir(parents=True)
    (home / ".ray" / "auth_token").write_text(TOKEN)
    out = tmp_path / "out"
    ended = study(running, out, HOME=str(home))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (line,) = [line for line in ended.stdout.splitlines() if line.startswith("Ray cluster:")]
    assert "which runs here" in line
    assert f":{running.port}" in line
    assert not secret(ended.stdout, ended.stderr)
    assert len(pd.read_parquet(out / "steps")) == 2
    for path in out.rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path


def test_a_job_outlives_its_terminal_and_is_picked_up(running: Head, tmp_path: Path) -> None:
    """SIGKILL to the client in the middle; another study's options meanwhile are refused."""
    out = tmp_path / "out"
    options = ("--address", running.dashboard)
    environment = running.environment(RAY_AUTH_TOKEN=TOKEN, HF_TOKEN="hf_secret")
    log = tmp_path / "log"
    with log.open("w") as file:
        client = subprocess.Popen(command(out, *options), env=environment, stdout=file, stderr=file)
    until = time.monotonic() + 400
    while "Running entrypoint" not in log.read_text():
        assert time.monotonic() < until, log.read_text()
        assert client.poll() is None, log.read_text()
        time.sleep(0.1)
    os.kill(client.pid, signal.SIGKILL)
    client.wait()
    (job,) = {word for word in log.read_text().split() if word.startswith("raysubmit_")} & {
        line.split()[1] for line in log.read_text().splitlines() if line.endswith("is submitted.")
    }

    other = study(running, out, *options, "--ledger", RAY_AUTH_TOKEN=TOKEN)
    assert other.returncode == 2, other.stdout + other.stderr
    assert f"job {job} is at this study with other options" in other.stderr

    again = study(running, out, *options, RAY_AUTH_TOKEN=TOKEN)
    assert again.returncode == 0, again.stdout + again.stderr
    assert f"Job {job} runs this study already" in again.stdout
    assert "Corpus embedded" in again.stdout  # from its beginning, once
    assert again.stdout.count("Corpus embedded") == 1
    assert f"Its tables are on the cluster's head, in {out}." in again.stdout
    assert len(pd.read_parquet(out / "steps")) == 2
    said = log.read_text() + again.stdout + again.stderr
    assert not secret(said)
    assert "hf_secret" not in said
    for path in out.rglob("*"):
        if path.is_file():
            assert TOKEN.encode() not in path.read_bytes(), path
            assert b"hf_secret" not in path.read_bytes(), path


def test_what_is_wrong_is_said_by_the_job_too(running: Head, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "train.tsv").write_text("text\tlabel\n가\tx\n나\tx\n")
    ended = study(
        running, tmp_path / "o", "--address", running.dashboard, "--data", str(data),
        "--model", "mini", RAY_AUTH_TOKEN=TOKEN,
    )  # fmt: skip
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert f"--data {data}: sent along" in ended.stdout
    assert "sent/data/data" in ended.stdout  # which the job's one line names
    assert "Traceback" not in ended.stdout + ended.stderr


@pytest.mark.campaign
def test_a_plan_travels_with_the_job(running: Head, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ("--plan", "--address", running.dashboard, "--strategies", "random")
    ended = study(running, out, *options, RAY_AUTH_TOKEN=TOKEN)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "It would take about" in ended.stdout
    assert "Its tables are" not in ended.stdout  # there are none
    assert {path.name for path in out.iterdir()} == {".al_ray", "cache"}
