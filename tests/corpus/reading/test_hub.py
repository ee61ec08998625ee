"""nsmc and ynat by name, from a hub on this machine that serves the same layout."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import hub_server
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hub_server import KLUE, TOPICS, write_ynat

from al_ray.corpus.reading import hub
from al_ray.corpus.reading.read import read
from al_ray.errors import CorpusError

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared" / "data"
ROOT = Path(__file__).resolve().parents[3]

NSMC = ("e9t/nsmc", "153263700c285ac0997b3e2a2d80b826aaf672d6")


def write_nsmc(folder: Path, split: str, rows: list[tuple[str, str, int]]) -> None:
    path = folder / "default" / split / "0000.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    names, texts, labels = zip(*rows, strict=True)
    columns = {"id": names, "document": texts, "label": pa.array(labels, pa.int64())}
    pq.write_table(pa.table(columns), path)


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A hub with small repositories of both corpora; the cache is empty."""
    klue, nsmc = tmp_path / "klue", tmp_path / "nsmc"
    train = [(f"ynat-v1_train_{i:05d}", f'제목 {i} "따옴표"', i % 7) for i in range(40)]
    write_ynat(klue, "train", [*train, ("ynat-v1_train_00040", "  ", 3)])
    write_ynat(klue, "validation", [(f"ynat-v1_dev_{i:05d}", f"글 {i}", 2) for i in range(9)])
    (klue / "README.md").write_text("what is not asked for")
    (klue / "mrc").mkdir()
    (klue / "mrc" / "train-00000-of-00001.parquet").write_bytes(b"another task")
    write_nsmc(nsmc, "train", [(str(100 + i), f"영화 {i}", i % 2) for i in range(30)])
    write_nsmc(nsmc, "test", [(str(900 + i), f"감상 {i}", i % 2) for i in range(6)])
    local = hub_server.Hub()
    local.add("datasets", KLUE[0], klue, KLUE[1])
    local.add("datasets", NSMC[0], nsmc, NSMC[1], branches=("refs/convert/parquet",))
    server = local.start()
    hub_server.use(monkeypatch, local.url, tmp_path / "home")
    yield local
    local.stop(server)


