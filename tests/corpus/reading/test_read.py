"""Small files of every format, with the truth written beside them; and the real ones."""

from __future__ import annotations

import gzip
import json
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from al_ray.corpus.reading import tables
from al_ray.corpus.reading.read import read
from al_ray.errors import CorpusError

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared" / "data"
needs_shared = [
    pytest.mark.shared,
    pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not beside the project"),
]

ROWS = [("a1", "첫째 글", "x"), ("a2", "둘째, 글", "y"), ("a3", 'NA "셋"', "x")]


def write_tsv(path: Path) -> None:
    lines = ["id\ttext\tlabel", "a1\t첫째 글\tx", "a2\t둘째, 글\ty", 'a3\t"NA ""셋"""\tx']
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_csv(path: Path) -> None:
    lines = ["id,text,label", "a1,첫째 글,x", 'a2,"둘째, 글",y', 'a3,"NA ""셋""",x']
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_txt(path: Path) -> None:
    lines = ["id\ttext\tlabel", *("\t".join(row) for row in ROWS)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_jsonl(path: Path) -> None:
    records = [dict(zip(("id", "text", "label"), row, strict=True)) for row in ROWS]
    path.write_text("\n".join(json.dumps(record) for record in records) + "\n", encoding="utf-8")


def write_parquet(path: Path) -> None:
    pd.DataFrame(ROWS, columns=["id", "text", "label"]).to_parquet(path)


WRITERS = [write_tsv, write_csv, write_txt, write_jsonl, write_parquet]


def text_file(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_bytes(content.encode())
    return path


def refusal(path: Path, *options: str) -> str:
    """The message of the refusal, checked to be one line that names the file."""
    with pytest.raises(CorpusError) as caught:
        read(path, **dict(option.split("=") for option in options))
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    return message


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__[6:])
def test_every_format_gives_the_same_rows(tmp_path: Path, write: Callable[[Path], None]) -> None:
    path = tmp_path / f"mine.{write.__name__[6:]}"
    write(path)
    corpus = read(path)
    assert corpus.name == "mine"
    assert corpus.tests == ()
    assert corpus.train.name == "train"
    assert corpus.labels == ("x", "y")
    assert corpus.train.row_ids == ("a1", "a2", "a3")
    assert corpus.train.texts == tuple(text for _, text, _ in ROWS)
    assert corpus.train.labels.tolist() == [0, 1, 0]
    assert corpus.train.labels.dtype == "int32"
    encoding = ("Encoding: UTF-8.",) if path.suffix != ".parquet" else ()
    assert corpus.notes == (*encoding, "Columns: text 'text', label 'label', id 'id'.")


def test_a_folder_gives_test_then_dev_and_says_what_it_did_not_read(tmp_path: Path) -> None:
    write_tsv(tmp_path / "dev.tsv")
    write_csv(tmp_path / "train.csv")
    write_jsonl(tmp_path / "test.jsonl")
    text_file(tmp_path, "unlabeled.tsv", "text\nx\n")
    text_file(tmp_path, ".hidden", "")
    corpus = read(tmp_path)
    assert corpus.name == tmp_path.name
    assert [test.name for test in corpus.tests] == ["test", "dev"]
    assert corpus.notes[0] == "Files not read: unlabeled.tsv."


def test_nsmc_names_and_quoting(tmp_path: Path) -> None:
    train = 'id\tdocument\tlabel\n1\tnull\t1\n2\t"\t0\n3\tNA\t1\n4\t"열고 안 닫음\t0\n5\ta\rb\t0\n'
    text_file(tmp_path, "ratings_train.txt", train)
    text_file(tmp_path, "ratings_test.txt", "id\tdocument\tlabel\n6\tNaN\t1\n")
    corpus = read(tmp_path)
    assert corpus.train.texts == ("null", '"', "NA", '"열고 안 닫음', "a\rb")
    assert corpus.train.labels.tolist() == [1, 0, 1, 0, 0]
    assert [(test.name, test.texts) for test in corpus.tests] == [("test", ("NaN",))]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("name", ["t.tsv", "t.txt", "t.jsonl"])
def test_a_byte_order_mark_and_either_line_ending(tmp_path: Path, name: str, newline: str) -> None:
    lines = ["text\tlabel", "가\tx", "나\ty", ""]
    if name == "t.jsonl":
        lines = ['{"text": "가", "label": "x"}', '{"text": "나", "label": "y"}', ""]
    corpus = read(text_file(tmp_path, name, "\ufeff" + newline.join(lines)))
    assert corpus.train.texts == ("가", "나")
    assert corpus.labels == ("x", "y")
    assert corpus.train.row_ids == ("train:1", "train:2")


def test_quoted_texts_hold_separators_and_lines(tmp_path: Path) -> None:
    path = text_file(tmp_path, "t.tsv", 'text\tlabel\n"a\tb\nc"\t1\n그는 "왔다\t0\n')
    corpus = read(path)
    assert corpus.train.texts == ("a\tb\nc", '그는 "왔다')
    assert "train: 1 texts hold line breaks" in corpus.notes[-1]


SWALLOWED = {
    "two rows": 'text,label\n"가다,x\n나다",y\n다,x\n라,y\n',
    "three rows": 'text,label\n"가다,x\n나,y\n다",x\n라,y\n마,x\n',
    "labels first": 'label,text\nx,"가다\ny,나다"\nx,다\ny,라\n',
    "a column of its own": 'id,note,text,label\n1,"a,가,x\n2,b",나,y\n3,c,다,x\n4,d,라,y\n',
    "text before the mark": 'text,label\n"가",x\n"나,x\n"다"라,y\n마,y\n바,x\n',
    "the label": 'text,label\n가,"x\n나,y\n다,"\n라,x\n마,y\n',
    "tabs": 'text\tlabel\n"가다\tx\n나다"\ty\n다\tx\n라\ty\n',
}


@pytest.mark.parametrize("name", SWALLOWED)
def test_a_pair_of_stray_quotation_marks_that_swallows_rows_is_said(
    tmp_path: Path, name: str
) -> None:
    path = text_file(tmp_path, "t.tsv" if name == "tabs" else "t.csv", SWALLOWED[name])
    row = 2 if name == "text before the mark" else 1
    (said,) = [note for note in read(path).notes if "rows are lost" in note]
    assert said.startswith(f"{path}: data row {row} has lines within quotation marks")


def test_rows_that_swallow_others_are_counted_in_each_part(tmp_path: Path) -> None:
    lines = '"가다,x\n나다",y\n다,x\n"라,y\n마,x\n바",y\n사,x\n'
    text_file(tmp_path, "train-1.csv", "text,label\n하,x\n하하,y\n")
    text_file(tmp_path, "train-2.csv", f"text,label\n{lines}")
    (said,) = [note for note in read(tmp_path).notes if "rows are lost" in note]
    assert f"{tmp_path / 'train-2.csv'}: data row 1 has" in said
    assert "(so have 1 more rows)" in said


@pytest.mark.parametrize(
    "text",
    [
        "한 줄\n두 줄",
        "쉼표, 하나\n쉼표, 둘\n\n끝",  # as many separators as a row, and no label
        "x\ny\nx",  # labels, and no separator
        '그는 ""말했다"",\n그리고 갔다, 또',
        "a,b,x\nc,d,y\ne",  # labels, in lines of other lengths
    ],
)
def test_texts_of_many_lines_are_no_swallowed_rows(tmp_path: Path, text: str) -> None:
    for content in (
        f'text,label\n"{text}",x\n나,y\n다,x\n라,y\n',
        f'label,text\nx,"{text}"\ny,나\nx,다\ny,라\n',
    ):
        corpus = read(text_file(tmp_path, "t.csv", content))
        assert corpus.train.texts[1:] == ("나", "다", "라")
        assert not any("rows are lost" in note for note in corpus.notes)


def test_integer_labels_become_strings_in_the_order_of_numbers(tmp_path: Path) -> None:
    labels = [10, 2, 2, 0]
    frame = pd.DataFrame({"text": list("abcd"), "label": labels})
    frame.to_parquet(tmp_path / "ints.parquet")
    frame.astype({"label": float}).to_parquet(tmp_path / "floats.parquet")
    frame.to_json(tmp_path / "ints.jsonl", orient="records", lines=True)
    frame.to_csv(tmp_path / "ints.csv", index=False)
    for name in ("ints.parquet", "floats.parquet", "ints.jsonl", "ints.csv"):
        corpus = read(tmp_path / name)
        assert corpus.labels == ("0", "2", "10"), name
        assert corpus.train.labels.tolist() == [2, 1, 1, 0], name


def test_json_strings_that_look_like_dates_or_numbers_stay_text(tmp_path: Path) -> None:
    lines = '{"text": "2020-01-01", "label": "1"}\n{"text": "007", "label": "0"}\n'
    assert read(text_file(tmp_path, "t.jsonl", lines)).train.texts == ("2020-01-01", "007")


# --- columns ------------------------------------------------------------------------------------


def test_columns_are_detected_without_case(tmp_path: Path) -> None:
    path = text_file(tmp_path, "t.csv", "Title,분류,GUID\n나,x,1\n라,y,2\n")
    corpus = read(path)
    assert corpus.train.texts == ("나", "라")
    assert corpus.train.row_ids == ("1", "2")
    assert corpus.notes == ("Encoding: UTF-8.", "Columns: text 'Title', label '분류', id 'GUID'.")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("comments", "의도"),
        (" 댓글 ", "감성"),
        ("문의 내용", "Sentiment"),
        (unicodedata.normalize("NFD", "리뷰"), unicodedata.normalize("NFD", "감정_대분류")),
    ],
)
def test_columns_that_people_have_are_found(tmp_path: Path, text: str, label: str) -> None:
    path = text_file(tmp_path, "t.csv", f"번호,{text},{label}\n1,가,x\n2,나,y\n")
    corpus = read(path)
    assert (corpus.train.texts, corpus.labels) == (("가", "나"), ("x", "y"))
    for name in (text, unicodedata.normalize("NFC", text)):
        assert read(path, text_column=name).digest == corpus.digest


