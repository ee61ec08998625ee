"""All randomness, derived from (seed, step, purpose); no global generator is touched.

A row's place in a random order is a hash of its id, so it depends neither on the order of the
file nor on how the rows are spread over shards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

_GOLDEN = 0x9E3779B97F4A7C15


def derive(seed: int, step: int, purpose: str) -> int:
    """A 63-bit integer that is a pure function of its arguments."""
    digest = hashlib.blake2b(f"{seed}\x00{step}\x00{purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def generator(seed: int, step: int, purpose: str) -> np.random.Generator:
    """A generator of its own for one purpose at one step."""
    return np.random.default_rng(derive(seed, step, purpose))


def row_hashes(row_ids: Iterable[str]) -> NDArray[np.uint64]:
    """64 bits of each row id (rows,); computed once per corpus."""
    joined = b"".join(
        hashlib.blake2b(row_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        for row_id in row_ids
    )
    return np.frombuffer(joined, dtype="<u8").astype(np.uint64)


def keys(hashes: NDArray[np.uint64], seed: int, step: int, purpose: str) -> NDArray[np.uint64]:
    """A seeded random key for each row (rows,): sorting by it is a permutation.

    The mixing is the finaliser of splitmix64 (Steele, Lea & Flood 2014), a bijection of 64 bits,
    so that two rows share a key only if their hashes are equal.
    """
    x = hashes ^ np.uint64(derive(seed, step, purpose))
    x = x + np.uint64(_GOLDEN)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
