"""What of a study's folder is not as it was written: damaged, gone, or in another's place.

Every file is read once. Those of earlier versions bear no seal: they are decoded, which finds less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from al_ray.errors import StorageError
from al_ray.language import mark, tr
from al_ray.results.parquet import DAMAGED, Beside, beside_of, decoded
from al_ray.results.schema import SCHEMAS, VERSION, newer
from al_ray.results.seal import seal_of
from al_ray.results.store import AT_ONCE, MERGED, STEM, Store

GONE: Final = mark("is gone")

_DAMAGED: Final = mark("is damaged")
_CUT: Final = mark("is damaged or was cut short")
_ELSEWHERE: Final = mark("does not belong to its step")


@dataclass(frozen=True)
class Damage:
    """A file that cannot be believed.

    Attributes:
        file: its name.
        why: what is said of it, in English; see `language.tr`.
        trajectory: whose steps do not count any more; None: nobody's.
        step: the first of these.
    """

    file: str
    why: str
    trajectory: str | None = None
    step: int = 0


@dataclass(frozen=True)
class _File:
    """What is found of one that is whole.

    Attributes:
        seal: None: of an earlier version.
        steps: of a merged file, the steps in it.
        beside: of `steps`, the seals of the other files of the step.
    """

    name: str
    seal: str | None
    steps: frozenset[int] = frozenset()
    beside: Beside | None = None


def damages(store: Store) -> list[Damage]:
    """All of a study's tables that are not as they were written.

    Raises:
        StudyConflict: a file is of a later version of the tables.
        StorageError: not reachable.
    """
    names = [name for table in SCHEMAS for name in store.files(table)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        looked = list(pool.map(lambda name: _look(store, name), names))
    bad = [found for found in looked if isinstance(found, Damage)]
    whole = {found.name: found for found in looked if isinstance(found, _File)}
    return [*bad, *_misfits(store, whole, {each.file for each in bad})]


def refuse_damaged(store: Store) -> None:
    """For readers, who must not believe what is left where something is gone.

    Raises:
        StorageError: naming a file.
    """
    for damage in damages(store):
        raise StorageError(
            "{file}: {why}; the study's command, given again, does anew what was in it",
            file=store.storage.of(damage.file),
            why=tr(damage.why),
        )


def damaged_checkpoints(store: Store, names: Sequence[str] | None = None) -> list[Damage]:
    """Of warm trajectories' weights; each is read in full.

    Args:
        store: of the study.
        names: of the files; None: all.
    """
    if names is None:
        names = [f"checkpoints/{name}" for name in store.storage.names("checkpoints")]
    found = []
    for name in names:
        try:
            whole = seal_of(store.storage.read(name) or b"", name, first=True) or _opens(
                store, name
            )
        except ValueError:
            whole = False
        if not whole:
            found.append(Damage(name, _DAMAGED))
    return found


def _look(store: Store, name: str) -> _File | Damage | None:
    """One file; None where it went meanwhile."""
    table, _, file = name.partition("/")
    part = STEM.fullmatch(file.removesuffix(".parquet")) if _has_steps(table) else None
    trajectory = part["trajectory"] if part else None
    merged = part is not None and part["step"] == MERGED
    # Without the first draw there is no first step, and nobody knows what a merged file held.
    step = 0 if merged or part is None else max(0, int(part["step"][1:]))
    data = store.storage.read(name)
    if data is None:
        return None
    try:
        own = seal_of(data, name)
        if own is None:
            _check_unsealed(data, name, part)
        if own is None or table == "steps":
            _check_version(store, data, name)
        steps: frozenset[int] = frozenset()
        if merged:
            steps = frozenset(decoded(data, name, columns=["step"])["step"].to_pylist())
        return _File(name, own, steps, beside_of(data) if table == "steps" else None)
    except DAMAGED:
        return Damage(name, _CUT, trajectory, step)


def _check_unsealed(data: bytes, name: str, part: Any) -> None:
    """Decode a file of an earlier version, and see that it is in its own place."""
    rows = decoded(data, name)
    rows.validate(full=True)
    if part is not None and len(rows):
        if set(rows["trajectory"].to_pylist()) != {part["trajectory"]}:
            raise ValueError("of another trajectory")
        if part["step"] != MERGED and set(rows["step"].to_pylist()) != {int(part["step"][1:])}:
            raise ValueError("of another step")


def _check_version(store: Store, data: bytes, name: str) -> None:
    metadata = pq.read_metadata(pa.BufferReader(data)).metadata or {}
    version = metadata.get(b"al_ray_schema", b"").decode()
    if version.isdecimal() and int(version) > VERSION:
        raise newer(store.storage.of(name), version)


def _misfits(store: Store, whole: Mapping[str, _File], bad: set[str]) -> list[Damage]:
    """What counted steps lack, or have of another writing; the first of each trajectory."""
    found = []
    for trajectory, steps in sorted(_counted(whole).items()):
        for step in (-1, *sorted(steps)):
            if step > 0 and step - 1 not in steps:
                before = store.name("steps", trajectory, step - 1)
                if before not in bad:
                    found.append(Damage(before, GONE, trajectory, step - 1))
                break
            file = steps.get(step, steps[min(steps)])
            wanted = (file.beside or {}).get(str(step), {}) if step >= 0 else {"selections": ""}
            lacking = [
                _lacks(store, whole, bad, table, trajectory, step, file, told)
                for table, told in wanted.items()
            ]
            missing = [each for each in lacking if each and each.file not in bad]
            found += missing
            if missing:
                break
    return found


def _counted(whole: Mapping[str, _File]) -> dict[str, dict[int, _File]]:
    """Steps that count, by trajectory, each with the file that says so: its own goes first."""
    found: dict[str, dict[int, _File]] = {}
    for name, file in whole.items():
        table, _, stem = name.partition("/")
        if table != "steps":
            continue
        part = STEM.fullmatch(stem.removesuffix(".parquet"))
        assert part is not None
        steps = found.setdefault(part["trajectory"], {})
        if part["step"] == MERGED:
            for step in file.steps:
                steps.setdefault(step, file)
        else:
            steps[int(part["step"][1:])] = file
    return found


def _lacks(
    store: Store,
    whole: Mapping[str, _File],
    bad: set[str],
    table: str,
    trajectory: str,
    step: int,
    counts: _File,
    told: str,
) -> Damage | None:
    """What a step's file of a table lacks; `counts` is that of `steps`."""
    name, merged_name = store.name(table, trajectory, step), store.merged_name(table, trajectory)
    own, merged = whole.get(name), whole.get(merged_name)
    first = max(0, step)
    if own is not None:
        if not told or own.seal == told:
            return None
        return Damage(name, _ELSEWHERE, trajectory, first)
    if merged_name in bad or (merged is not None and step in merged.steps):
        return None
    was_merged = counts.name == store.merged_name("steps", trajectory)
    return Damage(merged_name if was_merged else name, GONE, trajectory, first)


def _has_steps(table: str) -> bool:
    return "step" in SCHEMAS[table].names


def _opens(store: Store, name: str) -> bool:
    """Whether weights of an earlier version can be read."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        load(store.storage.read(name) or b"")
        return True
    except SafetensorError:
        return False
