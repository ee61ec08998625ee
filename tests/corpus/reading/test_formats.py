"""Formats that people have, made by the programs that make them or as their documents say."""

from __future__ import annotations

import io
import json
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from al_ray.corpus.reading import tables
from al_ray.corpus.reading.read import read
from al_ray.errors import CorpusError

LABELS = ("긍정", "부정", "긍정", "부정")
ROWS = [(f"글 {i}", label) for i, label in enumerate(LABELS)]


def refusal(path: Path) -> str:
    with pytest.raises(CorpusError) as caught:
        read(path)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    return message


# --- Excel --------------------------------------------------------------------------------------


def workbook(path: Path, rows: Sequence[Sequence[object]], *others: str) -> Path:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(list(row))
    for name in others:
        book.create_sheet(name).append(["기타"])
    book.save(path)
    return path


def test_a_workbook_reads_as_its_csv_does(tmp_path: Path) -> None:
    rows = [
        ("text", "label", None),
        ("글, 하나", 1, None),
        (),
        ('"둘"', 0, "메모"),
        ("셋\n줄", 1.0),
    ]
    path = workbook(tmp_path / "리뷰.xlsx", rows, "요약")
    corpus = read(path)
    assert corpus.train.texts == ("글, 하나", '"둘"', "셋\n줄")
    assert (corpus.labels, corpus.train.labels.tolist()) == (("0", "1"), [1, 0, 1])
    assert corpus.train.row_ids == ("train:1", "train:2", "train:3")
    assert "리뷰.xlsx: sheet 'Sheet' is read, and not 요약." in corpus.notes
    frame = pd.read_excel(path)[["text", "label"]].dropna()  # pandas as the other reader
    frame.astype({"label": int}).to_csv(tmp_path / "리뷰.csv", index=False)
    assert read(tmp_path / "리뷰.csv").digest == corpus.digest


def test_dates_of_a_workbook_are_no_labels_and_numbers_are_text(tmp_path: Path) -> None:
    days = [("text", "label"), (7, datetime(2026, 1, 5)), ("b", datetime(2026, 1, 6))]
    assert "holds dates" in refusal(workbook(tmp_path / "a.xlsx", days))
    corpus = read(
        workbook(tmp_path / "b.xlsx", [("text", "label"), (7, "x"), (datetime(2026, 1, 5), "y")])
    )
    assert corpus.train.texts == ("7", "2026-01-05 00:00:00")


