"""What a crash, a full disk or a broken copy left in a study's folder, found when it goes on."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.parquet as pq

from al_ray.errors import StorageError
from al_ray.results.schema import SCHEMAS, VERSION
from al_ray.results.store import MERGED, Store, newer
from al_ray.storage import reason

_STEM = re.compile(rf"(?P<trajectory>.+?)(?P<step>--001|-[0-9]{{4,}}|{MERGED})")
_AT_ONCE = 16


def mend(store: Store, say: Callable[[str], None]) -> None:
    """Remove files that are not whole, so that what was in them is done again; say which.

    A file of a step takes the step's rows in `steps` with it: the step does not count any more.
    Only the ends of the files are read, which is where a file that was cut short differs.

    Raises:
        StudyConflict: a file is of a later version of the tables.
        StorageError: not reachable.
    """
    files = [file for table in SCHEMAS for file in store.files(table)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        whole = list(pool.map(lambda file: _is_whole(store, file), files))
    for file, good in zip(files, whole, strict=True):
        if good:
            continue
        undone = _undo(store, file)
        say(f"{store.storage.of(file)}: was cut short and is removed; {undone}.")
    if store.storage.local is not None:  # an object store has whole files only
        for path in sorted((store.folder / "checkpoints").glob("*.safetensors")):
            if not _opens(str(path)):
                path.unlink()
                say(f"{path}: was cut short and is removed; its step is done again.")


def _is_whole(store: Store, file: str) -> bool:
    storage = store.storage
    try:
        metadata = pq.read_metadata(storage.path(file), filesystem=storage.fs).metadata or {}
    except pa.ArrowInvalid:
        return False
    except OSError as error:
        if storage.local is not None and error.errno is None:
            return False
        raise StorageError(
            f"{storage.of(file)}: cannot be read ({reason(error)}); check the storage, and give "
            "the same command again"
        ) from error
    version = metadata.get(b"al_ray_schema", b"").decode()
    if version.isdecimal() and int(version) > VERSION:
        raise newer(storage.of(file), version)
    return True


def _undo(store: Store, file: str) -> str:
    """Remove a file and what it makes worthless; in words, what is done again."""
    store.storage.remove(file)
    table, _, name = file.partition("/")
    part = _STEM.fullmatch(name.removesuffix(".parquet"))
    if part is None or "step" not in SCHEMAS[table].names:
        return "it is written again"
    trajectory, step = part["trajectory"], part["step"]
    if step == MERGED:
        store.storage.remove(store.merged_name("steps", trajectory))
        return f"the steps of {trajectory} in it are done again"
    number = max(0, int(step.removeprefix("-")))  # without the first draw there is no first step
    store.drop_step(trajectory, number)
    return f"step {number} of {trajectory} is done again"


def _opens(path: str) -> bool:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np"):
            return True
    except (SafetensorError, OSError):
        return False
