"""A table's rows as the bytes of a sealed Parquet file, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from al_ray.results.schema import SCHEMAS
from al_ray.results.seal import EMPTY, seal

Beside = Mapping[str, Mapping[str, str]]
"""Of a file of `steps`: the seals of a step's other files, by step and table; '' of merged ones."""

DAMAGED: Final = (pa.ArrowException, ValueError, OSError, TypeError, LookupError, MemoryError)
"""What a damaged file may raise when it is read."""

_SEAL: Final = b"al_ray_seal"
_BESIDE: Final = b"al_ray_beside"

_MOST_ROWS: Final = 2**28
"""Of a file: what a few bytes claim to unfold to must not fill the memory."""


def encoded(rows: pa.Table, name: str, beside: Beside | None = None) -> tuple[bytearray, str]:
    """The file of these rows, and its seal.

    Args:
        rows: in the table's schema.
        name: of the file, with its table.
        beside: of `steps`.
    """
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, rows.schema) as writer:
        writer.write_table(rows)
        metadata = {_SEAL: EMPTY}
        if beside is not None:
            metadata[_BESIDE] = json.dumps(beside)
        writer.add_key_value_metadata(metadata)
    data = bytearray(sink.getvalue())
    return data, seal(data, name)


def decoded(data: bytes, name: str, **options: Any) -> pa.Table:
    """The rows of a file, whatever its seal says.

    Raises:
        One of DAMAGED.
    """
    schema = SCHEMAS[name.partition("/")[0]]
    file = pq.ParquetFile(pa.BufferReader(data))
    if file.metadata.num_rows > _MOST_ROWS:
        raise ValueError(f"has {file.metadata.num_rows} rows")
    if not options and file.schema_arrow.equals(schema):
        # Without the file's own words: rows that are written again have others.
        return file.read(use_threads=False).replace_schema_metadata(schema.metadata)
    # A part of it, or of an earlier version: the long way, which costs thrice as much.
    return pq.read_table(pa.BufferReader(data), schema=schema, **options)


def beside_of(data: bytes) -> dict[str, dict[str, str]]:
    """What a whole file of `steps` says was written beside it; {} where it says nothing.

    Raises:
        One of DAMAGED.
    """
    metadata = pq.read_metadata(pa.BufferReader(data)).metadata or {}
    found: dict[str, dict[str, str]] = json.loads(metadata.get(_BESIDE, b"{}"))
    return found