@pytest.mark.parametrize(
    ("role", "one", "other"), [("text", "제목", "내용"), ("label", "감정", "주제")]
)
def test_several_columns_that_it_may_be_are_refused_and_the_option_decides(
    tmp_path: Path, role: str, one: str, other: str
) -> None:
    rest = "label" if role == "text" else "text"
    path = text_file(tmp_path, "t.csv", f"{one},{other},{rest}\na,b,x\nc,d,y\na,d,z\n")
    message = refusal(path)
    assert {f"'{one}'", f"'{other}'", f"--{role}-column"} <= set(
        re.findall(r"'[^']*'|--[\w-]+", message)
    )
    assert read(path, **{f"{role}_column": other}).notes[1].count(f"{role} '{other}'") == 1


@pytest.mark.parametrize("other", ["영화", '"[1]"'])
def test_what_can_be_no_label_is_no_candidate(tmp_path: Path, other: str) -> None:
    """A column of one value, or of the same labels in other words."""
    rows = f"text,label,category,감정\na,x,{other},긍정\nb,y,{other},부정\n"
    assert read(text_file(tmp_path, "t.csv", rows)).labels == ("x", "y")
    lines = (
        '{"text": "a", "label": "x", "topic": ["t"]}\n{"text": "b", "label": "y", "topic": []}\n'
    )
    assert read(text_file(tmp_path, "t.jsonl", lines)).labels == ("x", "y")


