"""A study's folder: a Parquet file per table, trajectory and step, written whole or not at all.

It may be on an object store (`al_ray.io.storage`). Who may write is in `claims`, weights are in
`checkpoints`, and what was asked for is in `study_json`.

`compact` merges the steps of a trajectory into one file; a step written later has its own again.

Every file bears a seal (`seal`), which every reading looks at, and `steps` names the seals of what
was written beside it: `check` finds what is damaged or gone, `mend` has it done again.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from al_ray.errors import UserError
from al_ray.io.storage import Storage, node_cache
from al_ray.results.checkpoints import Checkpoints
from al_ray.results.claims import Claims
from al_ray.results.folder import ASIDE, refuse_links
from al_ray.results.parquet import DAMAGED, Beside, beside_of, decoded, encoded
from al_ray.results.schema import SCHEMAS, scored
from al_ray.results.seal import damaged, seal_of
from al_ray.results.study_json import StudyJson

MERGED = "-all"
"""What a merged file's name has in place of a step."""

STEM: Final = re.compile(rf"(?P<trajectory>.+?)(?P<step>--001|-[0-9]{{4,}}|{MERGED})")
"""A file's name in a table that has a file per step, without its ending."""

AT_ONCE: Final = 16
"""Files that are read at the same time."""


class Store:
    """Reads and writes the tables of one study.

    Attributes:
        storage: its files.
        where: what opens it again, in another process or on another machine; may hold secrets.
        claims: who may write.
        checkpoints: weights of warm trajectories.
        study_json: what was asked for.
    """

    def __init__(self, folder: str | Path, attempt: str | None = None) -> None:
        """Open a study's folder, which need not be there yet.

        Args:
            folder: a path, or an address such as s3://bucket/path.
            attempt: who writes a trajectory, which must hold the claim; None: the driver.
        """
        self.storage = Storage(folder)
        self.where = str(self.storage.local or folder)
        self.claims = Claims(self.storage, attempt)
        self.checkpoints = Checkpoints(self.storage, self.claims)
        self.study_json = StudyJson(self.storage)
        self._beside: dict[tuple[str, int], dict[str, str]] = {}
        local = self.storage.local
        if local is not None and os.path.exists(local) and not local.is_dir():  # Path's may raise
            raise UserError("--out {folder}: is a file; give a folder", folder=folder)
        if local is not None and attempt is None:  # the driver of a trial has looked
            refuse_links(local)

    @property
    def address(self) -> str:
        """Where it is, as it may be printed."""
        return self.storage.address

    @property
    def folder(self) -> Path:
        """Where it is on this machine.

        Raises:
            ValueError: it is not.
        """
        if self.storage.local is None:
            raise ValueError(f"{self.address} is no folder of this machine")
        return self.storage.local

    @property
    def pages(self) -> Path:
        """Where its report is written: its own folder, or one here that is named after it."""
        return self.storage.local or Path("reports", PurePosixPath(self.address).name).absolute()

    @property
    def cache(self) -> Path:
        """Content-addressed files that can be made again: tokens, `mini`; on this machine."""
        return node_cache() if self.storage.local is None else self.storage.local / "cache"

    def path(self, table: str, trajectory: str, step: int | None = None) -> Path:
        """`name` on this machine."""
        return self.folder / self.name(table, trajectory, step)

    def name(self, table: str, trajectory: str, step: int | None = None) -> str:
        """The file of a table's rows of a trajectory (and step); step −1 is the initial draw."""
        stem = trajectory if step is None else f"{trajectory}-{step:04d}"
        return f"{table}/{stem}.parquet"

    def merged_name(self, table: str, trajectory: str) -> str:
        """The file where `compact` puts the rows of all steps of a trajectory together."""
        return f"{table}/{trajectory}{MERGED}.parquet"

    def files(self, table: str) -> list[str]:
        """The files of a table. Hidden ones are being written; pyarrow leaves them out, too."""
        names = self.storage.names(table, ".parquet")
        if "step" in SCHEMAS[table].names:  # others in there are not of our naming
            names = [name for name in names if STEM.fullmatch(name.removesuffix(".parquet"))]
        return [f"{table}/{name}" for name in names]

    def exists(self, table: str, trajectory: str, step: int | None = None) -> bool:
        """Whether a table has a file of this trajectory (and step)."""
        return self.storage.exists(self.name(table, trajectory, step))

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
        self._put_step(table, trajectory, step, pa.Table.from_arrays(arrays, schema=schema))

    def _put_step(self, table: str, trajectory: str, step: int | None, rows: pa.Table) -> None:
        """Write a file, and keep its seal until `steps` is written, which names it."""
        name, beside = self.name(table, trajectory, step), None
        if table == "steps" and step is not None:
            beside = {str(step): self._beside.pop((trajectory, step), {})}
        digest = self.put(name, rows, trajectory, beside)
        if step is not None:
            if beside is None:
                self._beside.setdefault((trajectory, step), {})[table] = digest
            self._drop_merged(table, trajectory, step)

    def put(
        self,
        name: str,
        rows: pa.Table,
        trajectory: str,
        beside: Beside | None = None,
    ) -> str:
        """Write a file of rows of a trajectory, in place of any there; answers with its seal.

        Args:
            name: of the file.
            rows: in the table's schema.
            trajectory: whose.
            beside: of `steps`; see `parquet`.

        Raises:
            Superseded: another attempt at the trajectory has begun.
            StorageError: no room, or not reachable.
        """
        data, digest = encoded(rows, name, beside)
        self.storage.write(name, data, lambda: self.claims.check(trajectory))
        return digest

    def get(self, name: str, **options: Any) -> pa.Table:
        """The rows of a file.

        Raises:
            FileNotFoundError: there is none.
            StorageError: it is damaged, or not reachable.
        """
        data = self.storage.read(name)
        if data is None:
            raise FileNotFoundError(self.storage.of(name))
        try:
            seal_of(data, name)
            return decoded(data, name, **options)
        except DAMAGED as error:
            raise damaged(self.storage.of(name)) from error

    def _drop_merged(self, table: str, trajectory: str, step: int) -> None:
        """Take a step that was written again out of the merged file, for readers of the folder."""
        name = self.merged_name(table, trajectory)
        if not self.storage.exists(name):
            return
        merged = self.get(name)
        others = merged.filter(pc.not_equal(merged["step"], step))
        if len(others) < len(merged):
            self.put(name, others, trajectory, self.beside(name) if table == "steps" else None)

    def beside(self, name: str) -> dict[str, dict[str, str]]:
        """Of a file of `steps`: the seals of what was written beside it, by step and table.

        Raises:
            StorageError: it is damaged.
        """
        data = self.storage.read(name)
        try:
            return beside_of(data or b"")
        except DAMAGED as error:
            raise damaged(self.storage.of(name)) from error

    def drop_steps(self, trajectory: str, first: int) -> None:
        """Make steps not count, from one on: their files of `steps` are set aside."""
        own = re.compile(re.escape(f"steps/{trajectory}-") + r"([0-9]{4,})\.parquet")
        found = [match for name in self.files("steps") if (match := own.fullmatch(name))]
        for match in reversed(found):  # from the end, so that there is never a gap
            if int(match[1]) >= first:
                self.set_aside(match[0])
        merged = self.merged_name("steps", trajectory)
        if self.storage.exists(merged):
            rows = self.get(merged)
            kept = rows.filter(pc.less(rows["step"], first))
            if len(kept) < len(rows):
                self.put(merged, kept, trajectory, self.beside(merged))

    def set_aside(self, name: str) -> str:
        """Move a file to where nobody reads it; answers with its name there."""
        stem, dot, ending = f"{ASIDE}/{name}".rpartition(".")
        target, number = f"{stem}{dot}{ending}", 1
        while self.storage.exists(target):
            number += 1
            target = f"{stem}-{number}{dot}{ending}"
        self.storage.move(name, target)
        return target

    def copy(self, source: str, target: str, step: int | None, table: str, **changes: Any) -> None:
        """Write a trajectory's rows of a table again under another trajectory's name."""
        rows = self._rows_of(table, source, step)
        if rows is None:
            raise FileNotFoundError(self.storage.of(self.name(table, source, step)))
        rows = _changed(rows, table, {"trajectory": target, **changes})
        self._put_step(table, target, step, rows)

    def change(self, table: str, trajectory: str, values: Mapping[str, Any]) -> None:
        """Write a trajectory's row of a table again, with some columns changed."""
        rows = self.get(self.name(table, trajectory))
        self._put_step(table, trajectory, None, _changed(rows, table, values))

    def read(
        self,
        table: str,
        trajectories: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """All rows of a table, or of some trajectories, sorted by trajectory and step.

        Rows of a step that `steps` does not have do not count and are left out, but for the
        initial draw.

        Args:
            table: its name.
            trajectories: whose rows; None: all.
            columns: that are wanted, `trajectory` and `step` among them; None: all.
        """
        frame = self._read_raw(table, columns)
        if trajectories is not None:
            frame = frame[frame.trajectory.isin(trajectories)]
        if "step" in frame and table != "steps" and len(frame):
            done = self._read_raw("steps", ["trajectory", "step"]).drop_duplicates()
            kept = pd.MultiIndex.from_frame(done)
            here = pd.MultiIndex.from_frame(frame[["trajectory", "step"]])
            frame = frame[here.isin(kept) | (frame.step == -1)]
        order = [name for name in ("trajectory", "step", "rank", "member") if name in frame]
        if not order:  # `rows`, in the corpus's own order
            return frame
        ordered: pd.DataFrame = frame.sort_values(order, kind="stable").reset_index(drop=True)
        return scored(ordered) if table == "steps" else ordered

    def _read_raw(self, name: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        schema = SCHEMAS[name]
        if columns is not None:
            schema = pa.schema([schema.field(column) for column in columns])
        with ThreadPoolExecutor(AT_ONCE) as pool:
            files, found = list[str](), list[pa.Table | None]()
            # Again where one that was listed has gone since, as into a merged one.
            while files != (listed := self.files(name)):
                files, found = listed, list(pool.map(self._get_if_there, listed))
                if all(rows is not None for rows in found):
                    break
        there = [rows.select(schema.names) for rows in found if rows is not None]
        table = pa.concat_tables(there or [schema.empty_table()])
        frame: pd.DataFrame = table.to_pandas()
        names = {PurePosixPath(file).stem for file in files}
        if "step" in schema.names and any(name.endswith(MERGED) for name in names):
            frame = self._newest(frame, name, names)
        return frame

    def _get_if_there(self, name: str) -> pa.Table | None:
        """A file's rows; None where it went meanwhile, as into a merged one."""
        try:
            return self.get(name)
        except FileNotFoundError:
            return None

    def _newest(self, frame: pd.DataFrame, table: str, names: set[str]) -> pd.DataFrame:
        """Without a merged file's rows of steps that have a file of their own, which counts.

        Both are there where `compact` was killed between writing one and removing the other.
        """
        steps = frame[["trajectory", "step"]].drop_duplicates().itertuples(index=False)
        twice = [
            (trajectory, step)
            for trajectory, step in steps
            if {f"{trajectory}-{step:04d}", f"{trajectory}{MERGED}"} <= names
        ]
        for trajectory, step in twice:
            merged = self.get(self.merged_name(table, trajectory))
            if step not in set(merged["step"].to_pylist()):
                continue
            own = self.get(self.name(table, trajectory, step), columns=list(frame)).to_pandas()
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
        try:
            return self.get(self.name(table, trajectory, step))
        except FileNotFoundError:
            pass
        merged = self.merged_name(table, trajectory)
        if step is None or not self.storage.exists(merged):
            return None
        rows = self.get(merged, filters=[("step", "=", step)])
        return rows if len(rows) else None


def _changed(rows: pa.Table, table: str, values: Mapping[str, Any]) -> pa.Table:
    """Rows with other values of some columns: of each one value, or a list of them."""
    for name, value in values.items():
        given = isinstance(value, list | tuple | np.ndarray)
        field = SCHEMAS[table].field(name)
        column = pa.array(value if given else [value] * len(rows), field.type)
        rows = rows.set_column(rows.schema.get_field_index(name), field, column)
    return rows