def test_workbooks_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no rows" in refusal(workbook(tmp_path / "a.xlsx", []))
    path = workbook(tmp_path / "b.xlsx", [("text", "label"), *ROWS])
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert "damaged" in refusal(path)
    with zipfile.ZipFile(tmp_path / "c.xlsx", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", "a" * 4 * 2**20)
    monkeypatch.setattr(tables, "LARGEST", 3 * 2**20)
    assert "more than 3,145,728 bytes unpacked" in refusal(tmp_path / "c.xlsx")


# --- JSON and Label Studio ----------------------------------------------------------------------


def written(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")
    return path


def test_an_array_of_records_and_json_lines_by_the_name_of_json(tmp_path: Path) -> None:
    frame = pd.DataFrame(ROWS, columns=["text", "label"])
    frame.to_json(tmp_path / "a.json", orient="records", force_ascii=False)
    frame.to_json(tmp_path / "b.json", orient="records", lines=True)
    for name in ("a.json", "b.json"):
        assert read(tmp_path / name).train.texts == tuple(text for text, _ in ROWS)


def test_json_of_another_shape_is_converted_by_the_command_that_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "이것 '저것'"
    folder.mkdir()
    rows = [{"text": text, "label": label} for text, label in ROWS]
    path = written(folder / "a.json", {"version": 1, "data": rows})
    _, _, command = refusal(path).partition("convert it: python ")
    subprocess.run([sys.executable, *shlex.split(command)], check=True)
    assert read(folder / "a.jsonl").train.texts == tuple(text for text, _ in ROWS)


def task(number: int, *choices: str | None, cancelled: bool = False) -> dict[str, Any]:
    """A task of Label Studio, as its documents show one: an annotation for each choice."""
    return {
        "id": number,
        "data": {"text": f"글 {number}", "meta": {"a": 1}},
        "annotations": [
            {
                "was_cancelled": cancelled,
                "result": [
                    {
                        "value": {"choices": [choice]},
                        "from_name": "sentiment",
                        "to_name": "text",
                        "type": "choices",
                    }
                ]
                if choice
                else [],
            }
            for choice in choices
        ],
        "predictions": [],
    }


TASKS = [
    task(11, "긍정"),
    task(12, "부정", "부정"),
    task(13, "긍정", "부정", "부정"),  # the majority
    task(14, "긍정", "부정"),  # a tie
    task(15),
    task(16, None),
    task(17, "긍정", cancelled=True),
    task(18, "긍정"),
]


def minimal(tasks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same as JSON-MIN, which has a record for each annotation that is not cancelled."""
    return [
        {"text": each["data"]["text"], "id": each["id"], "annotator": n, "annotation_id": n}
        | {r["from_name"]: r["value"]["choices"][0] for r in annotation["result"]}
        for each in tasks
        for n, annotation in enumerate(each["annotations"])
        if not annotation["was_cancelled"]
    ]


def test_label_studio(tmp_path: Path) -> None:
    corpus = read(written(tmp_path / "a.json", TASKS))
    assert corpus.train.row_ids == ("11", "12", "13", "18")
    assert corpus.train.texts == ("글 11", "글 12", "글 13", "글 18")
    assert [corpus.labels[code] for code in corpus.train.labels] == ["긍정", "부정", "부정", "긍정"]
    (said,) = [note for note in corpus.notes if "disagree" in note]
    assert "of 2 tasks disagree; what most of them say is taken for 1, and 1 are left" in said
    assert "train: 4 rows without a label are left out." in corpus.notes
    least = read(written(tmp_path / "b.json", minimal(TASKS)))
    assert least.digest == corpus.digest
    assert "train: 2 rows without a label are left out." in least.notes  # the others are not there


def test_a_test_that_nobody_has_come_to(tmp_path: Path) -> None:
    """Or every trajectory would fail at it."""
    written(tmp_path / "train.json", [task(n, "긍정" if n % 2 else "부정") for n in range(20)])
    tests = [task(n, "긍정" if n == 30 else None) for n in range(30, 40)]
    written(tmp_path / "test.json", tests)
    assert len(read(tmp_path).tests[0].labels) == 1
    tests[0]["annotations"].clear()
    path = written(tmp_path / "test.json", tests)
    assert f"{path}: no" in refusal(tmp_path)


def test_tasks_that_nobody_has_come_to(tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", [task(1, None), task(2)])
    assert "none of its 2 tasks has a choice" in refusal(path)


def test_two_questions_of_label_studio_are_two_candidates(tmp_path: Path) -> None:
    two = [task(1, "긍정"), task(2, "부정"), task(3, "긍정")]
    for each, topic in zip(two, "xyy", strict=True):
        more = {"value": {"choices": [topic]}, "from_name": "topic", "type": "choices"}
        each["annotations"][0]["result"].append(more)
    path = written(tmp_path / "a.json", two)
    assert "'topic' or 'sentiment'" in refusal(path)
    assert read(path, label_column="topic").labels == ("x", "y")


# --- datasets -----------------------------------------------------------------------------------

FEATURES = {
    "text": {"dtype": "string", "_type": "Value"},
    "label": {"names": ["부정", "긍정"], "_type": "ClassLabel"},
}
TABLE = pa.table({"text": ["가", "나", "다", "라"], "label": [1, 0, 1, -1]})


def saved(folder: Path, table: pa.Table, parts: int = 1) -> None:
    """As `Dataset.save_to_disk` of datasets 4 writes it."""
    folder.mkdir(parents=True)
    size = len(table) // parts
    for part in range(parts):
        path = folder / f"data-{part:05}-of-{parts:05}.arrow"
        with path.open("wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
            writer.write_table(table.slice(part * size, size))
    (folder / "state.json").write_text(json.dumps({"_split": "train"}))
    (folder / "dataset_info.json").write_text(json.dumps({"features": FEATURES}))


def test_a_folder_of_save_to_disk(tmp_path: Path) -> None:
    saved(tmp_path / "one", TABLE[:2].append_column("id", pa.array(["p", "q"])), parts=2)
    one = read(tmp_path / "one")
    assert one.train.row_ids == ("p", "q")
    assert one.labels == ("긍정", "부정")
    assert one.train.labels.tolist() == [0, 1]
    saved(tmp_path / "all" / "train", TABLE[:3])
    saved(tmp_path / "all" / "validation", TABLE[1:3])
    (tmp_path / "all" / "dataset_dict.json").write_text('{"splits": ["train", "validation"]}')
    corpus = read(tmp_path / "all")
    assert [(split.name, split.texts) for split in corpus.splits] == [
        ("train", ("가", "나", "다")),
        ("dev", ("나", "다")),
    ]
    assert not any("not read" in note for note in corpus.notes)
    saved(tmp_path / "made", pa.table({"indices": [0, 0]}))  # as `filter` leaves it there
    made = next((tmp_path / "made").glob("data-*"))
    made.rename(tmp_path / "all" / "train" / "cache-1f2e3d4c5b6a7988.arrow")
    assert read(tmp_path / "all").digest == corpus.digest


def test_names_of_classes_in_parquet(tmp_path: Path) -> None:
    """As the hub's files have them: in the schema."""
    said = json.dumps({"info": {"features": FEATURES}})
    pq.write_table(TABLE[:3].replace_schema_metadata({"huggingface": said}), tmp_path / "a.parquet")
    corpus = read(tmp_path / "a.parquet")
    assert [corpus.labels[code] for code in corpus.train.labels] == ["긍정", "부정", "긍정"]
    pq.write_table(TABLE[:3].replace_schema_metadata({"huggingface": "{"}), tmp_path / "b.parquet")
    assert read(tmp_path / "b.parquet").labels == ("0", "1")
    assert "data row 4 has no label" in refusal_of(tmp_path, said, [1, 0, 1, -1])
    assert "data row 2 has the class 2" in refusal_of(tmp_path, said, [1, 2, 0, 0])


def refusal_of(folder: Path, said: str, codes: list[int]) -> str:
    table = pa.table({"text": list("가나다라"), "label": codes})
    pq.write_table(table.replace_schema_metadata({"huggingface": said}), folder / "c.parquet")
    return refusal(folder / "c.parquet")


# --- formats that are not read ------------------------------------------------------------------


def test_a_zip_is_unpacked_by_the_command_that_is_told(tmp_path: Path) -> None:
    csv = io.StringIO()
    pd.DataFrame(ROWS, columns=["text", "label"]).to_csv(csv, index=False)
    with zipfile.ZipFile(tmp_path / "내 자료.zip", "w") as packed:
        packed.writestr("리뷰.csv", csv.getvalue())
    for path in (tmp_path / "내 자료.zip", tmp_path):  # the file, or a folder with nothing else
        with pytest.raises(CorpusError) as caught:
            read(path)
        command = str(caught.value).partition("python ")[2].removesuffix(")")
    subprocess.run([sys.executable, *shlex.split(command)], check=True)
    assert read(tmp_path / "내 자료").train.texts == tuple(text for text, _ in ROWS)


@pytest.mark.parametrize("name", ["a.xls", "a.hwp", "a.hwpx", "a.docx", "a.tar.gz", "a.pkl"])
def test_other_formats_are_refused_with_what_to_do(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    assert "convert it" in refusal(tmp_path / name)


# --- As people keep them ------------------------------------------------------------------------


def test_titles_above_the_names_and_a_summary_before_the_sheet(tmp_path: Path) -> None:
    path = tmp_path / "고객.xlsx"
    book = openpyxl.Workbook()
    summary = book.active
    assert summary is not None
    summary.title = "요약"
    summary.append(["2026년 상반기"])
    sheet = book.create_sheet("원본")
    sheet.append(["고객 의견 분류 결과"])
    sheet.merge_cells("A1:B1")
    sheet.append([None, "담당: 운영팀"])
    for row in [("내용", "감성\n(분류)"), *ROWS]:
        sheet.append(list(row))
    book.save(path)
    corpus = read(path, label_column="감성 (분류)")
    labels = [corpus.labels[code] for code in corpus.train.labels]
    assert [*zip(corpus.train.texts, labels, strict=True)] == ROWS
    said = " ".join(corpus.notes)
    assert "sheet '원본' is read, and not 요약" in said
    assert "above the names of the columns stands 고객 의견 분류 결과, 담당: 운영팀" in said
    refused = refusal(path)  # which says where it looked, and a name that can be given
    assert "감성 (분류)" in refused
    assert "sheet '원본' is read" in refused


def test_merged_cells_hold_for_all_their_rows(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [("text", "label")])
    book = openpyxl.load_workbook(path)
    for number in range(12):
        book.active.append([f"글 {number}", ("긍정", "부정", "중립")[number // 4]])
    for first, last in ((2, 5), (6, 9), (10, 16)):  # over the end, as whole columns are merged
        book.active.merge_cells(start_row=first, end_row=last, start_column=2, end_column=2)
    book.save(path)
    assert pd.read_excel(path).label.isna().sum() == 9  # as it is in the file
    corpus = read(path)
    named = [corpus.labels[code] for code in corpus.train.labels]
    assert named == ["긍정"] * 4 + ["부정"] * 4 + ["중립"] * 4
    assert "a.xlsx: what merged cells hold is taken for all their rows." in corpus.notes


def test_nested_json_lines_are_named_with_a_point(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    records = [{"doc": {"body": text}, "labels": [label]} for text, label in ROWS]
    path.write_text("\n".join(json.dumps(record, ensure_ascii=False) for record in records))
    assert "doc.body" in refusal(path)
    corpus = read(path, text_column="doc.body")
    assert [*corpus.train.texts] == [text for text, _ in ROWS]
    assert {*corpus.labels} == {*LABELS}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("내용;감성\n안녕, 세상;긍정\n또, 왔네;부정\n", "separated by semicolons"),
        ("고객 의견\n내용,감성\n안녕,긍정\n글,부정\n", "remove what stands above the names"),
        ("안녕,긍정\n글,부정\n셋,긍정\n", "긍정"),
    ],
)
def test_a_file_without_its_line_of_names(tmp_path: Path, data: str, says: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(data)
    assert says in refusal(path)


def test_the_first_row_is_no_line_of_names(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("안녕,긍정\n글,부정\n셋,긍정\n")
    with pytest.raises(CorpusError, match="calls a column '긍정', which 1 rows have"):
        read(path, text_column="안녕", label_column="긍정")


def test_a_column_may_be_called_as_one_of_its_labels(tmp_path: Path) -> None:
    """As BEEP's 'hate' is; that the line is one of names, its texts' column says."""
    path = tmp_path / "a.csv"
    path.write_text("comments,hate\n안녕,hate\n글,none\n셋,hate\n")
    corpus = read(path, label_column="hate")
    assert corpus.labels == ("hate", "none")
    assert len(corpus.train) == 3


def test_lines_that_end_as_macs_once_ended_them(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("text,label\r글,긍정\r또 글,부정\r".encode())
    assert [*read(path).train.texts] == ["글", "또 글"]


def test_words_for_no_label_are_spoken_of(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\n글,긍정\n또,N/A\n셋,#N/A\n넷,긍정\n다섯,N/A\n")
    (note,) = (note for note in read(path).notes if "may stand for none" in note)
    assert "'#N/A' (1)" in note
    assert "'N/A' (2)" in note
    assert "긍정" not in note
