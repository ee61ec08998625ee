"""A study's folder: a Parquet file per table, trajectory and step, written whole or not at all.

`compact` merges the steps of a trajectory into one file; a step written later has its own again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from numpy.typing import NDArray

from al_ray.errors import StudyConflict, UserError
from al_ray.files import atomic
from al_ray.results.schema import SCHEMAS

Weights = Mapping[str, NDArray[Any]]

_OBJECTS = ("corpus", "model", "training", "tests", "trajectories")
"""What is an object in a study's description."""

MERGED = "-all"
"""What a merged file's name has in place of a step."""


class Store:
    """Reads and writes the tables, checkpoints and description of one study."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(os.path.expanduser(folder)).absolute()
        if os.path.exists(self.folder) and not self.folder.is_dir():  # Path's may raise
            raise UserError(f"--out {folder}: is a file; give a folder")

    @property
    def cache(self) -> Path:
        """Content-addressed files that can be made again: tokens, `mini`."""
        return self.folder / "cache"

    def path(self, table: str, trajectory: str, step: int | None = None) -> Path:
        """Where a table's rows of a trajectory (and step) are; step −1 is the initial draw."""
        name = trajectory if step is None else f"{trajectory}-{step:04d}"
        return self.folder / table / f"{name}.parquet"

    def merged_path(self, table: str, trajectory: str) -> Path:
        """Where `compact` puts the rows of all steps of a trajectory together."""
        return self.folder / table / f"{trajectory}{MERGED}.parquet"

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
        if step is not None:
            self._drop_merged(table, trajectory, step)

    def _drop_merged(self, table: str, trajectory: str, step: int) -> None:
        """Take a step that was written again out of the merged file, for readers of the folder."""
        path = self.merged_path(table, trajectory)
        if not path.exists():
            return
        merged = pq.read_table(path, schema=SCHEMAS[table])
        others = merged.filter(pc.not_equal(merged["step"], step))
        if len(others) < len(merged):
            with atomic(path) as temp:
                pq.write_table(others, temp)

    def copy(self, source: str, target: str, step: int | None, table: str, **changes: Any) -> None:
        """Write a trajectory's rows of a table again under another trajectory's name."""
        rows = self._rows_of(table, source, step)
        if rows is None:
            raise FileNotFoundError(self.path(table, source, step))
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
        names = {Path(file).stem for file in files}
        if "step" in schema.names and any(name.endswith(MERGED) for name in names):
            frame = self._newest(frame, name, names)
        return frame

    def _newest(self, frame: pd.DataFrame, table: str, names: set[str]) -> pd.DataFrame:
        """Without a merged file's rows of steps that have a file of their own, which counts.

        Both are there where `compact` was killed between writing one and removing the other.
        """
        steps = frame[["trajectory", "step"]].drop_duplicates().itertuples(index=False)
        twice = [
            (trajectory, step)
            for trajectory, step in steps
            if {self.path(table, trajectory, step).stem, f"{trajectory}{MERGED}"} <= names
        ]
        for trajectory, step in twice:
            merged = pq.read_table(self.merged_path(table, trajectory), schema=SCHEMAS[table])
            if step not in set(merged["step"].to_pylist()):
                continue
            own = self.read_one(table, trajectory, step)
            kept = frame[(frame.trajectory != trajectory) | (frame.step != step)]
            frame = pd.concat([kept, own], ignore_index=True)
        return frame

    def read_one(self, table: str, trajectory: str, step: int | None = None) -> pd.DataFrame | None:
        """The rows of a table for one trajectory (and step), or None where there are none."""
        rows = self._rows_of(table, trajectory, step)
        if rows is None:
            return None
        frame: pd.DataFrame = rows.to_pandas()
        return frame

    def _rows_of(self, table: str, trajectory: str, step: int | None) -> pa.Table | None:
        """From the step's own file or, where that has been merged, from the merged one."""
        path, schema = self.path(table, trajectory, step), SCHEMAS[table]
        if path.exists():
            return pq.read_table(path, schema=schema)
        merged = self.merged_path(table, trajectory)
        if step is None or not merged.exists():
            return None
        rows = pq.read_table(merged, schema=schema, filters=[("step", "=", step)])
        return rows if len(rows) else None

    # Description

    def read_description(self) -> dict[str, Any] | None:
        """`study.json`, or None where no study has begun.

        Raises:
            StudyConflict: the file cannot be read.
        """
        path = self.folder / "study.json"
        if not os.path.exists(path):
            return None
        try:
            description: Any = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, OSError, RecursionError) as error:
            raise StudyConflict(
                f"{path}: not a study's description ({error}); give another --out"
            ) from error
        if (
            not isinstance(description, dict)
            or "schema_version" not in description
            or any(not isinstance(description.get(name, {}), dict) for name in _OBJECTS)
        ):
            raise StudyConflict(f"{path}: not a study's description; give another --out")
        described: dict[str, Any] = description
        return described

    def description(self, *needs: str) -> dict[str, Any]:
        """`study.json`.

        Args:
            needs: facts without which the reader can do nothing.

        Raises:
            UserError: no study has begun here.
            StudyConflict: the file cannot be read, or lacks what is needed.
        """
        described = self.read_description()
        if described is None:
            raise UserError(
                f"{self.folder}: no study there (study.json is missing); give its results folder"
            )
        for name in needs:
            if not described.get(name):
                raise StudyConflict(
                    f"{self.folder / 'study.json'}: names no {name}; give another results "
                    "folder, or the study's command again"
                )
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
