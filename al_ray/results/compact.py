"""Merge a study's small files: one per table and trajectory in place of one per step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from al_ray.language import tr
from al_ray.results.damage.mend import mend
from al_ray.results.lease import held
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


def compact(store: Store, say: Callable[[str], None] = lambda _: None) -> list[Compacted]:
    """Merge the files of every table that has one per step; rows stay as they are.

    A merged file is written whole before the files that it replaces are removed, so that nothing
    is lost at any moment. Killed in between, `Store` counts each row once, and the next call ends
    it; others who read the folder meanwhile may see rows twice. Steps that `steps` does not have
    are left alone: they do not count and are done again.

    Args:
        store: of the study.
        say: is told of files that are not whole.

    Returns:
        A row per table that has files.

    Raises:
        UserError: no study there.
        StudyConflict: a process is writing to the folder.
    """
    store.study_json.get()
    with held(store, say, tr("compact it afterwards")):
        mend(store, say)
        steps = store.read("steps")[["trajectory", "step"]].drop_duplicates()
        done: dict[str, list[int]] = {
            str(name): [-1, *sorted(rows.step.tolist())]
            for name, rows in steps.groupby("trajectory", sort=False)
        }
        made = []
        # `steps` last, as when it was written: without it the other rows of a step do not count.
        for table in sorted(SCHEMAS, key=lambda name: name == "steps"):
            before = store.files(table)
            if not before:
                continue
            sizes = _bytes(store, before)
            if "step" in SCHEMAS[table].names:
                for trajectory, numbers in done.items():
                    _merge(store, table, trajectory, numbers)
            after = store.files(table)
            size = _bytes(store, after)
            made.append(Compacted(table, len(before), len(after), sizes, size))
    return made


def _bytes(store: Store, files: list[str]) -> int:
    return sum(store.storage.size(name) or 0 for name in files)


def _merge(store: Store, table: str, trajectory: str, steps: list[int]) -> None:
    """All steps of a trajectory in one file; a file of one step stands for the newest rows."""
    there = set(store.files(table))
    apart = {step: store.name(table, trajectory, step) for step in steps}
    apart = {step: name for step, name in apart.items() if name in there}
    merged = store.merged_name(table, trajectory)
    if not apart or (len(apart) == 1 and merged not in there):
        return
    parts: list[tuple[int, pa.Table]] = [(step, store.get(name)) for step, name in apart.items()]
    if merged in there:
        rows = store.get(merged)
        numbers = rows["step"].to_pylist()
        for step in sorted(set(numbers) - apart.keys()):
            places = [place for place, number in enumerate(numbers) if number == step]
            parts.append((step, rows.take(places)))
    parts.sort(key=lambda part: part[0])
    beside = None
    if table == "steps":
        named = [name for name in (merged, *apart.values()) if name in there]
        beside = {
            step: dict.fromkeys(files, "")
            for name in named
            for step, files in store.beside(name).items()
        }
    store.put(merged, pa.concat_tables([part for _, part in parts]), trajectory, beside)
    for name in apart.values():
        _remove(store, name)


def _remove(store: Store, name: str) -> None:
    store.storage.remove(name)
