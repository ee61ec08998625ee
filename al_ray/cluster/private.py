"""Whatever al_ray takes from Ray that Ray does not promise: its private and experimental names.

Tried with Ray 2.60.0 alone, and pyproject.toml asks for no later minor version. With another one,
go through these functions first; nothing else in al_ray names what begins with an underscore in
Ray. Actors import this, so it loads no more than `import ray` has loaded already.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray
from ray._private import utils
from ray._private.authentication.authentication_token_generator import (
    generate_new_authentication_token,
)
from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]
from ray.experimental import internal_kv

# Where a cluster is, and what it is


def running_here() -> str:
    """The address that `ray start` left on this machine, whether that still runs or not; or ''.

    Not any Ray process that is found here, as Ray has it: it may be another study's own cluster.
    """
    return str(utils.read_ray_address() or "")


def metadata(address: str, seconds: float) -> dict[str, Any]:
    """What a cluster tells of itself. Ray's own client retries and logs where it is refused.

    Raises:
        grpc.RpcError: nobody answers there, or not to us.
    """
    from ray._private.grpc_utils import init_grpc_channel
    from ray.core.generated import gcs_service_pb2, gcs_service_pb2_grpc

    request = gcs_service_pb2.InternalKVGetRequest(namespace=b"cluster", key=b"CLUSTER_METADATA")
    with init_grpc_channel(address) as channel:
        stub = gcs_service_pb2_grpc.InternalKVGcsServiceStub(channel)
        answer = stub.InternalKVGet(request, timeout=seconds)
    found: dict[str, Any] = json.loads(answer.value or b"{}")
    return found


def groups() -> list[tuple[dict[str, float], int | None]]:
    """What the autoscaler may start: resources of a machine, and how many; None: no limit."""
    config = ray._private.state.state.get_cluster_config()
    return [
        (dict(group.resources), None if group.max_count < 0 else group.max_count)
        for group in (config.node_group_configs if config else ())
    ]


def server_version(client: Any) -> str:
    """The Ray of a job server; '' where it does not say."""
    return str(client._server_ray_version or "")


# Tokens


def has_token() -> bool:
    """Whether there is a token here, whatever RAY_AUTH_MODE says."""
    return bool(AuthenticationTokenLoader.instance().has_token(ignore_auth_mode=True))


def new_token() -> str:
    """One as Ray makes them."""
    return str(generate_new_authentication_token())


def look_for_tokens_again() -> None:
    """Ray remembers that there was none."""
    AuthenticationTokenLoader.instance().reset_cache()


def read_environment_again() -> None:
    """Ray reads its variables once."""
    Config.initialize("")


# Signals


@contextmanager
def without_handlers() -> Iterator[None]:
    """Within it, Ray puts no handler of its own in SIGTERM's place, of those that are Python's."""
    theirs = utils.set_sigterm_handler
    utils.set_sigterm_handler = lambda _: None
    try:
        yield
    finally:
        utils.set_sigterm_handler = theirs


# Actors, and the store that all of a cluster's processes share


def actor_id(actor: Any) -> str:
    """Of an actor's handle, in hex digits, as `get_actor_id` has it within the actor."""
    return str(actor._actor_id.hex())


def put(key: bytes, value: bytes) -> None:
    """Write a value, or write it anew."""
    internal_kv._internal_kv_put(key, value)


def get(key: bytes) -> bytes | None:
    """A key's value; None: it has none."""
    value: bytes | None = internal_kv._internal_kv_get(key)
    return value


def delete(key: bytes) -> None:
    """Leave nothing."""
    internal_kv._internal_kv_del(key)
