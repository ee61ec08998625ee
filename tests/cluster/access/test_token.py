"""The token of a cluster of one's own is a secret, in a home that others may read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import os
from ray._raylet import AuthenticationTokenLoader
from al_ray.cluster.access.connect import _make_token
os.umask(0)
_make_token()
print(AuthenticationTokenLoader.instance().has_token(ignore_auth_mode=True))
"""


@pytest.mark.parametrize("mode", [None, "token", "disabled"])
def test_nobody_else_may_read_it(tmp_path: Path, mode: str | None) -> None:
    token = tmp_path / ".ray" / "auth_token"
    environment = {key: value for key, value in os.environ.items() if key[:9] != "RAY_AUTH_"}
    environment |= {"HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[3])}
    if mode:
        environment["RAY_AUTH_MODE"] = mode
    made = []
    for _ in range(2):  # the second finds the first's
        ended = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        )
        assert ended.stdout == f"{mode != 'disabled'}\n"
        if mode == "disabled":
            assert not token.exists()
        else:
            assert token.stat().st_mode & 0o777 == 0o600
            made.append(token.read_text())
            assert len(made[0]) >= 32
    assert len(set(made)) <= 1
