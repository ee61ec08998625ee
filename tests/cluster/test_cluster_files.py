"""cluster.yaml and deploy/: what can be known of them without a cloud."""

from __future__ import annotations

import copy
import json
import re
import tomllib
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from al_ray.cluster.layout import layout

ROOT = Path(__file__).resolve().parents[2]
LAUNCHED = ("cluster.yaml", "deploy/gcp.yaml", "deploy/local.yaml")
CLOUDS = LAUNCHED[:2]
IMAGE = re.compile(r"rayproject/ray:(\S+?)-py(\d)(\d+)-gpu")


def read(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text())


def checked(config: dict[str, Any]) -> dict[str, Any]:
    """What `ray up` makes of a file before it asks a cloud; the raw file must be right, too."""
    import ray.autoscaler
    from ray.autoscaler._private.util import prepare_config, validate_config

    schema = Path(ray.autoscaler.__file__).with_name("ray-schema.json")
    jsonschema.validate(config, json.loads(schema.read_text()))
    prepared: dict[str, Any] = prepare_config(copy.deepcopy(config))
    validate_config(prepared)
    return prepared


def starts(config: dict[str, Any]) -> list[str]:
    commands = config["head_start_ray_commands"] + config["worker_start_ray_commands"]
    return [command for command in commands if "ray start" in command]


@pytest.mark.parametrize("name", LAUNCHED)
def test_ray_takes_it(name: str) -> None:
    config = checked(read(name))
    assert config["head_node_type"] in config["available_node_types"]


@pytest.mark.parametrize(
    ("break_it", "error"),
    [
        (lambda c: c["available_node_types"]["gpu-spot"]["resources"].update(GPU=0.5), "0.5"),
        (lambda c: c.update(head_node_type="nobody"), "head_node_type"),
        (lambda c: c.update(min_workers=1), "min_workers"),
        (lambda c: c["available_node_types"]["gpu-spot"].update(min_workers=99), "max_workers"),
    ],
)
def test_what_ray_would_not_take_is_noticed(break_it: Any, error: str) -> None:
    config = read("cluster.yaml")
    break_it(config)
    with pytest.raises((jsonschema.ValidationError, ValueError), match=error):
        checked(config)


# One environment