def test_options_name_any_column(tmp_path: Path) -> None:
    path = text_file(tmp_path, "t.csv", "text,label,글,반,번\na,b,가,x,p\nc,d,나,y,q\n")
    corpus = read(path, "글", "반", "번")
    assert corpus.train.texts == ("가", "나")
    assert corpus.labels == ("x", "y")
    assert corpus.train.row_ids == ("p", "q")


def test_readable_names_of_integer_labels(tmp_path: Path) -> None:
    path = text_file(tmp_path, "t.tsv", "title\tlabel\ttopic\na\t1\t정치\nb\t0\t경제\nc\t1\t정치\n")
    corpus = read(path)
    assert corpus.labels == ("경제", "정치")
    assert corpus.train.labels.tolist() == [1, 0, 1]
    assert "Label names are from 'topic', one to one with 'label'." in corpus.notes
    assert read(path, label_column="label").labels == ("0", "1")


@pytest.mark.parametrize(
    "rows",
    [
        "a\t1\t정치\nb\t0\t정치\n",  # two codes, one name
        "a\t1\t5\nb\t0\t6\n",  # a companion of numbers
        "a\t1\t정치\nb\t0\t\n",  # a companion with gaps
    ],
)
def test_a_companion_that_is_not_one_to_one_is_not_taken(tmp_path: Path, rows: str) -> None:
    path = text_file(tmp_path, "t.tsv", f"title\tlabel\ttopic\n{rows}")
    assert read(path).labels == ("0", "1")


