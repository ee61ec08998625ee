"""Make what actors read of a corpus (`mapped`): tokens, and the rows' ids, labels and hashes.

Both files are content-addressed Arrow IPC files written by temp file and rename, so that starts at
the same time cannot harm each other and actors are sent a path, never the data. Tokens and labels
are apart: who trains and scores is given labels one step at a time, by the loop.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from al_ray.corpus.rows import Corpus
from al_ray.corpus.tokens.mapped import Rows, Tokens
from al_ray.errors import CorpusError, ModelError
from al_ray.io.files import atomic_with_digest, is_as_written
from al_ray.io.interrupts import deaf_children
from al_ray.io.storage import reason
from al_ray.randomness import row_hashes

if TYPE_CHECKING:
    from al_ray.corpus.tokens.tokenising import Encoded, Tokeniser

__all__ = ["Prepared", "Progress", "Rows", "Tokens", "prepare"]

Places = Literal["characters", "context"]
LEAST_WINDOW = 7
"""Tokens in which a question of half of them leaves room for some of its context."""

Progress = Callable[[int, int], None]
"""Called with (rows done, rows in all)."""

_FORMAT = 3
_BATCH = 8192
_BATCH_CHARACTERS = 2**21
_WORKER_CHARACTERS = 2**22
_MOST_WORKERS = 8
_PLACED = {"characters": "characters", "context": "windows of context"}
_TRACKER = "ignore:resource_tracker"


@dataclass(frozen=True)
class Prepared:
    """Paths of a prepared corpus; rows are numbered through train, then the tests."""

    tokens: Path
    rows: Path


def prepare(
    corpus: Corpus,
    tokenizer: Path,
    tokenizer_digest: str,
    max_length: int,
    folder: Path,
    progress: Progress | None = None,
    places: Places | None = None,
    texts: bool = False,
    aside: bool = True,
) -> Prepared:
    """Tokenise once per (corpus, tokenizer, maximum length) and write what actors read.

    Args:
        corpus: the rows.
        tokenizer: folder that `open_tokeniser` opens.
        tokenizer_digest: of the folder's content.
        max_length: tokens, special ones included, that a text is cut to, or a window has.
        folder: the cache, made if need be.
        progress: called now and then.
        places: whether the token of every character is wanted, too, or of those of a context, which
            the tokenizer then has beside its question.
        texts: whether the rows' texts are.
        aside: in processes of their own, which the main module must bear to be imported by; else
            here.

    Returns:
        Paths of the files. They are not written again if they are there and whole.

    Raises:
        ModelError: the tokenizer cannot be loaded.
        CorpusError: a text cannot be tokenised, or the files cannot be written.
    """
    if places == "context" and max_length < LEAST_WINDOW:
        raise CorpusError(
            "--max-length {n}: no room for a question and its context; give {least} or more",
            n=max_length,
            least=LEAST_WINDOW,
        )
    facts = f"{_FORMAT} {corpus.digest} {tokenizer_digest} {max_length}" + (
        f" {_PLACED[places]}" if places else ""
    )
    key = hashlib.blake2b(facts.encode(), digest_size=10).hexdigest()
    prepared = Prepared(folder / f"tokens-{key}.arrow", folder / f"rows-{corpus.digest[:20]}.arrow")
    every = [text for split in corpus.splits for text in split.texts]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # A damaged file is replaced and not removed first: another start may have just mended it.
        if not is_as_written(prepared.rows):
            _write_rows(corpus, prepared.rows, every if texts else None)
        if not is_as_written(prepared.tokens):
            _write_tokens(every, tokenizer, max_length, prepared.tokens, progress, places, aside)
    except OSError as error:
        raise CorpusError(
            "{folder}: the prepared corpus cannot be written ({error}); make room there, "
            "or give another folder by --out",
            folder=folder,
            error=reason(error),
        ) from error
    return prepared


def _write_rows(corpus: Corpus, path: Path, texts: Sequence[str] | None = None) -> None:
    ids = [row_id for split in corpus.splits for row_id in split.row_ids]
    batch = pa.record_batch(
        {
            "row_id": pa.array(ids, pa.string()),
            "label": np.concatenate([split.labels for split in corpus.splits]).astype(np.int32),
            "row_hash": row_hashes(ids),
            **({} if texts is None else {"text": pa.array(texts, pa.string())}),
        }
    ).replace_schema_metadata(
        {
            "splits": "\x00".join(split.name for split in corpus.splits),
            "sizes": " ".join(str(len(split)) for split in corpus.splits),
            "labels": "\x00".join(corpus.labels),
            "task": corpus.task,
        }
    )
    with atomic_with_digest(path) as temp, pa.ipc.new_file(temp, batch.schema) as writer:
        writer.write_batch(batch)


def _write_tokens(
    texts: Sequence[str],
    tokenizer: Path,
    max_length: int,
    path: Path,
    progress: Progress | None,
    places: Places | None = None,
    aside: bool = True,
) -> None:
    workers = _workers(sum(map(len, texts))) if aside else 1
    try:
        with child_processes(tokenizer, workers) if aside else ThreadPoolExecutor(1) as pool:
            with deaf_children():
                opened = pool.submit(_open_tokenizer, str(tokenizer))
            pad_id, size, special, embedded = opened.result()
            values = pa.from_numpy_dtype(np.min_scalar_type(max(pad_id, size - 1)))
            columns = {"tokens": pa.list_(values)}
            if places:
                columns["places"] = pa.list_(pa.uint32())
            schema = pa.schema(
                columns,
                {
                    "pad_id": str(pad_id),
                    "special_ids": " ".join(map(str, sorted(special))),
                    "rows": str(len(texts)),
                    **({"window": str(max_length)} if places == "context" else {}),
                },
            )
            with atomic_with_digest(path) as temp, pa.ipc.new_file(temp, schema) as writer:
                for end, encoded in _in_order(pool, workers + 1, texts, max_length, places):
                    _check_ids(encoded[0][1], embedded, tokenizer)
                    writer.write_batch(_as_batch(encoded, schema))
                    if progress:
                        progress(end, len(texts))
    except BrokenProcessPool as error:
        raise CorpusError(
            "{path}: a process that made tokens was killed, perhaps for want of memory; "
            "free some and give the same command again",
            path=path,
        ) from error


def _in_order(
    pool: Executor,
    most: int,
    texts: Sequence[str],
    max_length: int,
    places: Places | None,
) -> Iterator[tuple[int, list[Encoded]]]:
    """(rows done, columns) of batch after batch, with at most `most` sent and not yet back.

    What is sent and what comes back is held in memory.
    """
    flight: deque[tuple[int, Future[Any]]] = deque()
    work = {None: _tokenise, "characters": _tokenise_and_place, "context": _tokenise_pairs}[places]
    ahead = pairwise(_cuts(texts))
    try:
        while True:
            for start, end in islice(ahead, most - len(flight)):
                with deaf_children():
                    sent = pool.submit(work, list(texts[start:end]), max_length)
                flight.append((end, sent))
            if not flight:
                return
            end, future = flight.popleft()
            yield end, future.result() if places else [future.result()]
    finally:
        for _, future in flight:
            future.cancel()


def _check_ids(ids: NDArray[np.int32], embedded: int | None, tokenizer: Path) -> None:
    """A tokenizer of another model gives ids that this one has no vectors for."""
    if embedded is not None and len(ids) and (largest := int(ids.max())) >= embedded:
        raise ModelError(
            "{tokenizer}: its tokenizer gives the id {id:,}, and config.json says "
            "vocab_size {size}; give --model a folder whose tokenizer and weights "
            "belong together",
            tokenizer=tokenizer,
            id=largest,
            size=embedded,
        )


def _as_batch(columns: Sequence[Encoded], schema: pa.Schema) -> pa.RecordBatch:
    made = []
    for (lengths, values), field in zip(columns, schema, strict=True):
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        flat = pa.array(values.astype(field.type.value_type.to_pandas_dtype()))
        made.append(pa.ListArray.from_arrays(offsets, flat, type=field.type))
    return pa.record_batch(made, schema=schema)


def _cuts(texts: Sequence[str]) -> list[int]:
    """Where batches begin and end: `_BATCH` texts, or fewer long ones."""
    cuts, characters = [0], 0
    for row, text in enumerate(texts):
        if row > cuts[-1] and (
            row - cuts[-1] == _BATCH or characters + len(text) > _BATCH_CHARACTERS
        ):
            cuts.append(row)
            characters = 0
        characters += len(text)
    return [*cuts, len(texts)] if texts else cuts


def _workers(characters: int) -> int:
    """One process more for what takes as long as the start of a process."""
    have = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(_MOST_WORKERS, have or 1, characters // _WORKER_CHARACTERS))


@contextmanager
def child_processes(tokenizer: Path, workers: int) -> Iterator[ProcessPoolExecutor]:
    """Processes of their own: a tokenizer's library costs seconds and hundreds of megabytes."""
    # Python removes the semaphores of a process that a signal ends, and need not say so.
    if _TRACKER not in sys.warnoptions:
        sys.warnoptions.append(_TRACKER)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        workers, mp_context=context, initializer=_begin_child, initargs=(str(tokenizer), workers)
    ) as pool:
        yield pool


