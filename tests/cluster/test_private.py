"""What Ray does not promise is named in one module, and Ray is held to what that was tried with."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import al_ray
from al_ray.cluster import private

PACKAGE = Path(al_ray.__file__).parent
NOT_PROMISED = re.compile(
    r"\bray\._[a-z]|\b_raylet\b|core\.generated|internal_kv|\._actor_id|\._server_"
)


def test_one_module_names_it() -> None:
    named = [path for path in PACKAGE.rglob("*.py") if NOT_PROMISED.search(path.read_text())]
    assert named == [Path(private.__file__)]


def test_the_next_minor_version_is_not_asked_for() -> None:
    assert private.__doc__ is not None
    tried = re.search(r"Ray (\d+)\.(\d+)\.\d+ alone", private.__doc__)
    assert tried is not None
    major, minor = int(tried[1]), int(tried[2])
    pyproject = (PACKAGE.parent / "pyproject.toml").read_text()
    assert f'"ray[default,tune]>={major}.{minor},<{major}.{minor + 1}"' in pyproject
    assert metadata.version("ray").startswith(f"{major}.{minor}.")