def test_a_companion_must_hold_in_every_file(tmp_path: Path) -> None:
    text_file(tmp_path, "train.csv", "text,label,topic\na,0,x\nb,1,y\n")
    text_file(tmp_path, "test.csv", "text,label,topic\na,0,y\nb,1,x\n")
    assert read(tmp_path).labels == ("0", "1")


@pytest.mark.parametrize("option", ["text_column", "label_column", "id_column"])
def test_a_missing_column_is_refused_with_those_there_are(tmp_path: Path, option: str) -> None:
    path = text_file(tmp_path, "t.csv", "text,label\na,x\nb,y\n")
    message = refusal(path, f"{option}=nope")
    assert "'nope'" in message
    assert f"--{option.replace('_', '-')}" in message
    assert "text, label" in message


def test_columns_that_cannot_be_detected(tmp_path: Path) -> None:
    message = refusal(text_file(tmp_path, "t.csv", "kk,label\na,x\nb,y\n"))
    assert "--text-column" in message
    assert "kk, label" in message
    assert "--label-column" in refusal(text_file(tmp_path, "u.csv", "text,kk\na,x\nb,y\n"))


def test_one_column_cannot_be_both(tmp_path: Path) -> None:
    path = text_file(tmp_path, "t.csv", "text,label\na,x\nb,y\n")
    with pytest.raises(CorpusError, match="both 'label'"):
        read(path, text_column="label", label_column="label")


def test_a_column_that_is_there_twice(tmp_path: Path) -> None:
    assert "'label' is there twice" in refusal(
        text_file(tmp_path, "t.csv", "text,label,label\na,x,y\n")
    )


def test_a_test_without_the_columns_of_train(tmp_path: Path) -> None:
    text_file(tmp_path, "train.csv", "text,label\na,x\nb,y\n")
    text_file(tmp_path, "test.csv", "sentence,label\na,x\n")
    with pytest.raises(CorpusError, match=r"test\.csv: no column 'text' .* sentence, label"):
        read(tmp_path)


# --- rows ---------------------------------------------------------------------------------------


def test_repeated_ids_fall_back_to_line_numbers_in_every_split(tmp_path: Path) -> None:
    text_file(tmp_path, "train.csv", "id,text,label\n1,a,x\n2, ,x\n3,b,y\n")
    text_file(tmp_path, "test.csv", "id,text,label\n1,c,x\n4,d,y\n4,e,y\n")
    corpus = read(tmp_path)
    assert corpus.train.row_ids == ("train:1", "train:3")
    assert corpus.tests[0].row_ids == ("test:1", "test:2", "test:3")
    assert "repeats an earlier id in 2 rows" in corpus.notes[-1]


def test_empty_ids_fall_back_too(tmp_path: Path) -> None:
    corpus = read(text_file(tmp_path, "t.csv", "id,text,label\n1,a,x\n,b,y\n"))
    assert corpus.train.row_ids == ("train:1", "train:2")
    assert "is empty in 1" in corpus.notes[-1]


def test_empty_texts_are_left_out_and_counted_and_duplicates_stay(tmp_path: Path) -> None:
    records = [("가", "x"), (" \t\u3000", "x"), (None, "y"), ("가", "x"), ("나", "y")]
    pd.DataFrame(records, columns=["text", "label"]).to_parquet(tmp_path / "train.parquet")
    text_file(tmp_path, "test.csv", 'text,label\n"",x\n가,x\n')
    corpus = read(tmp_path)
    assert corpus.train.texts == ("가", "가", "나")
    assert corpus.train.row_ids == ("train:1", "train:4", "train:5")
    assert corpus.tests[0].row_ids == ("test:2",)
    assert "train: 2 of 5 rows have an empty text and are left out." in corpus.notes
    assert "test: 1 of 2 rows have an empty text and are left out." in corpus.notes


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", "text,label\na,x\nb,\nc,y\n"),
        ("t.tsv", "text\tlabel\na\tx\nb\nc\ty\n"),  # a short row
        ("t.txt", "text\tlabel\na\tx\nb\t \nc\ty\n"),
        ("t.jsonl", '{"text": "a", "label": 0}\n{"text": "b", "label": null}\n'),
        ("t.jsonl", '{"text": "a", "label": 0}\n{"text": "b"}\n'),
    ],
)
def test_a_missing_label_is_refused_with_its_row(tmp_path: Path, name: str, content: str) -> None:
    assert "data row 2 has no label in column 'label'" in refusal(
        text_file(tmp_path, name, content)
    )


