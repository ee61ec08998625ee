"""The cluster that a study runs on: which one, by whose leave, and how large it may grow."""

from __future__ import annotations

import os
import platform
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
import ray
from rich.console import Console

from al_ray.cluster import private
from al_ray.cluster.access.leaving import our_signals
from al_ray.cluster.layout import Machine, total
from al_ray.errors import UserError
from al_ray.io.room import no_room, written_to
from al_ray.language import mark, tr
from al_ray.study.running import RunConfig
from al_ray.study.training import Device, Training

TOKEN_BUDGET: dict[Device, int] = {"cpu": 4096, "cuda": 65536}

_SECONDS = 10.0
"""Ray itself goes on trying for minutes at an address where nobody listens."""


class NoToken(Exception):
    """The cluster demands a token, or another one."""


@dataclass(frozen=True)
class Address:
    """Where a study is to run.

    Attributes:
        value: `local`, host:port, or an http address that jobs are submitted to.
        said: what names it: an option, a variable, or that it runs here.
        guarded: whether it demands a token, as far as that is known.
    """

    value: str
    said: str
    guarded: bool = True

    @property
    def takes_jobs(self) -> bool:
        """Whether the study is submitted there instead of run from here."""
        return self.value.startswith(("http://", "https://"))


def find(option: str | None, environment: Mapping[str, str]) -> Address:
    """Which cluster to use: the option, the environment, one that runs here, one of our own.

    `auto` leaves out the last. RAY_API_SERVER_ADDRESS goes before RAY_ADDRESS, as with Ray, but
    counts only where no option is given: inside a job it must not submit another.

    Raises:
        UserError: `auto`, and no cluster is named or runs here; an address of another kind.
    """
    given = option or ""
    said = f"--address {given}"
    if given in ("", "auto"):
        for name in ("RAY_ADDRESS",) if given else ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS"):
            named = environment.get(name, "")
            if named and named != "auto":
                given, said = named, f"{name}={named}"
                break
        else:
            running = private.running_here()
            if running and _listens(running):
                return Address(running, tr("{address}, which runs here", address=running))
            if given or environment.get("RAY_ADDRESS") == "auto":
                raise UserError(
                    "{said}: no Ray cluster runs here; start one with `ray start "
                    "--head`, give --address HOST:PORT, or leave it out",
                    said=said if given else "RAY_ADDRESS=auto",
                )
            return Address("local", "")
    host, _, port = given.rpartition(":")
    if given != "local" and not (
        given.startswith(("http://", "https://")) or (host and "/" not in host and port.isdigit())
    ):
        raise UserError(
            "{said}: give auto, local, HOST:PORT of a cluster's head from a machine of "
            "it, or http://HOST:PORT of its dashboard from elsewhere",
            said=said,
        )
    return Address(given, said)


def reach(run_config: RunConfig) -> Address:
    """Which cluster to use, once it has been asked whether it is there and will have us.

    Raises:
        UserError: no cluster at the address, one that demands a token that is not here, or one of
            other versions.
    """
    address = find(run_config.address, os.environ)
    if ray.is_initialized() or address.value == "local":
        return address
    return replace(address, guarded=authenticate(lambda: _check(address), address.said))


def connect(address: Address, run_config: RunConfig, console: Console) -> None:
    """Join or start a cluster, and say which, unless that is done.

    Raises:
        UserError: the cluster can be reached but not joined.
    """
    if ray.is_initialized():
        return
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address.value == "local":
        # Explicit, though it is Ray's default: nobody else's machine may reach it.
        options |= {"include_dashboard": run_config.dashboard, "dashboard_host": "127.0.0.1"}
        said = [tr("one of its own, on this machine")]
    else:
        said = [tr("the one at {address}", address=address.said)]
        if not address.guarded and os.environ.get("RAY_AUTH_MODE") != "disabled":
            said.append(tr("it demands no token, so whoever reaches it can run code there"))
    try:
        if address.value == "local":
            _make_token()
        with our_signals():
            context = ray.init(address=address.value, **options)
    except Exception as error:  # a start that fails has no kind of its own
        if full := no_room(error, written_to()):
            raise full from error
        if address.value == "local":
            raise UserError(
                "Ray cannot be started here ({error}); its logs, in "
                "/tmp/ray/session_latest/logs, say why",
                error=one_line(error),
            ) from error
        raise UserError(
            "{said}: the cluster cannot be joined ({error}); run this on a machine of "
            "the cluster, or give --address http://HOST:PORT of its dashboard",
            said=address.said,
            error=one_line(error),
        ) from error
    if context.dashboard_url:
        said.append(tr("dashboard {url}", url="http://" + context.dashboard_url))
    line = tr("Ray cluster: {said}", said="; ".join(said))
    console.print(line, highlight=False, markup=False, soft_wrap=True)


