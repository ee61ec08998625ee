"""A corpus that is written reads as that corpus again."""

from __future__ import annotations

import csv
import string
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al_ray.corpus.findings import findings
from al_ray.corpus.reading.read import read
from al_ray.corpus.rows import Corpus, Split, Unlabelled
from al_ray.corpus.written import check_new, write
from al_ray.errors import UserError

TEXTS = st.text(
    st.sampled_from('가나다 ,"\n\r\t=+\ufeff\uffff😀' + string.ascii_letters + string.digits),
    max_size=12,
).filter(lambda text: text.strip() and "\r\n" not in text)


def corpus_of(texts: list[str]) -> Corpus:
    """Four rows of train and one of test with each of the texts in its turn."""
    texts = [texts[i % len(texts)] for i in range(5)]
    train = Split("train", ("a", "b", "c", "d"), tuple(texts[:4]), np.array([1, 0, 0, 2], np.int32))
    test = Split("dev", ("e",), tuple(texts[4:]), np.array([1], np.int32))
    return Corpus("mine", ("2", "10", "300"), train, (test,))


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_it_reads_as_it_was(texts: list[str]) -> None:
    corpus = corpus_of(texts)
    with TemporaryDirectory() as folder:
        write(corpus, Path(folder, "deep", "out"))
        assert read(Path(folder, "deep", "out")).digest == corpus.digest


def test_others_read_it_row_for_row(tmp_path: Path) -> None:
    """A lone carriage return ends a line for them, unless it is quoted."""
    texts = ["앞\r뒤", "줄\n바꿈", '"따옴표", 쉼표\t', "=1+1"]
    made = corpus_of(texts)
    write(made, tmp_path / "out")
    path = tmp_path / "out" / "train.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows] == texts
    assert pd.read_csv(path).text.tolist() == texts
    assert pd.read_csv(path).label.notna().all()


def test_rows_without_a_label_are_apart(tmp_path: Path) -> None:
    corpus = replace(corpus_of(["가"]), unlabelled=(Unlabelled("dev", "f", "나\r\n다"),))
    files = write(corpus, tmp_path / "out")
    assert {path.name: rows for path, rows in files.items()} == {
        "train.csv": 4,
        "dev.csv": 1,
        "unlabelled-dev.csv": 1,
    }
    with (tmp_path / "out" / "unlabelled-dev.csv").open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [["id", "text", "label"], ["f", "나\n다", ""]]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_a_test_of_which_nothing_is_labelled_is_not_written_as_one(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("text,label\n가,x\n나,y\n", encoding="utf-8")
    (tmp_path / "test.csv").write_text("text,label\n다,\n라,\n", encoding="utf-8")
    corpus = read(tmp_path, keep_unlabelled=True)
    assert not [each for each in findings(corpus).problems if each.split == "test"]
    write(corpus, tmp_path / "out")
    assert not (tmp_path / "out" / "test.csv").exists()
    assert (tmp_path / "out" / "unlabelled-test.csv").exists()


def test_only_a_new_or_an_empty_folder_is_written(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("x")
    write(corpus_of(["가"]), check_new(str(tmp_path / "empty")))
    assert len(list((tmp_path / "empty").iterdir())) == 2
    for name in (str(tmp_path / "full"), str(tmp_path / "full" / "mine.txt"), "s3://bucket/x"):
        with pytest.raises(UserError, match="name one that is not there yet"):
            check_new(name)
