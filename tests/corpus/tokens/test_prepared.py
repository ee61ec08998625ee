"""Tokens and rows on disk: the tokenizer's own ids, mapped, written once and whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from al_ray.corpus.embedded.news import generate
from al_ray.corpus.rows import Corpus, Split
from al_ray.corpus.tokens import prepared as module
from al_ray.corpus.tokens.prepared import Rows, Tokens, prepare
from al_ray.learners.encoder import mini
from al_ray.randomness import row_hashes

TEXTS = (
    "정부가 새 대책을 내놓았다",
    "  앞뒤   공백\t그리고\n줄바꿈  ",
    "이모지 😀👩‍👩‍👧 그리고 🇰🇷",
    "ㅋㅋㅋㅋ ㅠㅠ ㅇㅇ",
    "\u1112\u1161\u11ab\u1100\u1173\u11af 자모",  # conjoining
    ".",
    " ",
    "\u200b",
    "긴 문장 " * 200,
    "English, 漢字, العربية 1,234.5%",
    "a\x00b",
    "[CLS] [SEP] [PAD]",
)


class Inline:
    """Runs at once and here: the child costs seconds."""

    def __init__(self, *args, **facts):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *args):
        pass

    def submit(self, function, *args):
        future = Future()
        future.set_result(function(*args))
        return future


@pytest.fixture
def inline(monkeypatch):
    monkeypatch.setattr(module, "ProcessPoolExecutor", Inline)
    monkeypatch.setattr(module, "_tokenizer", None)


def corpus_of(texts, test=()):
    def split(name, part):
        ids = tuple(f"{name}:행 {i}" for i in range(len(part)))
        return Split(name, ids, tuple(part), (np.arange(len(part)) % 2).astype(np.int32))

    tests = (split("test", test),) if test else ()
    return Corpus("c", ("부정", "긍정"), split("train", texts), tests)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return mini.build(generate(train=300, test=30), tmp_path_factory.mktemp("mini"))


@pytest.fixture(scope="module")
def plain(tokenizer):
    """One text at a time, by the library."""
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(tokenizer)
    return lambda text, most: loaded(text, truncation=True, max_length=most)["input_ids"]


def assert_ids_are_the_tokenizers(path, texts, plain, most):
    tokens = Tokens(path)
    assert len(tokens) == len(texts)
    assert tokens.pad_id == 1
    for row, text in enumerate(texts):
        assert tokens[row].tolist() == plain(text, most), repr(text)
        assert tokens[row].dtype == np.uint16
        assert tokens.lengths[row] == len(tokens[row]) <= most
    assert max(tokens.lengths) == most
    return tokens


def test_ids_are_the_tokenizers_own(tmp_path, tokenizer, plain):
    """With the child process that a study has; the others of this file do without."""
    train, test = TEXTS[:7], TEXTS[7:]
    seen = []
    made = prepare(
        corpus_of(train, test), tokenizer, "t", 12, tmp_path, lambda *at: seen.append(at)
    )
    assert_ids_are_the_tokenizers(made.tokens, TEXTS, plain, 12)
    assert seen == [(12, 12)]
    names = {path.name for path in tmp_path.iterdir()}
    assert {name.removesuffix(".digest") for name in names} == {made.tokens.name, made.rows.name}


@pytest.mark.parametrize("most", [3, 64])
@pytest.mark.parametrize("batch", [1, 5, 12])
def test_ids_whatever_the_batch(tmp_path, tokenizer, plain, inline, monkeypatch, most, batch):
    monkeypatch.setattr(module, "_BATCH", batch)
    seen = []
    made = prepare(corpus_of(TEXTS), tokenizer, "t", most, tmp_path, lambda *at: seen.append(at))
    assert_ids_are_the_tokenizers(made.tokens, TEXTS, plain, most)
    assert seen[-1] == (12, 12)
    assert len(seen) == -(-12 // batch)


def test_a_corpus_of_one_text(tmp_path, tokenizer, plain, inline):
    made = prepare(corpus_of(["하나뿐"]), tokenizer, "t", 32, tmp_path)
    tokens, rows = Tokens(made.tokens), Rows.load(made.rows)
    assert len(tokens) == 1
    assert tokens[0].tolist() == plain("하나뿐", 32)
    assert rows.ids_of(np.array([0])) == ["train:행 0"]
    assert (rows.train.tolist(), rows.tests) == ([0], {})


@pytest.mark.parametrize(("size", "kind"), [(65_536, np.uint16), (65_537, np.uint32)])
def test_ids_of_a_large_vocabulary(tmp_path, inline, size, kind):
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({f"w{i}": i for i in range(size)}, unk_token="w0"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="w3", unk_token="w0")
    fast.save_pretrained(tmp_path / "words")
    made = prepare(
        corpus_of([f"w{size - 1} w0 w7"]), tmp_path / "words", "t", 8, tmp_path / "cache"
    )
    tokens = Tokens(made.tokens)
    assert tokens[0].tolist() == [size - 1, 0, 7]
    assert tokens[0].dtype == kind
    assert tokens.pad_id == 3


def test_tokens_are_mapped_and_not_copied(tmp_path, tokenizer, inline):
    made = prepare(corpus_of(TEXTS * 50), tokenizer, "t", 64, tmp_path)
    before = pa.total_allocated_bytes()
    tokens = Tokens(made.tokens)
    assert pa.total_allocated_bytes() - before < 1000
    address = tokens[7].__array_interface__["data"][0]
    spans = [
        [int(end, 16) for end in line.split()[0].split("-")]
        for line in Path("/proc/self/maps").read_text().splitlines()
        if line.endswith(str(made.tokens))
    ]
    assert any(start <= address < end for start, end in spans)
    assert not tokens[7].flags.writeable


def test_rows_survive_the_round_trip(tmp_path, tokenizer, inline):
    corpus = generate(train=50, test=20)
    dev = Split("dev", ("d:0", "d:1"), ("가", "나"), np.array([1, 0], np.int32))
    corpus = replace(corpus, tests=(*corpus.tests, dev))
    rows = Rows.load(prepare(corpus, tokenizer, "t", 16, tmp_path).rows)
    ids = [row_id for split in corpus.splits for row_id in split.row_ids]
    labels = [int(label) for split in corpus.splits for label in split.labels]
    assert rows.ids.to_pylist() == ids
    assert rows.labels.tolist() == labels
    assert rows.labels.dtype == np.int32
    assert rows.hashes.tolist() == row_hashes(ids).tolist()
    assert rows.hashes.dtype == np.uint64
    assert rows.label_names == corpus.labels
    assert rows.train.tolist() == list(range(50))
    assert {name: part.tolist() for name, part in rows.tests.items()} == {
        corpus.tests[0].name: list(range(50, 70)),
        "dev": [70, 71],
    }
    assert rows.ids_of(np.array([70, 3])) == ["d:0", ids[3]]


def test_files_are_named_by_their_content(tmp_path, tokenizer, inline, monkeypatch):
    corpus = corpus_of(TEXTS)
    made = prepare(corpus, tokenizer, "t", 16, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    equal = replace(corpus, name="another name", notes=("said",))

    def never(*args):
        raise AssertionError("tokenised again")

    with monkeypatch.context() as patch:
        patch.setattr(module, "_write_tokens", never)
        assert prepare(equal, tokenizer, "t", 16, tmp_path) == made
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    longer = prepare(corpus, tokenizer, "t", 17, tmp_path)
    other = prepare(corpus, tokenizer, "u", 16, tmp_path)
    texts = prepare(corpus_of(TEXTS[1:]), tokenizer, "t", 16, tmp_path)
    assert longer.rows == other.rows == made.rows != texts.rows
    assert len({p.tokens for p in (made, longer, other, texts)}) == 4
    assert {path: path.stat().st_mtime_ns for path in before} == before


# Processes

# Tokens are characters here, so that nothing is imported; `argv[2]` says where to wait.
PROGRAM = """
import os, sys, time
sys.path.insert(0, os.path.dirname(sys.argv[3]))
import numpy as np
import test_prepared as t
t.module.ProcessPoolExecutor = t.Inline
t.module._open_tokenizer = lambda folder: (1, 100, frozenset(), None)
t.module._tokenise = lambda texts, most: [
    np.array([len(x) for x in texts], np.int32), np.array([ord(c) % 97 for x in texts for c in x])
]
folder, at = t.Path(sys.argv[1]), sys.argv[2]
replaced = os.replace
def replace(temp, path):
    if "tokens-" in str(path):
        (folder / f"waits-{os.getpid()}").touch()
        until = time.monotonic() + 60
        while at == "for ever" or len(list(folder.glob("waits-*"))) < 2:
            assert time.monotonic() < until
            time.sleep(0.01)
    replaced(temp, path)
