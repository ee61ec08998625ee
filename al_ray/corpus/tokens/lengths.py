"""How long texts are, in tokens of a model."""

from __future__ import annotations

from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from al_ray.corpus.rows import Corpus
from al_ray.corpus.tokens.prepared import child_processes
from al_ray.errors import CorpusError
from al_ray.io.interrupts import deaf_children
from al_ray.randomness import keys, row_hashes

SAMPLE = 20_000
"""Texts whose tokens are counted, at most."""

_UNLIMITED = 2**30
_BATCH = 2048


def token_lengths(corpus: Corpus, tokenizer: Path) -> dict[str, NDArray[np.int64]]:
    """Tokens of a seeded sample of each split's texts, special ones included, before any cut.

    The sample is of 20,000 rows at most, the same number of each split.

    Raises:
        CorpusError: the process that holds the tokenizer died.
    """
    most = SAMPLE // len(corpus.splits)
    answer = {}
    try:
        with child_processes(tokenizer, 1) as pool:
            for split in corpus.splits:
                order = np.argsort(keys(row_hashes(split.row_ids), 0, 0, "tokens"), kind="stable")
                texts = [split.texts[row] for row in order[:most]]
                with deaf_children():
                    counted = pool.submit(_count, str(tokenizer), texts)
                answer[split.name] = counted.result()
    except BrokenProcessPool:
        raise CorpusError(
            "{tokenizer}: the process that counts tokens died; is there memory enough?",
            tokenizer=tokenizer,
        ) from None
    return answer


def _count(tokenizer: str, texts: list[str]) -> NDArray[np.int64]:
    """Runs in the child."""
    from al_ray.corpus.tokens.tokenisers import open_tokeniser

    opened = open_tokeniser(Path(tokenizer))
    parts = [
        opened.encode(texts[start : start + _BATCH], _UNLIMITED)[0]
        for start in range(0, len(texts), _BATCH)
    ]
    return np.concatenate([np.empty(0, np.int64), *parts]).astype(np.int64)
