"""Whose line it is: in an actor, every line that is logged tells study, arm, seed and role."""

from __future__ import annotations

import logging

import ray


def actor_name(study: str, trajectory: str, role: str) -> str:
    """Such as `news7/margin-cold-60-s0-0123456789/member-1`.

    Ray knows members and shards by another, such as `news7/0a1b2c3d/member-1`, since they may be
    kept for more than one trajectory; the loop's log says which are whose.
    """
    return f"{study}/{trajectory}/{role}"


def name_logs(name: str | None = None) -> None:
    """Put a name before every line of this process, which Ray keeps in its session's logs.

    Args:
        name: None: the actor's own.
    """
    name = name or ray.get_runtime_context().get_actor_name() or "al_ray"
    handler = logging.StreamHandler()
    handler.addFilter(_Named(name))
    handler.setFormatter(
        logging.Formatter("%(asctime)s %(levelname)s %(whose)s %(name)s: %(message)s")
    )
    logging.getLogger().handlers = [handler]
    logging.getLogger("al_ray").setLevel(logging.INFO)
    logging.captureWarnings(True)


class _Named(logging.Filter):
    def __init__(self, name: str) -> None:
        super().__init__()
        self._whose = name

    def filter(self, record: logging.LogRecord) -> bool:
        record.whose = self._whose
        return True