def test_a_null_label_in_parquet_is_refused_with_its_row(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"text": ["a", "b", "c"], "label": [0, 1, None]}), path)
    assert "data row 3 has no label" in refusal(path)


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("t.csv", "text,label\na,x\nb,y,z\n", "line 3"),
        ("t.csv", "text,label\na,x,1\nb,y,2\n", "line 2"),  # pandas would make an index of it
        ("t.tsv", "text\tlabel\na\tx\n\nb\ty\tz\n", "line 4"),
        ("t.txt", "text\tlabel\na\tx\ty\n", "line 2"),
    ],
)
def test_ragged_rows(tmp_path: Path, name: str, content: str, line: str) -> None:
    message = refusal(text_file(tmp_path, name, content))
    assert line in message
    assert "3 fields, not 2" in message


def test_ragged_rows_are_counted(tmp_path: Path) -> None:
    content = 'text,label\n"a,b",x\nb,y,z\nc,y\nd,y,z,w\n"e\nf",x,\n'
    message = refusal(text_file(tmp_path, "t.csv", content))
    assert "line 3" in message
    assert "and 2 more lines have too many" in message


def test_a_quotation_mark_never_closed(tmp_path: Path) -> None:
    path = text_file(tmp_path, "t.tsv", 'text\tlabel\na\tx\n"b\ty\nc\tx\n')
    assert "line 3 is never closed" in refusal(path)


@pytest.mark.parametrize("line", ["{", "[1]", '"a"', "1"])
def test_a_line_that_is_no_json_object(tmp_path: Path, line: str) -> None:
    path = text_file(tmp_path, "t.jsonl", f'{{"text": "a", "label": "x"}}\n\n{line}\n')
    assert "line 3 is not a JSON object" in refusal(path)


@pytest.mark.parametrize("value", ['["a"]', '{"a": 1}', r'"\ud83d"'])
def test_a_json_value_that_is_no_text(tmp_path: Path, value: str) -> None:
    path = text_file(
        tmp_path, "t.jsonl", f'{{"text": "a", "label": "x"}}\n{{"text": {value}, "label": "y"}}\n'
    )
    assert "data row 2" in refusal(path)


def test_a_damaged_parquet_file(tmp_path: Path) -> None:
    assert "not a Parquet file" in refusal(text_file(tmp_path, "t.parquet", "PAR1 no"))


def test_a_page_of_parquet_that_is_not_what_was_written(tmp_path: Path) -> None:
    """A flipped bit that still is a text is told by the page's checksum, where it has one."""
    path = tmp_path / "t.parquet"
    frame = pa.table({"text": ["alpha", "beta", "gamma"], "label": ["x", "y", "x"]})
    pq.write_table(frame, path, compression="none", use_dictionary=False, write_page_checksum=True)
    data = path.read_bytes()
    assert read(path).train.texts == ("alpha", "beta", "gamma")
    path.write_bytes(data.replace(b"beta", b"bets"))
    assert "damaged" in refusal(path)


def test_a_file_with_columns_without_end(tmp_path: Path) -> None:
    content = f"text,label{',' * 998}\na,x\nb,y\n"
    assert len(read(text_file(tmp_path, "t.csv", content)).train) == 2
    assert "has 1,001 columns" in refusal(
        text_file(tmp_path, "u.csv", content.replace("label", "label,"))
    )


def test_a_folder_name_is_no_column(tmp_path: Path) -> None:
    folder = tmp_path / "label=z"
    folder.mkdir()
    write_parquet(folder / "train.parquet")
    assert read(folder).labels == ("x", "y")
    frame = pd.DataFrame({"text": ["a", "b"], "kk": ["x", "y"]})
    frame.to_parquet(folder / "train.parquet")
    assert "--label-column" in refusal(folder / "train.parquet")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", ""),
        ("t.csv", "\n\n"),
        ("t.csv", "text,label\n"),
        ("t.jsonl", ""),
        ("t.csv", 'text,label\n" ",x\n'),
    ],
)
def test_no_rows(tmp_path: Path, name: str, content: str) -> None:
    assert "no rows" in refusal(text_file(tmp_path, name, content))


