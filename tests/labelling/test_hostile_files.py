"""Files of answers that say two things, or one that they cannot mean: refused, never guessed."""

import json
import os

import pytest

from al_ray.errors import UserError
from al_ray.labelling import files
from al_ray.labelling.files import read_csv, read_jsonl
from al_ray.labelling.label_studio.exports import answers


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("row_id,text,label,label", "label"),
        ("row_id,text,label,row_id", "row_id"),
        ("row_id,text,label,TEXT", "text"),
        ("row_id,skipped,label, Skipped ", "skipped"),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_column_that_is_there_twice(tmp_path, head, name, kind):
    path = tmp_path / f"x.{kind}"
    if kind == "csv":
        path.write_text(f"{head}\nr1,글,좋음,나쁨\n", encoding="utf-8")
    else:
        said = ", ".join(f"{json.dumps(each)}: 1" for each in head.split(","))
        path.write_text("{" + said + "}", encoding="utf-8")
    with pytest.raises(UserError, match=f"column '{name}' is there twice; leave one"):
        (read_csv if kind == "csv" else read_jsonl)(path, "가람")


def test_a_file_of_something_else_is_not_a_file_without_answers(tmp_path):
    (tmp_path / "x.csv").write_text("아이디,글,답\n", encoding="utf-8")
    with pytest.raises(UserError, match="no column 'row_id'"):
        read_csv(tmp_path / "x.csv", "가람")


@pytest.mark.parametrize("time", ["", "2026-01-31"])
def test_two_answers_at_the_same_time(tmp_path, time):
    lines = f"row_id,label,time\nr1,좋음,{time}\nr1,나쁨,{time}\n"
    (tmp_path / "x.csv").write_text(lines, encoding="utf-8")
    with pytest.raises(UserError, match="is there twice, as '좋음' and as '나쁨'"):
        read_csv(tmp_path / "x.csv", "가람")


def test_lines_of_an_old_mac(tmp_path):
    (tmp_path / "x.csv").write_bytes("row_id,label\rr1,좋음\r".encode())
    (said,) = read_csv(tmp_path / "x.csv", "가람").events
    assert (said.row_id, said.answer) == ("r1", "좋음")


def test_a_number_may_name_a_row(tmp_path):
    (tmp_path / "x.jsonl").write_text('{"row_id": 0, "label": "좋음"}', encoding="utf-8")
    (said,) = read_jsonl(tmp_path / "x.jsonl", "가람").events
    assert said.row_id == "0"


TEXT = "박민수가 제주에 갔다"


def exported(part=None, **changes):
    """One entry of Label Studio's export, of marks."""
    value = {"start": 0, "end": 3, "labels": ["사람"]} | (part or {})
    result = [{"from_name": "label", "type": "labels", "value": value}]
    note = {"id": 1, "completed_by": 3, "updated_at": "2026-01-02T03:04:05Z", "result": result}
    return [{"data": {"row_id": "r1", "text": TEXT}, "annotations": [note | changes]}]


@pytest.mark.parametrize(
    "part",
    [
        {"start": -10, "end": -8}, {"start": -(10**300)}, {"start": False}, {"end": True},
        {"start": 3}, {"labels": ["사람 4-6:곳"]}, {"end": 10**30},
    ],
)  # fmt: skip
def test_marks_that_no_page_makes(part):
    with pytest.raises(UserError, match="is no part of the text with one label"):
        answers(exported(part), "tagging")


@pytest.mark.parametrize(
    "changes",
    [
        {"result": 5}, {"result": True}, {"updated_at": "0001-01-01T00:00:00+09:00"},
        {"updated_at": "9999-12-31T23:59:59-09:00"}, {"updated_at": 5},
    ],
)  # fmt: skip
@pytest.mark.parametrize("task", ["tagging", "classification"])
def test_exports_that_cannot_be(changes, task):
    with pytest.raises(UserError) as caught:
        answers(exported(**{"result": []} | changes), task)
    assert "\n" not in str(caught.value)


def test_what_is_beside_the_answer_may_be_anything():
    (entry,) = exported(lead_time=10**400)
    (said,), _ = answers([entry | {"drafts": True}], "tagging")
    assert (said.answer, said.seconds, said.text) == ("0-3:사람", None, TEXT)


def test_what_somebody_saves_meanwhile_is_not_written_over(tmp_path, monkeypatch):
    path, saved = tmp_path / "batch.csv", os.chmod

    def late(*given):
        path.write_text("somebody's", encoding="utf-8")
        saved(*given)

    monkeypatch.setattr(os, "chmod", late)  # right before it takes its place
    with pytest.raises(UserError, match="is there already"):
        files.write_new(path, "ours")
    assert path.read_text(encoding="utf-8") == "somebody's"
    assert list(tmp_path.iterdir()) == [path]
