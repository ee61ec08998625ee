"""A study's folder: a Parquet file per table, trajectory and step, written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from numpy.typing import NDArray

from al_ray.errors import StudyConflict, UserError
from al_ray.files import atomic
from al_ray.results.schema import SCHEMAS

Weights = Mapping[str, NDArray[Any]]


class Store:
    """Reads and writes the tables, checkpoints and description of one study."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(os.path.expanduser(folder)).absolute()
        if self.folder.exists() and not self.folder.is_dir():
            raise UserError(f"--out {folder}: is a file; give a folder")

    @property
    def cache(self) -> Path:
        """Content-addressed files that can be made again: tokens, `mini`."""
        return self.folder / "cache"

    def path(self, table: str, trajectory: str, step: int | None = None) -> Path:
        """Where a table's rows of a trajectory (and step) are; step −1 is the initial draw."""
        name = trajectory if step is None else f"{trajectory}-{step:04d}"
        return self.folder / table / f"{name}.parquet"

    def write(
        self,
        table: str,
        columns: Mapping[str, Any],
        trajectory: str,
        step: int | None = None,
    ) -> None:
        """Write the rows of a table for a trajectory (and step), in place of any there.

        Args:
            table: a name in SCHEMAS.
            columns: values by column; a single value is repeated, a missing column is null.
            trajectory: the rows' trajectory; of `rows`, the corpus's digest.
            step: the rows' step.

        Raises:
            KeyError: a column that the schema does not have.
        """
        schema = SCHEMAS[table]
        values = {**columns}
        if "trajectory" in schema.names:
            values.setdefault("trajectory", trajectory)
        if step is not None:
            values["step"] = step
        unknown = values.keys() - set(schema.names)
        if unknown:
            raise KeyError(f"{table} has no column {sorted(unknown)}")
        lists = [v for v in values.values() if isinstance(v, list | tuple | np.ndarray)]
        n_rows = len(lists[0]) if lists else 1
        arrays = []
        for field in schema:
            value = values.get(field.name)
            if isinstance(value, list | tuple | np.ndarray):
                arrays.append(pa.array(value, field.type))
            else:
                arrays.append(pa.array([value] * n_rows, field.type))
        path = self.path(table, trajectory, step)
        with atomic(path) as temp:
            pq.write_table(pa.Table.from_arrays(arrays, schema=schema), temp)

    def copy(self, source: str, target: str, step: int | None, table: str, **changes: Any) -> None:
        """Write a trajectory's rows of a table again under another trajectory's name."""
        rows = pq.read_table(self.path(table, source, step), schema=SCHEMAS[table])
        columns = {name: rows.column(name).to_pylist() for name in rows.column_names}
        del columns["trajectory"]
        for name, value in changes.items():
            columns[name] = value
        self.write(table, {**columns, "trajectory": [target] * len(rows)}, target, step)

    def read(self, table: str, trajectories: Sequence[str] | None = None) -> pd.DataFrame:
        """All rows of a table, or of some trajectories, sorted by trajectory and step.

        Rows of a step that `steps` does not have do not count and are left out, but for the
        initial draw.
        """
        frame = self._read_raw(table)
        if trajectories is not None:
            frame = frame[frame.trajectory.isin(trajectories)]
        if "step" in frame and table != "steps" and len(frame):
            done = self._read_raw("steps")[["trajectory", "step"]].drop_duplicates()
            kept = pd.MultiIndex.from_frame(done)
            here = pd.MultiIndex.from_frame(frame[["trajectory", "step"]])
            frame = frame[here.isin(kept) | (frame.step == -1)]
        order = [name for name in ("trajectory", "step", "rank", "member") if name in frame]
        if not order:  # `rows`, in the corpus's own order
            return frame
        ordered: pd.DataFrame = frame.sort_values(order, kind="stable").reset_index(drop=True)
        return ordered

    def _read_raw(self, name: str) -> pd.DataFrame:
        folder, schema = self.folder / name, SCHEMAS[name]
        # Names that begin with a dot are files being written; pyarrow leaves them out too.
        files = sorted(str(p) for p in folder.glob("[!._]*.parquet"))
        if not files:
            table = schema.empty_table()
        else:
            table = ds.dataset(files, schema=schema, format="parquet").to_table()
        frame: pd.DataFrame = table.to_pandas()
        return frame

    def read_one(self, table: str, trajectory: str, step: int | None = None) -> pd.DataFrame | None:
        """The rows of one file, or None where there is no such file."""
        path = self.path(table, trajectory, step)
        if not path.exists():
            return None
        frame: pd.DataFrame = pq.read_table(path, schema=SCHEMAS[table]).to_pandas()
        return frame

    # Description

    def read_description(self) -> dict[str, Any] | None:
        """`study.json`, or None where no study has begun.

        Raises:
            StudyConflict: the file cannot be read.
        """
        path = self.folder / "study.json"
        if not path.exists():
            return None
        try:
            description: Any = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise StudyConflict(
                f"{path}: not a study's description ({error}); give another --out"
            ) from error
        if not isinstance(description, dict) or "schema_version" not in description:
            raise StudyConflict(f"{path}: not a study's description; give another --out")
        described: dict[str, Any] = description
        return described

    def write_description(self, description: Mapping[str, Any]) -> None:
        """Write `study.json`."""
        with atomic(self.folder / "study.json") as temp:
            text = json.dumps(description, indent=1, ensure_ascii=False)
            Path(temp).write_text(text + "\n", encoding="utf-8")

    # Checkpoints of warm trajectories

    def write_checkpoint(self, trajectory: str, step: int, members: Sequence[Weights]) -> None:
        """Keep the members' weights after a step's fit, and drop all but the two newest.

        Two, so that the last step of a trajectory can be fitted again when it is extended.
        """
        from safetensors.numpy import save_file

        with atomic(self._checkpoint(trajectory, step)) as temp:
            flat = {
                f"{member}/{name}": np.asarray(value, order="C")
                for member, weights in enumerate(members)
                for name, value in weights.items()
            }
            save_file(flat, temp)
        for old in range(step - 2, -1, -1):
            path = self._checkpoint(trajectory, old)
            if not path.exists():
                break
            path.unlink()

    def read_checkpoint(self, trajectory: str, step: int) -> list[dict[str, NDArray[Any]]] | None:
        """Each member's weights after a step's fit, or None where they are not kept."""
        from safetensors.numpy import load_file

        path = self._checkpoint(trajectory, step)
        if not path.exists():
            return None
        members: dict[int, dict[str, NDArray[Any]]] = {}
        for key, value in load_file(path).items():
            member, name = key.split("/", 1)
            members.setdefault(int(member), {})[name] = value
        return [members[member] for member in sorted(members)]

    def has_checkpoint(self, trajectory: str, step: int) -> bool:
        """Whether the weights after a step's fit are kept."""
        return self._checkpoint(trajectory, step).exists()

    def _checkpoint(self, trajectory: str, step: int) -> Path:
        return self.folder / "checkpoints" / f"{trajectory}-{step:04d}.safetensors"