def _make_token() -> None:
    """As Ray does for a cluster of one's own, but so that nobody else may read it."""
    mode = os.environ.get("RAY_AUTH_MODE", "token").lower()
    if mode != "token" or private.has_token():
        return
    path = Path.home() / ".ray" / "auth_token"
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):  # another study's, a moment ago
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "w") as file:
            file.write(private.new_token())
    private.look_for_tokens_again()


# Leave to enter


def authenticate(ask: Callable[[], None], said: str) -> bool:
    """Have `ask` answered, with a token if the cluster demands one; answers whether it does.

    The token is Ray's: RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH or ~/.ray/auth_token. It is shown to no
    cluster that has not asked for it, unless RAY_AUTH_MODE=token says so.

    Args:
        ask: asks the cluster anything; raises NoToken where it is refused.
        said: what named the address, for messages.

    Raises:
        UserError: no token, a wrong one, or RAY_AUTH_MODE=disabled at a cluster that demands one.
    """
    mode = os.environ.get("RAY_AUTH_MODE", "").lower()
    remedy = tr(
        "put the cluster's token (`ray get-auth-token` on its head) into RAY_AUTH_TOKEN or "
        "~/.ray/auth_token"
    )
    if mode != "token":
        try:
            ask()
            return False
        except NoToken:
            if mode == "disabled":
                raise UserError(
                    "{said}: the cluster demands a token, and RAY_AUTH_MODE=disabled "
                    "forbids to send one; set RAY_AUTH_MODE=token and {remedy}",
                    said=said,
                    remedy=remedy,
                ) from None
    if not private.has_token():
        raise UserError(
            mark("{said}: the cluster demands a token and there is none here; {remedy}")
            if mode != "token"
            else mark("{said}: RAY_AUTH_MODE=token is set and there is no token here; {remedy}"),
            said=said,
            remedy=remedy,
        )
    os.environ["RAY_AUTH_MODE"] = "token"  # for Ray's own processes, too
    private.read_environment_again()
    try:
        ask()
    except NoToken:
        raise UserError(
            "{said}: the cluster refuses the token that is here; {remedy}", said=said, remedy=remedy
        ) from None
    return True


def refuse_versions(theirs: Mapping[str, str], said: str) -> None:
    """Refuse a cluster of other versions.

    Args:
        theirs: of `ray_version` and `python_version`, what the cluster tells.
        said: what named the address.

    Raises:
        UserError: naming the version that differs.
    """
    ours = {"ray_version": ray.__version__, "python_version": platform.python_version()}
    for key, name in (("ray_version", "Ray"), ("python_version", "Python")):
        if key in theirs and theirs[key] != ours[key]:
            raise UserError(
                "{said}: the cluster runs {name} {theirs} and this is {name} {ours}; "
                "both must be equal: use the environment of constraints.txt on all "
                "machines",
                said=said,
                name=name,
                theirs=theirs[key],
                ours=ours[key],
            )


def _check(address: Address) -> None:
    try:
        theirs = private.metadata(address.value, _SECONDS)
    except grpc.RpcError as error:
        if error.code() == grpc.StatusCode.UNAUTHENTICATED:
            raise NoToken from None
        raise UserError(
            "{said}: no Ray cluster answers there ({code}); start one with `ray start "
            "--head`, or leave the option out",
            said=address.said,
            code=error.code().name.lower(),
        ) from None
    refuse_versions(theirs, address.said)


def _listens(address: str) -> bool:
    """Whether a cluster that was started here still runs: killed, it leaves its address."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=_SECONDS).close()
    except (OSError, ValueError):
        return False
    return True


# What it has


def machines() -> list[Machine]:
    """What the cluster consists of, and what its autoscaler may add."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    here = [Machine(resources, 1) for resources in nodes]
    # Groups count the workers that are there already, so they stand in the place of these.
    grown = [machine for machine in here if "node:__internal_head__" in machine.resources]
    grown += [Machine(resources, count) for resources, count in private.groups()]
    return max(here, grown, key=lambda found: total(found, "CPU") + total(found, "GPU"))


def device_of(run_config: RunConfig, gpus: float) -> Device:
    """The device asked for, or the one that the cluster has.

    Raises:
        UserError: a GPU is asked for and there is none.
    """
    if run_config.device == "cuda" and not gpus:
        raise UserError("--device cuda: the cluster has no GPU; leave the option out")
    if run_config.device == "auto":
        return "cuda" if gpus else "cpu"
    return run_config.device


def settle(training: Training, device: Device) -> Training:
    """Replace what is left to the device by what this one does best."""
    if training.precision == "auto":
        fast = device == "cuda" or _cpu_has_bfloat16()
        training = replace(training, precision="bfloat16" if fast else "float32")
    if training.token_budget is None:
        training = replace(training, token_budget=TOKEN_BUDGET[device])
    return training


def _cpu_has_bfloat16() -> bool:
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def one_line(error: BaseException | None) -> str:
    """The last line of what an error says, or its kind."""
    text = str(error).strip().splitlines() if error else []
    return text[-1] if text else type(error).__name__
