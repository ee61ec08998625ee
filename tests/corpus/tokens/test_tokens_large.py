"""Token files of many batches: whole, in order, in bounded memory, and mended when damaged."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from test_kobert import NAMED, SHARED, oracle, train
from test_prepared import Inline, corpus_of

from al_ray.corpus.tokens import prepared as module
from al_ray.corpus.tokens.prepared import Rows, Tokens, prepare
from al_ray.errors import CorpusError, ModelError

PAD, SIZE = 1, 300
TEXTS = [f"글 {n} " * (1 + n % 7) for n in range(100)]


def ids(text):
    """What the tokeniser of this file makes of a text."""
    return [ord(character) % SIZE for character in text]


def tokenise(texts, most):
    rows = [ids(text)[:most] for text in texts]
    return np.array([len(row) for row in rows], np.int32), np.array([*chain(*rows)], np.int32)


@pytest.fixture
def inline(monkeypatch):
    """Few texts a batch, and a tokeniser that imports nothing."""
    monkeypatch.setattr(module, "ProcessPoolExecutor", Inline)
    opened = (PAD, SIZE, frozenset({2, 3}), None)
    monkeypatch.setattr(module, "_open_tokenizer", lambda folder: opened)
    monkeypatch.setattr(module, "_tokenise", tokenise)
    monkeypatch.setattr(module, "_BATCH", 8)


def made(folder, texts=TEXTS, progress=None):
    return prepare(corpus_of(texts), Path("unused"), "t", 16, folder, progress)


def assert_tokens(tokens, texts=TEXTS, most=16):
    assert len(tokens) == len(texts)
    assert tokens.lengths.dtype == np.int32
    assert tokens.lengths.tolist() == [len(ids(text)[:most]) for text in texts]
    for row in (*range(len(texts)), *np.arange(len(texts))):
        assert tokens[row].tolist() == ids(texts[row])[:most]


# Many batches


def test_many_batches(tmp_path, inline):
    seen = []
    tokens = Tokens(made(tmp_path, progress=lambda *at: seen.append(at)).tokens)
    assert_tokens(tokens)
    assert seen == [(min(end, 100), 100) for end in range(8, 108, 8)]
    assert tokens[99].dtype == np.uint16
    assert not tokens[99].flags.owndata


def test_long_texts_make_small_batches(tmp_path, inline, monkeypatch):
    monkeypatch.setattr(module, "_BATCH_CHARACTERS", 20)
    seen = []
    texts = ["가" * n for n in (5, 5, 30, 3, 8, 8, 5, 1, 1, 1, 1, 1, 1, 1, 1, 1)]
    tokens = Tokens(made(tmp_path, texts, lambda done, total: seen.append(done)).tokens)
    assert_tokens(tokens, texts)
    assert seen == [2, 3, 6, 14, 16]


def test_empty_rows(tmp_path, inline):
    texts = [*[""] * 20, "가", *[""] * 3]
    assert_tokens(Tokens(made(tmp_path, texts).tokens), texts)


@pytest.mark.parametrize(
    ("pad", "size", "kind"),
    [(0, 256, np.uint8), (0, 257, np.uint16), (256, 10, np.uint16), (0, 65_537, np.uint32)],
)
def test_the_smallest_type(tmp_path, inline, monkeypatch, pad, size, kind):
    monkeypatch.setattr(module, "_open_tokenizer", lambda folder: (pad, size, frozenset(), None))
    monkeypatch.setattr(
        module, "_tokenise", lambda texts, most: (np.ones(1, np.int32), np.array([size - 1]))
    )
    tokens = Tokens(made(tmp_path, ["가"]).tokens)
    assert tokens[0].dtype == kind
    assert tokens[0].tolist() == [size - 1]
    assert tokens.pad_id == pad


def test_few_batches_are_under_way(tmp_path, inline, monkeypatch):
    """What is sent and not yet written is held in memory."""
    waiting, most = set(), []

    class Counted(Inline):
        def submit(self, function, *args):
            future = super().submit(function, *args)
            if function is tokenise:
                waiting.add(future)
                result = future.result
                future.result = lambda: (waiting.discard(future), result())[1]
                most.append(len(waiting))
            return future

    monkeypatch.setattr(module, "ProcessPoolExecutor", Counted)
    monkeypatch.setattr(module, "_workers", lambda characters: 3)
    assert_tokens(Tokens(made(tmp_path).tokens))
    assert max(most) == 4


# Damage


def damages(path):
    whole = path.read_bytes()
    half = len(whole) // 2
    yield "empty", b""
    yield "cut in the middle", whole[:half]
    yield "cut at the end", whole[:-1]
    yield "not Arrow", b"x" * len(whole)
    yield "zeros for values", whole[: half - 64] + bytes(64) + whole[half:]
    yield "one bit", whole[:half] + bytes([whole[half] ^ 1]) + whole[half + 1 :]
    yield "zeros alone", bytes(len(whole))


@pytest.mark.parametrize("which", ["tokens", "rows"])
def test_a_damaged_file_is_made_again(tmp_path, inline, which):
    texts = [f"글 {n} " * 9 for n in range(8)]  # one batch: its values are in the middle
    paths = made(tmp_path, texts)
    path = getattr(paths, which)
    whole = path.read_bytes()
    for name, content in damages(path):
        path.write_bytes(content)
        assert made(tmp_path, texts) == paths
        assert path.read_bytes() == whole, name
    assert_tokens(Tokens(paths.tokens), texts)
    assert Rows.load(paths.rows).train.tolist() == list(range(8))
    # Each with its digest, and a note that one was replaced, which a study forgets (`trust`).
    assert len(list(tmp_path.iterdir())) == 5


def test_missing_batches_are_noticed(tmp_path, inline):
    """A file that is whole for Arrow, of another number of rows."""
    import pyarrow as pa

    path = made(tmp_path).tokens
    whole = path.read_bytes()
    reader = pa.ipc.open_file(pa.py_buffer(whole))
    with pa.ipc.new_file(str(path), reader.schema) as writer:
        for i in range(reader.num_record_batches - 1):
            batch, metadata = reader.get_batch_with_custom_metadata(i)
            writer.write_batch(batch, custom_metadata=metadata)
    with pytest.raises(CorpusError, match="rows are missing"):
        Tokens(path)
    made(tmp_path)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("content", [None, b"", b"ARROW1", b"x" * 5000])
def test_an_actor_refuses_a_damaged_file(tmp_path, content):
    path = tmp_path / "tokens-0.arrow"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CorpusError, match="cannot be read") as caught:
        Tokens(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_no_room(tmp_path, inline, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module.pa.ipc, "new_file", full)
        with pytest.raises(CorpusError, match="No space left on device"):
            made(tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())
    assert_tokens(Tokens(made(tmp_path / "cache").tokens))


# Processes


@pytest.fixture(scope="module")
def kobert(tmp_path_factory):
    return train(tmp_path_factory.mktemp("trained") / "kobert", "plain")


def test_several_processes_keep_the_order(tmp_path, kobert, monkeypatch):
    monkeypatch.setattr(module, "_BATCH", 5)
    monkeypatch.setattr(module, "_workers", lambda characters: 2)
    texts = [*NAMED, *TEXTS]
    tokens = Tokens(prepare(corpus_of(texts), kobert, "k", 16, tmp_path).tokens)
    assert [tokens[row].tolist() for row in range(len(texts))] == oracle(kobert)(texts, 16)
    assert tokens.pad_id == 1


def test_what_a_child_refuses_is_one_line(tmp_path, kobert):
    with pytest.raises(CorpusError, match="half of a surrogate pair") as caught:
        prepare(corpus_of(["가", "\ud83d"]), kobert, "k", 16, tmp_path / "cache")
    assert "\n" not in str(caught.value)
    assert {path.name[:5] for path in (tmp_path / "cache").iterdir()} == {"rows-"}
    with pytest.raises(ModelError, match="cannot be used"):
        prepare(corpus_of(["가"]), tmp_path, "n", 16, tmp_path / "cache")


def test_a_killed_child(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_open_tokenizer", _die)
    with pytest.raises(CorpusError, match="killed"):
        made(tmp_path)
    assert {path.name[:5] for path in tmp_path.iterdir()} == {"rows-"}


def _die(folder):
    os._exit(9)


# Two starts find a damaged file at the same time: each is made to wait for the other's finding.
TWO = """
import os, sys, time
sys.path.insert(0, os.path.dirname(sys.argv[2]))
import test_tokens_large as t
m = t.module
m.ProcessPoolExecutor, m._BATCH = t.Inline, 8
m._open_tokenizer, m._tokenise = lambda folder: (t.PAD, t.SIZE, frozenset({2, 3}), None), t.tokenise
folder = t.Path(sys.argv[1])
looked = m.is_as_written
def look(path):
    answer = looked(path)
    if "tokens-" in path.name:
        (folder / f"looked-{os.getpid()}-{answer}").touch()
        until = time.monotonic() + 60
        while len(list(folder.glob("looked-*"))) < 2:
            assert time.monotonic() < until
            time.sleep(0.01)
    return answer
