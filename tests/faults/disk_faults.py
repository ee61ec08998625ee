"""What a bad disk, a broken copy or a slip of the hand does to a file of a study's folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fault_plan import Fault

from al_ray.results import SCHEMAS

RUN = 512
"""Bytes that are zeroed at the most: small tables are not much longer."""

ENDS = 1024
"""Bytes at either end of an Arrow file where its metadata are."""


def damage(out: Path, fault: Fault) -> dict[str, Any] | None:
    """Do to a file what the fault says; which, and where. None: there is none to do it to."""
    files = _FILES.get(fault.kind, everything)(out)
    if not files:
        return None
    path = files[int(fault.choice * len(files))]
    try:
        where = _DO[fault.kind](path, fault.place)
    except FileNotFoundError:  # set aside or replaced in this instant
        return None
    return None if where is None else {"file": str(path.relative_to(out)), **where}


def tables(out: Path) -> list[Path]:
    """Parquet files, without those that are being written."""
    return [path for table in SCHEMAS for path in sorted((out / table).glob("[!.]*.parquet"))]


def checkpoints(out: Path) -> list[Path]:
    """Of warm trajectories."""
    return sorted((out / "checkpoints").glob("[!.]*.safetensors"))


def caches(out: Path) -> list[Path]:
    """Tokens, rows, vectors and `mini`, with what lies beside them."""
    found = sorted((out / "cache").rglob("*"))
    hidden = [any(part[0] == "." for part in path.relative_to(out).parts) for path in found]
    return [path for path, no in zip(found, hidden, strict=True) if not no and path.is_file()]


def metadata(out: Path) -> list[Path]:
    """Where a study and its corpus say what they are."""
    notes = (out / "study.json", out / ".al_ray/study.json", out / ".al_ray/trusted.json")
    arrow = [path for path in caches(out) if path.suffix == ".arrow"]
    return [*(path for path in notes if path.exists()), *arrow]


def everything(out: Path) -> list[Path]:
    """All that a study reads again; reports and the like are outputs."""
    notes = [path for path in metadata(out) if path.suffix == ".json"]
    marker = [path for path in [out / ".al_ray/README"] if path.exists()]
    claims = sorted((out / "claims").glob("[!.]*"))
    return [*notes, *marker, *claims, *tables(out), *checkpoints(out), *caches(out)]


def flip(path: Path, start: int, end: int, place: float) -> dict[str, Any] | None:
    """Another bit somewhere between two bytes of a file, in place."""
    bit = int(place * 8 * (end - start))
    if bit >= 8 * (end - start):
        return None
    at = start + bit // 8
    with path.open("r+b") as file:
        file.seek(at)
        old = file.read(1)
        if not old:
            return None
        file.seek(at)
        file.write(bytes([old[0] ^ 1 << bit % 8]))
    return {"byte": at, "bit": bit % 8}


def _anywhere(path: Path, place: float) -> dict[str, Any] | None:
    return flip(path, 0, path.stat().st_size, place)


def _in_page(path: Path, place: float) -> dict[str, Any] | None:
    return flip(path, 4, _footer(path), place)


def _in_footer(path: Path, place: float) -> dict[str, Any] | None:
    return flip(path, _footer(path), path.stat().st_size, place)


def _footer(path: Path) -> int:
    """Where a Parquet file's footer begins."""
    data = path.read_bytes()
    return max(0, len(data) - 8 - int.from_bytes(data[-8:-4], "little"))


def _in_metadata(path: Path, place: float) -> dict[str, Any] | None:
    size = path.stat().st_size
    if path.suffix == ".json" or size <= 2 * ENDS:
        return flip(path, 0, size, place)
    if place < 0.5:
        return flip(path, 0, ENDS, 2 * place)
    return flip(path, size - ENDS, size, 2 * place - 1)


def _zero(path: Path, place: float) -> dict[str, Any] | None:
    data = bytearray(path.read_bytes())
    start = int(place * len(data))
    zeros = bytes(len(data[start : start + RUN]))
    if data[start : start + RUN] == zeros:  # nothing would change
        return None
    with path.open("r+b") as file:
        file.seek(start)
        file.write(zeros)
    return {"byte": start, "bytes": len(zeros)}


def _truncate(path: Path, place: float) -> dict[str, Any] | None:
    size = path.stat().st_size
    os.truncate(path, int(place * size))
    return {"bytes": int(place * size), "of": size} if size else None


def _empty(path: Path, _: float) -> dict[str, Any] | None:
    return _truncate(path, 0.0)


def _delete(path: Path, _: float) -> dict[str, Any] | None:
    path.unlink()
    return {}


def _swap(path: Path, place: float) -> dict[str, Any] | None:
    """With another step's file of the same table and trajectory."""
    stem = path.stem[:-5]  # without the step, four digits; one that begins with −1 has no others
    others = sorted(set(path.parent.glob(f"{stem}-[0-9]*.parquet")) - {path})
    if not others:
        return None
    other = others[int(place * len(others))]
    between = path.with_name(f".{path.name}")
    os.rename(path, between)
    os.rename(other, path)
    os.rename(between, other)
    return {"with": other.name}


_FILES: dict[str, Callable[[Path], list[Path]]] = {
    "bit in a page": tables,
    "bit in a footer": tables,
    "bit in metadata": metadata,
    "zeroed page": tables,
    "swapped": lambda out: [path for path in tables(out) if path.stem[-5:-4] == "-"],
    "bit in a checkpoint": checkpoints,
    "bit in a cache file": caches,
}

_DO: dict[str, Callable[[Path, float], dict[str, Any] | None]] = {
    "bit in a page": _in_page,
    "bit in a footer": _in_footer,
    "bit in metadata": _in_metadata,
    "zeroed page": _zero,
    "truncated": _truncate,
    "emptied": _empty,
    "deleted": _delete,
    "swapped": _swap,
    "bit in a checkpoint": _anywhere,
    "bit in a cache file": _anywhere,
}
