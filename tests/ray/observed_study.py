"""A program: a small study on a cluster of its own, and what could be seen of it meanwhile.

Its last line is JSON: the samples of the node's metrics port, names of actors, lines of the logs.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import urllib.request
from dataclasses import replace
from pathlib import Path

import ray
import tiny_study

from al_ray.cluster.observe.metrics import METRICS

EXPORTED = {name for metric in METRICS for name in metric.exported}


def samples(port: int) -> dict[str, float]:
    """Ours, by name and labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    ours = [line.rpartition(" ")[::2] for line in lines if line.startswith("ray_al_ray")]
    return {name: float(value) for name, value in ours}


def main(out: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = ray.init(
        "local",
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=256 * 2**20,
        log_to_driver=False,
        _metrics_export_port=port,
        _system_config={"metrics_report_interval_ms": 300},
    )
    seen: dict[str, float] = {}
    actors: set[str] = set()
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.2):
            actors.update(row["name"] for row in ray.util.list_named_actors(all_namespaces=True))
            try:
                now = samples(port)
            except OSError:  # the port opens some seconds after the cluster
                continue
            # Counters fall with the process that told them.
            seen.update({name: max(value, seen.get(name, value)) for name, value in now.items()})

    looker = threading.Thread(target=look)
    looker.start()
    study = replace(tiny_study.STUDY, strategies=("qbc",), steps=4)
    try:
        outcome = tiny_study.run(out, study, shards=2, concurrent=1)
    finally:
        over.set()
        looker.join()
    logs = Path(context.address_info["session_dir"]) / "logs"
    lines = [
        line
        for path in logs.glob("worker-*.err")
        for line in path.read_text(errors="replace").splitlines()
        if "al_ray." in line
    ]
    ray.shutdown()
    found = {"samples": seen, "actors": sorted(actors), "lines": lines}
    print(json.dumps({**found, "unfinished": len(outcome.unfinished)}))


if __name__ == "__main__":
    main(sys.argv[1])