@pytest.fixture
def small_chunks(monkeypatch):
    """The client keeps what it has in whole chunks, which are otherwise of 10 MB."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 50)


def refused(name: str) -> str:
    with pytest.raises(CorpusError) as caught:
        hub.load(name)
    said = str(caught.value)
    assert "\n" not in said
    assert said.startswith(f"--data {name}: ")
    return said


def test_ynat(served):
    corpus = hub.load("ynat")
    assert corpus.name == "ynat"
    assert corpus.labels == tuple(sorted(TOPICS))
    assert [split.name for split in corpus.splits] == ["train", "dev"]
    assert (len(corpus.train), len(corpus.tests[0])) == (40, 9)  # the empty title is left out
    assert corpus.train.row_ids[3] == "ynat-v1_train_00003"
    assert corpus.train.texts[3] == '제목 3 "따옴표"'
    said = [corpus.labels[label] for label in corpus.train.labels]
    assert said == [TOPICS[i % 7] for i in range(40)]
    assert {corpus.labels[label] for label in corpus.tests[0].labels} == {"사회"}
    assert "klue/klue" in corpus.notes[0]
    assert KLUE[1][:12] in corpus.notes[0]
    assert sorted(set(served.sent)) == [
        "ynat/train-00000-of-00001.parquet",
        "ynat/validation-00000-of-00001.parquet",
    ]


def test_nsmc(served):
    corpus = hub.load("nsmc")
    assert (corpus.name, corpus.labels) == ("nsmc", ("0", "1"))
    assert [split.name for split in corpus.splits] == ["train", "test"]
    assert corpus.train.row_ids[:2] == ("100", "101")
    assert corpus.train.texts[1] == "영화 1"
    assert corpus.train.labels.tolist() == [i % 2 for i in range(30)]
    asked = {path for _, path, _ in served.requests if "/resolve/" in path}
    assert all(f"/resolve/{NSMC[1]}/" in path for path in asked)


def test_what_is_in_the_cache_is_not_asked_for(served):
    first = hub.load("ynat")
    served.requests.clear()
    assert hub.load("ynat").digest == first.digest
    assert not served.requests


@pytest.mark.parametrize("how", ["status", "silent", "offline"])
def test_the_cache_is_used_where_the_hub_does_not_answer(served, monkeypatch, how):
    from huggingface_hub import constants
    from huggingface_hub.utils import reset_sessions

    first = hub.load("nsmc")
    if how == "offline":
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        reset_sessions()
    else:
        setattr(served, how, 503 if how == "status" else True)
    assert hub.load("nsmc").digest == first.digest


def test_a_download_that_broke_off_goes_on_where_it_was(served, small_chunks):
    served.cut["ynat/train-00000-of-00001.parquet"] = [100, 200]
    assert len(hub.load("ynat").train) == 40
    ranges = [asked for method, path, asked in served.requests if method == "GET" and asked]
    assert ranges == ["bytes=100-", "bytes=300-"]


def test_a_download_that_never_gets_through_is_gone_on_with_by_the_next_start(served, small_chunks):
    served.cut["ynat/train-00000-of-00001.parquet"] = [100] * hub.ATTEMPTS
    said = refused("ynat")
    assert "broke off" in said
    assert "same command" in said
    served.requests.clear()
    assert len(hub.load("ynat").train) == 40
    assert f"bytes={100 * hub.ATTEMPTS}-" in [asked for _, _, asked in served.requests]


def test_a_full_disk(served, monkeypatch):
    import huggingface_hub.file_download as client

    def no_room(*arguments, **facts):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(client, "http_get", no_room)
    said = refused("ynat")
    assert "No space left on device" in said
    assert "HF_HOME" in said


def test_half_a_cache_is_no_corpus_where_the_hub_is_gone(served, tmp_path):
    hub.load("ynat")
    cache = tmp_path / "home" / "hub" / "datasets--klue--klue" / "snapshots" / KLUE[1]
    (cache / "ynat" / "validation-00000-of-00001.parquet").unlink()
    served.status = 500
    said = refused("ynat")
    assert "answers 500" in said
    assert "give --data their folder" in said
    served.status = None
    assert len(hub.load("ynat").tests[0]) == 9


def test_a_damaged_cache(served, tmp_path):
    hub.load("ynat")
    cache = tmp_path / "home" / "hub" / "datasets--klue--klue" / "snapshots" / KLUE[1]
    file = cache / "ynat" / "train-00000-of-00001.parquet"
    file.resolve().write_bytes(b"PAR1 no more")
    said = refused("ynat")
    assert str(file) in said
    assert "delete it" in said


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda local: local.repositories.clear(), "no such repository"),
        (lambda local: setattr(local.repositories["datasets/klue/klue"], "gated", True), "gated"),
        (
            lambda local: setattr(local.repositories["datasets/klue/klue"], "commit", "0" * 40),
            f"no revision {KLUE[1]}",
        ),
        (lambda local: setattr(local, "status", 429), "answers 429"),
    ],
)
def test_what_the_hub_says_is_said_in_one_line(served, change, expected):
    change(served)
    assert expected in refused("ynat")


def test_a_file_that_the_repository_lacks(served, tmp_path):
    (tmp_path / "klue" / "ynat" / "validation-00000-of-00001.parquet").unlink()
    assert "ynat/validation-00000-of-00001.parquet is not there" in refused("ynat")


def test_a_hub_that_never_answers(served, monkeypatch):
    monkeypatch.setattr(hub, "PATIENCE", 0.5)
    served.silent = True
    said = refused("ynat")
    assert f"{served.url} cannot be reached: no answer" in said


def test_a_cache_that_cannot_be_written(served, tmp_path, monkeypatch):
    from huggingface_hub import constants

    (tmp_path / "file").write_text("")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "file" / "hub"))
    said = refused("ynat")
    assert "cannot be written: Not a directory" in said
    assert "set HF_HOME" in said


def test_out_of_reach_in_a_process_of_its_own(tmp_path):
    """Refused connection: one line and code 2, nothing begun."""
    ended = subprocess.run(
        [sys.executable, ROOT / "experiments" / "news7.py", "--data", "ynat", "--model", "mini"],
        env={**hub_server.environment("http://127.0.0.1:9", tmp_path), "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2, ended.stderr
    lines = ended.stderr.splitlines()
    assert len(lines) == 1, lines
    for part in ("--data ynat", "klue/klue", "http://127.0.0.1:9", "Connection refused", "folder"):
        assert part in lines[0]
    assert not (tmp_path / "results").exists()


def test_columns_cannot_be_named(tmp_path):
    ended = subprocess.run(
        [sys.executable, ROOT / "experiments" / "nsmc.py", "--data", "nsmc", "--text-column", "x"],
        env={**hub_server.environment("http://127.0.0.1:9", tmp_path), "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert "--text-column" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


# --- against the files beside the project -------------------------------------------------------


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not beside the project")
def test_ynat_is_the_corpus_of_the_files(served, tmp_path):
    """The label's codes and names as the files pair them."""
    for split, file in (("train", "train"), ("validation", "dev")):
        frame = pd.read_csv(SHARED / "ynat" / f"{file}.tsv", sep="\t", keep_default_na=False)
        assert set(zip(frame.label, frame.topic, strict=True)) == set(enumerate(TOPICS))
        rows = list(zip(frame.guid, frame.title, frame.label, strict=True))
        write_ynat(tmp_path / "klue", split, rows)
    corpus, files = hub.load("ynat"), read(SHARED / "ynat")
    assert corpus.digest == files.digest
    assert (corpus.name, corpus.labels) == (files.name, files.labels)


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not beside the project")
def test_nsmc_is_the_corpus_of_the_files_but_for_quotation_marks(served, tmp_path):
    """The hub's program read the files with CSV quoting; its published sizes say so too."""
    for split in ("train", "test"):
        with (SHARED / "nsmc" / f"ratings_{split}.txt").open(encoding="utf-8", newline="") as file:
            next(file)
            rows = [(row[0], row[1], int(row[2])) for row in csv.reader(file, delimiter="\t")]
        write_nsmc(tmp_path / "nsmc", split, rows)
    corpus, files = hub.load("nsmc"), read(SHARED / "nsmc")
    assert (corpus.name, corpus.labels) == (files.name, files.labels)
    apart = Counter()
    for ours, theirs in zip(corpus.splits, files.splits, strict=True):
        assert ours.name == theirs.name
        assert ours.row_ids == theirs.row_ids
        assert ours.labels.tolist() == theirs.labels.tolist()
        for text, original in zip(ours.texts, theirs.texts, strict=True):
            if text != original:
                apart[ours.name] += 1
                assert text.replace('"', "") == original.replace('"', "")
    assert apart == {"train": 623, "test": 233}


@pytest.mark.skipif(
    os.environ.get("AL_RAY_REAL_HUB") != "1", reason="AL_RAY_REAL_HUB=1 asks huggingface.co itself"
)
@pytest.mark.parametrize(("name", "rows"), [("nsmc", (149995, 49997)), ("ynat", (45678, 9107))])
def test_the_real_hub_has_the_pinned_commits(name, rows):
    corpus = hub.load(name)
    assert tuple(len(split) for split in corpus.splits) == rows
