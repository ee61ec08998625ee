"""Clusters whose workers come only when there is work for them."""

from __future__ import annotations

from typing import Any

import ray
from rich.console import Console

from al_ray.errors import UserError
from al_ray.language import tr


def await_worker(console: Console, patience: float) -> None:
    """Ask a cluster that has no core yet for its first worker, and wait until it is there.

    Without, such a cluster looks as if it had no GPU either, and studies would be laid out so.

    Args:
        patience: seconds for a machine to be had, started and set up.

    Raises:
        UserError: none came within that time.
    """
    if ray.cluster_resources().get("CPU"):
        return
    console.print(
        tr("The cluster has no worker yet: waiting for the first (minutes)."), highlight=False
    )
    asked = ray.remote(num_cpus=1, max_retries=-1)(_nothing).remote()
    arrived = list[Any]()
    try:
        arrived, _ = ray.wait([asked], timeout=patience)
    finally:
        if not arrived:  # cancelled as it ends, it can end this process (Ray 2.60)
            ray.cancel(asked)  # a task that waits keeps the autoscaler trying
    if not arrived:
        raise UserError(
            "no worker came within {minutes:.0f} minutes; `ray status` on the head says "
            "what is asked for, `ray monitor` why it does not come (quota, spot sold "
            "out, set-up)",
            minutes=patience / 60,
        )


def _nothing() -> None:
    """What a worker does to show that it is there."""