def test_versions_are_those_of_the_constraints() -> None:
    pins = (ROOT / "constraints.txt").read_text()
    pinned = re.search(r"^ray==(\S+)$", pins, re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert pinned
    for name in (*CLOUDS, "deploy/Dockerfile"):
        images = IMAGE.findall((ROOT / name).read_text())
        assert len(images) == 1, name
        ray, *python = images[0]
        assert ray == pinned[1], name
        assert project["requires-python"] == f">={'.'.join(python)}", name
    job = read("deploy/rayjob.yaml")
    assert job["spec"]["rayClusterSpec"]["rayVersion"] == pinned[1]
    tag = f"al-ray:{project['version']}"
    assert tag in (ROOT / "deploy" / "Dockerfile").read_text()
    assert (ROOT / "deploy" / "rayjob.yaml").read_text().count(f"image: REGISTRY/{tag}") == 2


@pytest.mark.parametrize("name", LAUNCHED)
def test_every_node_installs_what_is_pinned(name: str) -> None:
    config = read(name)
    installs = [command for command in config["setup_commands"] if "pip install" in command]
    assert len(installs) == 1
    assert re.search(r"-c \S+/al_ray/constraints\.txt", installs[0])
    for here in config["file_mounts"].values():
        assert here.startswith("~") or (ROOT / here).exists(), here
    needed = {"al_ray", "pyproject.toml", "constraints.txt", "README.md", "LICENSE", "experiments"}
    assert needed <= set(config["file_mounts"].values())
    copied = re.findall(r"^COPY --chown=ray (.+) \S+$", docker_file(), re.MULTILINE)
    assert {path for line in copied for path in line.split()} == needed


def docker_file() -> str:
    return (ROOT / "deploy" / "Dockerfile").read_text()


def test_gcp_and_aws_run_the_same() -> None:
    one, other = (read(name) for name in CLOUDS)
    for key in ("docker", "file_mounts", "setup_commands", "worker_start_ray_commands"):
        assert one[key] == other[key]
    assert one["head_start_ray_commands"] == other["head_start_ray_commands"]


# Safety


@pytest.mark.parametrize("name", LAUNCHED)
def test_a_token_is_asked_for_and_nothing_is_public(name: str) -> None:
    config = checked(read(name))
    assert config["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"
    assert len(starts(config)) == 2
    for command in starts(config):
        assert "RAY_AUTH_MODE=token ray start" in command
    assert "--dashboard-host=127.0.0.1" in starts(config)[0]
    if "image" in config["docker"]:
        assert "--env RAY_AUTH_MODE=token" in config["docker"]["run_options"]
    assert any("chmod 600 ~/.ray/auth_token" in line for line in commands(config))
    assert "0.0.0.0" not in json.dumps(read(name))


def commands(config: dict[str, Any]) -> list[str]:
    """Those that head and workers both run, at setup or at each start."""
    both = set(config["head_start_ray_commands"]) & set(config["worker_start_ray_commands"])
    return [*config["setup_commands"], *both]


# Budget


@pytest.mark.parametrize("name", CLOUDS)
def test_workers_come_from_nothing_and_go(name: str) -> None:
    config = checked(read(name))
    types = dict(config["available_node_types"])
    head = types.pop(config["head_node_type"])
    assert head["resources"] == {"CPU": 0}
    assert head["max_workers"] == 0
    assert "SPOT" not in json.dumps(head).upper()
    assert {each["min_workers"] for each in types.values()} == {0}
    assert sum(each["max_workers"] for each in types.values()) == config["max_workers"]
    assert all(each["resources"]["GPU"] >= 1 for each in types.values())
    assert 0 < config["idle_timeout_minutes"] <= 30
    assert not config["provider"].get("cache_stopped_nodes")


# Every trajectory has a place


def fit(bundles: list[dict[str, float]], node: dict[str, int], count: int) -> bool:
    """Whether first fit places the bundles on so many nodes; a part of a GPU comes from one GPU."""
    nodes = [(Fraction(node["CPU"]), [Fraction(1)] * node["GPU"]) for _ in range(count)]
    for bundle in sorted(bundles, key=lambda b: b["CPU"], reverse=True):
        cpu, gpu = (Fraction(str(bundle.get(kind, 0))) for kind in ("CPU", "GPU"))
        for i, (left, gpus) in enumerate(nodes):
            device = next((j for j, free in enumerate(gpus) if free >= gpu), None)
            if left >= cpu and (device is not None or not gpu):
                if device is not None:
                    gpus[device] -= gpu
                nodes[i] = (left - cpu, gpus)
                break
        else:
            return False
    return True


def test_fit() -> None:
    third = {"CPU": 1.0, "GPU": 0.66}
    assert fit([third, third], {"CPU": 2, "GPU": 2}, 1)
    assert not fit([third, third, third], {"CPU": 4, "GPU": 2}, 1)
    assert not fit([{"CPU": 2.5}, {"CPU": 2.5}, {"CPU": 2.5}], {"CPU": 4, "GPU": 0}, 2)


def worker_types() -> list[tuple[str, dict[str, int], int]]:
    found = []
    for name in CLOUDS:
        config = read(name)
        for kind, each in config["available_node_types"].items():
            if kind != config["head_node_type"]:
                found.append((f"{name} {kind}", each["resources"], config["max_workers"]))
    spec = read("deploy/rayjob.yaml")["spec"]["rayClusterSpec"]
    for group in spec["workerGroupSpecs"]:
        limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
        node = {"CPU": int(limits["cpu"]), "GPU": int(limits["nvidia.com/gpu"])}
        found.append((f"rayjob {group['groupName']}", node, group["maxReplicas"]))
    return found


@pytest.mark.parametrize(("kind", "node", "most"), worker_types())
@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_every_trajectory_fits(
    kind: str, node: dict[str, int], most: int, members: int, threads: int
) -> None:
    """However many workers there are when a study starts, and up to a shard for each GPU."""
    for there in range(1, most + 1):
        for shards in range(1, most * node["GPU"] + 1):
            cpus, gpus = float(there * node["CPU"]), float(there * node["GPU"])
            bundles = layout(members, shards, threads, cpus, gpus).bundles
            assert fit(bundles, node, most), (kind, there, shards, bundles)


# Kubernetes


def test_the_job_is_whole_and_private() -> None:
    job = read("deploy/rayjob.yaml")
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    spec = job["spec"]
    cluster = spec["rayClusterSpec"]
    assert spec["entrypoint"].startswith("python experiments/news7.py ")
    assert (ROOT / "experiments" / "news7.py").exists()
    assert spec["shutdownAfterJobFinishes"] is True
    assert cluster["authOptions"] == {"mode": "token"}
    assert cluster["headGroupSpec"]["serviceType"] == "ClusterIP"
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    text = (ROOT / "deploy" / "rayjob.yaml").read_text()
    assert not re.search(r"LoadBalancer|NodePort|Ingress|hostNetwork|0\.0\.0\.0", text)
    (workers,) = cluster["workerGroupSpecs"]
    assert workers["minReplicas"] == workers["replicas"] == 0
    for group in (cluster["headGroupSpec"], workers):
        (container,) = group["template"]["spec"]["containers"]
        assert container["resources"]["limits"] == container["resources"]["requests"]
