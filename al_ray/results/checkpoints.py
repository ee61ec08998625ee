"""Weights of warm trajectories: a sealed safetensors file per trajectory and step."""

from __future__ import annotations

import mmap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from al_ray.errors import StorageError
from al_ray.io.storage import Storage
from al_ray.results.claims import Claims
from al_ray.results.parquet import DAMAGED
from al_ray.results.seal import EMPTY, damaged, seal, seal_of

Weights = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Checkpoints:
    """Those of a study's folder.

    Attributes:
        storage: the folder.
        claims: who may write.
    """

    storage: Storage
    claims: Claims

    def write(self, trajectory: str, step: int, members: Sequence[Weights]) -> None:
        """Keep the members' weights after a step's fit, and drop all but the two newest.

        Two, so that the last step of a trajectory can be fitted again when it is extended.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import save_file

        name = self.name(trajectory, step)
        with self.storage.replace(name, lambda: self.claims.check(trajectory)) as temp:
            flat = {
                f"{member}/{key}": np.asarray(value, order="C")
                for member, weights in enumerate(members)
                for key, value in weights.items()
            }
            try:
                save_file(flat, temp, {"seal": EMPTY})
                with open(temp, "r+b") as file, mmap.mmap(file.fileno(), 0) as data:
                    seal(data, name, first=True)
            except SafetensorError as error:
                raise StorageError(
                    "{path}: cannot be written ({error}); make room there; the same "
                    "command goes on from here",
                    path=self.storage.of(name),
                    error=error,
                ) from error
        for old in range(step - 2, -1, -1):
            if not self.has(trajectory, old):
                break
            self.storage.remove(self.name(trajectory, old))

    def read(self, trajectory: str, step: int) -> list[dict[str, NDArray[Any]]] | None:
        """Each member's weights after a step's fit, or None where they are not kept."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        name = self.name(trajectory, step)
        data = self.storage.read(name)
        if data is None:
            return None
        try:
            seal_of(data, name, first=True)
            flat = load(data)
        except (SafetensorError, *DAMAGED) as error:
            raise damaged(self.storage.of(name)) from error
        members: dict[int, dict[str, NDArray[Any]]] = {}
        for key, value in flat.items():
            member, name = key.split("/", 1)
            members.setdefault(int(member), {})[name] = value
        return [members[member] for member in sorted(members)]

    def has(self, trajectory: str, step: int) -> bool:
        """Whether the weights after a step's fit are kept."""
        return self.storage.exists(self.name(trajectory, step))

    def name(self, trajectory: str, step: int) -> str:
        """The file of the members' weights after a step's fit."""
        return f"checkpoints/{trajectory}-{step:04d}.safetensors"
