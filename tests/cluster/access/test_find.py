"""Which cluster is used, whether it will have us, and whether a trial fits on it: no Ray runs."""

from __future__ import annotations

import os
import platform
import socket
from pathlib import Path

import pytest
import ray

from al_ray.cluster import private
from al_ray.cluster.access.connect import NoToken, authenticate, find, refuse_versions
from al_ray.cluster.access.jobs import moved, without
from al_ray.cluster.layout import Machine, layout, misfit, total
from al_ray.errors import UserError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """As `ray start --head` leaves its address; answers a function that writes one."""
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))

    def write(address: str) -> None:
        (tmp_path / "ray").mkdir(exist_ok=True)
        (tmp_path / "ray" / "ray_current_cluster").write_text(address)

    return write


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


RAY, JOBS = {"RAY_ADDRESS": "10.0.0.1:6379"}, {"RAY_API_SERVER_ADDRESS": "http://10.0.0.2:8265"}


@pytest.mark.parametrize(
    ("option", "environment", "runs", "expected"),
    [
        ("10.0.0.9:6379", RAY | JOBS, True, "10.0.0.9:6379"),
        ("http://10.0.0.9:8265", RAY | JOBS, True, "http://10.0.0.9:8265"),
        ("local", RAY | JOBS, True, "local"),
        ("auto", RAY | JOBS, True, "10.0.0.1:6379"),
        ("auto", JOBS, True, "here"),
        (None, RAY | JOBS, True, "http://10.0.0.2:8265"),
        (None, RAY, True, "10.0.0.1:6379"),
        (None, {"RAY_ADDRESS": "auto"}, True, "here"),
        (None, {"RAY_ADDRESS": "local"}, True, "local"),
        (None, {"RAY_ADDRESS": "http://10.0.0.3:8265"}, True, "http://10.0.0.3:8265"),
        (None, {"RAY_ADDRESS": ""}, True, "here"),
        (None, {}, True, "here"),
        (None, {}, False, "local"),
    ],
)
def test_option_over_environment_over_one_that_runs_here_over_local(
    here, listening, option, environment, runs, expected
):
    if runs:
        here(listening)
    found = find(option, environment)
    assert found.value == (listening if expected == "here" else expected)
    assert found.takes_jobs == expected.startswith("http")


def test_a_killed_cluster_that_left_its_address_is_not_there(here, listening):
    with socket.create_server(("127.0.0.1", 0)) as server:
        gone = f"127.0.0.1:{server.getsockname()[1]}"
    here(gone)
    assert find(None, {}).value == "local"
    with pytest.raises(UserError, match="--address auto: no Ray cluster runs here"):
        find("auto", {})
    with pytest.raises(UserError, match="RAY_ADDRESS=auto: no Ray cluster runs here"):
        find(None, {"RAY_ADDRESS": "auto"})


@pytest.mark.parametrize("address", ["ray://10.0.0.1:10001", "head", "head:", ":6379", "s3://b/x"])
def test_an_address_of_another_kind_is_refused(here, address):
    with pytest.raises(UserError, match="HOST:PORT") as caught:
        find(address, {})
    assert "\n" not in str(caught.value)


class Cluster:
    """Demands a token, as asked, and remembers in which mode it was asked."""

    def __init__(self, token: str | None) -> None:
        self.token, self.modes = token, []

    def ask(self) -> None:
        mode = os.environ.get("RAY_AUTH_MODE", "")
        self.modes.append(mode)
        shown = os.environ.get("RAY_AUTH_TOKEN") if mode == "token" else None
        if self.token is not None and shown != self.token:
            raise NoToken