m.is_as_written = look
t.assert_tokens(t.Tokens(t.made(folder / "cache").tokens))
"""


def test_two_starts_on_a_damaged_file(tmp_path, inline):
    path = made(tmp_path / "cache").tokens
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    both = [
        subprocess.Popen([sys.executable, "-c", TWO, str(tmp_path), __file__]) for _ in range(2)
    ]
    assert [process.wait(timeout=90) for process in both] == [0, 0]
    assert len(list(tmp_path.glob("looked-*-False"))) == 2
    assert path.read_bytes() == whole
    assert len(list((tmp_path / "cache").iterdir())) == 5  # each with its digest, and a note


# A million rows. `argv`: cache, rows, and a tokenizer's folder or nothing for one of characters.
# The child's memory is asked of the child: what getrusage says of children counts the parent's.
MOST = """
import re
from pathlib import Path
def most():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) >> 10
"""
MILLION = f"""{MOST}
import sys
import numpy as np
from al_ray.corpus.tokens import prepared
from al_ray.corpus.rows import Corpus, Split

cache, rows, folder = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]

def open_tokenizer(folder):
    return 1, 50_000, frozenset(), None

def tokenise(texts, longest):
    if folder:
        answer = prepared._tokenise(texts, longest)
    else:
        lengths = np.fromiter(map(len, texts), np.int32, len(texts))
        answer = lengths, np.frombuffer("".join(texts).encode("utf-32-le"), np.int32) % 50_000
    (cache / "child").write_text(str(most()))
    return answer

