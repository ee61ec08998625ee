"""The cluster that a study runs on, and the device that it computes with."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import ray
from rich.console import Console

from al_ray.config import Device, RunConfig, Training
from al_ray.errors import UserError

TOKEN_BUDGET: dict[Device, int] = {"cpu": 4096, "cuda": 65536}


def connect(run_config: RunConfig, console: Console) -> bool:
    """Join or start a cluster; answers whether to leave it at the end.

    Raises:
        UserError: no cluster at the address.
    """
    if ray.is_initialized():
        return False
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if run_config.address is None or run_config.address == "local":
        options["include_dashboard"] = run_config.dashboard
    try:
        _knock(run_config.address)
        context = ray.init(address=run_config.address, **options)
    except OSError as error:
        raise UserError(
            f"--address {run_config.address}: no Ray cluster answers there "
            f"({one_line(error)}); start one with `ray start --head`, or leave the option out"
        ) from error
    if context.dashboard_url:
        console.print(f"Ray dashboard: http://{context.dashboard_url}", highlight=False)
    return True


def _knock(address: str | None) -> None:
    """Ray itself goes on trying for minutes at an address where nobody listens."""
    host, colon, port = (address or "").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.removeprefix("ray://"), int(port)), timeout=10).close()


def device_of(run_config: RunConfig) -> Device:
    """The device asked for, or the one that the cluster has.

    Raises:
        UserError: a GPU is asked for and there is none.
    """
    gpus = ray.cluster_resources().get("GPU", 0)
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
