"""Single bits of a study's folder are flipped: each must be mended, refused, or without effect.

    python tests/faults/bits.py --bits 10000

The folder is of a study that was cut off: two trajectories by the real loop on `loop_stub`, one of
them warm, some of their steps merged, on a corpus, `mini` and vectors that the real functions
prepare. After each flip readers look at what is there; then the same is done as by a command that
goes on, and all tables are compared with the undisturbed ones. Without `--bits` one bit of every
byte is flipped. Ends with a table, and with exit code 1 where anything went wrong.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2])]

from helpers import Inline, tables  # noqa: E402
from loop_stub import Stub, World, config_of  # noqa: E402

from al_ray.corpus.embedded.news import generate  # noqa: E402
from al_ray.corpus.tokens import prepared as preparing  # noqa: E402
from al_ray.corpus.tokens.mapped import Rows, Tokens  # noqa: E402
from al_ray.errors import UserError  # noqa: E402
from al_ray.io.files import atomic_with_digest, is_as_written  # noqa: E402
from al_ray.learners.encoder import mini  # noqa: E402
from al_ray.learners.linear import standardise  # noqa: E402
from al_ray.loop.record import record_rows, steps_done  # noqa: E402
from al_ray.loop.trajectory import Trajectory  # noqa: E402
from al_ray.results import SCHEMAS, VERSION, Store  # noqa: E402
from al_ray.results import store as store_module  # noqa: E402
from al_ray.results.compact import compact  # noqa: E402
from al_ray.results.damage import check  # noqa: E402
from al_ray.results.damage.inputs import distrust, trust  # noqa: E402
from al_ray.results.damage.mend import mend  # noqa: E402
from al_ray.results.folder import ASIDE, own  # noqa: E402
from al_ray.results.lease import LOCK, held  # noqa: E402
from al_ray.study.trajectory import TrajectoryConfig  # noqa: E402

CORPUS = generate(train=70, test=24)
STEPS = 4
WIDTH = 4
CONFIGS = (
    config_of(strategy="margin", steps=STEPS),
    config_of(strategy="qbc", retrain="warm", steps=STEPS),
)
"""Cut off before their last step."""

OUTCOMES = (
    "found and mended",
    "harmless",
    "refused in one line",
    "SILENT DIFFERENCE",
    "traceback",
)


class OneByOne:
    """A pool of threads without any."""

    def __init__(self, *_: object) -> None:
        pass

    def __enter__(self) -> OneByOne:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    map = staticmethod(map)


DESCRIPTION = {
    "schema_version": VERSION,
    "corpus": {"name": CORPUS.name, "digest": CORPUS.digest},
    "training": {"precision": "float32"},
    "trajectories": {config.id: config.schedule.steps for config in CONFIGS},
}


class FileWorld(World):
    """The prepared corpus and its vectors, from their files."""

    def __init__(self, rows: Rows, vectors: Path) -> None:
        self.rows, self.labels, self.vectors = rows, rows.labels, np.load(vectors, mmap_mode="r")


def go_on(out: Path, said: list[str], most: int | None = None) -> Iterator[None]:
    """What a command does, without Ray; stops where it would begin with trajectories.

    Args:
        out: the results folder.
        said: is told what is said.
        most: steps of each trajectory that are done; None: all.
    """
    store = Store(out)
    own(store.storage)
    encoder = mini.build(CORPUS, store.cache)
    with held(store, said.append, "wait"):
        mend(store, said.append)
        distrust(store, said.append)
        described = store.study_json.read()
        assert described in (None, DESCRIPTION), described
        made = preparing.prepare(CORPUS, encoder, "mini", 24, store.cache)
        world = FileWorld(Rows.load(made.rows), _vectors(made.tokens, store.cache))
        yield
        store.study_json.write(DESCRIPTION)
        trust(store)
        record_rows(store, CORPUS, made.tokens)
        for config in CONFIGS:
            _trajectory(out, world, config, most)
        if most is None:
            said_now: list[str] = []
            mend(store, said_now.append)
            assert not said_now, said_now
        trust(store)


def _vectors(tokens: Path, cache: Path) -> Path:
    """Made up of the tokens, and looked at as those of a frozen head are."""
    path = cache / "vectors-0.npy"
    if not is_as_written(path):
        ids = Tokens(tokens)
        random = np.random.default_rng(0).normal(size=(5000, WIDTH))
        raw = np.array([random[ids[row]].mean(axis=0) for row in range(len(ids))])
        with atomic_with_digest(path) as temp:
            standardise(iter([raw.astype(np.float32)]), Path(temp), len(raw), len(CORPUS.train))
    return path


def _trajectory(out: Path, world: World, config: TrajectoryConfig, most: int | None) -> None:
    store = Store(out, attempt="now")
    store.claims.take([config.id])
    done = steps_done(store, config) == config.schedule.steps
    told = store.read_one("trajectories", config.id)
    if done and told is not None and told.status.iloc[0] == "complete":
        return
    columns = {**config.arm, "steps": config.schedule.steps}
    store.write("trajectories", {**columns, "status": "running"}, config.id)
    loop = Trajectory(config, world.rows, Stub(world, config), store, ledger=True)
    for _ in islice(loop.run(), most):
        pass
    if most is None or most >= config.schedule.steps:
        store.write("trajectories", {**columns, "status": "complete"}, config.id)


@dataclass
class Bits:
    """A study that was cut off, how it ends undisturbed, and what has come of each bit."""

    out: Path
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        list(go_on(self.out, [], 2))
        compact(Store(self.out))  # so there are merged files, and those of single steps beside
        list(go_on(self.out, [], 1))
        self.stats = _stats(self.out)
        self.files = {path: Path(path).read_bytes() for path in sorted(self.stats)}
        self.now = tables(self.out)
        stems = [path.stem for path in (self.out / "checkpoints").iterdir()]
        self.weights = {stem: self._weights(stem) for stem in stems}
        self.known: dict[str, str] = {}
        list(go_on(self.out, []))
        self.end = tables(self.out)
        self.restore()

    def restore(self) -> None:
        """The folder as it was, at the price of what has changed."""
        found = _stats(self.out)
        for path in found.keys() - self.files.keys():
            os.unlink(path)
        for path, data in self.files.items():
            if found.get(path) != self.stats[path]:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                Path(path).write_bytes(data)
                self.stats[path] = _stat(path)

    def state(self) -> str:
        """What the folder holds, so that equal ones need not be gone on from twice."""
        aside, total = f"{self.out}/{ASIDE}/", hashlib.blake2b(digest_size=16)
        for path, stat in sorted(_stats(self.out).items()):
            if path.startswith(aside):
                continue
            digest = ""
            if stat != self.stats.get(path):
                digest = hashlib.blake2b(Path(path).read_bytes()).hexdigest()
            total.update(f"{path} {digest}\n".encode())
        return total.hexdigest()

    def flip(self, file: str, byte: int, bit: int) -> str:
        """What comes of one bit."""
        path, data = Path(file), bytearray(self.files[file])
        data[byte] ^= 1 << bit
        path.write_bytes(data)
        name = path.relative_to(self.out)
        said: list[str] = []
        try:
            outcome = self._read(name) or self._go_on(path, data, said)
        except UserError as error:
            outcome = OUTCOMES[4] if "\n" in str(error) else OUTCOMES[2]
            said.append(str(error))
        except Exception:
            outcome = OUTCOMES[4]
            said.append(traceback.format_exc())
        self.restore()
        self.counts[name.parts[0], outcome] += 1
        if outcome in OUTCOMES[2:]:
            self.wrong.append(f"{name}, byte {byte}, bit {bit}: {outcome}: {' '.join(said)}")
        return outcome

    def _read(self, name: Path) -> str | None:
        """What readers see: the values that were there, or one line."""
        store, table = Store(self.out), name.parts[0]
        for each in SCHEMAS if table == "steps" else {table} & SCHEMAS.keys():
            try:
                found = store.read(each)
            except UserError as error:
                if "\n" in str(error):
                    return OUTCOMES[4]
                continue
            wanted = self.now[each]
            if not found[list(wanted)].equals(wanted):
                return OUTCOMES[3]
        if table == "checkpoints":
            try:
                found = self._weights(name.stem)
            except UserError:
                return None
            return None if found == self.weights[name.stem] else OUTCOMES[3]
        return None

    def _weights(self, stem: str) -> str:
        trajectory, _, step = stem.rpartition("-")
        members = Store(self.out).checkpoints.read(trajectory, int(step)) or []
        return repr([{key: value.tolist() for key, value in each.items()} for each in members])

    def _go_on(self, path: Path, data: bytes, said: list[str]) -> str:
        steps = go_on(self.out, said)
        next(steps)
        state = self.state()
        mended = said or not path.exists() or path.read_bytes() != data
        if state not in self.known:
            list(steps)
            self.known[state] = self._difference()
        else:
            steps.close()
        if self.known[state]:
            said.append(self.known[state])
            return OUTCOMES[3]
        return OUTCOMES[0] if mended else OUTCOMES[1]

    def _difference(self) -> str:
        found = tables(self.out)
        for name, wanted in self.end.items():
            try:
                pd.testing.assert_frame_equal(wanted, found[name], check_exact=True, obj=name)
            except AssertionError as error:
                return str(error)
        return ""


def _stat(path: str) -> tuple[int, int, int]:
    found = os.stat(path)
    return found.st_mtime_ns, found.st_size, found.st_ino


def _stats(out: Path) -> dict[str, tuple[int, int, int]]:
    """Of all files but the lock, by which is told whether they were written again."""
    paths = (f"{folder}/{name}" for folder, _, names in os.walk(out) for name in names)
    return {path: _stat(path) for path in paths if path != f"{out}/{LOCK}"}


def drawn(files: dict[str, bytes], bits: int | None, seed: int) -> Iterator[tuple[str, int, int]]:
    """Which bits: of every byte one; or so many, a file by the root of its size."""
    random = np.random.default_rng(seed)
    names = [path for path, data in files.items() if data]
    sizes = np.array([len(files[path]) for path in names])
    if bits is None:
        for path, size in zip(names, sizes, strict=True):
            for byte in range(size):
                yield path, byte, int(random.integers(8))
        return
    weights = np.sqrt(sizes)
    for place in random.choice(len(names), bits, p=weights / weights.sum()):
        byte = int(random.integers(sizes[place]))
        yield names[place], byte, int(random.integers(8))


def patched(patch: pytest.MonkeyPatch) -> None:
    """Everything in this process and thread: to start others costs more than so small files do."""
    patch.setattr(preparing, "ProcessPoolExecutor", Inline)
    for module in (check, store_module):
        patch.setattr(module, "ThreadPoolExecutor", OneByOne)


def flip_all(folder: Path, bits: int | None, seed: int) -> Bits:
    """Flip them one by one, each in the same study."""
    with pytest.MonkeyPatch.context() as patch:
        patched(patch)
        found = Bits(folder)
        began, number = time.monotonic(), 0
        for number, (path, byte, bit) in enumerate(drawn(found.files, bits, seed), 1):
            found.flip(path, byte, bit)
            if number % 1000 == 0:
                print(f"{number:,} bits, {time.monotonic() - began:.0f} s", flush=True)
    return found


def table(counts: Counter[tuple[str, str]]) -> str:
    """Where the bits were, and what came of them, in Markdown."""
    lines = [f"| of | bits | {' | '.join(OUTCOMES)} |", "|---" * (2 + len(OUTCOMES)) + "|"]
    for of in [*sorted({name for name, _ in counts}), "all"]:
        row = [
            sum(n for (o, w), n in counts.items() if w == x and of in (o, "all")) for x in OUTCOMES
        ]
        lines.append(f"| {of} | {sum(row):,} | {' | '.join(f'{n:,}' for n in row)} |")
    return "\n".join(lines)


def main() -> None:
    """Flip, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bits", type=int, help="default: one of every byte")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = flip_all(Path(folder, "out"), options.bits, options.seed)
    print(f"\n{table(found.counts)}\n")
    for line in found.wrong[:50]:
        print(line)
    print(f"{time.monotonic() - began:.0f} s; seed {options.seed}")
    bad = sum(n for (_, outcome), n in found.counts.items() if outcome in OUTCOMES[3:])
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
