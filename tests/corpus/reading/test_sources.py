"""Splits of many files: parts, sub-folders, and what is no part."""

from __future__ import annotations

import gzip
import unicodedata
from pathlib import Path
from typing import Literal

import pandas as pd
import pytest

from al_ray.corpus.reading.read import read
from al_ray.corpus.reading.sources import find
from al_ray.errors import CorpusError


def rows(*texts: str) -> str:
    lines = [f"{text},{'xy'[i % 2]}" for i, text in enumerate(texts)]
    return "text,label\n" + "".join(f"{line}\n" for line in lines)


def write(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress(content.encode()) if name.endswith(".gz") else content.encode())
    return path


def parquet(path: Path, *texts: str) -> None:
    labels = ["xy"[i % 2] for i in range(len(texts))]
    pd.DataFrame({"text": list(texts), "label": labels}).to_parquet(path)


def refusal(folder: Path) -> str:
    with pytest.raises(CorpusError) as caught:
        read(folder)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_parts_are_one_split_with_running_lines(tmp_path: Path) -> None:
    parquet(tmp_path / "train-00000-of-00002.parquet", "a", "b", "c")
    parquet(tmp_path / "train-00001-of-00002.parquet", "d", "e")
    parquet(tmp_path / "test-00000-of-00001-a09b74b3ef9c3b56.parquet", "f")
    corpus = read(tmp_path)
    assert corpus.train.texts == tuple("abcde")
    assert corpus.train.row_ids == tuple(f"train:{n}" for n in range(1, 6))
    assert corpus.tests[0].texts == ("f",)
    assert corpus.notes[0] == (
        "train: 2 files, train-00000-of-00002.parquet, train-00001-of-00002.parquet."
    )


def test_parts_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        write(tmp_path, f"train.{number}.csv.gz", rows(f"a{number}", f"b{number}"))
    assert read(tmp_path).train.texts == ("a1", "b1", "a2", "b2", "a10", "b10")


@pytest.mark.parametrize("name", ["train", "train.csv", "Train"])
def test_a_sub_folder_is_one_split(tmp_path: Path, name: str) -> None:
    write(tmp_path, f"{name}/part-00001.csv", rows("c", "d"))
    write(tmp_path, f"{name}/part-00000.csv.gz", rows("a", "b"))
    write(tmp_path, f"{name}/_SUCCESS", "")
    write(tmp_path, f"{name}/.part-00000.csv.crc", "")
    write(tmp_path, f"{name}/notes.md", "")
    write(tmp_path, "test.csv", rows("e"))
    corpus = read(tmp_path)
    assert corpus.train.texts == ("a", "b", "c", "d")
    assert corpus.notes[0] == f"Files not read: {name}/notes.md."


def test_a_sub_folder_with_nothing_in_it_is_no_split(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    assert "no train file" in refusal(tmp_path)
    write(tmp_path, "train.csv", rows("a", "b"))
    assert len(read(tmp_path).train) == 2


def test_a_part_without_rows_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path, "train-1.csv", "text,label\n")
    write(tmp_path, "train-2.csv", "")
    write(tmp_path, "train-3.csv", rows("a", "b"))
    assert read(tmp_path).train.row_ids == ("train:1", "train:2")
    write(tmp_path, "train-3.csv", "text,label\n")
    assert "no rows" in refusal(tmp_path)


def test_an_error_names_the_part_and_its_own_row(tmp_path: Path) -> None:
    write(tmp_path, "train-1.csv", rows("a", "b", "c"))
    write(tmp_path, "train-2.csv", "text,label\nd,x\ne,\nf,\n")
    message = refusal(tmp_path)
    assert "train-2.csv: data row 2 has no label" in message
    assert "nor have 1 more rows" in message
    write(tmp_path, "train-2.csv", "kk,label\nd,x\n")
    assert "train-2.csv: no column 'text'" in refusal(tmp_path)
    write(tmp_path, "train-2.csv", rows("d"))
    write(tmp_path, "test-1.csv", rows("a"))
    write(tmp_path, "test-2.csv", "text,label\nb,x\nc,z\nd,w\n")
    message = refusal(tmp_path)
    assert "test-2.csv: data row 2 has the label 'z'" in message
    assert "1 more rows" in message