@pytest.mark.parametrize(
    ("demanded", "mode", "token", "expected", "asked"),
    [
        (None, "", None, False, [""]),
        (None, "", "right", False, [""]),  # the token is not shown to one that has not asked
        (None, "disabled", "right", False, ["disabled"]),
        (None, "token", "right", True, ["token"]),
        ("right", "", "right", True, ["", "token"]),
        ("right", "token", "right", True, ["token"]),
        ("right", "", None, "there is none here", [""]),
        ("right", "", "wrong", "refuses the token", ["", "token"]),
        ("right", "token", "wrong", "refuses the token", ["token"]),
        ("right", "token", None, "RAY_AUTH_MODE=token is set", []),
        ("right", "disabled", "right", "RAY_AUTH_MODE=disabled forbids", ["disabled"]),
    ],
)
def test_a_token_is_shown_where_one_is_demanded(
    monkeypatch, demanded, mode, token, expected, asked
):
    monkeypatch.setattr(private, "has_token", lambda: token is not None)
    monkeypatch.setattr(private, "read_environment_again", lambda: None)
    monkeypatch.setenv("RAY_AUTH_MODE", mode)
    if token is None:
        monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    else:
        monkeypatch.setenv("RAY_AUTH_TOKEN", token)
    cluster = Cluster(demanded)
    if isinstance(expected, bool):
        assert authenticate(cluster.ask, "--address x") is expected
    else:
        with pytest.raises(UserError, match=expected) as caught:
            authenticate(cluster.ask, "--address x")
        assert str(caught.value).startswith("--address x: ")
        assert "\n" not in str(caught.value)
        assert "wrong" not in str(caught.value)
    assert cluster.modes == asked


@pytest.mark.parametrize(
    ("theirs", "said"),
    [
        ({"ray_version": "2.9.0", "python_version": platform.python_version()}, "Ray 2.9.0"),
        ({"ray_version": ray.__version__, "python_version": "3.10.1"}, "Python 3.10.1"),
    ],
)
def test_other_versions_are_refused(theirs, said):
    with pytest.raises(UserError, match=f"the cluster runs {said} and this is") as caught:
        refuse_versions(theirs, "--address x")
    assert "\n" not in str(caught.value)


def test_equal_and_unknown_versions_are_not_refused():
    ours = {"ray_version": ray.__version__, "python_version": platform.python_version()}
    refuse_versions(ours, "--address x")
    refuse_versions({}, "--address x")


# Whether a trial fits


@pytest.mark.parametrize(
    ("machines", "members", "threads", "fits"),
    [
        ([Machine({"CPU": 4}, 1)], 1, 8, True),  # what there is is shared out
        ([Machine({"CPU": 4}, 1), Machine({"CPU": 4}, 1)], 1, 8, False),  # 8 are on no machine
        ([Machine({"CPU": 4}, 1), Machine({"CPU": 4}, 2)], 3, 4, True),
        ([Machine({"CPU": 4}, 2)], 3, 4, False),  # three of 2.7 on two of 4
        ([Machine({}, 1), Machine({"CPU": 4, "GPU": 1}, 3)], 3, 1, True),  # an autoscaler's
        ([Machine({}, 1), Machine({"CPU": 4, "GPU": 1}, None)], 3, 4, True),
        ([Machine({"CPU": 16}, 1), Machine({"CPU": 1, "GPU": 4}, 1)], 3, 4, False),
        ([Machine({}, 1)], 1, 1, False),
    ],
)
def test_a_trial_that_fits_no_machine_is_found(machines, members, threads, fits):
    wanted = layout(members, 1, threads, total(machines, "CPU"), total(machines, "GPU"))
    assert (misfit(wanted, machines) is None) == fits


def test_a_misfit_is_named():
    machines = [Machine({"CPU": 4}, 2)]
    said = misfit(layout(1, 1, 8, 8, 0), machines)
    assert said is not None
    assert "7.98 CPU" in said
    assert "at most 4 CPU on one machine" in said


def test_an_option_is_dropped():
    given = ["--data", "x", "--strategies", "a", "b", "--data=y", "--out", "o", "--ledger"]
    assert without(given, "--data") == ["--strategies", "a", "b", "--out", "o", "--ledger"]
    assert without(given, "--out") == [*given[:6], "--ledger"]
    assert without(given, "--none") == given


def test_paths_are_those_of_the_cluster_under_their_option_alone():
    given = ["--data", "x", "--model", "x", "y", "--strategies", "x", "--model=y"]
    assert moved(given, "--model", "y", "sent/y") == [
        *("--data", "x", "--model", "x", "sent/y", "--strategies", "x", "--model=sent/y")
    ]
    assert moved(given, "--data", "x", "sent/x") == ["--data", "sent/x", *given[2:]]