# What follows runs in the children.

_folder = ""
_tokenizer: Tokeniser | None = None


def _begin_child(folder: str, workers: int) -> None:
    """The first thing in a child: no torch, and no life longer than its parent's."""
    global _folder
    _folder = folder
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ["USE_TORCH"] = "0"  # Transformers would import it, and no tokenizer needs it
    os.environ["TOKENIZERS_PARALLELISM"] = "true" if workers == 1 else "false"


def _end_with_parent() -> None:
    # A child that waits for work would not notice that nobody is left to give it any.
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _open_tokenizer(folder: str) -> tuple[int, int, frozenset[int], int | None]:
    """Load, keep, and answer with pad id, vocabulary, special ids and the model's number of ids."""
    global _tokenizer
    from al_ray.corpus.tokens.tokenisers import check_kind, open_tokeniser

    _tokenizer = open_tokeniser(Path(folder))
    embedded = check_kind(Path(folder))
    return _tokenizer.pad_id, _tokenizer.size, _tokenizer.special_ids, embedded


def _tokenise(texts: list[str], max_length: int) -> Encoded:
    """Lengths (rows,) and all ids, one row after another."""
    return _opened().encode(texts, max_length)


def _tokenise_and_place(texts: list[str], max_length: int) -> list[Encoded]:
    """Ids, and the token of every character."""
    return [_tokenise(texts, max_length), _opened().places(texts, max_length)]


def _tokenise_pairs(texts: list[str], max_length: int) -> list[Encoded]:
    """Ids of questions and contexts, and the token of every character of a context."""
    return list(_opened().pairs(texts, max_length))


def _opened() -> Tokeniser:
    if _tokenizer is None:
        _open_tokenizer(_folder)
    assert _tokenizer is not None
    return _tokenizer