def test_missing_parts_are_refused(tmp_path: Path) -> None:
    parquet(tmp_path / "train-00001-of-00003.parquet", "a", "b")
    message = refusal(tmp_path)
    assert "1 of 3 parts of train are there" in message
    assert "train-00001-of-00003" in message


@pytest.mark.parametrize(
    ("names", "both"),
    [
        (("train.csv", "train-1.csv"), "both train-*.csv and train.csv"),
        (("train.csv", "train/a.csv"), "both train/ and train.csv"),
        (("train.csv", "train.csv.gz"), "both train.csv and train.csv.gz"),
        (("train/a.csv", "train/a.csv.gz"), "both a.csv and a.csv.gz"),
        (("train-1.csv", "train-2.tsv"), "both train-*.csv and train-*.tsv"),
    ],
)
def test_one_split_from_two_sources(tmp_path: Path, names: tuple[str, ...], both: str) -> None:
    for name in names:
        write(tmp_path, name, rows("a", "b"))
    assert f"{both} are the train rows; keep one" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["train-old.csv", "training.csv", "my-train-1.csv", "1.csv"])
def test_names_that_are_no_part(tmp_path: Path, name: str) -> None:
    write(tmp_path, "train.csv", rows("a", "b"))
    write(tmp_path, name, rows("c"))
    files, notes = find(tmp_path)
    assert files == {"train": [tmp_path / "train.csv"]}
    assert notes == [f"Files not read: {name}."]


def test_the_only_file_of_a_folder_is_train_whatever_its_name(tmp_path: Path) -> None:
    write(tmp_path, "리뷰_2026.csv", rows("a", "b"))
    write(tmp_path, "읽어보세요.docx", "")
    corpus = read(tmp_path)
    assert corpus.train.row_ids == ("train:1", "train:2")
    assert corpus.notes[0] == "Files not read: 읽어보세요.docx."
    assert corpus.notes[1].startswith("train: 리뷰_2026.csv")
    write(tmp_path, "리뷰_2025.csv", rows("c", "d"))  # which of them is train?
    message = refusal(tmp_path)
    assert "리뷰_2025.csv, 리뷰_2026.csv" in message
    assert "give the file itself" in message
    both = read(tmp_path / "리뷰_2025.csv", test=tmp_path / "리뷰_2026.csv")
    assert [split.texts for split in both.splits] == [("c", "d"), ("a", "b")]
    (tmp_path / "리뷰_2025.csv").rename(tmp_path / "train.csv")
    assert read(tmp_path).train.texts == ("c", "d")


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_korean_names_of_splits(tmp_path: Path, form: Literal["NFC", "NFD"]) -> None:
    names = ("학습.csv", "평가.csv", "검증.csv")
    for name, text in zip(names, "abc", strict=True):
        write(tmp_path, unicodedata.normalize(form, name), rows(text, text))
    found = {split.name: split.texts[0] for split in read(tmp_path).splits}
    assert found == {"train": "a", "test": "b", "dev": "c"}


def test_a_test_that_is_given_beside_one_that_is_there(tmp_path: Path) -> None:
    write(tmp_path, "train.csv", rows("a", "b"))
    other = write(tmp_path, "other.csv", rows("c"))
    assert read(tmp_path, test=other).tests[0].texts == ("c",)
    write(tmp_path, "test.csv", rows("d"))
    with pytest.raises(CorpusError, match=r"both .*other\.csv and test\.csv"):
        read(tmp_path, test=other)
    with pytest.raises(CorpusError, match="no such file; give --test a file"):
        read(tmp_path, test=tmp_path / "nowhere.csv")


def test_a_folder_named_as_a_file_and_a_link_to_nowhere(tmp_path: Path) -> None:
    folder = tmp_path / "mine.csv"
    folder.mkdir()
    assert "no train file" in refusal(folder)
    link = tmp_path / "train.csv"
    link.symlink_to(tmp_path / "nowhere.csv")
    assert "no such file or folder" in refusal(link)
