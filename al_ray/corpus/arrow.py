"""Arrow IPC files that know whether they are whole: the number of rows, a checksum a batch."""

from __future__ import annotations

import zlib
from pathlib import Path

import pyarrow as pa


def write_batch(writer: pa.ipc.RecordBatchFileWriter, batch: pa.RecordBatch) -> None:
    """Write a batch and its checksum; the schema's metadata must hold the file's `rows`."""
    writer.write_batch(batch, custom_metadata={"checksum": str(_checksum(batch))})


def is_whole(path: Path) -> bool:
    """Whether the file is there with all rows, and every batch is as it was written.

    A copy that was cut off has no footer; one that a crash left full of zeros may have.
    """
    try:
        with pa.memory_map(str(path)) as source:
            reader = pa.ipc.open_file(source)
            rows = 0
            for i in range(reader.num_record_batches):
                batch, metadata = reader.get_batch_with_custom_metadata(i)
                if int(metadata[b"checksum"]) != _checksum(batch):
                    return False
                rows += batch.num_rows
            return rows == int(reader.schema.metadata[b"rows"])
    except (OSError, ValueError, KeyError, TypeError):  # Arrow's errors are among these
        return False


def _checksum(batch: pa.RecordBatch) -> int:
    total = 0
    for column in batch.columns:
        for buffer in column.buffers():
            if buffer is not None:
                total = zlib.crc32(buffer, total)
    return total


def first_line(error: Exception) -> str:
    """What an error says, in one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
