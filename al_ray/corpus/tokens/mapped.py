"""A corpus as actors see it: memory-mapped tokens, and the rows' ids, labels and hashes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from al_ray.errors import CorpusError
from al_ray.io.storage import reason


class Tokens:
    """Token ids of all rows, memory-mapped; `tokens[row]` is a view of unsigned integers.

    Attributes:
        pad_id: what shorter rows are filled up with.
        special_ids: of tokens that stand for no text, such as [CLS] and [SEP].
        lengths: int32 (rows,).
        window: of how many tokens a longer row's windows are, the last of which may have fewer;
            None: a row is read at once.
        characters: int64 (rows,), how many of each row's characters have a token; None where the
            file does not say which.

    Raises:
        CorpusError: the file is missing or damaged.
    """

    def __init__(self, path: Path) -> None:
        try:
            reader = pa.ipc.open_file(pa.memory_map(str(path)))
            metadata = reader.schema.metadata
            self.pad_id = int(metadata[b"pad_id"])
            self.special_ids = frozenset(map(int, metadata.get(b"special_ids", b"").split()))
            self.window = int(metadata[b"window"]) if b"window" in metadata else None
            batches = [reader.get_batch(i) for i in range(reader.num_record_batches)]
            columns = [batch.column(0) for batch in batches]
            if sum(map(len, columns)) != int(metadata.get(b"rows", sum(map(len, columns)))):
                raise ValueError("rows are missing")
        except (OSError, ValueError, KeyError, TypeError) as error:  # Arrow's are among these
            raise CorpusError(
                "{path}: the prepared tokens cannot be read ({error}); give the same "
                "command again, which makes them anew",
                path=path,
                error=reason(error),
            ) from error
        self._ids = _Lists(columns)
        self.lengths: NDArray[np.int32] = self._ids.lengths
        self._places, self.characters = None, None
        if batches and batches[0].num_columns > 1:
            self._places = _Lists([batch.column(1) for batch in batches])
            self.characters = self._places.lengths.astype(np.int64)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, row: int) -> NDArray[np.unsignedinteger]:
        return self._ids[row]

    def read_together(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Tokens of each sequence that the model reads at once, (sequences,), row after row."""
        lengths = self.lengths[rows].astype(np.int64)
        if self.window is None:
            return lengths
        windows = np.maximum(1, -(-lengths // self.window))
        found = np.full(windows.sum(), self.window)
        found[np.cumsum(windows) - 1] = lengths - (windows - 1) * self.window
        return found

    def places(self, row: int) -> NDArray[np.unsignedinteger]:
        """Which of the row's tokens each of its characters belongs to, ascending.

        Raises:
            TypeError: the file does not say.
        """
        if self._places is None:
            raise TypeError("the tokens were prepared without places")
        return self._places[row]


class _Lists:
    """A column of lists of whole numbers, a view of each."""

    def __init__(self, columns: Sequence[pa.ListArray]) -> None:
        self._values = [_view(column.values) for column in columns]
        self._offsets = [_view(column.offsets) for column in columns]
        self._starts = [0, *accumulate(map(len, columns))]
        self.lengths: NDArray[np.int32] = np.concatenate(
            [np.empty(0, np.int32), *map(np.diff, self._offsets)], dtype=np.int32
        )

    def __getitem__(self, row: int) -> NDArray[np.unsignedinteger]:
        batch = bisect_right(self._starts, row) - 1
        offsets, place = self._offsets[batch], row - self._starts[batch]
        found: NDArray[np.unsignedinteger] = self._values[batch][
            offsets[place] : offsets[place + 1]
        ]
        return found


def _view(array: pa.Array) -> NDArray[Any]:
    # Array.to_numpy would import pandas: 50 MB and half a second of every actor.
    kind = np.dtype(str(array.type))
    if not len(array):
        return np.empty(0, kind)
    return np.frombuffer(array.buffers()[1], kind, len(array), array.offset * kind.itemsize)


@dataclass(frozen=True, eq=False)
class Rows:
    """What the loop knows of every row.

    Attributes:
        ids: row ids, an Arrow string array.
        labels: int32 (rows,).
        hashes: uint64 (rows,), of the row ids.
        splits: name and rows of train and each test, in file order.
        label_names: a label is a position in here.
        task: what the labels are; a key of `tasks.TASKS`.
        texts: an Arrow string array, where the task reads them.
    """

    ids: pa.Array
    labels: NDArray[np.int32]
    hashes: NDArray[np.uint64]
    splits: dict[str, NDArray[np.int64]]
    label_names: tuple[str, ...]
    task: str = "classification"
    texts: pa.Array | None = None

    @property
    def train(self) -> NDArray[np.int64]:
        """The rows of train."""
        return next(iter(self.splits.values()))

    @property
    def tests(self) -> dict[str, NDArray[np.int64]]:
        """Rows of each test; the first is the main one."""
        return dict(list(self.splits.items())[1:])

    def texts_of(self, rows: NDArray[np.int64]) -> list[str] | None:
        """Texts at these rows; None where the task does not read them."""
        if self.texts is None:
            return None
        texts: list[str] = self.texts.take(pa.array(rows)).to_pylist()
        return texts

    def ids_of(self, rows: NDArray[np.int64]) -> list[str]:
        """Row ids at these rows."""
        ids: list[str] = self.ids.take(pa.array(rows)).to_pylist()
        return ids

    @classmethod
    def load(cls, path: Path) -> Rows:
        """Open the file of a prepared corpus."""
        table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        names = table.schema.metadata[b"splits"].decode().split("\x00")
        sizes = [int(size) for size in table.schema.metadata[b"sizes"].decode().split()]
        bounds = np.cumsum([0, *sizes])
        return cls(
            ids=table.column("row_id").combine_chunks(),
            labels=table.column("label").to_numpy(),
            hashes=table.column("row_hash").to_numpy(),
            splits={
                name: np.arange(bounds[i], bounds[i + 1], dtype=np.int64)
                for i, name in enumerate(names)
            },
            label_names=tuple(table.schema.metadata[b"labels"].decode().split("\x00")),
            task=table.schema.metadata.get(b"task", b"classification").decode(),
            texts=table.column("text").combine_chunks() if "text" in table.column_names else None,
        )
