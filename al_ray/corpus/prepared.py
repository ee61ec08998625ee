"""A corpus as actors see it: memory-mapped tokens, and the rows' ids, labels and hashes.

Both files are content-addressed Arrow IPC files written by temp file and rename, so that starts at
the same time cannot harm each other and actors are sent a path, never the data. Tokens and labels
are apart: who trains and scores is given labels one step at a time, by the loop.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from al_ray.corpus.rows import Corpus
from al_ray.errors import ModelError
from al_ray.files import atomic
from al_ray.randomness import row_hashes

Progress = Callable[[int, int], None]
"""Called with (rows done, rows in all)."""

_FORMAT = 1
_BATCH = 8192


@dataclass(frozen=True)
class Prepared:
    """Paths of a prepared corpus; rows are numbered through train, then the tests."""

    tokens: Path
    rows: Path


class Tokens:
    """Token ids of all rows, memory-mapped; `tokens[row]` is a view of unsigned integers."""

    def __init__(self, path: Path) -> None:
        table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        metadata = table.schema.metadata
        self.pad_id = int(metadata[b"pad_id"])
        # One record batch is written, so there is one chunk and nothing is copied.
        column = table.column("tokens").chunk(0)
        self._values = column.values.to_numpy(zero_copy_only=True)
        self._offsets = column.offsets.to_numpy(zero_copy_only=True)
        self.lengths: NDArray[np.int64] = np.diff(self._offsets)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, row: int) -> NDArray[np.unsignedinteger]:
        ids: NDArray[np.unsignedinteger] = self._values[self._offsets[row] : self._offsets[row + 1]]
        return ids


@dataclass(frozen=True, eq=False)
class Rows:
    """What the loop knows of every row.

    Attributes:
        ids: row ids, an Arrow string array.
        labels: int32 (rows,).
        hashes: uint64 (rows,), of the row ids.
        splits: name and rows of train and each test, in file order.
        label_names: a label is a position in here.
    """

    ids: pa.Array
    labels: NDArray[np.int32]
    hashes: NDArray[np.uint64]
    splits: dict[str, NDArray[np.int64]]
    label_names: tuple[str, ...]

    @property
    def train(self) -> NDArray[np.int64]:
        """The rows of train."""
        return next(iter(self.splits.values()))

    @property
    def tests(self) -> dict[str, NDArray[np.int64]]:
        """Rows of each test; the first is the main one."""
        return dict(list(self.splits.items())[1:])

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
        )


def prepare(
    corpus: Corpus,
    tokenizer: Path,
    tokenizer_digest: str,
    max_length: int,
    folder: Path,
    progress: Progress | None = None,
) -> Prepared:
    """Tokenise once per (corpus, tokenizer, maximum length) and write what actors read.

    Args:
        corpus: the rows.
        tokenizer: folder that AutoTokenizer loads.
        tokenizer_digest: of the folder's content.
        max_length: tokens, special ones included, that a text is cut to.
        folder: the cache, made if need be.
        progress: called now and then.

    Returns:
        Paths of the files; they are not written again if they are there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    facts = f"{_FORMAT} {corpus.digest} {tokenizer_digest} {max_length}"
    key = hashlib.blake2b(facts.encode(), digest_size=10).hexdigest()
    prepared = Prepared(folder / f"tokens-{key}.arrow", folder / f"rows-{corpus.digest[:20]}.arrow")
    if not prepared.rows.exists():
        _write_rows(corpus, prepared.rows)
    if not prepared.tokens.exists():
        texts = [text for split in corpus.splits for text in split.texts]
        _write_tokens(texts, tokenizer, max_length, prepared.tokens, progress)
    return prepared


def _write_rows(corpus: Corpus, path: Path) -> None:
    ids = [row_id for split in corpus.splits for row_id in split.row_ids]
    table = pa.table(
        {
            "row_id": pa.array(ids, pa.string()),
            "label": np.concatenate([split.labels for split in corpus.splits]).astype(np.int32),
            "row_hash": row_hashes(ids),
        }
    ).replace_schema_metadata(
        {
            "splits": "\x00".join(split.name for split in corpus.splits),
            "sizes": " ".join(str(len(split)) for split in corpus.splits),
            "labels": "\x00".join(corpus.labels),
        }
    )
    with atomic(path) as temp, pa.ipc.new_file(temp, table.schema) as writer:
        writer.write_table(table)


def _write_tokens(
    texts: Sequence[str], tokenizer: Path, max_length: int, path: Path, progress: Progress | None
) -> None:
    # In a process of its own, because importing a tokenizer's library costs the driver some
    # seconds and hundreds of megabytes that it has no other use for.
    context = multiprocessing.get_context("spawn")
    parts: list[list[NDArray[np.int32]]] = []
    with ProcessPoolExecutor(1, mp_context=context, initializer=_watch_parent) as pool:
        pad_id, size = pool.submit(_open_tokenizer, str(tokenizer)).result()
        for start in range(0, len(texts), _BATCH):
            batch = list(texts[start : start + _BATCH])
            parts.append(pool.submit(_tokenise, batch, max_length).result())
            if progress:
                progress(min(start + _BATCH, len(texts)), len(texts))
    kind = np.uint16 if size <= 2**16 else np.uint32
    lengths = np.concatenate([part[0] for part in parts])
    values = np.concatenate([part[1] for part in parts]).astype(kind)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    column = pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(values))
    table = pa.table({"tokens": column}).replace_schema_metadata({"pad_id": str(pad_id)})
    with atomic(path) as temp, pa.ipc.new_file(temp, table.schema) as writer:
        writer.write_batch(table.to_batches()[0])


_tokenizer = None


def _open_tokenizer(folder: str) -> tuple[int, int]:
    """Runs in the child: load, keep, and answer with pad id and vocabulary size."""
    global _tokenizer
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    from transformers import AutoTokenizer

    try:
        _tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        pad_id, size = int(_tokenizer.pad_token_id), len(_tokenizer)
    except Exception as error:  # a tokenizer's files can be wrong in any way
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"{folder}: its tokenizer cannot be loaded ({type(error).__name__}: {reason}); give "
            "--model a folder with tokenizer.json, or vocab.txt and tokenizer_config.json"
        ) from None
    return pad_id, size


def _watch_parent() -> None:
    """A driver that is killed leaves no child waiting for work."""
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _tokenise(texts: list[str], max_length: int) -> list[NDArray[np.int32]]:
    """Runs in the child: lengths (rows,) and all ids, one row after another."""
    assert _tokenizer is not None
    ids = _tokenizer(
        texts,
        truncation=True,
        max_length=max_length,
        return_attention_mask=False,
        return_token_type_ids=False,
    )["input_ids"]
    lengths = np.array([len(row) for row in ids], np.int32)
    return [lengths, np.concatenate([np.asarray(row, np.int32) for row in ids])]