def test_one_label(tmp_path: Path) -> None:
    message = refusal(text_file(tmp_path, "t.csv", "text,label\na,x\nb,x\n,y\n"))
    assert "only one label, 'x'" in message


def test_a_label_that_only_a_test_has(tmp_path: Path) -> None:
    text_file(tmp_path, "train.csv", "text,label\na,x\nb,y\n")
    text_file(tmp_path, "dev.csv", "text,label\n,x\na,x\nb,z\n")
    with pytest.raises(CorpusError, match=r"dev\.csv: data row 3 has the label 'z'"):
        read(tmp_path)


def test_paths_that_lead_nowhere(tmp_path: Path) -> None:
    assert "no such file or folder" in refusal(tmp_path / "nowhere")
    assert "no train file" in refusal(tmp_path)
    text_file(tmp_path, "test.csv", "text,label\na,x\n")
    assert "test.csv" in refusal(tmp_path)
    assert "not a format" in refusal(text_file(tmp_path, "t.docx", ""))


def test_two_files_for_one_split(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv")
    write_txt(tmp_path / "ratings_train.txt")
    assert "both ratings_train.txt and train.csv" in refusal(tmp_path)


# --- what cannot be text ------------------------------------------------------------------------


def test_numbers_are_text_and_said(tmp_path: Path) -> None:
    lines = '{"text": 7, "label": "x"}\n{"text": 1.5, "label": "y"}\n{"text": "a", "label": "y"}\n'
    corpus = read(text_file(tmp_path, "t.jsonl", lines))
    assert corpus.train.texts == ("7", "1.5", "a")
    assert "train: 2 values of the text column 'text' are numbers" in corpus.notes[-1]


def test_null_is_an_empty_text(tmp_path: Path) -> None:
    lines = ['{"text": null, "label": "x"}', '{"label": "x"}']
    lines += ['{"text": "a", "label": "x"}', '{"text": "b", "label": "y"}']
    corpus = read(text_file(tmp_path, "t.jsonl", "\n".join(lines)))
    assert corpus.train.row_ids == ("train:3", "train:4")
    assert corpus.left_out == {"train": ("train:1", "train:2")}
    assert not any("numbers" in note for note in corpus.notes)


def test_lists_are_refused_and_counted(tmp_path: Path) -> None:
    lines = '{"text": "a", "label": "x"}\n' + '{"text": ["b"], "label": "y"}\n' * 3
    message = refusal(text_file(tmp_path, "t.jsonl", lines))
    assert "data row 2" in message
    assert "2 more rows" in message


def test_bytes_in_parquet_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"text": [b"a", b"b"], "label": ["x", "y"]}), path)
    assert "data row 1 has neither text nor a number" in refusal(path)


@pytest.mark.parametrize("name", ["t.csv", "t.txt", "t.tsv"])
def test_nul_bytes_are_taken_out_and_the_rest_of_the_text_stays(tmp_path: Path, name: str) -> None:
    rows = [("text", "label"), ("앞\0뒤", "x"), ("b" * 40, "y"), ("\0", "y"), ("c\0\0", "x")]
    separator = "," if name == "t.csv" else "\t"
    corpus = read(text_file(tmp_path, name, "".join(separator.join(r) + "\n" for r in rows)))
    assert corpus.train.texts == ("앞뒤", "b" * 40, "c")
    assert "train: NUL bytes are taken out of 3 texts (data row 1, 3, 4)." in corpus.notes
    assert corpus.left_out == {"train": ("train:3",)}


@pytest.mark.parametrize("name", ["t.csv", "t.txt", "t.tsv"])
def test_characters_that_are_none_are_kept_beside_nul_bytes(tmp_path: Path, name: str) -> None:
    """U+FFFF is no character in use, but what is in a text stays in it."""
    separator = "," if name == "t.csv" else "\t"
    texts = ["a\0b", "\uffff", "c\uffff0\uffff1\uffff\0\uffff", "\ufffe\ufdd0\U0010ffff"]
    lines = [("text", "label"), *zip(texts, "xyxy", strict=True)]
    corpus = read(text_file(tmp_path, name, "".join(separator.join(r) + "\n" for r in lines)))
    assert corpus.train.texts == tuple(text.replace("\0", "") for text in texts)
    assert "train: NUL bytes are taken out of 2 texts (data row 1, 3)." in corpus.notes


