"""Parquet, and what `datasets` leaves on a disk: columns with a type each, and names of classes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from al_ray.corpus.reading import tables
from al_ray.corpus.reading.tables import Table
from al_ray.errors import CorpusError
from al_ray.io.reading import parse_json, read_small

_BATCH = 1024

_TEXT_OR_NUMBER = (
    pa.types.is_null,
    pa.types.is_boolean,
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
)

# In memory a value of a column that holds neither text nor numbers: what it is does not matter, and
# Python cannot make every time and zone that Parquet can hold.
_NEITHER = b""


def parquet(path: Path, file: IO[bytes]) -> Table:
    """A Parquet file.

    Raises:
        CorpusError: it is none, or damaged, or too large.
    """
    try:
        # By itself, and not as a data set: a parent folder such as lang=ko is no column.
        found = pq.ParquetFile(file, page_checksum_verification=True)
        return _table(path, found.schema_arrow, found.iter_batches(_BATCH))
    except MemoryError:  # one of Arrow's, too
        raise
    except (pa.ArrowException, OSError, ValueError):
        raise CorpusError(
            "{path}: not a Parquet file, or damaged; write it again", path=path
        ) from None


def stream(path: Path, file: IO[bytes]) -> Table:
    """An Arrow stream, as `save_to_disk` of `datasets` writes it, or an Arrow file.

    Raises:
        CorpusError: it is none, or damaged, or too large.
    """
    try:
        framed = file.read(6) == b"ARROW1"
        file.seek(0)
        if framed:
            reader = pa.ipc.open_file(file)
            batches = (reader.get_batch(i) for i in range(reader.num_record_batches))
        else:
            reader = batches = pa.ipc.open_stream(file)
        return _table(path, reader.schema, batches)
    except MemoryError:
        raise
    except (pa.ArrowException, OSError, ValueError):
        raise CorpusError(
            "{path}: not an Arrow file, or damaged; write it again", path=path
        ) from None


def _table(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Table:
    """All of a file, or an error as soon as it is too large: one repeated value takes no room."""
    kept: list[pa.RecordBatch] = []
    room = tables.LARGEST
    for batch in batches:
        kept.append(batch)
        room -= batch.nbytes
        if room < 0:
            raise tables.too_large(path)
    table = pa.Table.from_batches(kept, schema)
    classes = _classes(path, schema)

    def fetch(i: int) -> list[Any]:
        name = table.column_names[i]
        values = _values(path, name, table.column(i))
        return _named(path, name, values, classes[name]) if name in classes else values

    return Table(path, tuple(table.column_names), table.num_rows, fetch)


def _classes(path: Path, schema: pa.Schema) -> dict[str, list[str]]:
    """The names of the classes of columns of codes, as `datasets` notes them."""
    try:
        said = (schema.metadata or {}).get(b"huggingface")
        if said is not None:
            features = parse_json(said)["info"]["features"]
        else:
            features = parse_json(read_small(path.parent / "dataset_info.json"))["features"]
        return {
            column: feature["names"]
            for column, feature in features.items()
            if feature.get("_type") == "ClassLabel" and all(map(str.strip, feature["names"]))
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # there is none, or it says nothing that is understood: codes remain


def _named(path: Path, name: str, values: list[Any], names: list[str]) -> list[Any]:
    """Codes by their names; -1 is none."""
    for row, code in enumerate(values, start=1):
        if isinstance(code, int) and code >= len(names):
            raise CorpusError(
                "{path}: data row {row} has the class {code} in column {name!r}, which "
                "has names for {n:,}; correct it or write the file again",
                path=path,
                row=row,
                code=code,
                name=name,
                n=len(names),
            )
    return [
        (names[code] if code >= 0 else None) if isinstance(code, int) else code for code in values
    ]


def _values(path: Path, name: str, column: pa.ChunkedArray) -> list[object]:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not any(is_kind(kind) for is_kind in _TEXT_OR_NUMBER):
        return [None if missing else _NEITHER for missing in column.is_null().to_pylist()]
    try:
        values: list[object] = column.to_pylist()
    except UnicodeDecodeError:
        row = next(row for row, value in enumerate(column, start=1) if _broken(value))
        raise CorpusError(
            "{path}: data row {row} is not UTF-8 in column {name!r}; correct it or write "
            "the file again",
            path=path,
            row=row,
            name=name,
        ) from None
    return values


def _broken(value: pa.Scalar) -> bool:
    try:
        value.as_py()
    except UnicodeDecodeError:
        return True
    return False
