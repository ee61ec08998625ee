"""Results on disk: table schemas, atomic writing, reading."""

from al_ray.results.schema import SCHEMAS, VERSION
from al_ray.results.store import Store

__all__ = ["SCHEMAS", "VERSION", "Store"]
