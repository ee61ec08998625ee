"""Merge a study's small files: one per table and trajectory in place of one per step."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from al_ray.errors import StudyConflict
from al_ray.files import atomic, sweep
from al_ray.results.schema import SCHEMAS
from al_ray.results.store import Store


@dataclass(frozen=True)
class Compacted:
    """What became of a table: numbers of files and bytes, before and after."""

    table: str
    files_before: int
    files_after: int
    bytes_before: int
    bytes_after: int


def compact(store: Store) -> list[Compacted]:
    """Merge the files of every table that has one per step; rows stay as they are.

    A merged file is written whole before the files that it replaces are removed, so that nothing
    is lost at any moment. Killed in between, `Store` counts each row once, and the next call ends
    it; others who read the folder meanwhile may see rows twice. Steps that `steps` does not have
    are left alone: they do not count and are done again.

    Returns:
        A row per table that has files.

    Raises:
        UserError: no study there.
        StudyConflict: a process is writing to the folder.
    """
    store.description()
    try:
        held = FileLock(store.folder / ".lock").acquire(timeout=0)
    except Timeout:
        raise StudyConflict(
            f"{store.folder}: another process is running this study; compact it afterwards"
        ) from None
    with held:
        sweep(store.folder)
        steps = store.read("steps")[["trajectory", "step"]].drop_duplicates()
        done: dict[str, list[int]] = {
            str(name): [-1, *sorted(rows.step.tolist())]
            for name, rows in steps.groupby("trajectory", sort=False)
        }
        made = []
        # `steps` last, as when it was written: without it the other rows of a step do not count.
        for table in sorted(SCHEMAS, key=lambda name: name == "steps"):
            before = _files(store, table)
            if not before:
                continue
            sizes = sum(path.stat().st_size for path in before)
            if "step" in SCHEMAS[table].names:
                for trajectory, numbers in done.items():
                    _merge(store, table, trajectory, numbers)
            after = _files(store, table)
            size = sum(path.stat().st_size for path in after)
            made.append(Compacted(table, len(before), len(after), sizes, size))
    return made


def _files(store: Store, table: str) -> list[Path]:
    return sorted((store.folder / table).glob("[!._]*.parquet"))


def _merge(store: Store, table: str, trajectory: str, steps: list[int]) -> None:
    """All steps of a trajectory in one file; a file of one step stands for the newest rows."""
    apart = {step: store.path(table, trajectory, step) for step in steps}
    apart = {step: path for step, path in apart.items() if path.exists()}
    merged = store.merged_path(table, trajectory)
    if not apart or (len(apart) == 1 and not merged.exists()):
        return
    schema = SCHEMAS[table]
    parts: list[tuple[int, pa.Table]] = [
        (step, pq.read_table(path, schema=schema)) for step, path in apart.items()
    ]
    if merged.exists():
        rows = pq.read_table(merged, schema=schema)
        numbers = rows["step"].to_pylist()
        for step in sorted(set(numbers) - apart.keys()):
            places = [place for place, number in enumerate(numbers) if number == step]
            parts.append((step, rows.take(places)))
    parts.sort(key=lambda part: part[0])
    with atomic(merged) as temp:
        pq.write_table(pa.concat_tables([part for _, part in parts]), temp)
    for path in apart.values():
        _remove(path)


def _remove(path: Path) -> None:
    path.unlink()
