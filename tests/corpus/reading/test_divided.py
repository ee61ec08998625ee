"""A column that says of which split each row is, in the words that people have for that."""

from __future__ import annotations

from pathlib import Path

import pytest

from al_ray.corpus.reading.divided import word
from al_ray.corpus.reading.read import read
from al_ray.errors import CorpusError


def file(path: Path, words: str, column: str = "split") -> Path:
    """A file with a row for each of the words: texts are numbers, labels x, x, y, y."""
    rows = (f"{n},{'xxyy'[n % 4]},{each}" for n, each in enumerate(words.split(","), start=1))
    path.write_text(f"text,label,{column}\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def texts(path: Path, **how: str) -> dict[str, tuple[str, ...]]:
    return {split.name: split.texts for split in read(path, **how).splits}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("split", "train,test,train,validation"),
        ("Split", "Training,TEST set,train,dev"),
        ("데이터 구분", "학습용,평가용,훈련 데이터,검증용"),
        ("구분", "학습,테스트,학습,검증"),
        ("구분", "학습용 데이터,평가용 데이터,학습용데이터,검증용 데이터셋"),
    ],
)
def test_rows_go_where_the_column_says(tmp_path: Path, column: str, words: str) -> None:
    path = file(tmp_path / "mine.csv", words, column)
    corpus = read(path)
    assert texts(path) == {"train": ("1", "3"), "test": ("2",), "dev": ("4",)}
    assert corpus.train.row_ids == ("train:1", "train:3")
    assert corpus.tests[1].row_ids == ("dev:4",)
    (said,) = [note for note in corpus.notes if note.startswith(f"Column {column!r} divides")]
    assert f"{words.split(',')[1]} is test (1 rows)" in said


def test_words() -> None:
    assert [word(each) for each in ("tr", "val", "Eval", "시험")] == [
        "train",
        "dev",
        "test",
        "test",
    ]
    assert [word(each) for each in ("", None, "set", "용", "x", "0", "긍정")] == [None] * 7


def test_a_column_of_other_words_is_not_read_and_that_is_said_where_it_may_be_meant(
    tmp_path: Path,
) -> None:
    path = file(tmp_path / "a.csv", "train,test,train,unsup")
    assert list(texts(path)) == ["train"]
    (said,) = [note for note in read(path).notes if "is not read" in note]
    assert "'unsup'" in said
    assert "--split-column split" in said
    with pytest.raises(CorpusError, match=r"'unsup' in 1 rows.*rename the column"):
        read(path, split_column="split")
    sections = file(tmp_path / "b.csv", "불만,문의,불만,칭찬", "구분")
    assert not any("구분" in note for note in read(sections).notes)


def test_it_is_named_by_the_option(tmp_path: Path) -> None:
    path = file(tmp_path / "a.csv", "train,train,test,test", "part")
    assert list(texts(path)) == ["train"]
    assert list(texts(path, split_column="part")) == ["train", "test"]
    with pytest.raises(CorpusError, match="no column 'nope' for --split-column"):
        read(path, split_column="nope")


def test_files_and_their_column_must_agree(tmp_path: Path) -> None:
    file(tmp_path / "train.csv", "train,train,validation,validation")
    file(tmp_path / "test.csv", "test,test")
    assert {name: len(rows) for name, rows in texts(tmp_path).items()} == {
        "train": 2,
        "test": 2,
        "dev": 2,
    }
    file(tmp_path / "train.csv", "train,train,test,test")
    with pytest.raises(CorpusError, match=r"train\.csv: .* 2 rows are of test"):
        read(tmp_path)
    (tmp_path / "test.csv").unlink()  # the remedy
    assert list(texts(tmp_path)) == ["train", "test"]
    with pytest.raises(CorpusError, match="no row is of train"):
        read(file(tmp_path / "b.csv", "test,test,dev"))


def test_errors_and_counts_are_of_the_rows_of_the_file(tmp_path: Path) -> None:
    path = file(tmp_path / "a.csv", "train,test,train,test")
    path.write_text(path.read_text().replace("4,x", "4,z"))
    with pytest.raises(CorpusError, match="data row 4 has the label 'z'"):
        read(path)
    path.write_text(path.read_text().replace("4,z", " ,z"))
    corpus = read(path)
    assert corpus.left_out == {"test": ("test:4",)}
    assert "test: 1 of 2 rows have an empty text and are left out." in corpus.notes


def test_texts_of_several_columns_are_joined(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("제목,본문,label\n가,나,x\n다, ,y\n,라,x\n,,y\n", encoding="utf-8")
    corpus = read(path, text_column=["제목", "본문"])
    assert corpus.train.texts == ("가 나", "다", "라")
    assert corpus.left_out == {"train": ("train:4",)}
    assert (
        corpus.notes[1]
        == "Columns: text '제목' and '본문' (joined by a blank), label 'label', id None."
    )
    with pytest.raises(CorpusError, match="no column '요약'"):
        read(path, text_column=["제목", "요약"])


def test_gaps_in_a_column_of_splits_are_refused_and_do_not_put_test_rows_into_train(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.csv"
    rows = [f"글 {i},{'긍부'[i % 2]}정,{('학습', '평가', '')[i % 3]}" for i in range(12)]
    path.write_text("\n".join(["text,label,구분", *rows]))
    with pytest.raises(CorpusError, match="'구분' has '' in 4 rows, which names no split"):
        read(path)
