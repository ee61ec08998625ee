"""Workers from zero, in a process of its own: another test's cluster has its cores already."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.ray


def test_a_cluster_without_a_core_is_waited_for() -> None:
    script = Path(__file__).with_name("late_worker.py")
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=400
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("refused: no worker came within 0 minutes; `ray status`")
    assert lines[1:] == ["waits: True", "waits: False", "GPUs: 1.0", "says nothing more: True"]