def test_labels_of_digits_without_end_are_names(tmp_path: Path) -> None:
    nines, tens = "9" * 5000, "10"  # Python makes no number of more than 4,300 digits
    path = text_file(tmp_path, "t.csv", f"text,label\na,{nines}\nb,{tens}\n")
    assert read(path).labels == (tens, nines)


def test_nul_in_json(tmp_path: Path) -> None:
    lines = '{"text": "a\\u0000b", "label": "x"}\n{"text": "c", "label": "y"}\n'
    assert read(text_file(tmp_path, "t.jsonl", lines)).train.texts == ("ab", "c")
    lines = '{"text": "a", "label": "x\\u0000"}\n{"text": "c", "label": "y"}\n'
    assert "data row 1 has a NUL byte in its label" in refusal(
        text_file(tmp_path, "u.jsonl", lines)
    )


def test_a_huge_row_is_kept_whole(tmp_path: Path) -> None:
    huge = "가나다 " * 500_000
    content = f"text\tlabel\n{huge}\tx\nb\ty\n"
    assert read(text_file(tmp_path, "t.txt", content)).train.texts == (huge, "b")


# --- encodings and gzip -------------------------------------------------------------------------

KOREAN = "text\tlabel\n한글 문장입니다, 똠방각하\tx\n둘째 글\ty\n"


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8 with a byte order mark"),
        ("cp949", "CP949 (EUC-KR)"),
        ("utf-16", "UTF-16"),
        ("utf-32", "UTF-32"),
    ],
)
@pytest.mark.parametrize("name", ["t.tsv", "t.txt.gz"])
def test_encodings_are_detected_and_said(
    tmp_path: Path, encoding: str, said: str, name: str
) -> None:
    data = KOREAN.encode(encoding)
    path = tmp_path / name
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    corpus = read(path)
    assert corpus.name == "t"
    assert corpus.train.texts == ("한글 문장입니다, 똠방각하", "둘째 글")
    assert corpus.notes[0] == f"Encoding: {said}."


def test_utf16_of_either_order_and_euc_kr(tmp_path: Path) -> None:
    texts = read(text_file(tmp_path, "a.tsv", KOREAN)).train.texts
    for name, data in (
        ("le", b"\xff\xfe" + KOREAN.encode("utf-16-le")),
        ("be", b"\xfe\xff" + KOREAN.encode("utf-16-be")),
    ):
        (tmp_path / f"{name}.tsv").write_bytes(data)
        assert read(tmp_path / f"{name}.tsv").train.texts == texts
    plain = KOREAN.replace("똠방각하", "각하")  # EUC-KR, a part of CP949, has no 똠
    (tmp_path / "euc.tsv").write_bytes(plain.encode("euc-kr"))
    assert read(tmp_path / "euc.tsv").train.texts[0] == "한글 문장입니다, 각하"


def test_files_in_different_encodings(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_bytes(KOREAN.encode("cp949"))
    (tmp_path / "test.tsv").write_bytes(KOREAN.encode())
    corpus = read(tmp_path)
    assert corpus.train.texts == corpus.tests[0].texts
    assert corpus.notes[0] == "Encoding: CP949 (EUC-KR) in train.tsv; UTF-8 in test.tsv."


def test_neither_encoding_is_refused_with_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"text,label\n\xff\xff,x\nb,y\n")
    message = refusal(path)
    assert "byte offset 11" in message
    assert "save the file as UTF-8" in message


def test_damaged_utf8_is_not_taken_for_cp949(tmp_path: Path) -> None:
    """One word of CP949 in a UTF-8 file: the whole is well-formed CP949 too, as other words."""
    broken = "text,label\n친구 추천,x\n강물 ".encode() + "가".encode("cp949") + b",y\n"
    assert "친구" not in broken.decode("cp949")
    path = tmp_path / "t.csv"
    path.write_bytes(broken)
    assert f"damaged UTF-8 at byte offset {broken.index(b',y') - 2}" in refusal(path)