if __name__ == "__main__":
    if not folder:
        prepared._open_tokenizer = open_tokenizer
    prepared._tokenise = tokenise
    texts = tuple(f"짧은 글 {{n}}" for n in range(rows))
    names = tuple(map(str, range(rows)))
    corpus = Corpus("c", ("a",), Split("train", names, texts, np.zeros(rows, np.int32)), ())
    corpus.digest
    cache.mkdir()
    prepared._write_rows(corpus, cache / f"rows-{{corpus.digest[:20]}}.arrow")
    Path("/proc/self/clear_refs").write_text("5")  # forget the most so far
    before = most()
    made = prepared.prepare(corpus, Path(folder), "t", 32, cache)
    print(made.tokens, before, most(), (cache / "child").read_text())
"""
READ = f"""{MOST}
import sys
import numpy as np
from al_ray.corpus.tokens.mapped import Tokens
before = most()
tokens = Tokens(Path(sys.argv[1]))
total = sum(int(tokens[row][-1] >= 0) for row in range(len(tokens)))
assert "pandas" not in sys.modules
print(total, int(tokens.lengths.sum()), before, most())
"""


def python(*arguments):
    result = subprocess.run(
        [sys.executable, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


def prepare_and_read(tmp_path, rows, folder):
    """Tokens, and MiB: to prepare beyond the texts themselves, in a child, to read, on disk."""
    script = tmp_path / "million.py"
    script.write_text(MILLION)
    path, before, after, child = python(script, tmp_path / "cache", rows, folder)
    read, total, start, end = map(int, python("-c", READ, path))
    assert read == rows
    return total, int(after) - int(before), int(child), end - start, Path(path).stat().st_size >> 20


def test_a_million_rows(tmp_path):
    total, to_prepare, child, to_read, file = prepare_and_read(tmp_path, 1_000_000, "")
    print(to_prepare, child, to_read, file)
    assert total == sum(len(f"짧은 글 {n}") for n in range(1_000_000))
    assert to_prepare < 40
    assert child < 150
    assert to_read < file + 30


@pytest.mark.shared
@pytest.mark.campaign
@pytest.mark.skipif(not SHARED.exists(), reason="../shared is not there")
def test_a_million_rows_by_kobert(tmp_path):
    folder = (SHARED / "models" / "kobert-tokenizer").resolve()
    _, to_prepare, child, to_read, file = prepare_and_read(tmp_path, 1_000_000, folder)
    assert to_prepare < 40
    assert child < 300
    assert to_read < file + 30