os.replace = replace
made = t.prepare(t.corpus_of(t.TEXTS), t.Path("unused"), "t", 16, folder / "cache")
print(made.tokens)
"""


def start(folder, at):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), at, __file__],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_at_once(tmp_path):
    """Each is made to wait until the other too has written and not yet renamed."""
    both = [start(tmp_path, "for two") for _ in range(2)]
    said = [process.communicate(timeout=90) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert said[0][0] == said[1][0]
    tokens = Tokens(Path(said[0][0].strip()))
    assert tokens.lengths.tolist() == [len(text) for text in TEXTS]
    left = sorted(path.name.split("-")[0] for path in (tmp_path / "cache").iterdir())
    assert left == ["rows", "rows", "tokens", "tokens"]  # each with its digest


def _wait_for(condition, seconds=60.0):
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, "it never came"
        time.sleep(0.02)
    return found


def test_killed_while_writing(tmp_path, tokenizer, plain, inline):
    process = start(tmp_path, "for ever")
    _wait_for(lambda: list(tmp_path.glob("waits-*")))
    process.kill()
    process.communicate()
    cache = tmp_path / "cache"
    left = {path.name for path in cache.iterdir() if not path.name.startswith("rows-")}
    assert len(left) == 2  # and its digest
    assert all(name.startswith(".al_ray-") for name in left)
    made = prepare(corpus_of(TEXTS), tokenizer, "t", 16, cache)
    assert_ids_are_the_tokenizers(made.tokens, TEXTS, plain, 16)


def _children(pid):
    return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_the_tokenizing_child_ends_with_a_killed_parent(tmp_path):
    """It would hold hundreds of megabytes for ever."""
    script = tmp_path / "script.py"
    script.write_text(
        "import os, sys, time\n"
        "import numpy as np\n"
        "from pathlib import Path\n"
        "from al_ray.corpus.tokens import prepared\n"
        "def open_tokenizer(folder): return 1, 100, frozenset(), None\n"
        "def tokenise(texts, most):\n"
        "    return [np.ones(len(texts), np.int32), np.ones(len(texts), np.int32)]\n"
        "def progress(done, total):\n"
        "    Path(sys.argv[1], 'waits').touch()\n"
        "    time.sleep(60)\n"
        "if __name__ == '__main__':\n"
        "    prepared._open_tokenizer, prepared._tokenise = open_tokenizer, tokenise\n"
        "    out = Path(sys.argv[1], 'tokens.arrow')\n"
        "    prepared._write_tokens(['a'] * 9, Path('unused'), 8, out, progress)\n"
    )
    process = subprocess.Popen([sys.executable, str(script), str(tmp_path)])
    children = []
    try:
        _wait_for(lambda: (tmp_path / "waits").exists())
        children = _children(process.pid)
        assert children
        process.kill()
        process.wait()
        _wait_for(lambda: not any(map(_alive, children)), seconds=5)
    finally:
        process.kill()
        for child in children:
            if _alive(child):
                os.kill(child, signal.SIGKILL)


def test_special_ids_are_kept_apart_from_the_unknown_token(tmp_path, monkeypatch):
    """[CLS], [SEP], [PAD] and [MASK] of `mini` stand for no text; [UNK] does."""
    monkeypatch.setattr(module, "ProcessPoolExecutor", Inline)
    corpus = generate(train=60, test=20)
    folder = mini.build(corpus, tmp_path)
    tokens = Tokens(module.prepare(corpus, folder, "mini", 16, tmp_path).tokens)
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    names = ("[CLS]", "[SEP]", "[PAD]", "[MASK]")
    assert tokens.special_ids == {vocabulary[name] for name in names}


def test_a_signal_amidst_it_leaves_no_words_of_pythons(tmp_path):
    """Semaphores that nobody gave back would be said at the end, by a process of Python's."""
    script = tmp_path / "script.py"
    script.write_text(
        "import os\n"
        "from pathlib import Path\n"
        "from al_ray.corpus.tokens.prepared import child_processes\n"
        "if __name__ == '__main__':\n"
        "    with child_processes(Path('unused'), 1):\n"
        "        os._exit(143)\n"
    )
    # The pipe ends with the last process that holds it.
    ended = subprocess.run([sys.executable, str(script)], capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (143, b"")