def test_utf16_without_a_mark_and_a_mark_that_lies(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("text,label\nabc,x\ndef,y\n".encode("utf-16-le"))
    assert "UTF-16 without a byte order mark" in refusal(path)
    path.write_bytes(b"\xff\xfe" + "text".encode("utf-16-le") + b"\x00")
    assert "begins as UTF-16" in refusal(path)
    path.write_bytes(b"\xef\xbb\xbftext,label\n\xff,x\n")
    assert "begins as UTF-8" in refusal(path)


@pytest.mark.parametrize("write", WRITERS[:-1], ids=lambda write: write.__name__[6:])
def test_gzip_of_every_text_format(tmp_path: Path, write: Callable[[Path], None]) -> None:
    plain = tmp_path / f"t.{write.__name__[6:]}"
    write(plain)
    packed = tmp_path / f"{plain.name}.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert read(packed).digest == read(plain).digest


@pytest.mark.parametrize(
    "data", [b"text,label\na,x\n", gzip.compress(b"x" * 99, mtime=0)[:-9], b""]
)
def test_damaged_gzip(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(data)
    assert "damaged" in refusal(path) or "no rows" in refusal(path)


# --- files that cannot be read ------------------------------------------------------------------


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = text_file(tmp_path, "t.csv", "text,label\na,x\nb,y\n")

    def refuse(_: Path) -> IO[bytes]:  # root, who may run the tests, may read everything
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tables, "open_regular", refuse)
    assert "cannot be read (Permission denied)" in refusal(path)


def test_a_file_that_unfolds_to_more_than_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "LARGEST", 3 * 2**20)
    large = {"text": ["a" * 4 * 2**20, "b"], "label": ["x", "y"]}
    for name, write in (
        ("t.csv", lambda path: pd.DataFrame(large).to_csv(path, index=False)),
        ("t.jsonl", lambda path: pd.DataFrame(large).to_json(path, orient="records", lines=True)),
    ):
        write(tmp_path / name)
        packed = tmp_path / f"{name}.gz"
        packed.write_bytes(gzip.compress((tmp_path / name).read_bytes()))
        assert packed.stat().st_size < 100_000
        for path in (tmp_path / name, packed):
            assert "more than 3,145,728 bytes unpacked" in refusal(path)
    # One value, which is in the file once, and four thousand times in memory.
    many = pa.table({"text": ["a" * 1000] * 4000, "label": ["x", "y"] * 2000})
    pq.write_table(many, tmp_path / "t.parquet")
    assert (tmp_path / "t.parquet").stat().st_size < 100_000
    assert "more than 3,145,728 bytes unpacked" in refusal(tmp_path / "t.parquet")
    small = pa.table({"text": ["a" * 1000] * 2000, "label": ["x", "y"] * 1000})
    pq.write_table(small, tmp_path / "t.parquet")
    assert len(read(tmp_path / "t.parquet").train) == 2000


def test_no_memory_for_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = text_file(tmp_path, "t.csv", "text,label\na,x\nb,y\n")

    def refuse(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(pd, "read_csv", refuse)
    assert "memory" in refusal(path)


def test_packed_parquet_is_refused(tmp_path: Path) -> None:
    assert "not a format" in refusal(text_file(tmp_path, "t.parquet.gz", ""))


# --- real data ----------------------------------------------------------------------------------


class TestReal:
    pytestmark = needs_shared

    def test_nsmc(self) -> None:
        corpus = read(SHARED / "nsmc")
        assert corpus.labels == ("0", "1")
        assert len(corpus.train) == 150_000 - 5
        assert [(test.name, len(test)) for test in corpus.tests] == [("test", 50_000 - 3)]
        assert "train: 5 of 150,000 rows have an empty text and are left out." in corpus.notes
        assert "test: 3 of 50,000 rows have an empty text and are left out." in corpus.notes
        assert corpus.train.row_ids[0] == "9976970"
        assert len(set(corpus.train.texts)) == 150_000 - 5 - 3_817 + 4  # the empty are 4 of those

    def test_ynat(self) -> None:
        corpus = read(SHARED / "ynat")
        assert corpus.labels == ("IT과학", "경제", "사회", "생활문화", "세계", "스포츠", "정치")
        assert len(corpus.train) == 36_547
        assert [(test.name, len(test)) for test in corpus.tests] == [("dev", 9_107)]
        society = corpus.labels.index("사회")
        assert (corpus.tests[0].labels == society).sum() == 3_701
        assert round(100 * (corpus.train.labels == society).mean(), 1) == 10.0
        assert corpus.notes[0] == "Files not read: unlabeled.tsv."
        assert "Label names are from 'topic', one to one with 'label'." in corpus.notes
