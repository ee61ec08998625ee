"""A corpus on an S3-compatible server reads as the same files here do."""

from __future__ import annotations

import argparse
import gzip

import numpy as np
import pytest
from s3_server import BUCKET, SECRET

from al_ray.commands.options import READING, read_corpus
from al_ray.corpus.reading.read import read
from al_ray.errors import CorpusError

ROWS = "text,label\n가,x\n나,y\n다,x\n"


def options(data, **given):
    return argparse.Namespace(data=data, **{"test": None, **dict.fromkeys(READING), **given})


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())


@pytest.mark.parametrize("files", [["train.csv", "test.csv"], ["train/1.csv", "train/2.csv.gz"]])
def test_as_here(s3_server, tmp_path, files):
    remote = s3_server.path(f"{tmp_path.name}/news")
    for place in (tmp_path / "news", remote):
        for name in [*files, "notes.md", "deep/train.csv"]:
            write(place, name, ROWS)
    here, there = (
        read(tmp_path / "news"),
        read_corpus(options(s3_server.uri(f"{tmp_path.name}/news"))),
    )
    assert there.digest == here.digest
    for one, other in zip(here.splits, there.splits, strict=True):
        assert np.array_equal(one.labels, other.labels)
        assert (one.name, one.row_ids, one.texts) == (other.name, other.row_ids, other.texts)
    assert (there.name, there.labels, there.notes) == (here.name, here.labels, here.notes)
    assert "notes.md" in there.notes[0]


def test_one_file(s3_server):
    write(s3_server.path("one"), "mine.csv", ROWS)
    corpus = read_corpus(options(s3_server.uri("one/mine.csv")))
    assert (corpus.name, corpus.train.texts) == ("mine", ("가", "나", "다"))


def test_the_only_file_of_a_folder_and_a_test_from_elsewhere(s3_server, tmp_path):
    write(s3_server.path("only"), "리뷰_2026.csv", ROWS)
    write(tmp_path, "평가용.csv", ROWS)
    corpus = read_corpus(options(s3_server.uri("only"), test=str(tmp_path / "평가용.csv")))
    assert [(split.name, len(split)) for split in corpus.splits] == [("train", 3), ("test", 3)]
    write(s3_server.path("tests"), "b.csv", ROWS)
    other = read_corpus(options(str(tmp_path), test=s3_server.uri("tests/b.csv")))
    assert other.digest == corpus.digest


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("", "", "no such file or folder"),
        ("train.csv", "text,label\na,\n", "train.csv: data row 1 has no label"),
        ("test.csv", ROWS, "no train file"),
    ],
)
def test_errors_name_the_address(s3_server, tmp_path, name, text, said):
    if name:
        write(s3_server.path(tmp_path.name), name, text)
    with pytest.raises(CorpusError) as refused:
        read_corpus(options(s3_server.uri(tmp_path.name)))
    assert str(refused.value).startswith(f"s3://{BUCKET}/{tmp_path.name}")
    assert said in str(refused.value)
    assert SECRET not in str(refused.value)
    assert "\n" not in str(refused.value)
